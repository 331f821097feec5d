"""What a backend supplies to ``RecordStore``: the few operations of ``Records``.

A record is a row: where it lives (its collection and id), when it was made, and its JSON, which
is the canonical copy. Whatever else a backend keeps is derived from these.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple


class Kind(str, Enum):
    """What a record is; the values may be stored."""

    THREAD = "thread"
    ITEM = "item"
    ATTACHMENT = "attachment"


class Collection(NamedTuple):
    """Where ids are unique and records have an order: an owner's threads, the items of one of
    its threads, or its attachments.

    All text in it is the user's: any characters but lone surrogates, any length, even none.
    """

    owner: str
    kind: Kind
    parent: str = ""
    """The thread's id for items, otherwise empty."""

    @property
    def threads(self) -> Collection:
        """The collection in which the parent thread of these items lives."""
        return Collection(self.owner, Kind.THREAD)

    def name_of(self, id: str) -> str:
        """What error messages call a record; the same whoever owns it."""
        if self.kind is Kind.ITEM:
            return f"item {id!r} in thread {self.parent!r}"
        return f"{self.kind.value} {id!r}"


class Record(NamedTuple):
    """One thread, item or attachment, as it is stored."""

    collection: Collection
    id: str
    created_us: int
    """Microseconds since 1970 in UTC, negative before; the first key of the order."""
    json: bytes
    """UTF-8."""


class PlacedRecord(NamedTuple):
    """A record and the place from which a scan goes on after it."""

    position: str
    record: Record


class Records(ABC):
    """A backend's record operations. Each is atomic, and best one round trip.

    They raise the driver's own errors; ``RecordStore`` turns those that ``away`` names into
    ``StoreUnavailableError``, and ends a call after its timeout, by ``give_up``. A cancelled
    operation must be done, whole, or not done, and leave the others unharmed.
    """

    name: str
    """What error messages call this backend, such as the path of a file; no secrets."""

    away: tuple[type[Exception], ...]
    """The driver's errors that mean: the backend cannot be reached or cannot be used now."""

    lost: tuple[type[Exception], ...] = ()
    """Those of ``away`` after which ``close`` and ``open`` must come before the next operation."""

    max_bytes: int | None = None
    """The largest JSON that one record may have, in bytes, or ``None`` if nothing limits it."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and prepare the backend if this is its first use. Building does no I/O."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything that ``open`` took, once what is under way has ended."""

    def give_up(self, operation: asyncio.Task[Any]) -> bool:
        """Nobody waits for this operation's task any more: its caller was cancelled, or its time
        is over. Cancels it, and says so.

        A backend may instead let it go on, return ``False``, and see in ``close`` to its end.
        """
        return operation.cancel()

    @abstractmethod
    async def read(self, collection: Collection, id: str) -> bytes | None:
        """The JSON of one record, or ``None`` if there is none."""

    @abstractmethod
    async def write(self, record: Record) -> bool:
        """Add the record at the end of those with its time, or replace only its JSON, in place.

        Returns ``False``, having stored nothing that any call can see, if it is an item and its
        thread does not exist. An item that arrives after its thread was deleted never appears in
        a later thread of the same id.
        """

    @abstractmethod
    async def replace(self, collection: Collection, id: str, old: bytes, new: bytes) -> bool:
        """Replace the record's JSON in place if it still is ``old``; say whether it was."""

    @abstractmethod
    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        """The JSON of up to ``limit`` (1 or more) records, in order or in exact reverse.

        The order is ``created_us``, then first write. ``after`` is the id of the record before
        the page, ``None`` for the first page. Returns ``None`` if the collection has no such
        record, and an empty list for ``after=None`` in a collection that does not exist.
        """

    @abstractmethod
    async def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        """Remove these records, all at once where the backend can; a thread with its items."""

    @abstractmethod
    async def remove_after(self, collection: Collection, id: str) -> bool:
        """Remove all records after this one; ``False``, having removed none, if it is unknown."""

    @abstractmethod
    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        """Up to ``limit`` records of all owners, from the start or after a position.

        They come in an order in which writing them one by one into an empty backend gives the
        same pages: a thread before its items. An empty list is the end.
        """
