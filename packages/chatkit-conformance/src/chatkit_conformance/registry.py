"""The cases by id. A case is an async function whose docstring says in one line what it shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

from typing_extensions import TypeVar

from chatkit_conformance.bench import AttachmentBench, StoreBench
from chatkit_conformance.capabilities import Capability

TBench = TypeVar("TBench", default=Any)

Run: TypeAlias = Callable[[TBench], Awaitable[None]]


@dataclass(frozen=True)
class Case(Generic[TBench]):
    """One thing that a store is seen to do right or wrong.

    Args:
        id: Its stable name: the clause, a dot, and some words.
        about: One line on what it shows.
        needs: The capabilities without which it is not asked.
        run: Raises ``expect.ContractBroken``, or whatever the store raised, if it fails.
        quick: Whether ``--quick`` includes it.
        patience: How many times longer than others it may take.
        package: An optional package that it works with.
    """

    id: str
    about: str
    needs: frozenset[Capability]
    run: Run[TBench]
    quick: bool = True
    patience: float = 1.0
    package: str = ""

    @property
    def clause(self) -> str:
        """The clause of the store contract that it belongs to, such as ``PG3``."""
        return self.id.partition(".")[0]

    @property
    def test_name(self) -> str:
        """The name of its test in a pytest class."""
        return "test_" + re.sub(r"\W", "_", self.id)


FAMILIES = {
    "SC": "Scope",
    "TH": "Threads",
    "IT": "Items",
    "PG": "Order and pages",
    "AM": "Attachments' metadata",
    "DA": "Data",
    "CC": "Concurrency",
    "DU": "Durability",
    "LC": "Lifecycle",
    "AS": "Attachment stores",
}
"""The families of clauses, in the order of the contract."""

_STORE_CASES: dict[str, Case[StoreBench]] = {}
_ATTACHMENT_CASES: dict[str, Case[AttachmentBench]] = {}


def store_case(
    id: str, *needs: Capability, quick: bool = True, patience: float = 1.0, package: str = ""
) -> Callable[[Run[StoreBench]], Run[StoreBench]]:
    """Register a case for stores. The arguments are those of ``Case``."""
    return _registered(_STORE_CASES, id, needs, quick, patience, package)


def attachment_case(
    id: str, *needs: Capability, quick: bool = True, patience: float = 1.0, package: str = ""
) -> Callable[[Run[AttachmentBench]], Run[AttachmentBench]]:
    """Register a case for attachment stores. The arguments are those of ``Case``."""
    return _registered(_ATTACHMENT_CASES, id, needs, quick, patience, package)


def _registered(
    cases: dict[str, Case[TBench]],
    id: str,
    needs: tuple[Capability, ...],
    quick: bool,
    patience: float,
    package: str,
) -> Callable[[Run[TBench]], Run[TBench]]:
    if id in cases or not re.fullmatch(r"[A-Z]{2}\d+\.[a-z0-9-]+", id):
        raise ValueError(f"{id!r} is no new case's id")

    def register(run: Run[TBench]) -> Run[TBench]:
        about = (inspect.getdoc(run) or "").partition("\n")[0].replace("``", "")
        cases[id] = Case(id, about, frozenset(needs), run, quick, patience, package)
        return run

    return register


def store_cases() -> dict[str, Case[StoreBench]]:
    """The cases for stores that are registered, in the order of the contract."""
    return _in_order(_STORE_CASES)


def attachment_cases() -> dict[str, Case[AttachmentBench]]:
    """The cases for attachment stores that are registered, in the order of the contract."""
    return _in_order(_ATTACHMENT_CASES)


def _in_order(cases: dict[str, Case[TBench]]) -> dict[str, Case[TBench]]:
    families = list(FAMILIES)

    def place(case: Case[TBench]) -> tuple[int, int]:
        return families.index(case.clause[:2]), int(case.clause[2:])

    return {case.id: case for case in sorted(cases.values(), key=place)}
