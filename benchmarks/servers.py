"""What the benchmarks of stores on servers have in common: the tests' own servers; rounds of adds
and pages, one after the other and from 32 tasks at once; and how both go on growing."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from typing import TypeAlias

from benchmarks.core.sample import THREAD_ID, message, thread
from benchmarks.harness.environments import ROOT
from benchmarks.harness.rows import Benchmark, Round, Row, Side, Target
from chatkit.store import Store
from chatkit.types import ThreadItem

sys.path.append(str(ROOT / "tests"))  # services, the servers that tests start

OWNER = "owner"
TASKS = 32
PAGE = 20
SERIES = (1_000, 10_000, 100_000, 1_000_000)

Add: TypeAlias = "Callable[[ThreadItem], Awaitable[object]]"
GetPage: TypeAlias = "Callable[[], Awaitable[list[ThreadItem]]]"
"""The newest ``PAGE`` items, newest first."""

Fill: TypeAlias = "Callable[[str, int], Awaitable[None]]"
"""Adds so many items, ``msg_0`` and so on, to the thread of an id (first), which is there."""


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


async def our_rounds(name: str, quick: bool, store: Store[None]) -> AsyncGenerator[Round, None]:
    """``rounds`` of one of our stores, which is empty."""
    await store.save_thread(thread(), None)

    async def add(item: ThreadItem) -> None:
        await store.add_thread_item(THREAD_ID, item, None)

    async def get_page() -> list[ThreadItem]:
        return (await store.load_thread_items(THREAD_ID, None, PAGE, "desc", None)).data

    async for one in rounds(name, quick, add, get_page):
        yield one


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


def growth_benchmark(name: str, ours: Side) -> Benchmark:
    """A line for a page, and one for an add, at each size of a conversation.

    Args:
        name: What the store is called.
        ours: Yields the rounds of ``growth``.
    """
    prefix = name.lower()
    pages = [
        Row(f"{prefix}-page-of-{n}", f"{name}: page of {PAGE}, of {n:,} items") for n in SERIES
    ]
    adds = [Row(f"{prefix}-add-to-{n}", f"{name}: add to {n:,} items") for n in SERIES]
    return Benchmark(
        name=f"{prefix}-growth", rows=[*pages, *adds], ours=ours, rounds=3, quick_rounds=0
    )


async def growth(name: str, store: Store[None], fill: Fill) -> AsyncGenerator[Round, None]:
    """Pages from the middle, and adds, in conversations of more and more items; all is ours."""
    prefix, numbers = name.lower(), count(max(SERIES))

    async def add(thread_id: str) -> None:
        await store.add_thread_item(thread_id, message(next(numbers)), None)

    for size in SERIES:
        await store.save_thread(thread(size), None)
        await fill(f"thr_{size}", size)
    while True:
        costs: dict[str, float] = {}
        for size in SERIES:
            at = (f"thr_{size}", f"msg_{size // 2}")
            page = partial(store.load_thread_items, *at, PAGE, "asc", None)
            costs[f"{prefix}-page-of-{size}"] = await _timed(1, 100, page)
            costs[f"{prefix}-add-to-{size}"] = await _timed(1, 100, partial(add, at[0]))
        yield Round(costs, None)
