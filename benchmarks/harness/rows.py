"""What a file of benchmarks consists of.

A benchmark measures the same work on two sides, ours and a peer's. Each side is an asynchronous
generator: it prepares, then yields a ``Round`` each time it is resumed. One round may measure the
costs of several rows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeAlias


class Unit(str, Enum):
    """What a cost is counted in."""

    SECONDS = "s"
    BYTES = "B"


class Environment(str, Enum):
    """Where a side runs."""

    WORKSPACE = "workspace"
    """This repository's packages, and what they are tested with."""
    OPENAI_CHATKIT = "openai-chatkit"
    """The public SDK, which is imported under the same name as chatkit-core."""


@dataclass(frozen=True)
class Target:
    """The bar for a row's ratio: at least so many times less, or at most so many times as much."""

    bar: float
    at_most: bool = False

    def is_met(self, ratio: float, leniency: float = 1.0) -> bool:
        """Whether ``ratio`` is as good as the bar; with a leniency of 2, at least half as good."""
        return ratio <= self.bar * leniency if self.at_most else ratio >= self.bar / leniency

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bar:g}x"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: Names the cost in each ``Round``; never changes, so that results can be compared.
        title: What is measured, in a few words.
        target: The bar; without one, the ratio is only shown.
        unit: What the cost is counted in.
        disk_bound: Whether the ratio says more of the disk than of the code: how long it takes to
            make a commit durable. A quick run shows such a row, and never fails for it.
    """

    name: str
    title: str
    target: Target | None = None
    unit: Unit = Unit.SECONDS
    disk_bound: bool = False

    def ratio(self, ours: float, peers: float) -> float:
        """How many times less ours is than the peer's; for a target that says at most how many
        times as much, that."""
        as_much = self.target is not None and self.target.at_most
        return ours / peers if as_much else peers / ours


class Round(NamedTuple):
    """What one round came to.

    Attributes:
        costs: A number for each row, by its name.
        result: What the work produced, as JSON; must be the same on both sides.
    """

    costs: Mapping[str, float]
    result: Any


Side: TypeAlias = Callable[[bool], AsyncGenerator[Round, None]]
"""Takes whether this is a quick run, which may do less in each round."""


@dataclass(frozen=True)
class Benchmark:
    """The same work on two sides.

    Attributes:
        name: Unique among all benchmarks.
        rows: What each round measures.
        ours: Our side; runs in the workspace.
        peer: What the other side is, for the table.
        theirs: The other side; without one, nothing is compared and no row can have a target.
        environment: Where the other side runs.
        rounds: How many rounds each side does.
        quick_rounds: How many in a quick run; 0 leaves the benchmark out of it.
    """

    name: str
    rows: Sequence[Row]
    ours: Side
    peer: str = ""
    theirs: Side | None = None
    environment: Environment = Environment.WORKSPACE
    rounds: int = 15
    quick_rounds: int = 3

    def __post_init__(self) -> None:
        if self.theirs is None and any(row.target for row in self.rows):
            raise ValueError(f"the benchmark {self.name!r} has a target, and no peer")
