"""What came of a run: each case's outcome, and whether the store keeps the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(str, Enum):
    """What came of one case."""

    PASSED = "passed"
    FAILED = "failed"
    """The store broke the contract."""
    ERROR = "error"
    """The store raised what the case did not expect, or did not answer in time."""
    UNSUPPORTED = "unsupported"
    """The store does not declare what the case needs."""
    KNOWN_FAILURE = "known failure"
    """It failed, and was announced to."""


@dataclass(frozen=True)
class Result:
    """One case's outcome.

    ``message`` says what was expected and what came back, why the case was not asked, or why
    it is known to fail. ``alone`` says how to run it alone.
    """

    id: str
    about: str
    outcome: Outcome
    seconds: float
    message: str = ""
    alone: str = ""

    @property
    def clause(self) -> str:
        """The clause that the case belongs to."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Report:
    """A whole run.

    Args:
        store: What was asked: the class of the store.
        selected: The ids of the cases that were to run.
        results: What came of them, in that order.
        registered: How many cases there are in all.
        capabilities: What was declared, by name.
        notes: What is worth knowing and no failure.
        measurements: What was measured, by clause.
        seconds: How long the run took.
        quick: Whether it did less of what comes in numbers.
    """

    store: str
    selected: tuple[str, ...]
    results: tuple[Result, ...]
    registered: int
    capabilities: Mapping[str, bool]
    notes: tuple[str, ...] = ()
    measurements: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0
    quick: bool = False

    @property
    def ok(self) -> bool:
        """Whether every selected case that is required ran and passed, and at least one did."""
        ran = [result.id for result in self.results]
        return ran == list(self.selected) and self.count(Outcome.PASSED) > 0 and not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """What failed without having been announced to."""
        return tuple(r for r in self.results if r.outcome in (Outcome.FAILED, Outcome.ERROR))

    def count(self, outcome: Outcome) -> int:
        """How many cases came out so."""
        return sum(result.outcome is outcome for result in self.results)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        return {
            "ok": self.ok,
            "store": self.store,
            "seconds": round(self.seconds, 3),
            "quick": self.quick,
            "registered": self.registered,
            "capabilities": dict(self.capabilities),
            "notes": list(self.notes),
            "measurements": dict(self.measurements),
            "counts": {outcome.value: self.count(outcome) for outcome in Outcome},
            "cases": [
                {
                    "id": result.id,
                    "clause": result.clause,
                    "about": result.about,
                    "outcome": result.outcome.value,
                    "seconds": round(result.seconds, 4),
                    "message": result.message,
                    "alone": result.alone,
                }
                for result in self.results
            ],
        }

    def __str__(self) -> str:
        from chatkit_conformance.table import as_table

        return as_table(self)
