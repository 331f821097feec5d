"""Benchmarks for the tests of the harness, some of which go wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target

ROW = Row("cost", "something", Target(2))


def costing(costs: Sequence[float], result: Any = "same") -> Any:
    """A side whose rounds have these costs, in turns; the first one is that of warming up."""

    async def side(quick: bool) -> AsyncGenerator[Round, None]:
        while True:
            for cost in costs:
                yield Round({"cost": cost}, result)

    return side


async def raising(quick: bool) -> AsyncGenerator[Round, None]:
    raise LookupError("nothing to measure")
    yield


async def dying(quick: bool) -> AsyncGenerator[Round, None]:
    yield Round({"cost": 1.0}, "same")
    raise SystemExit(7)


async def printing(quick: bool) -> AsyncGenerator[Round, None]:
    while True:
        print("a stray line")  # noqa: T201 - that is the test
        yield Round({"cost": 1.0}, "same")


async def importing(quick: bool) -> AsyncGenerator[Round, None]:
    import a_peer_that_nobody_has  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports, reportUnusedImport]

    yield Round({"cost": 1.0}, a_peer_that_nobody_has.__name__)  # pyright: ignore[reportUnknownMemberType]


def benchmark(name: str, ours: Any, theirs: Any) -> Benchmark:
    return Benchmark(
        name, [ROW], ours, "a peer", theirs, Environment.WORKSPACE, rounds=4, quick_rounds=2
    )


BENCHMARKS = [
    benchmark("fast", costing([1.0, 2.0]), costing([6.0])),
    benchmark("slow", costing([4.0]), costing([1.0])),
    benchmark("wrong", costing([1.0], {"text": "one"}), costing([1.0], {"text": "two"})),
    benchmark("raising", raising, costing([1.0])),
    benchmark("dying", costing([1.0]), dying),
    benchmark("printing", printing, costing([2.0])),
    benchmark("missing", costing([1.0]), importing),
]
