"""Which turns are running, in which thread; and the tasks that outlive their request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from chatkit.logger import logger

T = TypeVar("T")

ThreadKey: TypeAlias = tuple[asyncio.AbstractEventLoop, str, str]
"""A thread within this process: the event loop, the owner, the thread's id."""


def thread_key(owner: str, thread_id: str) -> ThreadKey:
    """The key of a thread for the running event loop."""
    return (asyncio.get_running_loop(), owner, thread_id)


STOP_LIMIT_S = 10.0
"""How long a new turn waits for the one before it to be stored."""


SHUTDOWN_LIMIT_S = 30.0
"""How long ``ChatKitServer.aclose`` waits for writes."""


class Stoppable(Protocol):
    """What a turn lets others do with it."""

    @property
    def key(self) -> ThreadKey: ...

    @property
    def ended(self) -> asyncio.Event:
        """Set when nothing of the turn runs any more, and all that it showed is stored."""
        ...

    def stop(self, *, deleted: bool = False) -> None:
        """Stop soon; ``deleted`` says that nothing more is to be stored."""

    def is_read_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether ``task`` is the one in which the integration runs at this moment."""
        ...


class RunningTurns:
    """The turns of one server in this process, and its unfinished writes."""

    def __init__(self) -> None:
        self._turns: dict[ThreadKey, list[Stoppable]] = {}
        self._locks: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()

    def hold(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something that must be finished even if whoever wanted it goes away."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @asynccontextmanager
    async def starting(self, turn: Stoppable, *, take_over: bool) -> AsyncGenerator[bool, None]:
        """Around the first writes of a turn; ``take_over`` stops the thread's other turns first.

        Turns that take over wait for each other, so that none is stopped before its user
        message is stored. Says whether there were any to stop.
        """
        if not take_over:
            self._add(turn)
            yield False
            return
        lock = self._locks.setdefault(turn.key, asyncio.Lock())
        async with lock:
            has_others = turn.key in self._turns
            await self.stop(turn.key)
            self._add(turn)
            yield has_others

    async def stop(self, key: ThreadKey, *, deleted: bool = False) -> None:
        """Stop a thread's turns as their users would, and wait until what they showed is stored.

        ``deleted``: the thread is about to be deleted; nothing more is stored, and whoever reads
        the turns is told.
        """
        await _stop(list(self._turns.get(key, ())), deleted=deleted)

    async def stop_all(self) -> None:
        """Stop every turn of the running event loop, and wait for all that is being written."""
        loop = asyncio.get_running_loop()
        # copies first: other threads have event loops, turns and writes of their own in there
        here = [turns for key, turns in list(self._turns.items()) if key[0] is loop]
        await _stop([turn for turns in here for turn in turns])
        tasks = {task for task in list(self._tasks) if task.get_loop() is loop}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=SHUTDOWN_LIMIT_S)
            if late:
                logger.error("%d writes did not end within %s s", len(late), SHUTDOWN_LIMIT_S)

    def discard(self, turn: Stoppable) -> None:
        """The turn has ended and all that it showed is stored."""
        turns = self._turns.get(turn.key, [])
        if turn in turns:
            turns.remove(turn)
        if not turns:
            self._turns.pop(turn.key, None)

    def _add(self, turn: Stoppable) -> None:
        self._turns.setdefault(turn.key, []).append(turn)


async def _stop(turns: Sequence[Stoppable], *, deleted: bool = False) -> None:
    """Stop turns and wait for all of them, together no longer than the limit."""
    for turn in turns:
        turn.stop(deleted=deleted)
    deadline = asyncio.get_running_loop().time() + STOP_LIMIT_S
    for turn in turns:
        await _wait(turn, deadline)


async def _wait(turn: Stoppable, deadline: float) -> None:
    if turn.ended.is_set():
        return
    if turn.is_read_by(asyncio.current_task()):
        return  # an integration that sends a request from within its own turn
    try:
        left_s = deadline - asyncio.get_running_loop().time()
        await asyncio.wait_for(turn.ended.wait(), left_s)
    except asyncio.TimeoutError:
        logger.warning(
            "a turn in thread %r did not end within %s s of being stopped",
            turn.key[2],
            STOP_LIMIT_S,
        )
