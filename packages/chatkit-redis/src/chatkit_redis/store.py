"""``RedisStore``: threads, items and attachments' metadata on a Redis server or cluster."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import Self

from chatkit.owners import Owner
from chatkit.records import Collection, Kind, PlacedRecord, Record, Records, RecordStore
from chatkit.store import TContext
from chatkit_redis.client import AWAY, AnyClient, Connection, Url, check_client
from chatkit_redis.keys import Keys, sortable, thread_in_question
from chatkit_redis.scanning import Scan

LARGEST_RECORD = 256 * 1024 * 1024

LONGEST_RETENTION = timedelta(days=36_500)

IDS_AT_ONCE = 100_000
"""A server takes at most a million arguments in one command."""


class RedisStore(RecordStore[TContext]):
    """Keeps threads, items and attachments' metadata on a Redis server or cluster.

    Args:
        client: A client of ``redis.asyncio``; it is not closed with the store. See ``from_url``
            for a store with a client of its own.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        timeout: Seconds within which each call returns or raises ``StoreUnavailableError``.
        prefix: What all keys begin with: letters, digits and ``_ . : -``.
        retention: Seconds, or a ``timedelta``, after which a thread that was not written to, nor
            its items, is deleted with them. ``None``: never.
        max_record_bytes: The largest JSON of one record; above it, ``RecordTooLargeError``.

    Raises:
        TypeError: ``client`` or ``owner`` is none.
        ValueError: Another argument is out of range.
    """

    def __init__(
        self,
        client: AnyClient | Url,
        *,
        owner: Owner[TContext],
        timeout: float = 10.0,
        prefix: str = "chatkit",
        retention: float | timedelta | None = None,
        max_record_bytes: int = LARGEST_RECORD,
    ) -> None:
        check_client(client)
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", prefix):
            raise ValueError(
                f"prefix= must be one or more letters, digits, '_', '.', ':' or '-', got {prefix!r}"
            )
        if not 0 < max_record_bytes <= LARGEST_RECORD:
            raise ValueError(
                f"max_record_bytes= must be from 1 to {LARGEST_RECORD}, got {max_record_bytes!r}"
            )
        retention_ms = _milliseconds(retention)
        connection = Connection(client, expiring=retention is not None, timeout=timeout)
        records = RedisRecords(connection, Keys(prefix), retention_ms, max_record_bytes)
        super().__init__(records, owner=owner, timeout=timeout)

    @classmethod
    def from_url(
        cls, url: str, *, owner: Owner[TContext], timeout: float = 10.0, **settings: Any
    ) -> Self:
        """A store with a client of its own, for the server, or the cluster, that has this URL.

        Args:
            url: ``redis://[user:password@]host[:port][/db]``, ``rediss://…`` for TLS or
                ``unix://path``, with redis-py's options after a ``?``. Any node of a cluster.
            owner, timeout, settings: As for the class.

        Raises:
            ValueError: The URL cannot be used, or another argument is out of range.
        """
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout= must be a positive number of seconds, got {timeout!r}")
        return cls(Url(url, timeout), owner=owner, timeout=timeout, **settings)


class RedisRecords(Records):
    """The record operations, each one script and one round trip.

    An operation counts from when the server runs its script: a write that is on its way while
    its thread is deleted, and a new one of the same id made, goes to the new one.
    """

    away = AWAY

    def __init__(
        self, connection: Connection, keys: Keys, retention_ms: int, max_bytes: int | None
    ) -> None:
        self.name = connection.name
        self.max_bytes = max_bytes
        self._connection = connection
        self._keys = keys
        self._retention_ms = retention_ms
        self._scan = Scan(self._owners, self._members)

    async def open(self) -> None:
        await self._connection.open()

    async def close(self) -> None:
        await self._connection.close()

    async def read(self, collection: Collection, id: str) -> bytes | None:
        json: bytes | None = await self._run("read", collection, id, id.encode())
        return json

    async def write(self, record: Record) -> bool:
        time = sortable(record.created_us)
        values = (record.id.encode(), time, record.json)
        return bool(await self._run("write", record.collection, record.id, *values))

    async def replace(self, collection: Collection, id: str, old: bytes, new: bytes) -> bool:
        return bool(await self._run("replace", collection, id, id.encode(), old, new))

    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        cursor = [] if after is None else [after.encode()]
        page: list[bytes] | None = await self._run(
            "page", collection, "", limit, int(newest_first), *cursor
        )
        return page

    async def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), IDS_AT_ONCE):
            some = ids[first : first + IDS_AT_ONCE]
            threads = some if collection.kind is Kind.THREAD else [collection.parent]
            keys = self._keys.of(collection.owner, threads)
            arguments = [id.encode() for id in some]
            await self._run_on(keys, "remove", collection, "", *arguments)

    async def remove_after(self, collection: Collection, id: str) -> bool:
        return bool(await self._run("remove_after", collection, "", id.encode()))

    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        return await self._scan.next(after, limit)

    async def _run(
        self, script: str, collection: Collection, id: str, *arguments: bytes | int
    ) -> Any:
        keys = self._keys.of(collection.owner, [thread_in_question(collection, id)])
        return await self._run_on(keys, script, collection, id, *arguments)

    async def _run_on(
        self,
        keys: Sequence[bytes],
        script: str,
        collection: Collection,
        id: str,
        *arguments: bytes | int,
    ) -> Any:
        return await self._connection.run(
            script,
            keys,
            self._keys.owner(collection.owner),
            collection.kind.value.encode(),
            self._retention_ms,
            thread_in_question(collection, id).encode(),
            *arguments,
        )

    async def _owners(self, after: str, most: int) -> list[str]:
        """The first owners after that one, by name."""
        owners: set[str] = set()
        async for key in self._connection.keys_like(self._keys.every_sequence):
            owner = self._keys.owner_in(key)
            if owner > after:
                owners.add(owner)
            if len(owners) >= 2 * most:
                owners = set(sorted(owners)[:most])
        return sorted(owners)[:most]

    async def _members(
        self, collection: Collection, after: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """The records after a member of the order, as (member, JSON)."""
        cursor = [after] if after else []
        flat = await self._run("scan", collection, "", limit, *cursor)
        return list(zip(flat[::2], flat[1::2], strict=True))


def _milliseconds(retention: float | timedelta | None) -> int:
    if retention is None:
        return 0
    seconds = retention.total_seconds() if isinstance(retention, timedelta) else retention
    if not 0.001 <= seconds <= LONGEST_RETENTION.total_seconds():
        raise ValueError(
            "retention= must be seconds or a timedelta, from a millisecond to 100 years, "
            f"or None, got {retention!r}"
        )
    return round(seconds * 1000)
