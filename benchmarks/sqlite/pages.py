"""A page of 20 items in the middle of a conversation of 1,000 items, and of 100,000; and how the
costs of a page and of an add go on growing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.core.sample import NOON, message, thread
from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.sqlite.sample_store import SampleStore, row_of
from chatkit.owners import SINGLE_OWNER
from chatkit.store import Store
from chatkit.types import AssistantMessageItem
from chatkit_sqlite import SQLiteStore

FEW, MANY = 1_000, 100_000
PAGE = 20
SERIES = (1_000, 10_000, 100_000, 1_000_000)


def items(count: int) -> Iterator[AssistantMessageItem]:
    """Items a second apart; made from one, since a hundred thousand take long."""
    first = message(0)
    return (
        first.model_copy(
            update={"id": f"msg_{number}", "created_at": NOON + timedelta(seconds=number)}
        )
        for number in range(count)
    )


def fill(path: Path, count: int) -> None:
    """Add items behind our store's back, since so many commits would take minutes."""
    rows = (
        (item.id, int(item.created_at.timestamp()) * 1_000_000, item.model_dump_json().encode())
        for item in items(count)
    )
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO item (owner, thread, id, created, json) "
            "VALUES ('single-owner', 'thr_1', ?, ?, ?)",
            rows,
        )
    connection.close()


async def pages(
    store: Store[None], row: str, count: int, times: int
) -> AsyncGenerator[Round, None]:
    """Pages from the middle, back and forth; the cost is that of one."""
    while True:
        shown: list[str] = []
        started = time.perf_counter()
        for _ in range(times):
            for order in ("asc", "desc"):
                page = await store.load_thread_items(
                    "thr_1", f"msg_{count // 2}", PAGE, order, None
                )
                shown = [item.id for item in page.data]
        took = time.perf_counter() - started
        places = [int(id.removeprefix("msg_")) - count // 2 for id in shown]
        yield Round({row: took / (2 * times)}, places)


async def our_pages(row: str, count: int, times: int) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chat.db"
        async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
            await store.save_thread(thread(1), None)
            fill(path, count)
            async for round in pages(store, row, count, times):
                yield round


async def sample_pages(quick: bool) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as folder:
        store = SampleStore(Path(folder) / "chat.db")
        store.insert([row_of("thr_1", item) for item in items(MANY)])
        async for round in pages(store, "sqlite-page", MANY, 1):
            yield round


async def growth(quick: bool) -> AsyncGenerator[Round, None]:
    """Pages and adds in conversations of more and more items; all that is ours."""
    async with AsyncExitStack() as stack:
        sizes: dict[int, Store[None]] = {}
        for count in SERIES:
            path = Path(stack.enter_context(TemporaryDirectory())) / "chat.db"
            opened = SQLiteStore[None](path, owner=SINGLE_OWNER)
            sizes[count] = await stack.enter_async_context(opened)
            await opened.save_thread(thread(1), None)
            fill(path, count)
        number = max(SERIES)
        while True:
            costs: dict[str, float] = {}
            for count, store in sizes.items():
                async for round in pages(store, f"sqlite-page-{count}", count, 20):
                    costs.update(round.costs)
                    break
                started = time.perf_counter()
                for _ in range(20):
                    number += 1
                    await store.add_thread_item("thr_1", message(number), None)
                costs[f"sqlite-add-to-{count}"] = (time.perf_counter() - started) / 20
            yield Round(costs, None)


def page_of_many(quick: bool) -> AsyncGenerator[Round, None]:
    return our_pages("sqlite-page", MANY, 50)


def page_of_many_again(quick: bool) -> AsyncGenerator[Round, None]:
    return our_pages("sqlite-page-growth", MANY, 50)


def page_of_few(quick: bool) -> AsyncGenerator[Round, None]:
    return our_pages("sqlite-page-growth", FEW, 50)


BENCHMARKS = [
    Benchmark(
        name="sqlite-pages",
        rows=[Row("sqlite-page", f"SQLite page of {PAGE}, of {MANY:,} items", Target(300))],
        ours=page_of_many,
        peer="a plain sqlite3 store",
        theirs=sample_pages,
        rounds=9,
        quick_rounds=2,
    ),
    Benchmark(
        name="sqlite-page-growth",
        rows=[
            Row(
                "sqlite-page-growth",
                f"SQLite page of {PAGE}, of {MANY:,} items",
                Target(1.2, at_most=True),
            )
        ],
        ours=page_of_many_again,
        peer=f"ours, of {FEW:,}",
        theirs=page_of_few,
        quick_rounds=3,
    ),
    Benchmark(
        name="sqlite-growth",
        rows=[
            *(Row(f"sqlite-page-{n}", f"SQLite page of {PAGE}, of {n:,} items") for n in SERIES),
            *(Row(f"sqlite-add-to-{n}", f"SQLite add to {n:,} items") for n in SERIES),
        ],
        ours=growth,
        rounds=3,
        quick_rounds=0,
    ),
]
