"""MongoDB stores for one owner, with either driver, and what tests do with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError, walk_items
from chatkit_mongo import MongoStore
from support.mongo_target import AsyncIOMotorClient
from support.record_samples import item

Store = MongoStore[None]
DRIVERS = ("url", "pymongo", "motor")


@asynccontextmanager
async def stored_at(
    url: str,
    database: str,
    driver: str = "url",
    timeout: float = 4.0,
    *,
    retry_writes: bool = False,
) -> AsyncIterator[Store]:
    """A store over the server, not opened: with a client of its own, or a lent one.

    Args:
        retry_writes: Whether a lent client does; it must not on a standalone server.
    """
    client: Any = None
    if driver == "url":
        store = Store.from_url(url, owner=SINGLE_OWNER, database=database, timeout=timeout)
    else:
        make: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        client = make(url, retryWrites=retry_writes)
        store = Store(client[database], owner=SINGLE_OWNER, timeout=timeout)
    try:
        yield store
    finally:
        await store.aclose()
        closing = client.close() if client is not None else None
        if closing is not None:
            await closing


class Writers:
    """Tasks that add items to the thread ``t`` until told to end, and try again when it is away.

    Args:
        number: How many write at once.
    """

    def __init__(self, store: Store, number: int) -> None:
        self.returned: list[str] = []
        self.errors: list[StoreUnavailableError] = []
        self._store = store
        self._ending = False
        self._changed = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._write(writer)) for writer in range(number)]

    async def until_more_returned(self, number: int) -> None:
        """Wait until so many writes have returned from now on."""
        goal = len(self.returned) + number
        await self._until(lambda: len(self.returned) >= goal)

    async def until_errors(self, number: int) -> None:
        """Wait until so many calls have failed."""
        await self._until(lambda: len(self.errors) >= number)

    async def end(self) -> None:
        """Let the calls that run be the last ones."""
        self._ending = True
        await asyncio.gather(*self._tasks)

    async def check(self, store: Store) -> None:
        """What had returned is there, once, each writer's in its order, and errors had a cause."""
        assert all(error.__cause__ is not None for error in self.errors)
        found = [one.id async for one in walk_items(store, "t", None, order="asc")]
        assert len(found) == len(set(found))
        assert set(self.returned) <= set(found)
        for writer in {id.partition(".")[0] for id in found}:
            own = [int(id.partition(".")[2]) for id in found if id.startswith(f"{writer}.")]
            assert own == list(range(len(own)))

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()
            for task in self._tasks:
                if task.done():
                    task.result()

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._ending:
            try:
                await self._store.add_thread_item("t", item(f"{writer}.{number}"), None)
            except StoreUnavailableError as error:
                self.errors.append(error)
            else:
                self.returned.append(f"{writer}.{number}")
                number += 1
            self._changed.set()


async def seconds(call: Coroutine[Any, Any, Any]) -> float:
    """How long the call took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await call
    return loop.time() - begun
