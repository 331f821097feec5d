"""Operations go on to their end when their callers are cancelled.

So all their steps are done, and the driver keeps the connection: cancelled amid a call, it has to
throw it away, and PyMongo 4.20 then forgets to close some sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Outliving:
    """Runs operations, and knows those that nobody waits for any more.

    Args:
        patience: Seconds to wait for such a one, before it is cancelled.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._abandoned: dict[asyncio.Task[Any], str | None] = {}
        """Whose data each writes, if it writes."""

    async def run(
        self, operation: Callable[[], Coroutine[Any, Any, T]], *, writes: str | None = None
    ) -> T:
        """Await the operation.

        Args:
            operation: Begins it.
            writes: The owner whose data it changes; what cancelled callers of the same owner had
                begun to change comes first. Other calls wait for nobody.
        """
        if writes is not None:
            await self._end([task for task, owner in self._abandoned.items() if owner == writes])
        task = asyncio.ensure_future(operation())
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self._abandoned[task] = writes
            task.add_done_callback(self._forget)
            raise
        return task.result()

    async def end(self) -> None:
        """Wait for all that nobody waits for."""
        await self._end(list(self._abandoned))

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> None:
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=self._patience)
        for task in hanging:
            task.cancel()
        if hanging:
            await asyncio.wait(hanging, timeout=self._patience)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        del self._abandoned[task]
        if not task.cancelled():
            task.exception()  # which asyncio would else report, as nobody has asked for it
