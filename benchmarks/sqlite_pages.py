"""What a page of 20 items costs in a thread of 1,000 and in one of 100,000, and what an add costs.

    python benchmarks/sqlite_pages.py

PG7: the cost of a page does not depend on how many items come before or after it, also when all
of them share one time. All numbers are the median of repeated calls, in microseconds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from chatkit.owners import SINGLE_OWNER
from chatkit.types import AssistantMessageContent, AssistantMessageItem, ThreadItem, ThreadMetadata
from chatkit_sqlite import SQLiteStore

SMALL, LARGE = 1_000, 100_000
PAGE = 20
REPEATS = 100
NOON = datetime(2024, 5, 17, 12, tzinfo=timezone.utc)

Store = SQLiteStore[None]
ITEMS: TypeAdapter[list[ThreadItem]] = TypeAdapter(list[ThreadItem])


def item(number: int, at: datetime = NOON) -> AssistantMessageItem:
    content = [AssistantMessageContent(text=f"Message {number}. " + "Some words. " * 15)]
    return AssistantMessageItem(id=f"msg_{number}", thread_id="t", created_at=at, content=content)


def fill(path: Path, thread: str, count: int, step: timedelta) -> None:
    """Add items behind the store's back, since a hundred thousand commits would take minutes."""
    connection = sqlite3.connect(path)
    start = int(NOON.timestamp()) * 1_000_000
    rows = (
        (
            thread,
            f"msg_{number}",
            start + number * (step // timedelta(microseconds=1)),
            item(number, NOON + number * step).model_dump_json().encode(),
        )
        for number in range(count)
    )
    with connection:
        connection.executemany(
            "INSERT INTO item (owner, thread, id, created, json) "
            "VALUES ('single-owner', ?, ?, ?, ?)",
            rows,
        )
    connection.close()


async def median_us(call: Callable[[], Awaitable[object]]) -> float:
    costs: list[float] = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        await call()
        costs.append(time.perf_counter() - started)
    return statistics.median(costs) * 1e6


async def page_costs(store: Store, thread: str, count: int) -> dict[str, float]:
    cursors = {"first": None, "middle": f"msg_{count // 2}", "last": f"msg_{count - PAGE - 1}"}
    costs: dict[str, float] = {}
    for order in ("asc", "desc"):
        for place, after in cursors.items():
            if order == "desc" and place == "last":
                after = f"msg_{PAGE}"
            page = await store.load_thread_items(thread, after, PAGE, order, None)
            if len(page.data) != PAGE:
                raise AssertionError(f"a page of {len(page.data)}")
            load = partial(store.load_thread_items, thread, after, PAGE, order, None)
            costs[f"{place} page, {order}"] = await median_us(load)
    return costs


async def show_pages(path: Path) -> None:
    print(f"A page of {PAGE} items, median of {REPEATS}, in µs\n")
    print(f"{'':32}{SMALL:>10,}{LARGE:>10,}{'ratio':>8}")
    threads = {
        "distinct times": timedelta(milliseconds=1),
        "one time": timedelta(0),
    }
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        for times in threads:
            for count in (SMALL, LARGE):
                thread = ThreadMetadata(id=f"{times} {count}", created_at=NOON)
                await store.save_thread(thread, None)
        for times, step in threads.items():
            for count in (SMALL, LARGE):
                fill(path, f"{times} {count}", count, step)
        for times in threads:
            small, large = [
                await page_costs(store, f"{times} {count}", count) for count in (SMALL, LARGE)
            ]
            for place, cost in small.items():
                ratio = large[place] / cost
                print(f"{times + ', ' + place:32}{cost:>10.0f}{large[place]:>10.0f}{ratio:>8.2f}")
    parsing = ITEMS.dump_json([item(number) for number in range(PAGE)])

    async def parse() -> object:
        return ITEMS.validate_json(parsing)

    print(f"{'parsing alone':32}{await median_us(parse):>10.0f}\n")


async def show_adds(folder: Path) -> None:
    print("An add, mean over all writers, in µs\n")
    print(f"{'synchronous':32}{'1 writer':>10}{'32 writers':>12}")
    for synchronous in ("full", "normal"):
        costs: list[float] = []
        for writers, each in ((1, 300), (32, 50)):
            path = folder / f"{synchronous}{writers}.db"
            async with SQLiteStore[None](
                path, owner=SINGLE_OWNER, synchronous=synchronous
            ) as store:
                await store.save_thread(ThreadMetadata(id="t", created_at=NOON), None)

                async def write(writer: int, store: Store = store, each: int = each) -> None:
                    for number in range(each):
                        await store.add_thread_item("t", item(writer * each + number), None)

                started = time.perf_counter()
                await asyncio.gather(*(write(writer) for writer in range(writers)))
                costs.append((time.perf_counter() - started) / (writers * each) * 1e6)
        print(f"{synchronous:32}{costs[0]:>10.0f}{costs[1]:>12.0f}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await show_pages(Path(folder) / "pages.db")
        await show_adds(Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
