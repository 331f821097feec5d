"""The two connections to a file: one that writes, in groups, and one that reads meanwhile.

aiosqlite runs each method of an ``sqlite3.Connection`` in a thread. The subclasses here put into
such a method what has to happen in the thread at one go.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import aiosqlite

from chatkit_sqlite.groups import Write, run_group
from chatkit_sqlite.schema import upgrade

Synchronous: TypeAlias = Literal["off", "normal", "full", "extra"]

MEMORY = ":memory:"

RETRY_SECONDS = 0.01


class FileLostError(OSError):
    """The file at the path is no longer the one that was opened."""


@dataclass
class File:
    """The file of a store, and whether it is still the one that was opened.

    Args:
        path: Where it is, absolute, or ``:memory:``.
        lock_timeout: Seconds to wait for another process's lock.
        synchronous: When a commit counts as durable.
    """

    path: str
    lock_timeout: float
    synchronous: Synchronous
    group: Sequence[Write[Any]] = ()
    """What the next ``commit`` writes."""
    _opened: list[tuple[int, int]] | None = field(default=None, init=False)

    @property
    def in_memory(self) -> bool:
        return self.path == MEMORY

    def remember(self) -> None:
        """The files at the path from now on are the ones that are open."""
        if not self.in_memory:
            self._opened = self._look()

    def check(self) -> None:
        """Raise ``FileLostError`` if what is written now would be found by nobody."""
        if not self.in_memory and self._look() != self._opened:
            raise FileLostError("the file was replaced while it was open")

    def _look(self) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        for suffix in ("", "-wal", "-shm"):  # all three are the database
            try:
                stat = Path(self.path + suffix).stat()
            except FileNotFoundError as error:
                raise FileLostError(f"{self.path}{suffix} was removed while it was open") from error
            seen.append((stat.st_dev, stat.st_ino))
        return seen

    @property
    def uri(self) -> str:
        """What to connect to. A file that was open once is not created again: an empty one in
        its place would look like a store that has lost everything."""
        if self.in_memory:
            return MEMORY
        mode = "rwc" if self._opened is None else "rw"
        return f"{Path(self.path).as_uri()}?mode={mode}"


class WritingConnection(sqlite3.Connection):
    """Runs the writes of the file's ``group`` at ``commit``."""

    file: File

    def commit(self) -> None:
        """Commit the group, together if possible; each write then knows its outcome."""
        self.file.check()
        run_group(self, self.file.group)
        self.file.check()


class ReadingConnection(sqlite3.Connection):
    """Never reads from a file that is no longer there."""

    file: File

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self.file.check()
        return super().execute(sql, parameters)


class Connections:
    """Both connections to a file, open."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._end = asyncio.Event()
        self._guard = asyncio.ensure_future(self._close_with_loop())

    async def select(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        # aiosqlite's annotation knows only of sequences; sqlite3 takes a mapping as well.
        parameters: Any = values
        rows: Any = await self._reader.execute_fetchall(sql, parameters)
        return list(rows)

    async def commit(self) -> None:
        """Commit the group that the file's ``group`` holds."""
        await self._writer.commit()

    async def close(self) -> None:
        """Close both, once what they are doing has ended."""
        self._end.set()
        await asyncio.shield(self._guard)

    async def _close_with_loop(self) -> None:
        """Close when told to, or else when the loop ends and cancels its tasks.

        The threads of connections that nobody closed would keep the process from ending.
        """
        try:
            await self._end.wait()
        finally:
            if self._reader is not self._writer:
                await self._reader.close()
            await self._writer.close()


async def connect(file: File) -> Connections:
    """Open the file for writing and for reading; create or upgrade it if need be."""
    writer = await _connect(file, partial(_prepare_writer, file))
    if file.in_memory:
        return Connections(writer, writer)  # a second one would be another database
    try:
        return Connections(writer, await _connect(file, partial(_prepare_reader, file)))
    except BaseException:
        await writer.close()
        raise


async def _connect(file: File, factory: Any) -> aiosqlite.Connection:
    return await aiosqlite.connect(
        file.uri, uri=True, isolation_level=None, timeout=file.lock_timeout, factory=factory
    )


def _prepare_writer(file: File, *args: Any, **kwargs: Any) -> WritingConnection:
    connection = WritingConnection(*args, **kwargs)
    try:
        connection.file = file
        _use_wal(connection, file)
        connection.execute(f"PRAGMA synchronous = {file.synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        upgrade(connection, file.path)
        file.remember()
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare_reader(file: File, *args: Any, **kwargs: Any) -> ReadingConnection:
    connection = ReadingConnection(*args, **kwargs)
    connection.file = file
    try:
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, file: File) -> None:
    """Let readers and the writer work side by side; asking a file that already does is free.

    SQLite does not wait for other processes' locks here, so this does.
    """
    deadline = time.monotonic() + file.lock_timeout
    while (mode := _ask_for_wal(connection)) is None:
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(RETRY_SECONDS)
    if mode != "wal" and not file.in_memory:
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
