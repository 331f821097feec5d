"""All records of all owners, in an order that can be gone on with from any record.

Owners come by name, each with threads, attachments and then the items of one thread after the
other. A position is where a record is in that order, so it holds after a restart, a failover or
a resharding, where a server's own SCAN cursor would mean nothing. For names in order, the keys
of all servers are looked through once for each ``OWNERS`` owners; nobody keeps more in memory.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chatkit.records import Collection, Kind, PlacedRecord, Record
from chatkit_redis.keys import PLACE_DIGITS, time_in

OWNERS = 100_000

ORDER = (Kind.THREAD, Kind.ATTACHMENT, Kind.ITEM)

Members = Callable[[Collection, bytes, int], Awaitable[list[tuple[bytes, bytes]]]]


class Position(NamedTuple):
    """A record's place in the order; members are those of the sorted sets (README)."""

    owner: str = ""
    kind: Kind = ORDER[0]
    thread: str = ""
    """The member of the thread whose items are being read."""
    member: str = ""

    def __str__(self) -> str:
        return json.dumps(self)

    @classmethod
    def parse(cls, text: str) -> Position:
        owner, kind, thread, member = json.loads(text)
        return cls(owner, Kind(kind), thread, member)


class Scan:
    """Reads on from a position.

    Args:
        owners: The first so many owners after one, by name.
        members: The first so many records of a collection after a member, as (member, JSON).
    """

    def __init__(
        self, owners: Callable[[str, int], Awaitable[list[str]]], members: Members
    ) -> None:
        self._owners = owners
        self._members = members
        self._known: list[str] = []  # the next owners, for whoever goes on after this position:
        self._known_for: str | None = None

    async def next(self, after: str | None, limit: int) -> list[PlacedRecord]:
        """Up to ``limit`` records after a position."""
        if after is None or after != self._known_for:
            self._known = []
        at = Position() if after is None else Position.parse(after)
        found: list[PlacedRecord] = []
        while True:
            if at.owner:
                found += await self._of_owner(at, limit - len(found))
            if len(found) == limit or (owner := await self._next_owner(at.owner)) is None:
                break
            at = Position(owner)
        self._known_for = found[-1].position if found else None
        return found

    async def _next_owner(self, after: str) -> str | None:
        if not self._known:
            self._known = (await self._owners(after, OWNERS))[::-1]
        return self._known.pop() if self._known else None

    async def _of_owner(self, at: Position, limit: int) -> list[PlacedRecord]:
        found: list[PlacedRecord] = []
        for kind in ORDER[ORDER.index(at.kind) :]:
            if kind is not at.kind:
                at = Position(at.owner, kind)
            if kind is Kind.ITEM:
                found += await self._items(at, limit - len(found))
            else:
                found += await self._read(at, Collection(at.owner, kind), limit - len(found))
        return found

    async def _items(self, at: Position, limit: int) -> list[PlacedRecord]:
        """Items after a position, of its thread and of those that follow."""
        found: list[PlacedRecord] = []
        threads = Collection(at.owner, Kind.THREAD)
        while len(found) < limit:
            if at.thread:
                items = Collection(at.owner, Kind.ITEM, at.thread[PLACE_DIGITS:])
                found += await self._read(at, items, limit - len(found))
            following = await self._members(threads, at.thread.encode(), 1)
            if not following:
                break
            at = Position(at.owner, Kind.ITEM, following[0][0].decode())
        return found

    async def _read(self, at: Position, collection: Collection, limit: int) -> list[PlacedRecord]:
        if limit == 0:
            return []
        return [
            PlacedRecord(
                str(at._replace(member=member.decode())),
                Record(collection, member[PLACE_DIGITS:].decode(), time_in(member), json),
            )
            for member, json in await self._members(collection, at.member.encode(), limit)
        ]
