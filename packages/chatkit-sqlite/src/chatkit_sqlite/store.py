"""``SQLiteStore``: the embedded default, all records in one SQLite file."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from chatkit.owners import Owner
from chatkit.records import Collection, Kind, PlacedRecord, Record, Records, RecordStore
from chatkit.store import TContext
from chatkit_sqlite.connections import (
    Connections,
    Settings,
    Synchronous,
    connect,
)
from chatkit_sqlite.files import MEMORY, File, FileLostError
from chatkit_sqlite.groups import Groups
from chatkit_sqlite.statements import STATEMENTS

LARGEST_RECORD = 256 * 1024 * 1024


class SQLiteStore(RecordStore[TContext]):
    """Keeps threads, items and attachments' metadata in one SQLite file.

    Several stores and several processes may use one file. It must be on a local disk.

    Args:
        path: The file; it is created at the first use, its folder is not. ``":memory:"`` keeps
            everything in memory, for this store alone.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        timeout: Seconds within which each call returns or raises ``StoreUnavailableError``.
            Half of it goes to waiting for a file that another process has locked.
        synchronous: ``"full"``: what a call has stored survives a loss of power. ``"normal"``
            is faster: the last calls before a loss of power may be undone, a killed process
            loses nothing. See SQLite's ``PRAGMA synchronous``.
        max_record_bytes: The largest JSON of one record; above it, ``RecordTooLargeError``.

    Raises:
        TypeError: ``owner`` is neither.
        ValueError: Another argument is out of range.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        owner: Owner[TContext],
        timeout: float = 10.0,
        synchronous: Synchronous = "full",
        max_record_bytes: int = LARGEST_RECORD,
    ) -> None:
        if synchronous not in ("off", "normal", "full", "extra"):
            raise ValueError(
                f"synchronous= must be 'off', 'normal', 'full' or 'extra', got {synchronous!r}"
            )
        if not 0 < max_record_bytes <= LARGEST_RECORD:
            raise ValueError(
                f"max_record_bytes= must be from 1 to {LARGEST_RECORD}, got {max_record_bytes!r}"
            )
        name = MEMORY if path == MEMORY else str(Path(path).absolute())
        settings = Settings(File(name), timeout / 2, synchronous)
        super().__init__(SQLiteRecords(settings, max_record_bytes), owner=owner, timeout=timeout)

    @classmethod
    def from_url(
        cls, url: str, *, owner: Owner[TContext], **settings: Any
    ) -> SQLiteStore[TContext]:
        """A store at a URL: ``sqlite:///chat.db`` in the current folder, ``sqlite:////srv/chat.db``
        from the root, ``sqlite://`` in memory. ``%20`` and the like stand for other characters.

        Args:
            url: Where the file is.
            owner: As above.
            settings: The other arguments above.

        Raises:
            ValueError: This is no URL of a file.
        """
        return cls(_path_in(url), owner=owner, **settings)


class SQLiteRecords(Records):
    """The record operations in SQL."""

    away = (sqlite3.Error, OSError)
    lost = (FileLostError,)

    def __init__(self, settings: Settings, max_bytes: int) -> None:
        self.name = settings.file.path
        self.max_bytes = max_bytes
        self._settings = settings
        # From open to close:
        self._connections: Connections
        self._groups: Groups

    async def open(self) -> None:
        self._connections = await connect(self._settings)
        self._groups = Groups(self._connections.commit)

    async def close(self) -> None:
        await self._groups.drain()
        await self._connections.close()

    async def read(self, collection: Collection, id: str) -> bytes | None:
        rows = await self._connections.select(
            STATEMENTS[collection.kind].read, _at(collection, id=id)
        )
        return rows[0][0] if rows else None

    async def write(self, record: Record) -> bool:
        statements = STATEMENTS[record.collection.kind]
        sql = statements.write
        values = _at(record.collection, id=record.id, created=record.created_us, json=record.json)

        def write(tx: sqlite3.Connection) -> bool:
            return tx.execute(sql, values).rowcount > 0

        if record.collection.kind is not Kind.ITEM:
            return await self._groups.run(write)
        # Before the write waits its turn: meanwhile another process may delete the thread and
        # make one of the same id, which this item must not get into.
        parent = _at(record.collection)
        if self._groups.are_busy:
            found = await self._connections.select(statements.incarnation, parent)
            values["incarnation"] = found[0][0] if found else None
            return await self._groups.run(write)

        def look(tx: sqlite3.Connection) -> None:
            found = tx.execute(statements.incarnation, parent).fetchone()
            values["incarnation"] = found[0] if found else None

        return await self._groups.run(write, look)

    async def replace(self, collection: Collection, id: str, old: bytes, new: bytes) -> bool:
        sql = STATEMENTS[collection.kind].replace
        values = _at(collection, id=id, old=old, new=new)
        return await self._groups.run(lambda tx: tx.execute(sql, values).rowcount > 0)

    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        statements = STATEMENTS[collection.kind]
        if after is None:
            values = _at(collection, limit=limit)
            return [
                row[0]
                for row in await self._connections.select(
                    statements.first_page[newest_first], values
                )
            ]
        values = _at(collection, after=after, limit=limit + 1)
        rows = await self._connections.select(statements.page[newest_first], values)
        # The first row is the cursor's own.
        return [row[0] for row in rows][1:] if rows else None

    async def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        sql = STATEMENTS[collection.kind].remove
        values = [_at(collection, id=id) for id in ids]
        await self._groups.run(lambda tx: tx.executemany(sql, values))

    async def remove_after(self, collection: Collection, id: str) -> bool:
        statements = STATEMENTS[collection.kind]

        def work(tx: sqlite3.Connection) -> bool:
            place = tx.execute(statements.place, _at(collection, id=id)).fetchone()
            if place is None:
                return False
            values = _at(collection, created=place[0], sequence=place[1])
            tx.execute(statements.remove_ties_after, values)
            tx.execute(statements.remove_later, values)
            return True

        return await self._groups.run(work)

    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        first, sequence = (after or f"{Kind.THREAD.value} 0").split()
        kinds = list(Kind)  # threads before items
        for kind in kinds[kinds.index(Kind(first)) :]:
            values = {"sequence": int(sequence), "limit": limit}
            rows = await self._connections.select(STATEMENTS[kind].scan, values)
            if rows:
                return [_placed(kind, *row) for row in rows]
            sequence = "0"
        return []


def _path_in(url: str) -> str:
    # The URL is not shown: whoever mistypes that of a server may have a password in it.
    found = re.fullmatch(r"sqlite://(?:/(?P<path>[^?#]+))?", url, re.IGNORECASE | re.DOTALL)
    if not found:
        raise ValueError(
            "the URL of a SQLite file must be sqlite:///relative/path, sqlite:////absolute/path or "
            "sqlite:// for one in memory, with %3F for ? and %23 for # in a name, and without "
            "parameters: settings are arguments"
        )
    return unquote(found["path"] or MEMORY)


def _at(collection: Collection, **values: Any) -> dict[str, Any]:
    """The named parameters of a statement on a collection."""
    return {"owner": collection.owner, "parent": collection.parent, **values}


def _placed(
    kind: Kind, sequence: int, owner: str, parent: str, id: str, created_us: int, json: bytes
) -> PlacedRecord:
    record = Record(Collection(owner, kind, parent), id, created_us, json)
    return PlacedRecord(f"{kind.value} {sequence}", record)
