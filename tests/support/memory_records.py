"""``MemoryRecords``: record operations over a dictionary, to try out ``RecordStore`` alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from chatkit.records import Collection, Kind, PlacedRecord, Record, Records


class Row(NamedTuple):
    created_us: int
    sequence: int
    json: bytes


@dataclass
class Memory:
    """What several ``MemoryRecords`` may have in common, as several clients do a server."""

    rows: dict[tuple[Collection, str], Row] = field(default_factory=dict)
    written: int = 0


class AwayError(Exception):
    """What this backend raises while it is away."""


class MemoryRecords(Records):
    """Every operation yields to the loop a few times, as one over a network would."""

    name = "memory"
    away = (AwayError,)
    lost: tuple[type[Exception], ...] = ()

    def __init__(self, memory: Memory | None = None, max_bytes: int | None = None) -> None:
        self.memory = memory or Memory()
        self.max_bytes = max_bytes
        self.opened = 0
        self.closed = 0
        self.calls: list[str] = []
        self.failing: Exception | None = None
        self.hanging = False

    async def open(self) -> None:
        await self._trip("open")
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1
        await self._trip("close")

    async def read(self, collection: Collection, id: str) -> bytes | None:
        await self._trip("read")
        row = self.memory.rows.get((collection, id))
        return row.json if row else None

    async def write(self, record: Record) -> bool:
        await self._trip("write")
        at = (record.collection, record.id)
        parent = (record.collection.threads, record.collection.parent)
        if record.collection.kind is Kind.ITEM and parent not in self.memory.rows:
            return False
        self.memory.written += 1
        known = self.memory.rows.get(at, Row(record.created_us, self.memory.written, b""))
        self.memory.rows[at] = known._replace(json=record.json)
        return True

    async def replace(self, collection: Collection, id: str, old: bytes, new: bytes) -> bool:
        await self._trip("replace")
        row = self.memory.rows.get((collection, id))
        if row is None or row.json != old:
            return False
        self.memory.rows[collection, id] = row._replace(json=new)
        return True

    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        await self._trip("page")
        ids = self._ids(collection)
        if newest_first:
            ids.reverse()
        if after is not None and after not in ids:
            return None
        start = 0 if after is None else ids.index(after) + 1
        return [self.memory.rows[collection, id].json for id in ids[start : start + limit]]

    async def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        await self._trip("remove")
        self._remove(collection, ids)

    async def remove_after(self, collection: Collection, id: str) -> bool:
        await self._trip("remove_after")
        ids = self._ids(collection)
        if id not in ids:
            return False
        self._remove(collection, ids[ids.index(id) + 1 :])
        return True

    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        await self._trip("scan")
        rows = sorted(self.memory.rows.items(), key=lambda entry: entry[1].sequence)
        return [
            PlacedRecord(str(row.sequence), Record(collection, id, row.created_us, row.json))
            for (collection, id), row in rows
            if row.sequence > int(after or 0)
        ][:limit]

    def _ids(self, collection: Collection) -> list[str]:
        found = [(row, id) for (its, id), row in self.memory.rows.items() if its == collection]
        return [id for _, id in sorted(found)]

    def _remove(self, collection: Collection, ids: Sequence[str]) -> None:
        for id in ids:
            self.memory.rows.pop((collection, id), None)
            if collection.kind is Kind.THREAD:
                items = Collection(collection.owner, Kind.ITEM, id)
                self._remove(items, self._ids(items))

    async def _trip(self, operation: str) -> None:
        self.calls.append(operation)
        for _ in range(3):
            await asyncio.sleep(0)
        if operation not in ("open", "close") and self.opened == self.closed:
            raise RuntimeError(f"{operation} while closed")
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.failing is not None:
            raise self.failing
