"""In what a copy differs from its source."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from chatkit.records.seam import Collection

MOST_NAMED = 1000


class Fault(str, Enum):
    """What is wrong with a record of the target."""

    TOO_LARGE = "too large"
    MISSING = "missing"
    ALTERED = "altered"
    OUT_OF_ORDER = "out of order"
    EXTRA = "not in the source"


class Difference(NamedTuple):
    """A record that is not in the target as it is in the source."""

    fault: Fault
    collection: Collection
    id: str
    detail: str

    def __str__(self) -> str:
        name = self.collection.name_of(self.id)
        return f"{name} of owner {self.collection.owner!r}: {self.detail}"


class Differences:
    """Collects differences: the first ones by name, all others only as a number."""

    def __init__(self) -> None:
        self.count = 0
        self._named: dict[tuple[Collection, str], Difference] = {}

    def add(self, fault: Fault, collection: Collection, id: str, detail: str) -> None:
        """Note a difference, unless the record already has one."""
        if (collection, id) in self._named:
            return
        self.count += 1
        if len(self._named) < MOST_NAMED:
            self._named[collection, id] = Difference(fault, collection, id, detail)

    @property
    def named(self) -> tuple[Difference, ...]:
        return tuple(self._named.values())
