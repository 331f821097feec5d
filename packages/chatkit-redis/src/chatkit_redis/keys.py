"""What keys are called, and the place of a record in its collection's order.

All keys of one owner begin with ``chatkit:1:{owner}:``: the same hash tag, so the same slot of a
cluster. The owner is percent-quoted. After the tag, ids are as they are. The README has the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote, unquote

from chatkit.records import Collection, Kind

VERSION = 1

TIME_DIGITS = 18
PLACE_DIGITS = TIME_DIGITS + 16
"""A place is the time and a sequence number, in fixed width: sorted as text, sorted at all."""

_TIME_OFFSET = 10**17  # makes times since the year 1 positive

OWNERS_AT_HAND = 1024
"""Whose keys are remembered: quoting costs as much as the rest of a call's preparations."""


class Keys:
    """The names of keys under a prefix."""

    def __init__(self, prefix: str) -> None:
        self._base = f"{prefix}:{VERSION}:"
        self._owners_own = lru_cache(OWNERS_AT_HAND)(self._find_owners_own)

    def owner(self, owner: str) -> bytes:
        """What all keys of an owner begin with."""
        return self._owners_own(owner)[0]

    def of(self, owner: str, threads: Sequence[str]) -> list[bytes]:
        """An owner's keys, and those of some threads' items, in the order of the scripts."""
        base, own = self._owners_own(owner)
        keys = list(own)
        for thread in threads:
            keys += _collection(base, f"items:{thread}")
        return keys

    def _find_owners_own(self, owner: str) -> tuple[bytes, list[bytes]]:
        base = f"{self._base}{{{quote(owner, safe='')}}}:".encode()
        own = [base + b"sequence", base + b"expiry"]
        return base, own + _collection(base, "threads") + _collection(base, "attachments")

    @property
    def every_sequence(self) -> bytes:
        """A pattern for the one key that each owner has."""
        return f"{self._base}{{*}}:sequence".encode()

    def owner_in(self, sequence: bytes) -> str:
        """The owner whose sequence key this is."""
        return unquote(sequence[len(self._base) + 1 : -len("}:sequence")].decode())


def _collection(base: bytes, name: str) -> list[bytes]:
    start = base + name.encode()
    return [start + b":json", start + b":place", start + b":order"]


def thread_in_question(collection: Collection, id: str = "") -> str:
    """The thread that an operation on a record concerns; empty for attachments."""
    if collection.kind is Kind.ITEM:
        return collection.parent
    return id if collection.kind is Kind.THREAD else ""


def sortable(created_us: int) -> bytes:
    """The first part of a place."""
    return f"{created_us + _TIME_OFFSET:0{TIME_DIGITS}}".encode()


def time_in(member: bytes) -> int:
    """The time in a member of a collection's order."""
    return int(member[:TIME_DIGITS]) - _TIME_OFFSET
