"""Writes that wait travel together: one pipeline, instead of a round trip for each.

A write that finds nothing under way is sent alone, at once. So nobody waits to be joined by
others; only those that have to wait anyhow are sent together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

AT_ONCE = 2
"""Transmissions: while the answers to one are read, the server works on the other."""

LARGEST = 1024 * 1024
"""Bytes of one transmission, so that no write waits long for those before it. One write may be
larger."""


class Call(NamedTuple):
    """A script's name, and what it is told."""

    script: str
    words: Sequence[bytes | int]


class _Waiting(NamedTuple):
    call: Call
    answer: asyncio.Future[Any]


class Coalescing:
    """Runs calls, those that have to wait together.

    Args:
        alone: Runs one call.
        together: Runs several; what each came to, an exception included, in their order.
        timeout: Seconds that several may take.
    """

    def __init__(
        self,
        alone: Callable[[Call], Awaitable[Any]],
        together: Callable[[Sequence[Call]], Awaitable[list[Any]]],
        timeout: float,
    ) -> None:
        self._alone = alone
        self._together = together
        self._timeout = timeout
        self._under_way = 0
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, call: Call) -> Any:
        """The answer to the call."""
        if self._under_way < AT_ONCE:
            self._under_way += 1
            try:
                return await self._alone(call)
            finally:
                self._ended()
        waiting = _Waiting(call, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        return await waiting.answer

    def _ended(self) -> None:
        self._under_way -= 1
        if self._waiting:
            self._under_way += 1
            task = asyncio.ensure_future(self._send(self._next_ones()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_ones(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        size = 0
        while self._waiting and (size < LARGEST or not taken):
            one = self._waiting.popleft()
            if not one.answer.done():  # not cancelled meanwhile
                taken.append(one)
                size += sum(len(word) for word in one.call.words if isinstance(word, bytes))
        return taken

    async def _send(self, taken: Sequence[_Waiting]) -> None:
        answers: list[Any]
        try:
            calls = [one.call for one in taken]
            answers = await asyncio.wait_for(self._together(calls), self._timeout)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            answers = [error] * len(taken)
        finally:
            self._ended()
        for one, answer in zip(taken, answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
