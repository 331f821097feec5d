"""Tasks that add items without end, and remember which of their calls have returned."""

from __future__ import annotations

import asyncio
from typing import Any

from typing_extensions import Self

from chatkit.store import Store, StoreUnavailableError, walk_items
from support.record_samples import item

WAIT_S = 60.0


class EndlessWriters:
    """Writers on one thread, ``t``, from the beginning of ``async with`` to its end.

    A call that fails because the store is unavailable is forgotten, and its id not used again;
    any other error ends the test.
    """

    def __init__(self, store: Store[Any], context: Any, *, tasks: int = 16) -> None:
        self.returned: list[str] = []
        """Ids whose writes have returned."""
        self.failures: list[StoreUnavailableError] = []
        self._store = store
        self._context = context
        self._number = tasks
        self._ended = False
        self._tasks: list[asyncio.Task[None]] = []
        self._progress = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(self._write(n)) for n in range(self._number)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = True
        await asyncio.gather(*self._tasks)

    async def more(self, number: int) -> None:
        """Wait until so many further writes have returned."""
        enough = len(self.returned) + number
        async with self._progress:
            waiting = self._progress.wait_for(
                lambda: len(self.returned) >= enough or any(task.done() for task in self._tasks)
            )
            await asyncio.wait_for(waiting, WAIT_S)

    async def check(self) -> None:
        """All that had returned is there, once, each writer's in its own order."""
        walk = walk_items(self._store, "t", self._context, order="asc")
        found = [item.id async for item in walk]
        assert len(found) == len(set(found))
        assert set(self.returned) <= set(found)
        for writer in range(self._number):
            numbers = [int(id.split(".")[1]) for id in found if id.startswith(f"{writer}.")]
            assert numbers == sorted(numbers)

    async def _write(self, writer: int) -> None:
        n = 0
        try:
            while not self._ended:
                id = f"{writer}.{n}"
                n += 1
                try:
                    await self._store.add_thread_item("t", item(id), self._context)
                    self.returned.append(id)
                except StoreUnavailableError as error:
                    self.failures.append(error)
                await self._notify()
        finally:
            await self._notify()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()
