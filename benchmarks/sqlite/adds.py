"""Adding items, each durable when its call returns, by one writer and by 32 at the same time.

Each writer has a conversation of its own, and adds to it one item after the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from benchmarks.core.sample import message, thread
from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.sqlite.sample_store import SampleStore
from chatkit.owners import SINGLE_OWNER
from chatkit.store import Store
from chatkit_sqlite import SQLiteStore

WRITERS = 32

Add: TypeAlias = Callable[[int, int], Awaitable[None]]
"""Adds the item of a number (second) to the conversation of a number (first)."""


async def costs_of_adds(add: Add, row: str, first: int, adds: int) -> dict[str, float]:
    """The cost of an add where one writer makes so many, and where 32 make an eighth each."""

    async def write(writer: int, first: int, adds: int) -> None:
        for number in range(first, first + adds):
            await add(writer, number)

    costs: dict[str, float] = {}
    for writers, each in ((1, adds), (WRITERS, adds // 8)):
        started = time.perf_counter()
        await asyncio.gather(*(write(writer, first, each) for writer in range(writers)))
        costs[f"{row}-{writers}"] = (time.perf_counter() - started) / (writers * each)
        first += each
    return costs


def adding_to(store: Store[None]) -> Add:
    """An ``Add`` to a store, whose threads are there."""

    async def add(writer: int, number: int) -> None:
        item = message(number, f"msg_{writer}_{number}")
        await store.add_thread_item(f"thr_{writer}", item, None)

    return add


async def adds_to(store: Store[None], quick: bool) -> AsyncGenerator[Round, None]:
    for writer in range(WRITERS):
        await store.save_thread(thread(writer), None)
    adds = 16 if quick else 160
    first = 0
    while True:
        costs = await costs_of_adds(adding_to(store), "sqlite-add", first, adds)
        first += 2 * adds
        last = await store.load_thread_items("thr_1", None, 3, "desc", None)
        yield Round(costs, [item.model_dump(mode="json") for item in last.data])


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as folder:
        async with SQLiteStore[None](Path(folder) / "chat.db", owner=SINGLE_OWNER) as store:
            async for round in adds_to(store, quick):
                yield round


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as folder:
        async for round in adds_to(SampleStore(Path(folder) / "chat.db"), quick):
            yield round


BENCHMARKS = [
    Benchmark(
        name="sqlite-adds",
        rows=[
            Row("sqlite-add-1", "SQLite add, durable, by 1 writer", Target(3), disk_bound=True),
            Row(
                f"sqlite-add-{WRITERS}",
                f"SQLite add, durable, by {WRITERS}",
                Target(25),
                disk_bound=True,
            ),
        ],
        ours=ours,
        peer="a plain sqlite3 store",
        theirs=theirs,
        rounds=25,
        quick_rounds=3,
    )
]
