"""A run's events and what its tools put on the context, as one stream in order of arrival.

One task, the *pump*, reads the run for as long as it lasts, from the first time that the stream is
asked for an event. It brings what the SDK has queued, some events at a time, so that most cost no
change of tasks. A tool's event is taken in when everything that the run had reported before has
been passed on, and the stream is asked for more; hence what waits here of tools' events has always
arrived before whatever the pump brings next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agents import RunResultStreaming, StreamEvent

from chatkit.agents.sdk import reader_ends_itself, tasks_of
from chatkit.logger import logger
from chatkit.types import ThreadStreamEvent

WAITING_LIMIT = 64
"""How many events of tools may wait while the stream is being read."""

AHEAD_LIMIT = 64
"""How many of the run's events the pump brings before they are read."""

STOP_LIMIT_S = 10.0
"""How long a stopped run may take to clean up."""


@dataclass(frozen=True)
class FromTool:
    """An event that was put on the context."""

    event: ThreadStreamEvent


class ToolEvents:
    """What tools have put on one context and nobody has read yet."""

    def __init__(self) -> None:
        self._waiting: deque[ThreadStreamEvent] = deque()
        self._gate = asyncio.Lock()
        self._merge: Merge | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def attach(self, merge: Merge) -> bool:
        """Have ``merge`` read the events; only one can at a time."""
        if self._merge is not None:
            return False
        self._merge = merge
        return True

    def detach(self, merge: Merge) -> None:
        """``merge`` reads no more: from here on nobody waits."""
        if self._merge is merge:
            self._merge = None

    @asynccontextmanager
    async def admission(self) -> AsyncGenerator[None, None]:
        """Enter when it is the caller's turn to put events; must not be left waiting inside.

        Waits for what the run reported before, and while too much is waiting. Does not wait when
        nobody reads, nor for itself: in the task that reads. Who is cancelled while waiting may
        still put what it had.
        """
        cancelled = await self._wait_for_admission()
        yield
        if cancelled is not None:
            raise cancelled

    async def _wait_for_admission(self) -> asyncio.CancelledError | None:
        if self._merge is not None and self._merge.is_read_by(asyncio.current_task()):
            return None
        try:
            async with self._gate:  # one after the other, as they came
                await asyncio.sleep(0)  # what the SDK has just queued comes first
                while (merge := self._busy_merge()) is not None:
                    await merge.change()
        except asyncio.CancelledError as error:
            return error
        return None

    def _busy_merge(self) -> Merge | None:
        """Who reads, if a tool has to wait for that."""
        return None if self._merge is None or self._merge.admits() else self._merge

    def put(self, event: ThreadStreamEvent) -> None:
        """Add an event; inside ``admission``."""
        self._waiting.append(event)
        if self._merge is not None:
            self._merge.wake()

    def pop(self) -> ThreadStreamEvent:
        """The event that has waited longest."""
        return self._waiting.popleft()


class Merge:
    """Iterates over a run's events and a context's; reads the context's until it is closed.

    A second one for a context that is being read, such as that of an agent which runs as a tool,
    has its run's events only.
    """

    def __init__(self, run: RunResultStreaming, tools: ToolEvents) -> None:
        self.is_main = tools.attach(self)
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._tools = tools if self.is_main else ToolEvents()
        self._attached_to = tools
        self._pump_task: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._ahead: deque[StreamEvent] = deque()
        self._asked = False
        self._looking = False
        self._over = False
        self._closed = False
        self._error: Exception | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._change: asyncio.Future[None] | None = None

    # --- for who reads -------------------------------------------------------------------------

    def __aiter__(self) -> Merge:
        return self

    async def __anext__(self) -> StreamEvent | FromTool:
        self._reader = asyncio.current_task(self._loop)
        while True:
            if self._tools:
                event = FromTool(self._tools.pop())
                self._note_change()
                return event
            if self._ahead:
                self._asked = False
                arrived = self._ahead.popleft()
                if not self._ahead:
                    _set(self._room)
                return arrived
            self._asked = True
            self._note_change()
            if self._over or self._closed:
                break
            self._start()
            self._arrival = self._loop.create_future()
            await self._arrival
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop the run, if it is not over, and wait until none of its tasks is left."""
        self._closed = True
        self._attached_to.detach(self)
        self._note_change()
        self.wake()
        if not self._over or self._error is not None:
            self._run.cancel()
        _set(self._room)
        if self._pump_task is not None and not reader_ends_itself(self._run):
            self._pump_task.cancel()
        await self._wait_for_the_end()

    async def _wait_for_the_end(self) -> None:
        tasks: set[asyncio.Task[Any]] = tasks_of(self._run)
        if self._pump_task is not None:
            tasks.add(self._pump_task)
        left = {task for task in tasks if not task.done() and task is not asyncio.current_task()}
        if not left:
            return
        try:
            _, left = await asyncio.wait(left, timeout=STOP_LIMIT_S)
            if left:
                logger.warning("a stopped run did not end within %s s", STOP_LIMIT_S)
        finally:
            if left and self._pump_task is not None:
                self._pump_task.cancel()

    # --- for who puts --------------------------------------------------------------------------

    def is_read_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether ``task`` is the one that reads."""
        return task is not None and task is self._reader

    def admits(self) -> bool:
        """Whether a tool's event would come after all that the run has reported, and has room."""
        all_passed_on = self._asked and not self._ahead and (self._looking or self._over)
        return all_passed_on and len(self._tools) < WAITING_LIMIT

    async def change(self) -> None:
        """Wait until ``admits`` may have changed; for one task at a time."""
        self._change = self._loop.create_future()
        await self._change

    def wake(self) -> None:
        """Something has arrived."""
        _set(self._arrival)

    # --- the pump ------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._pump_task is None:
            self._pump_task = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        try:
            await self._pass_on(self._run.stream_events())
        except asyncio.CancelledError:
            pass  # the run was cancelled, by ``aclose`` or by the integration
        except Exception as error:
            self._error = error
        finally:
            self._over = True
            self._note_change()
            self.wake()

    async def _pass_on(self, events: Any) -> None:
        self._looks_for_more()
        try:
            async for event in events:
                self._looking = False
                if self._closed:
                    continue
                self._ahead.append(event)
                self.wake()
                if len(self._ahead) >= AHEAD_LIMIT:
                    self._room = self._loop.create_future()
                    await self._room
                self._looks_for_more()
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    def _looks_for_more(self) -> None:
        # An event that the SDK has queued already comes before any other task runs.
        self._looking = True
        self._note_change()

    def _note_change(self) -> None:
        _set(self._change)


def _set(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
