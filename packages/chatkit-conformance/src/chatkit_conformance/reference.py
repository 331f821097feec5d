"""The contract as plain code: a store and an attachment store in memory that keep every clause.

They are the measure for the suite itself (it must pass them, and fail each of them with one fault
put in), the model for the state machine, and something to read for who writes a store. They are
not for use: nothing outlives the process, and pages cost what the whole thread costs.

Memory                    what several ``ReferenceStore`` share, as several clients do a database
ReferenceStore            threads, items and attachments' metadata
ByteService               what several ``ReferenceAttachmentStore`` share: bytes behind HTTP links
ReferenceAttachmentStore  attachments' bytes
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from typing_extensions import Self

from chatkit.owners import Owner, check_owner_setting, find_owner
from chatkit.store import (
    NotFoundError,
    RecordTooLargeError,
    Store,
    StoreUnavailableError,
    TContext,
    merge_thread,
)
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata
from chatkit_conformance.reference_bytes import ByteService, ReferenceAttachmentStore

__all__ = ["ByteService", "Memory", "ReferenceAttachmentStore", "ReferenceStore"]

THREAD: TypeAdapter[ThreadMetadata] = TypeAdapter(ThreadMetadata)
ITEM: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
ATTACHMENT: TypeAdapter[Attachment] = TypeAdapter(Attachment)

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Place(NamedTuple):
    """Where ids are unique: an owner's threads, its attachments, or the items of one thread."""

    owner: str
    kind: str
    thread_id: str = ""


class Row(NamedTuple):
    """A record: what it is ordered by, its id, and its JSON."""

    created_us: int
    sequence: int
    id: str
    json: bytes = b""


class Rows:
    """The rows of one place: by id, and in order by time, then by first write."""

    def __init__(self) -> None:
        self.by_id: dict[str, Row] = {}
        self.in_order: list[Row] = []
        self.added = 0

    def put(self, id: str, created_us: int, json: bytes) -> None:
        """Add a row behind those of its time, or replace the JSON of the one that is there."""
        known = self.by_id.get(id)
        if known is None:
            self.added += 1
            known = Row(created_us, self.added, id)
            insort(self.in_order, known)  # without JSON: sequences differ, so it never decides
        self.by_id[id] = known._replace(json=json)

    def remove(self, id: str) -> None:
        """Remove the row, if it is there."""
        row = self.by_id.pop(id, None)
        if row is not None:
            del self.in_order[self.index(row)]

    def index(self, row: Row) -> int:
        """Where in the order a row is."""
        return bisect_left(self.in_order, row._replace(json=b""))

    def page(self, after: Row | None, limit: int, order: str) -> list[str]:
        """Up to ``limit`` ids, from the start or after a row."""
        if order == "asc":
            start = 0 if after is None else self.index(after) + 1
            found = self.in_order[start : start + limit]
        else:
            end = len(self.in_order) if after is None else self.index(after)
            found = self.in_order[max(0, end - limit) : end][::-1]
        return [row.id for row in found]


Table = dict[Place, Rows]


class Memory:
    """A backend. ``away`` set to true makes every call fail, as if it could not be reached."""

    def __init__(self) -> None:
        self.away = False
        self._table: Table = {}

    @contextmanager
    def table(self) -> Generator[Table]:
        """All rows, for one operation, which no other one interrupts."""
        if self.away:
            raise ConnectionError("the memory is away")
        yield self._table


