"""What deleted threads leave behind, and who removes it.

A deletion takes several steps, and a process may be killed between them; an add that began
before the deletion may end after it. No call can see what is left: it belongs to a generation
that no thread has. So that it does not stay for ever, a deletion first writes its generation down,
and whoever comes later than any call could still be running removes what it left.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import PyMongoError

from chatkit.records import Kind
from chatkit_mongo.documents import key, owner_scope
from chatkit_mongo.drivers import Document, all_of
from chatkit_mongo.layout import Collections

LEAST_GRACE_S = 3600.0
"""Other processes may have longer timeouts than this one."""

AT_ONCE = 100

logger = logging.getLogger(__name__)


class Sweeper:
    """Sweeps in the background, one sweep at a time.

    Args:
        timeout: The store's; deletions are swept when at least twice as old.
    """

    def __init__(self, collections: Collections, timeout: float) -> None:
        self._collections = collections
        self._timeout = timeout
        self._grace = max(2 * timeout, LEAST_GRACE_S)
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep in the background, unless that is being done."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._in_background())

    async def stop(self) -> None:
        """Stop after the step that is being done; somebody else goes on."""
        self._stopping = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._timeout)
            self._task.cancel()

    async def remember(self, generation: Any, owner: str, id: str) -> None:
        """Write down that a thread is being deleted, with the server's time."""
        await self._collections.deleted.update_one(
            {"_id": generation},
            {"$set": {"owner": owner, "thread": id}, "$currentDate": {"at": True}},
            upsert=True,
        )

    async def forget(self, owner: str) -> None:
        """Remove the owner's counter if nothing else of the owner is left."""
        counter = await self._collections.counters.find_one({"_id": owner})
        if counter is None:
            return
        for kind in (Kind.THREAD, Kind.ATTACHMENT):
            if await self._collections.records[kind].find_one({"owner": owner}, {"_id": 1}):
                return
        # Whoever has drawn a number meanwhile keeps the counter.
        await self._collections.counters.delete_one(counter)

    async def sweep(self, grace: float) -> None:
        """Remove what deletions of at least ``grace`` seconds ago left behind."""
        while found := await self._old(grace):
            for deletion in found:
                if self._stopping:
                    return
                await self._finish(deletion)

    async def _in_background(self) -> None:
        try:
            await self.sweep(self._grace)
        except PyMongoError as error:
            logger.info("a sweep was broken off, the next one goes on: %s", error)

    async def _old(self, grace: float) -> list[Document]:
        latest = {"$subtract": ["$$NOW", int(grace * 1000)]}
        return await all_of(
            self._collections.deleted,
            [
                {"$match": {"$expr": {"$lte": ["$at", latest]}}},
                {"$sort": {"at": ASCENDING}},
                {"$limit": AT_ONCE},
            ],
        )

    async def _finish(self, deletion: Document) -> None:
        generation = deletion["_id"]
        where = key(owner_scope(deletion["owner"]), deletion["thread"])
        where["generation"] = generation
        # The thread itself is still there if its deletion was broken off before it had begun.
        if await self._collections.threads.find_one(where, {"_id": 1}) is None:
            await self._collections.items.delete_many({"generation": generation})
            await self.forget(deletion["owner"])
        # Unless somebody deletes the thread just now.
        await self._collections.deleted.delete_one({"_id": generation, "at": deletion["at"]})
