"""The indexes: who creates them, and that whatever the store asks is answered through them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import IO, Any

import pytest
from bson.datetime_ms import DatetimeMS
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from chatkit.owners import SINGLE_OWNER
from chatkit.records import Kind
from chatkit_mongo.layout import DELETED, INDEXES, NAMES
from services import mongo
from services.service import Service
from support.mongo_stores import Store
from support.record_samples import NOON, attachments_of_every_kind, item, thread

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    """A server of these tests' own, since its profiler is told what nobody else shall do."""
    with mongo.mongo_server() as service:
        yield service


@pytest.fixture
async def database(server: Service) -> AsyncIterator[Database]:
    async with AsyncMongoClient[dict[str, Any]](server.url) as client:
        yield client[f"indexes_{uuid.uuid4().hex}"]


OPENING = """
import asyncio, os, sys
from chatkit.owners import SINGLE_OWNER
from chatkit_mongo import MongoStore

async def main():
    print("ready", flush=True)
    for database in sys.stdin:
        store = MongoStore.from_url(os.environ["URL"], owner=SINGLE_OWNER, database=database[:-1])
        async with store:
            print("open", flush=True)

asyncio.run(main())
"""


def opener(url: str) -> subprocess.Popen[str]:
    """A process that opens a store over each database that it is told of."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OPENING],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


async def test_processes_that_open_a_new_database_at_once_create_each_index_once(
    server: Service,
) -> None:
    openers = [opener(server.url) for _ in range(2)]
    try:
        for process in openers:
            assert pipe(process.stdout).readline() == "ready\n"
        async with AsyncMongoClient[dict[str, Any]](server.url) as client:
            for _ in range(8):
                name = f"new_{uuid.uuid4().hex}"
                for process in openers:
                    pipe(process.stdin).write(f"{name}\n")
                    pipe(process.stdin).flush()
                for process in openers:
                    assert pipe(process.stdout).readline() == "open\n"
                for collection, indexes in INDEXES.items():
                    found = await client[name][collection].index_information()
                    assert len(found) == 1 + len(indexes)
    finally:
        for process in openers:
            process.communicate(timeout=30)
    assert [process.returncode for process in openers] == [0, 0]


async def whatever_a_store_does(store: Store) -> None:
    """Each call, on threads, items and attachments; pages from both ends, first and later."""
    for t in "tuv":
        await store.save_thread(thread(t), None)
        for n in range(30):
            await store.add_thread_item(t, item(f"{n}", NOON + timedelta(seconds=n // 2)), None)
    for attachment in attachments_of_every_kind():
        await store.save_attachment(attachment, None)
        await store.load_attachment(attachment.id, None)
    for order in ("asc", "desc"):
        page = await store.load_thread_items("t", None, 5, order, None)
        await store.load_thread_items("t", page.after, 5, order, None)
        threads = await store.load_threads(1, None, order, None)
        await store.load_threads(1, threads.after, order, None)
    await store.load_item("t", "7", None)
    await store.save_item("t", item("7", content="new"), None)
    await store.update_thread("t", {"title": "new"}, None)
    await store.delete_thread_item("t", "7", None)
    await store.delete_thread_items("t", ["8", "9"], None)
    await store.delete_items_after("t", "20", None)
    await store.delete_attachment(attachments_of_every_kind()[0].id, None)
    await store.delete_thread("u", None)
    await store.sweep()


async def test_everything_that_a_store_asks_is_answered_through_indexes(
    database: Database,
) -> None:
    await fill(database, "other", 2000, step=1)  # so that a scan would be seen
    async with Store(database, owner=SINGLE_OWNER) as store:
        await database.command("profile", 2)
        await whatever_a_store_does(store)
        await database.command("profile", 0)
    asked = await database["system.profile"].find({"ns": {"$regex": "chatkit_"}}).to_list(None)
    assert len(asked) > 200
    assert {entry["op"] for entry in asked} >= {"query", "update", "remove", "command"}
    for entry in asked:
        assert "COLLSCAN" not in entry.get("planSummary", ""), entry
        assert not entry.get("hasSortStage"), entry
        assert entry.get("docsExamined", 0) <= 40, entry  # at most what is deleted or a page


async def test_a_sweep_looks_at_no_deletion_that_is_still_young(database: Database) -> None:
    async with Store(database, owner=SINGLE_OWNER) as store:
        now = DatetimeMS(int(time.time() * 1000))
        await database[DELETED].insert_many(
            {"_id": n, "owner": "o", "thread": "t", "at": now} for n in range(1000)
        )
        await database.command("profile", 2)
        await store.sweep()
        await database.command("profile", 0)
    asked = (
        await database["system.profile"].find({"ns": f"{database.name}.{DELETED}"}).to_list(None)
    )
    assert asked
    assert all(entry.get("docsExamined", 0) == entry["nreturned"] == 0 for entry in asked)


FEW, MANY = 1_000, 100_000
MOST_TIMES_SLOWER = 5.0


async def fill(database: Database, name: str, number: int, step: int) -> None:
    """A thread with many items, ``step`` microseconds apart, as the store would have left them."""
    async with Store(database, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(name), None)
        await store.add_thread_item(name, item("sample", thread_id=name), None)
    items = database[NAMES[Kind.ITEM]]
    sample = await items.find_one_and_delete({"thread": name})
    assert sample is not None
    generation, json, position = sample["generation"], sample["json"], sample["position"]
    for start in range(0, number, 10_000):
        await items.insert_many(
            {
                **sample,
                "_id": {"generation": generation, "id": f"i{n}"},
                "json": json.replace('"sample"', f'"i{n}"'),
                "position": {"us": position["us"] + n * step, "n": 2 + n},
            }
            for n in range(start, min(start + 10_000, number))
        )


async def seconds_for_a_page(store: Store, name: str, number: int) -> float:
    """The slowest of pages at the start, in the middle and near the end, each the best of some."""
    slowest = 0.0
    for order in ("asc", "desc"):
        for after in (None, number // 2, number - 30 if order == "asc" else 30):
            times: list[float] = []
            for _ in range(15):
                begun = time.perf_counter()
                cursor = None if after is None else f"i{after}"
                page = await store.load_thread_items(name, cursor, 20, order, None)
                times.append(time.perf_counter() - begun)
                assert len(page.data) == 20
            slowest = max(slowest, min(times))
    return slowest


@pytest.mark.parametrize("step", [1, 0], ids=["distinct times", "equal times"])
async def test_pg7_a_page_among_many_costs_what_it_costs_among_few(
    database: Database, step: int
) -> None:
    await fill(database, "few", FEW, step)
    await fill(database, "many", MANY, step)
    async with Store(database, owner=SINGLE_OWNER) as store:
        few = await seconds_for_a_page(store, "few", FEW)
        many = await seconds_for_a_page(store, "many", MANY)
    assert many < MOST_TIMES_SLOWER * few