class ReferenceStore(Store[TContext]):
    """A store over a ``Memory``.

    Args:
        memory: The backend; what another store over it has written is there.
        owner: How to find the owner of a context, or ``chatkit.owners.SINGLE_OWNER``.
        max_bytes: The largest JSON that one record may have, ``None`` for any.
    """

    def __init__(
        self, memory: Memory, *, owner: Owner[TContext], max_bytes: int | None = None
    ) -> None:
        check_owner_setting(owner)
        self._memory = memory
        self._owner = owner
        self._max_bytes = max_bytes
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def owner_of(self, context: TContext) -> str:
        """Whose data ``context`` stands for. Raises ``TypeError`` or ``ValueError``."""
        owner = find_owner(self._owner, context)
        owner.encode()  # no database could carry a lone surrogate
        return owner

    async def __aenter__(self) -> Self:
        with self._table():
            return self

    async def aclose(self) -> None:
        """Later calls raise."""
        self._check_loop()
        self._closed = True

    # Threads

    async def load_thread(self, thread_id: str, context: TContext) -> ThreadMetadata:
        """The thread of that id. Raises ``NotFoundError``."""
        with self._table() as table:
            return THREAD.validate_json(self._row(table, self._threads(context), thread_id).json)

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: TContext
    ) -> Page[ThreadMetadata]:
        """A page of threads. Raises ``NotFoundError`` if ``after`` is unknown."""
        check_page(limit, order)
        with self._table() as table:
            found, more = self._page(table, self._threads(context), after, limit, order)
            data = [THREAD.validate_json(json) for json in found]
            return Page[ThreadMetadata](
                data=data, has_more=more, after=data[-1].id if more else None
            )

    async def save_thread(self, thread: ThreadMetadata, context: TContext) -> None:
        """Add the thread, or replace it whole in its place."""
        place = self._threads(context)
        json = self._dump(THREAD, thread, name_of(place, thread.id))
        with self._table() as table:
            self._put(table, place, thread.id, thread.created_at, json)

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: TContext
    ) -> ThreadMetadata:
        """Change only the named fields. Raises ``NotFoundError`` if the thread is gone."""
        place = self._threads(context)
        with self._table() as table:
            old = THREAD.validate_json(self._row(table, place, thread_id).json)
            new = merge_thread(old, changes)
            json = self._dump(THREAD, new, name_of(place, thread_id))
            self._put(table, place, thread_id, new.created_at, json)
            return THREAD.validate_json(json)

    async def delete_thread(self, thread_id: str, context: TContext) -> None:
        """Delete the thread and its items, if it is there."""
        with self._table() as table:
            self._remove(table, self._threads(context), [thread_id])
            table.pop(self._items(thread_id, context), None)

    # Items

    async def load_item(self, thread_id: str, item_id: str, context: TContext) -> ThreadItem:
        """The item of that id in that thread. Raises ``NotFoundError``."""
        with self._table() as table:
            row = self._row(table, self._items(thread_id, context), item_id)
            return ITEM.validate_json(row.json)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: TContext
    ) -> Page[ThreadItem]:
        """A page of items, empty for an unknown thread."""
        check_page(limit, order)
        with self._table() as table:
            if thread_id not in table.get(self._threads(context), Rows()).by_id:
                return Page[ThreadItem]()
            found, more = self._page(table, self._items(thread_id, context), after, limit, order)
            data = [ITEM.validate_json(json) for json in found]
            return Page[ThreadItem](data=data, has_more=more, after=data[-1].id if more else None)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Add the item, or replace it in its place. Raises ``NotFoundError`` without a thread."""
        place = self._items(thread_id, context)
        json = self._dump(ITEM, item, name_of(place, item.id))
        with self._table() as table:
            self._row(table, self._threads(context), thread_id)
            self._put(table, place, item.id, item.created_at, json)

    async def save_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Replace the item in its place, or add it. Raises ``NotFoundError`` without a thread."""
        await self.add_thread_item(thread_id, item, context)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete the item, if it is there."""
        with self._table() as table:
            self._remove(table, self._items(thread_id, context), [item_id])

    async def delete_thread_items(
        self, thread_id: str, item_ids: Sequence[str], context: TContext
    ) -> None:
        """Delete those of these items that are there."""
        with self._table() as table:
            self._remove(table, self._items(thread_id, context), item_ids)

    async def delete_items_after(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete all items after this one. Raises ``NotFoundError`` if it is unknown."""
        place = self._items(thread_id, context)
        with self._table() as table:
            first = self._row(table, place, item_id)
            self._remove(table, place, table[place].page(first, len(table[place].by_id), "asc"))

    # Attachments' metadata

    async def load_attachment(self, attachment_id: str, context: TContext) -> Attachment:
        """The attachment's metadata. Raises ``NotFoundError``."""
        with self._table() as table:
            json = self._row(table, self._attachments(context), attachment_id).json
            return ATTACHMENT.validate_json(json)

    async def save_attachment(self, attachment: Attachment, context: TContext) -> None:
        """Add the attachment's metadata, or replace it whole."""
        place = self._attachments(context)
        json = self._dump(ATTACHMENT, attachment, name_of(place, attachment.id))
        with self._table() as table:
            self._put(table, place, attachment.id, EPOCH, json)

    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete the attachment's metadata, if it is there."""
        with self._table() as table:
            self._remove(table, self._attachments(context), [attachment_id])

    # Where records live

    def _threads(self, context: TContext) -> Place:
        return Place(self.owner_of(context), "thread")

    def _items(self, thread_id: str, context: TContext) -> Place:
        return Place(self.owner_of(context), "item", thread_id)

    def _attachments(self, context: TContext) -> Place:
        return Place(self.owner_of(context), "attachment")

    # What all three kinds have in common

    @contextmanager
    def _table(self) -> Generator[Table]:
        self._check_loop()
        if self._closed:
            raise RuntimeError("this store is closed")
        try:
            with self._memory.table() as table:
                yield table
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError("this store belongs to the event loop that first used it")
        self._loop = loop

    def _dump(self, adapter: TypeAdapter[Any], record: Any, name: str) -> bytes:
        """The record's JSON; what would not load again, or is too large, is refused."""
        try:
            json = adapter.dump_json(record, by_alias=True, warnings=False)
            adapter.validate_json(json)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{name} cannot be stored: {error}") from error
        if self._max_bytes is not None and len(json) > self._max_bytes:
            raise RecordTooLargeError(
                f"{name} has {len(json)} bytes, and at most {self._max_bytes} can be stored"
            )
        return json

    def _row(self, table: Table, place: Place, id: str) -> Row:
        row = table.get(place, Rows()).by_id.get(id)
        if row is None:
            raise NotFoundError(f"no {name_of(place, id)}")
        return row

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        table.setdefault(place, Rows()).put(id, microseconds(at), json)

    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        for id in ids:
            table.get(place, Rows()).remove(id)

    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        """The JSON of a page's rows, and whether there are more."""
        cursor = None if after is None else self._row(table, place, after)
        rows = table.get(place, Rows())
        found = rows.page(cursor, limit + 1, order)
        return [rows.by_id[id].json for id in found[:limit]], len(found) > limit


def check_page(limit: int, order: str) -> None:
    """Raises ``ValueError`` for a page that nobody can want."""
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, got {limit!r}")
    if order not in ("asc", "desc"):
        raise ValueError(f"order must be 'asc' or 'desc', got {order!r}")


def name_of(place: Place, id: str) -> str:
    """What error messages call a record, the same whoever owns it."""
    return f"{place.kind} {id!r}" + (f" in thread {place.thread_id!r}" if place.thread_id else "")


def microseconds(time: datetime) -> int:
    """Microseconds since 1970; a naive time is local time."""
    if time.utcoffset() is None:
        try:
            time = time.astimezone()
        except (OverflowError, ValueError, OSError):  # in the first or last days there are
            time = time.replace(tzinfo=timezone.utc)
    return (time - EPOCH) // timedelta(microseconds=1)
