"""A page of 20 items in the middle of a conversation of 1,000 items, and of 100,000; and how the
costs of a page and of an add go on growing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.core.sample import NOON, message, thread
from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.sqlite.sample_store import SampleStore
from chatkit.owners import SINGLE_OWNER
from chatkit.store import Store
from chatkit_sqlite import SQLiteStore

FEW, MANY = 1_000, 100_000
PAGE = 20
SERIES = (1_000, 10_000, 100_000, 1_000_000)


def rows(count: int) -> Iterator[tuple[str, datetime, bytes]]:
    """The ids, times and JSON of items a second apart; made from one, since they are so many."""
    first = message(0)
    json = first.model_dump_json()
    written = first.model_dump(mode="json")["created_at"]
    for number in range(count):
        id, created_at = f"msg_{number}", NOON + timedelta(seconds=number)
        text = json.replace('"msg_0"', f'"{id}"').replace(written, created_at.isoformat())
        yield id, created_at, text.encode()


def fill(path: Path, count: int) -> None:
    """Add items behind our store's back, since so many commits would take minutes."""
    start = int(NOON.timestamp())
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO item (owner, thread, id, created, json) "
            "VALUES ('single-owner', 'thr_1', ?, ?, ?)",
            (
                (id, (start + number) * 1_000_000, json)
                for number, (id, _, json) in enumerate(rows(count))
            ),
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
        store.insert([(id, "thr_1", at.isoformat(), json.decode()) for id, at, json in rows(MANY)])
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
        rounds=15,
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
        rounds=25,
        quick_rounds=2,
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
