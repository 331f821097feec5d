"""The cases by id. A case is an async function whose docstring says in one line what it shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

from chatkit_conformance.bench import AttachmentBench, StoreBench
from chatkit_conformance.capabilities import Capability

TBench = TypeVar("TBench", default=Any)


@dataclass(frozen=True)
class Case(Generic[TBench]):
    """One thing that a store is seen to do right or wrong.

    Args:
        id: Its stable name: the clause, a dot, and some words.
        about: One line on what it shows.
        needs: The capabilities without which it is not asked.
        run: Raises ``expect.ContractBroken``, or whatever the store raised, if it fails.
        quick: Whether ``--quick`` includes it.
    """

    id: str
    about: str
    needs: frozenset[Capability]
    run: Callable[[TBench], Awaitable[None]]
    quick: bool = True

    @property
    def clause(self) -> str:
        """The clause of the store contract that it belongs to, such as ``PG3``."""
        return self.id.partition(".")[0]

    @property
    def test_name(self) -> str:
        """The name of its test in a pytest class."""
        return "test_" + re.sub(r"\W", "_", self.id)


STORE_CASES: dict[str, Case[StoreBench]] = {}
ATTACHMENT_CASES: dict[str, Case[AttachmentBench]] = {}


def store_case(
    id: str, *needs: Capability, quick: bool = True
) -> Callable[[Callable[[StoreBench], Awaitable[None]]], Callable[[StoreBench], Awaitable[None]]]:
    """Register a case for stores."""
    return _registered(STORE_CASES, id, needs, quick)


def attachment_case(
    id: str, *needs: Capability, quick: bool = True
) -> Callable[
    [Callable[[AttachmentBench], Awaitable[None]]], Callable[[AttachmentBench], Awaitable[None]]
]:
    """Register a case for attachment stores."""
    return _registered(ATTACHMENT_CASES, id, needs, quick)


def _registered(
    cases: dict[str, Case[TBench]], id: str, needs: tuple[Capability, ...], quick: bool
) -> Callable[[Callable[[TBench], Awaitable[None]]], Callable[[TBench], Awaitable[None]]]:
    if id in cases or not re.fullmatch(r"[A-Z]{2}\d+\.[a-z0-9-]+", id):
        raise ValueError(f"{id!r} is no new case's id")

    def register(run: Callable[[TBench], Awaitable[None]]) -> Callable[[TBench], Awaitable[None]]:
        about = (inspect.getdoc(run) or "").partition("\n")[0]
        cases[id] = Case(id, about, frozenset(needs), run, quick)
        return run

    return register
