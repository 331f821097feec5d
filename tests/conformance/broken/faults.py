"""What broken stores are made of: the reference, one fault, and the cases that must see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chatkit_conformance.reference import Place, ReferenceAttachmentStore, ReferenceStore, Table

TStore = TypeVar("TStore", bound=type[ReferenceStore[Any]] | type[ReferenceAttachmentStore[Any]])


@dataclass(frozen=True)
class Fault:
    """A broken store, and a case that must fail on it."""

    case: str
    store: type[Any]

    def __str__(self) -> str:
        return f"{self.store.__name__}-{self.case}"


FAULTS: list[Fault] = []
"""Of stores; those of attachment stores are in ``UPLOAD_FAULTS``."""

UPLOAD_FAULTS: list[Fault] = []


def caught_by(*cases: str) -> Callable[[TStore], TStore]:
    """Say which cases must fail on a broken store."""

    def note(store: TStore) -> TStore:
        of_bytes = issubclass(store, ReferenceAttachmentStore)
        (UPLOAD_FAULTS if of_bytes else FAULTS).extend(Fault(case, store) for case in cases)
        return store

    return note


def anybodys(table: Table, place: Place, id: str) -> Place:
    """Where somebody, whoever it is, has a record of that kind, thread and id."""
    for other, rows in table.items():
        if other[1:] == place[1:] and id in rows.by_id:
            return other
    return place


def in_any_thread(table: Table, place: Place, id: str) -> Place:
    """Where the owner has a record of that kind and id, in whatever thread."""
    for other, rows in table.items():
        if other[:2] == place[:2] and id in rows.by_id:
            return other
    return place
