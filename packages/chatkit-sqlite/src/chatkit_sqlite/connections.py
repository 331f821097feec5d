"""The two connections to a file: one that writes, in groups, and one that reads meanwhile.

aiosqlite runs each method of an ``sqlite3.Connection`` in a thread. The subclasses here put into
such a method what has to happen in the thread at one go.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import aiosqlite

from chatkit_sqlite.files import File
from chatkit_sqlite.groups import Write, look_and_run_group
from chatkit_sqlite.schema import check_version, upgrade

Synchronous: TypeAlias = Literal["off", "normal", "full", "extra"]

RETRY_SECONDS = 0.01


@dataclass(frozen=True)
class Settings:
    """How connections behave.

    Args:
        file: What to connect to.
        lock_timeout: Seconds to wait for another process's lock.
        synchronous: When a commit counts as durable.
    """

    file: File
    lock_timeout: float
    synchronous: Synchronous


class WritingConnection(sqlite3.Connection):
    """Commits ``group`` at ``commit``."""

    file: File
    group: Sequence[Write[Any]] = ()

    def prepare(self, settings: Settings) -> None:
        """Make the file ready for use, and of the newest version."""
        self.file = settings.file
        check_version(self, self.file.path)
        _use_wal(self, settings)
        self.execute(f"PRAGMA synchronous = {settings.synchronous}")
        self.execute("PRAGMA foreign_keys = ON")
        upgrade(self, self.file.path)
        self.file.remember()

    def commit(self) -> None:
        """Commit the group, together if possible; each write then knows its outcome."""
        self.file.check()
        look_and_run_group(self, self.group)
        self.file.check()


class ReadingConnection(sqlite3.Connection):
    """Never reads from a file that is no longer there."""

    file: File

    def prepare(self, settings: Settings) -> None:
        """Rule out writing."""
        self.file = settings.file
        self.execute("PRAGMA query_only = ON")

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement, if the file is still there."""
        self.file.check()
        return super().execute(sql, parameters)


TConnection = TypeVar("TConnection", WritingConnection, ReadingConnection)


@dataclass
class Opened(Generic[TConnection]):
    """An open connection, and the way into its thread."""

    connection: TConnection
    thread: aiosqlite.Connection


class Connections:
    """Both connections to a file, open. In memory, where two would be two databases, one."""

    def __init__(
        self, writer: Opened[WritingConnection], reader: Opened[ReadingConnection] | None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._end = asyncio.Event()
        self._guard = asyncio.ensure_future(self._close_at_the_end())

    async def select(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        # aiosqlite's annotation knows only of sequences; sqlite3 takes a mapping as well.
        parameters: Any = values
        thread = (self._reader or self._writer).thread
        rows: Any = await thread.execute_fetchall(sql, parameters)
        return list(rows)

    async def commit(self, group: Sequence[Write[Any]]) -> None:
        """Commit these writes; one group at a time."""
        self._writer.connection.group = group
        await self._writer.thread.commit()

    async def close(self) -> None:
        """Close both, once what they are doing has ended."""
        self._end.set()
        await asyncio.shield(self._guard)

    async def _close_at_the_end(self) -> None:
        """Close when told to, or else when the event loop ends and cancels its tasks: threads of
        connections that nobody closed would keep the process from ending."""
        try:
            await self._end.wait()
        finally:
            if self._reader is not None:
                await self._reader.thread.close()
            await self._writer.thread.close()


async def connect(settings: Settings) -> Connections:
    """Open the file for writing and for reading; create or upgrade it if need be."""
    writer = await _connect(settings, WritingConnection)
    if settings.file.in_memory:
        return Connections(writer, None)
    try:
        return Connections(writer, await _connect(settings, ReadingConnection))
    except BaseException:
        await writer.thread.close()
        raise


async def _connect(settings: Settings, kind: type[TConnection]) -> Opened[TConnection]:
    outcome: list[TConnection | Exception] = []

    def open(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        try:
            connection = _prepared(kind(*args, **kwargs), settings)
        except Exception as error:
            # If this raised, aiosqlite's thread would end some time later, unobserved.
            outcome.append(error)
            return sqlite3.Connection(":memory:")
        outcome.append(connection)
        return connection

    factory: Any = open  # sqlite3 takes any callable
    thread = await aiosqlite.connect(
        settings.file.uri(),
        uri=True,
        isolation_level=None,
        timeout=settings.lock_timeout,
        factory=factory,
    )
    if isinstance(outcome[0], Exception):
        await thread.close()
        raise outcome[0]
    return Opened(outcome[0], thread)


def _prepared(connection: TConnection, settings: Settings) -> TConnection:
    try:
        connection.prepare(settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, settings: Settings) -> None:
    """Let readers and the writer work side by side; asking a file that already does is free.

    SQLite does not wait for other processes' locks here, so this does.
    """
    deadline = time.monotonic() + settings.lock_timeout
    while (mode := _ask_for_wal(connection)) is None:
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(RETRY_SECONDS)
    if mode != "wal" and not settings.file.in_memory:
        raise sqlite3.OperationalError(f"the file system offers no write-ahead log, only {mode}")


def _ask_for_wal(connection: sqlite3.Connection) -> str | None:
    """The journal mode that the file then has, or ``None`` while another process is in the way."""
    try:
        mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return None
        raise
    return mode
