"""``MemoryStore``: a plain ``Store`` subclass for tests, one owner, everything in dictionaries."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from chatkit.store import NotFoundError, Store, merge_thread
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

Record = TypeVar("Record", ThreadMetadata, ThreadItem)


@dataclass
class Row(Generic[Record]):
    """A record and its place: the time of its first write."""

    at: datetime
    record: Record


class MemoryStore(Store[Any]):
    """Keeps copies; the optional methods are those of the base class."""

    def __init__(self) -> None:
        self.threads: dict[str, Row[ThreadMetadata]] = {}
        self.items: dict[str, dict[str, Row[ThreadItem]]] = {}
        self.attachments: dict[str, Attachment] = {}
        self.closed = False

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        if thread_id not in self.threads:
            raise NotFoundError(f"no thread {thread_id!r}")
        return deepcopy(self.threads[thread_id].record)

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        _put(self.threads, merge_thread(thread, {}))
        self.items.setdefault(thread.id, {})

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        return Page[ThreadMetadata](**_page(self.threads, after, limit, order))

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        self.threads.pop(thread_id, None)
        self.items.pop(thread_id, None)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        if thread_id not in self.items:
            return Page[ThreadItem]()
        return Page[ThreadItem](**_page(self.items[thread_id], after, limit, order))

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        if thread_id not in self.threads:
            raise NotFoundError(f"no thread {thread_id!r}")
        _put(self.items[thread_id], item)

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self.add_thread_item(thread_id, item, context)

    async def load_item(self, thread_id: str, item_id: str, context: Any) -> ThreadItem:
        rows = self.items.get(thread_id, {})
        if item_id not in rows:
            raise NotFoundError(f"no item {item_id!r} in thread {thread_id!r}")
        return deepcopy(rows[item_id].record)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: Any) -> None:
        self.items.get(thread_id, {}).pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        self.attachments[attachment.id] = deepcopy(attachment)

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        if attachment_id not in self.attachments:
            raise NotFoundError(f"no attachment {attachment_id!r}")
        return deepcopy(self.attachments[attachment_id])

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        self.attachments.pop(attachment_id, None)

    async def aclose(self) -> None:
        self.closed = True


def _put(rows: dict[str, Row[Record]], record: Record) -> None:
    """Add a record, or replace it in its place."""
    known = rows.get(record.id)
    at = known.at if known else record.created_at.astimezone(timezone.utc)
    rows[record.id] = Row(at, deepcopy(record))


def _page(
    rows: dict[str, Row[Record]], after: str | None, limit: int, order: str
) -> dict[str, Any]:
    if limit < 1 or order not in ("asc", "desc"):
        raise ValueError(f"limit must be 1 or more and order asc or desc: {limit}, {order!r}")
    ordered = [row.record for row in sorted(rows.values(), key=lambda row: row.at)]
    if order == "desc":
        ordered.reverse()
    ids = [record.id for record in ordered]
    if after is not None and after not in ids:
        raise NotFoundError(f"no record {after!r} to go on after")
    start = 0 if after is None else ids.index(after) + 1
    found = deepcopy(ordered[start : start + limit])
    has_more = start + limit < len(ordered)
    return {"data": found, "has_more": has_more, "after": found[-1].id if has_more else None}
