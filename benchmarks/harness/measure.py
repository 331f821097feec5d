"""Rounds in turns, so that both sides have the same weather; equal results; ratios."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.rows import Benchmark, Round, Row
from benchmarks.harness.workers import Worker, worker

ATTEMPTS = 3
"""So many times a quick run tries to reach a bar, since machines are shared."""

LENIENCY = 2.0
"""A quick run is content with half of a target."""


class DifferentResultsError(Exception):
    """The sides of a benchmark did not produce the same, so their costs say nothing."""


@dataclass(frozen=True)
class Spread:
    """The middle of several numbers, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """Of at least one number."""
        if len(numbers) < 2:
            return cls(numbers[0], numbers[0], numbers[0])
        low, median, high = statistics.quantiles(numbers, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Outcome:
    """What was measured for a row.

    Attributes:
        ours: What our side costs.
        peers: What the peer costs, if there is one.
        ratio: Of each pair of rounds, in the sense of the row's target.
    """

    row: Row
    peer: str
    ours: Spread
    peers: Spread | None
    ratio: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` without one."""
        return self._is_within(1.0)

    @property
    def half_met(self) -> bool | None:
        """Whether the ratio is at least half as good as the target; ``None`` without one, and
        where the disk decides.
        """
        return None if self.row.disk_bound else self._is_within(LENIENCY)

    def _is_within(self, leniency: float) -> bool | None:
        if self.ratio is None or self.row.target is None:
            return None
        return self.row.target.is_met(self.ratio.median, leniency)


async def measure(module: str, benchmark: Benchmark, *, quick: bool) -> list[Outcome]:
    """Measure a benchmark.

    Args:
        module: Where it is, as the workers import it.
        quick: With fewer rounds, and again if a ratio is less than half as good as its target.

    Raises:
        CannotPrepareError: An environment is missing.
        SideFailedError: A side could not do its work.
        DifferentResultsError: The sides produced different results.
    """
    best: dict[str, Outcome] = {}
    for _ in range(ATTEMPTS if quick else 1):
        for outcome in await _measure_once(module, benchmark, quick):
            before = best.get(outcome.row.name)
            if before is None or before.half_met is False:
                best[outcome.row.name] = outcome
        if all(outcome.half_met is not False for outcome in best.values()):
            break
    return list(best.values())


async def _measure_once(module: str, benchmark: Benchmark, quick: bool) -> list[Outcome]:
    count = benchmark.quick_rounds if quick else benchmark.rounds
    async with AsyncExitStack() as workers:
        ours = await workers.enter_async_context(worker(module, benchmark, "ours", quick))
        if benchmark.theirs is None:
            await ours.round()
            return outcomes(benchmark, [await ours.round() for _ in range(count)], [])
        theirs = await workers.enter_async_context(worker(module, benchmark, "theirs", quick))
        return outcomes(benchmark, *await _in_turns(benchmark, ours, theirs, count))


async def _in_turns(
    benchmark: Benchmark, ours: Worker, theirs: Worker, count: int
) -> tuple[list[Round], list[Round]]:
    """``count`` rounds of each side, after one that does not count, changing who comes first."""
    rounds: dict[Worker, list[Round]] = {ours: [], theirs: []}
    for number in range(count + 1):
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            rounds[side].append(await side.round())
        check_equal(benchmark, rounds[ours][-1].result, rounds[theirs][-1].result)
    return rounds[ours][1:], rounds[theirs][1:]


def check_equal(benchmark: Benchmark, ours: Any, theirs: Any) -> None:
    """Raise ``DifferentResultsError``, with the place, unless both are the same JSON."""
    if ours == theirs:
        return
    texts = [json.dumps(result, sort_keys=True) for result in (ours, theirs)]
    same = next(
        (place for place, (a, b) in enumerate(zip(*texts, strict=False)) if a != b),
        min(map(len, texts)),
    )
    shown = [text[max(0, same - 60) : same + 60] for text in texts]
    raise DifferentResultsError(
        f"{benchmark.name}: the sides produced different results:\n"
        f"    ours   …{shown[0]}…\n    peer's …{shown[1]}…"
    )


def outcomes(benchmark: Benchmark, ours: list[Round], theirs: list[Round]) -> list[Outcome]:
    """The rows' numbers, from the rounds of both sides."""
    return [_outcome(benchmark, row, ours, theirs) for row in benchmark.rows]


def _outcome(benchmark: Benchmark, row: Row, ours: list[Round], theirs: list[Round]) -> Outcome:
    our_costs = [round.costs[row.name] for round in ours]
    if not theirs:
        return Outcome(row, benchmark.peer, Spread.of(our_costs), None, None)
    peers_costs = [round.costs[row.name] for round in theirs]
    pairs = zip(our_costs, peers_costs, strict=True)
    return Outcome(
        row,
        benchmark.peer,
        Spread.of(our_costs),
        Spread.of(peers_costs),
        Spread.of([row.ratio(mine, other) for mine, other in pairs]),
    )
