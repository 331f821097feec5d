"""Operations go on to their end when their callers are cancelled, or told that time is over.

So all their steps are done, and the driver keeps the connection: cancelled amid a call, it has to
throw it away, and PyMongo 4.20 then forgets to close some sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Outliving:
    """Runs operations, and knows those that nobody waits for any more.

    Args:
        patience: Seconds to wait for such a one at most.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._begun: dict[asyncio.Task[Any], str | None] = {}
        """Whose data each writes, if it writes."""
        self._abandoned: dict[asyncio.Task[Any], str | None] = {}
        """The same, of those that nobody waits for."""

    async def run(
        self, operation: Callable[[], Coroutine[Any, Any, T]], *, writes: str | None = None
    ) -> T:
        """Await the operation, in the task that ``give_up`` may later be told of.

        Args:
            operation: Begins it.
            writes: The owner whose data it changes; what cancelled callers of the same owner had
                begun to change comes first. Other calls wait for nobody.
        """
        if writes is not None and self._abandoned:
            await self._earlier(writes)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._begun[task] = writes
        try:
            return await operation()
        finally:
            del self._begun[task]
            self._abandoned.pop(task, None)

    def give_up(self, task: asyncio.Task[Any]) -> bool:
        """Let the task's operation go on if it has begun; otherwise cancel the task, and say so."""
        if task not in self._begun:
            return task.cancel()
        self._abandoned[task] = self._begun[task]
        return False

    async def end(self) -> None:
        """Wait for all that nobody waits for; cancel what hangs."""
        if not self._abandoned:
            return
        _, hanging = await asyncio.wait(list(self._abandoned), timeout=self._patience)
        for task in hanging:
            task.cancel()
        if hanging:
            await asyncio.wait(hanging, timeout=self._patience)

    async def _earlier(self, owner: str) -> None:
        tasks = [task for task, whose in self._abandoned.items() if whose == owner]
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=self._patience)
        # Once is enough. It is not cancelled: amid a handshake, PyMongo would take the server for
        # away, and fail all other calls.
        self._abandoned.update(dict.fromkeys(hanging & self._abandoned.keys()))
