"""The process of one side of a benchmark.

    python -m benchmarks.harness.worker MODULE BENCHMARK (ours|theirs) (quick|full)

Does one round for each line that it reads, and answers with one line of JSON. Ends, and lets the
side clean up, when there is nothing more to read.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import traceback
from importlib import import_module
from typing import IO

from benchmarks.harness.rows import Benchmark, Side


def find_benchmark(module: str, name: str) -> Benchmark:
    """The benchmark of that name in a module's ``BENCHMARKS``."""
    found: list[Benchmark] = import_module(module).BENCHMARKS
    return next(benchmark for benchmark in found if benchmark.name == name)


async def work(side: Side, quick: bool, orders: IO[str], answers: IO[str]) -> None:
    """Do a round for each order."""
    rounds = side(quick)
    try:
        while await asyncio.to_thread(orders.readline):
            gc.collect()
            costs, result = await anext(rounds)
            print(json.dumps({"costs": costs, "result": result}), file=answers, flush=True)
    finally:
        await rounds.aclose()


def main() -> None:
    module, name, which, effort = sys.argv[1:]
    # What a benchmark prints goes to stderr, so that it is not taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        benchmark = find_benchmark(module, name)
        side = benchmark.ours if which == "ours" else benchmark.theirs
        if side is None:
            raise ValueError(f"the benchmark {name!r} has no peer")
        asyncio.run(work(side, effort == "quick", sys.stdin, answers))
    except Exception:
        print(json.dumps({"error": traceback.format_exc()}), file=answers, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
