"""What the benchmarks of the server work on, the same with either SDK: a store that costs next to
nothing, and a thread."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    Attachment,
    InferenceOptions,
    Page,
    ThreadItem,
    ThreadMetadata,
    UserMessageItem,
    UserMessageTextContent,
)

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)
THREAD_ID = "thr_1"


class MemoryStore(Store[None]):
    """Keeps everything in dictionaries, and hands out what it keeps, uncopied."""

    def __init__(self) -> None:
        self.threads: dict[str, ThreadMetadata] = {}
        self.items: dict[str, dict[str, ThreadItem]] = {}

    async def load_thread(self, thread_id: str, context: None) -> ThreadMetadata:
        if thread_id not in self.threads:
            raise NotFoundError(f"no thread {thread_id!r}")
        return self.threads[thread_id]

    async def save_thread(self, thread: ThreadMetadata, context: None) -> None:
        self.threads[thread.id] = thread
        self.items.setdefault(thread.id, {})

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: None
    ) -> Page[ThreadMetadata]:
        return _first_page(list(self.threads.values()), limit, order)

    async def delete_thread(self, thread_id: str, context: None) -> None:
        self.threads.pop(thread_id, None)
        self.items.pop(thread_id, None)

    async def load_item(self, thread_id: str, item_id: str, context: None) -> ThreadItem:
        return self.items[thread_id][item_id]

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: None
    ) -> Page[ThreadItem]:
        return _first_page(list(self.items[thread_id].values()), limit, order)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        self.items[thread_id][item.id] = item

    async def save_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        self.items[thread_id][item.id] = item

    async def delete_thread_item(self, thread_id: str, item_id: str, context: None) -> None:
        self.items[thread_id].pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: None) -> None:
        raise NotImplementedError

    async def load_attachment(self, attachment_id: str, context: None) -> Attachment:
        raise NotImplementedError

    async def delete_attachment(self, attachment_id: str, context: None) -> None:
        raise NotImplementedError


def _first_page(entries: list[Any], limit: int, order: str) -> Page[Any]:
    ordered = entries if order == "asc" else entries[::-1]
    return Page(data=ordered[:limit], has_more=len(ordered) > limit)


def thread(number: int = 1) -> ThreadMetadata:
    """A thread with a title and some metadata."""
    return ThreadMetadata(
        id=f"thr_{number}",
        title=f"Conversation {number}",
        created_at=NOON + timedelta(minutes=number),
        metadata={"customer": "c_17", "plan": "basic", "language": "en"},
    )


def conversation(count: int) -> list[ThreadItem]:
    """Messages of users and assistants by turns, of about 60 and 300 characters."""
    return [message(number) if number % 2 else _question(number) for number in range(count)]


def _question(number: int) -> UserMessageItem:
    text = f"Question {number}: how do I change the plan of my subscription?"
    return UserMessageItem(
        id=f"msg_{number}",
        thread_id=THREAD_ID,
        created_at=NOON + timedelta(seconds=number),
        content=[UserMessageTextContent(text=text)],
        inference_options=InferenceOptions(),
    )


def message(number: int, id: str = "") -> AssistantMessageItem:
    """An assistant's message, of about 300 characters."""
    text = f"Answer {number}. " + "Open the settings, choose “Plan”, and confirm the new one. " * 5
    return AssistantMessageItem(
        id=id or f"msg_{number}",
        thread_id=THREAD_ID,
        created_at=NOON + timedelta(seconds=number),
        content=[AssistantMessageContent(text=text)],
    )


async def filled_store(items: int, threads: int = 1) -> MemoryStore:
    """A store with threads, the first of which has items."""
    store = MemoryStore()
    for number in range(1, threads + 1):
        await store.save_thread(thread(number), None)
    for item in conversation(items):
        await store.add_thread_item(THREAD_ID, item, None)
    return store


def events_in(stream: bytes) -> list[Any]:
    """The events of a stream, without the ids and times that differ from run to run."""
    lines = stream.decode().split("\n\n")[:-1]
    return without_chance([json.loads(line.removeprefix("data: ")) for line in lines])


def without_chance(data: list[Any]) -> list[Any]:
    """JSON data without the ids and times that differ from run to run."""
    text = re.sub(r'"(msg|thr)_[0-9a-f]{8,}"', r'"\1"', json.dumps(data))
    found: list[Any] = json.loads(re.sub(r'"\d{4}-\d\d-\d\dT[^"]*"', '"time"', text))
    return found
