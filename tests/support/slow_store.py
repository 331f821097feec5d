"""A store whose every call takes a while, as a database across a network does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chatkit.store import Store
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata
from support.memory_store import MemoryStore

DELAY_S = 0.02


class SlowStore(Store[Any]):
    """``MemoryStore`` behind a delay before and after each call takes effect.

    With ``keep_duplicates`` an item that is added twice is there twice, as in stores that insert.
    """

    def __init__(self, *, delay: float = DELAY_S, keep_duplicates: bool = False) -> None:
        self.inner = MemoryStore()
        self.delay = delay
        self.keep_duplicates = keep_duplicates
        self.added_ids: list[str] = []
        self.entered = asyncio.Event()
        self._adding: set[str] = set()

    def adding(self, item_id: str) -> bool:
        """Whether an add of that item is under way."""
        return item_id in self._adding

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is true, looking again after each call that begins."""
        while not holds():
            self.entered.clear()
            await self.entered.wait()

    async def _wait(self) -> None:
        self.entered.set()
        await asyncio.sleep(self.delay / 2)

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        await self._wait()
        return await self.inner.load_thread(thread_id, context)

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        await self._wait()
        await self.inner.save_thread(thread, context)
        await self._wait()

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        await self._wait()
        return await self.inner.load_thread_items(thread_id, after, limit, order, context)

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        await self._wait()
        await self.inner.save_attachment(attachment, context)
        await self._wait()

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        await self._wait()
        return await self.inner.load_attachment(attachment_id, context)

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        await self._wait()
        await self.inner.delete_attachment(attachment_id, context)

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        await self._wait()
        return await self.inner.load_threads(limit, after, order, context)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        self._adding.add(item.id)
        await self._wait()
        if self.keep_duplicates and item.id in self.added_ids:
            item = item.model_copy(update={"id": f"{item.id} again"})
        self.added_ids.append(item.id)
        await self.inner.add_thread_item(thread_id, item, context)
        await self._wait()
        self._adding.discard(item.id)

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self._wait()
        await self.inner.save_item(thread_id, item, context)
        await self._wait()

    async def load_item(self, thread_id: str, item_id: str, context: Any) -> ThreadItem:
        await self._wait()
        return await self.inner.load_item(thread_id, item_id, context)

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        await self._wait()
        await self.inner.delete_thread(thread_id, context)
        await self._wait()

    async def delete_thread_item(self, thread_id: str, item_id: str, context: Any) -> None:
        await self._wait()
        await self.inner.delete_thread_item(thread_id, item_id, context)
        await self._wait()
