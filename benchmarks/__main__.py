"""Runs the benchmarks: ``python -m benchmarks [--only NAME] [--quick]``.

``--only`` takes a group, which is a folder here, or the name of one benchmark or more, and
``--quick`` a minute or two. Whatever cannot run is told at the end, and the exit status is 1; so
it is when, in a quick run, a ratio is less than half as good as its target.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks import stages
from benchmarks.harness import chart, report
from benchmarks.harness.environments import ROOT, CannotPrepareError
from benchmarks.harness.measure import DifferentResultsError, Outcome, measure
from benchmarks.harness.rows import Benchmark
from benchmarks.harness.workers import SideFailedError

HERE = ROOT / "benchmarks"
GROUPS = ("core", "sqlite", "redis", "mongo", "links")
RESULTS = HERE / "results"

FAILURES = (CannotPrepareError, DifferentResultsError, SideFailedError)


def found_benchmarks(only: list[str], quick: bool) -> Iterator[tuple[str, Benchmark]]:
    """The benchmarks to run, each with its module's name."""
    for group in GROUPS:
        for file in sorted((HERE / group).glob("*.py")):
            module = f"benchmarks.{group}.{file.stem}"
            benchmarks: list[Benchmark] = getattr(import_module(module), "BENCHMARKS", [])
            for benchmark in benchmarks:
                wanted = not only or group in only or benchmark.name in only
                if wanted and (benchmark.quick_rounds or not quick):
                    yield module, benchmark


async def run(only: list[str], quick: bool) -> tuple[list[Outcome], list[str]]:
    """Measure the benchmarks; what was measured, and what went wrong."""
    outcomes: list[Outcome] = []
    failures: list[str] = []
    for module, benchmark in found_benchmarks(only, quick):
        print(f"{benchmark.name} …", file=sys.stderr, flush=True)
        try:
            outcomes += await measure(module, benchmark, quick=quick)
        except FAILURES as error:
            failures.append(f"{benchmark.name} could not be measured: {error}")
    return outcomes, failures


def keep(outcomes: list[Outcome], path: Path) -> None:
    """Bring the kept results and the chart up to date."""
    found = report.merged(report.read(path), report.results(outcomes))
    report.write(path, found)
    path.with_suffix(".svg").write_text(chart.chart(found), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    outcomes, failures = asyncio.run(run(arguments.only, arguments.quick))
    if not outcomes and not failures:
        parser.error(f"nothing is called {' or '.join(arguments.only)}")
    print(report.table(outcomes))
    if arguments.quick:
        failures += [
            f"{outcome.row.name}: less than half as good as its target"
            for outcome in outcomes
            if outcome.half_met is False
        ]
    elif outcomes:
        keep(outcomes, RESULTS / "latest.json")
    if not arguments.quick and not arguments.only:
        print("\nWhere the time goes\n")
        stages.main()
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
