"""Runs a store's calls: the backend is opened before the first one, each ends within the timeout,
and all belong to one event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from typing_extensions import ParamSpec

from chatkit.store import StoreUnavailableError

P = ParamSpec("P")
T = TypeVar("T")

LATE: Final = object()
"""The answer of calls whose time is over."""


class Backend(Protocol):
    """What ``Calls`` needs to know of a backend: ``Records``, or the ``Objects`` of attachments."""

    name: str
    away: tuple[type[Exception], ...]
    lost: tuple[type[Exception], ...]

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def give_up(self, operation: asyncio.Task[Any]) -> bool: ...


class Calls:
    """The way from a store's methods to its backend.

    Args:
        backend: Opened and closed here.
        timeout: Seconds that each call may take, opening included.
    """

    def __init__(self, backend: Backend, timeout: float) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout= must be a positive number of seconds, got {timeout!r}")
        self._backend = backend
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self, operation: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Await ``operation(*args, **kwargs)``, a method of the backend.

        Raises:
            StoreUnavailableError: The backend is away, or did not answer in time.
            RuntimeError: The store is closed, or belongs to another event loop.
        """
        return await self._in_time(self._timeout, operation, *args, **kwargs)

    async def run_longer(
        self,
        extra: float,
        operation: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As ``run``, for an operation that may take ``extra`` seconds beyond the timeout."""
        return await self._in_time(self._timeout + extra, operation, *args, **kwargs)

    async def open(self) -> None:
        """Open the backend now. Raises as ``run``."""
        await self._in_time(self._timeout, _nothing)

    async def close(self) -> None:
        """Refuse further calls, let the running ones end, and close the backend. Idempotent."""
        self._check_loop()
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        # The task goes on when this caller is cancelled, and serves whoever closes again.
        await asyncio.shield(self._closing)

    async def _in_time(
        self,
        timeout: float,
        operation: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Await the operation, the backend being open."""
        self._check_loop()
        if self._closing is not None:
            raise RuntimeError(f"this store is closed ({self._backend.name})")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        async def find() -> None:
            try:
                if not self._is_open:
                    await self._open()
                found = await operation(*args, **kwargs)
            except BaseException as error:
                if not answer.done():
                    answer.set_exception(error)
                raise
            if not answer.done():
                answer.set_result(found)

        # A task of its own, because a driver may be slow to notice that it was cancelled. It
        # answers itself: one step of the event loop less than to wait for its end.
        task = asyncio.ensure_future(find())
        self._running.add(task)
        task.add_done_callback(self._ended)
        deadline = loop.call_later(timeout, _be_late, answer)
        try:
            found = await answer
        except self._backend.away as error:
            raise StoreUnavailableError(f"{self._backend.name}: {error}") from error
        finally:
            deadline.cancel()
            if not task.done() and not self._backend.give_up(task):
                self._running.discard(task)  # from now on, it is the backend's
        if found is LATE:
            raise StoreUnavailableError(
                f"{self._backend.name}: no answer within {timeout} s"
            ) from TimeoutError(f"no answer within {timeout} s")
        result: T = found
        return result

    @property
    def _is_open(self) -> bool:
        opening = self._opening
        return opening is not None and opening.done() and not _failed(opening)

    async def _open(self) -> None:
        opening = self._opening
        if opening is None or _failed(opening):
            opening = self._opening = asyncio.ensure_future(self._backend.open())
            opening.add_done_callback(_failed)  # perhaps nobody waits for its exception any more
        if not opening.done():
            # Only waited for: a cancelled caller must not take the connection from the others.
            await asyncio.wait({opening})
        opening.result()
        if opening is not self._opening:
            await self._open()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, self._backend.lost) and self._closing is None:
            self._open_anew()

    def _open_anew(self) -> None:
        """Have the next call wait for a new connection; calls that fail together share it."""
        opened = self._opening
        if opened is not None and opened.done() and not _failed(opened):
            self._opening = asyncio.ensure_future(self._reopen())
            self._opening.add_done_callback(_failed)

    async def _reopen(self) -> None:
        with suppress(*self._backend.away):
            await self._backend.close()
        await self._backend.open()

    async def _close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout)
        if self._opening is None:
            return
        if not self._opening.done():
            await asyncio.wait({self._opening}, timeout=self._timeout)
        if not self._opening.done():
            self._opening.cancel()
        elif not _failed(self._opening):
            await self._backend.close()

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError(
                f"this store ({self._backend.name}) belongs to the event loop that first used it; "
                "build one store for each loop, and close it in its own"
            )


async def _nothing() -> None:
    pass


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _be_late(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_result(LATE)
