"""What the benchmarks of stores on servers have in common: the tests' own servers, and rounds of
adds and pages, one after the other and from 32 tasks at once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from itertools import count
from typing import TypeAlias

from benchmarks.core.sample import message
from benchmarks.harness.environments import ROOT
from benchmarks.harness.rows import Round, Row, Target
from chatkit.types import ThreadItem

sys.path.append(str(ROOT / "tests"))  # services, the servers that tests start

OWNER = "owner"
TASKS = 32
PAGE = 20

Add: TypeAlias = "Callable[[ThreadItem], Awaitable[object]]"
GetPage: TypeAlias = "Callable[[], Awaitable[list[ThreadItem]]]"
"""The newest ``PAGE`` items, newest first."""


def rows(name: str, most: float, adds_at_once: float) -> list[Row]:
    """A line for each of the four costs.

    Args:
        name: What the store is called.
        most: How many times the peer's time each may take at most.
        adds_at_once: The same for adds from many tasks.
    """
    prefix = name.lower()
    return [
        Row(f"{prefix}-add-1", f"{name}: add, 1 task", Target(most, at_most=True)),
        Row(f"{prefix}-page-1", f"{name}: page of {PAGE}, 1 task", Target(most, at_most=True)),
        Row(
            f"{prefix}-add-{TASKS}",
            f"{name}: add, {TASKS} tasks",
            Target(adds_at_once, at_most=True),
        ),
        Row(
            f"{prefix}-page-{TASKS}",
            f"{name}: page of {PAGE}, {TASKS} tasks",
            Target(most, at_most=True),
        ),
    ]


async def rounds(
    name: str, quick: bool, add: Add, get_page: GetPage
) -> AsyncGenerator[Round, None]:
    """Adds and pages, and the seconds that each took."""
    prefix, each = name.lower(), 4 if quick else 40
    numbers = count()
    while True:
        costs = {
            f"{prefix}-add-1": await _timed(1, 10 * each, _adding(add, numbers)),
            f"{prefix}-page-1": await _timed(1, 10 * each, get_page),
            f"{prefix}-add-{TASKS}": await _timed(TASKS, each, _adding(add, numbers)),
            f"{prefix}-page-{TASKS}": await _timed(TASKS, each, get_page),
        }
        newest = await get_page()
        yield Round(costs, [item.model_dump(mode="json") for item in newest])


def _adding(add: Add, numbers: Iterator[int]) -> Callable[[], Awaitable[object]]:
    return lambda: add(message(next(numbers)))


async def _timed(tasks: int, times: int, call: Callable[[], Awaitable[object]]) -> float:
    """Seconds for each call, so many times in each task."""

    async def repeat() -> None:
        for _ in range(times):
            await call()

    started = time.perf_counter()
    await asyncio.gather(*(repeat() for _ in range(tasks)))
    return (time.perf_counter() - started) / (tasks * times)
