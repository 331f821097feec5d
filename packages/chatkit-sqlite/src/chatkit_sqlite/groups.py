"""Group commit: writes that come together are made durable together.

While one group is being committed, the next one collects. Each write has its own outcome, and may
look at something before the group waits for the file's lock.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Write(Generic[T]):
    """Work to do in a transaction, and who waits for its outcome."""

    work: Callable[[sqlite3.Connection], T]
    look: Callable[[sqlite3.Connection], None] | None
    waiting: asyncio.Future[T]
    result: T | None = None
    error: Exception | None = None


class Groups:
    """Collects writes and hands them over, one group after the other.

    Args:
        commit: Commits a group, so that each of its writes then has its result or its error.
    """

    def __init__(self, commit: Callable[[Sequence[Write[Any]]], Awaitable[None]]) -> None:
        self._commit = commit
        self._next: list[Write[Any]] = []
        self._committing: asyncio.Task[None] | None = None
        self.are_busy = False
        """Whether a write has to wait for the group that is being committed now."""

    async def run(
        self,
        work: Callable[[sqlite3.Connection], T],
        look: Callable[[sqlite3.Connection], None] | None = None,
    ) -> T:
        """Do ``work`` in a transaction; return when it is committed.

        If the caller is cancelled, the group goes on without it.

        Args:
            look: What to do before the transaction, without waiting for the file's lock; at once
                unless the groups are busy.
        """
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._next.append(Write(work, look, waiting))
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_all())
        return await waiting

    async def drain(self) -> None:
        """Wait until nothing is left to commit."""
        if self._committing is not None:
            await asyncio.wait({self._committing})

    async def _commit_all(self) -> None:
        while self._next:
            group, self._next = self._next, []
            self.are_busy = True
            try:
                await self._commit(group)
            except Exception as error:
                for write in group:
                    write.error = error
            finally:
                self.are_busy = False
            for write in group:
                _tell(write)
        self._committing = None


def _tell(write: Write[Any]) -> None:
    if write.waiting.done():
        return  # cancelled
    if write.error is None:
        write.waiting.set_result(write.result)
    else:
        write.waiting.set_exception(write.error)


def look_and_run_group(connection: sqlite3.Connection, group: Sequence[Write[Any]]) -> None:
    """Let each write look, then run the group."""
    try:
        for write in group:
            if write.look is not None:
                write.look(connection)
    except sqlite3.Error as error:
        _fail(group, error)
        return
    run_group(connection, group)


def run_group(connection: sqlite3.Connection, group: Sequence[Write[Any]]) -> None:
    """Run the group in one transaction; if that fails, each write in one of its own."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:  # locked, say: what holds for one holds for all
        _fail(group, error)
        return
    try:
        for write in group:
            write.result = write.work(connection)
        connection.execute("COMMIT")
    except Exception as error:
        connection.rollback()
        if len(group) == 1:
            _fail(group, error)
        for write in group if len(group) > 1 else ():
            run_group(connection, [write])


def _fail(group: Sequence[Write[Any]], error: Exception) -> None:
    for write in group:
        write.error = error
