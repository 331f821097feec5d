"""Pages of long threads: as quick as those of short ones, and of any length."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from statistics import median
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from chatkit.store import NotFoundError
from chatkit.types import Page, ThreadItem
from chatkit_redis import RedisStore
from services.service import Service
from support.record_samples import NOON, item, thread
from support.redis_raw import keys_under, raw_client
from support.redis_target import open_store

ALICE = {"user_id": "alice"}

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

AT_ONCE = 10_000

ABOVE_UNPACK = 9_000
"""More values than Lua's ``unpack`` can hand to one call: about 8,000."""

ITEMS: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture
async def store(redis_server: Service, prefix: str) -> AsyncIterator[RedisStore[Any]]:
    async with open_store(redis_server.url, prefix=prefix) as store:
        yield store


async def fill(
    service: Service, prefix: str, thread_id: str, number: int, step: timedelta = timedelta(0)
) -> None:
    """Add items ``0``, ``1``, … to a thread that exists, in the layout of the README."""
    base = f"{prefix}:1:{{alice}}:items:{thread_id}"
    async with raw_client(service) as client:
        last = await client.incrby(f"{prefix}:1:{{alice}}:sequence", number)
        for first in range(0, number, AT_ONCE):
            some = range(first, min(first + AT_ONCE, number))
            microseconds = [(NOON + n * step - EPOCH) // timedelta(microseconds=1) for n in some]
            places = {
                f"{n}": f"{us + 10**17:018}{last - number + 1 + n:016}"
                for n, us in zip(some, microseconds, strict=True)
            }
            jsons = {f"{n}": _json(f"{n}", NOON + n * step) for n in some}
            await client.hset(f"{base}:json", mapping=jsons)
            await client.hset(f"{base}:place", mapping=places)
            await client.zadd(f"{base}:order", {place + id: 0 for id, place in places.items()})


def _json(id: str, at: datetime) -> bytes:
    return ITEMS.dump_json(item(id, at), by_alias=True)


async def page(
    store: RedisStore[Any], thread_id: str, after: str | None, limit: int, order: str
) -> list[str]:
    found = await store.load_thread_items(thread_id, after, limit, order, ALICE)
    return [one.id for one in found.data]


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=1)], ids=["equal", "distinct"])
async def test_a_page_takes_no_longer_in_a_thread_a_hundred_times_as_long(
    redis_server: Service, store: RedisStore[Any], prefix: str, step: timedelta
) -> None:
    lengths = {"short": 1_000, "long": 100_000}
    for thread_id, length in lengths.items():
        await store.save_thread(thread(thread_id), ALICE)
        await fill(redis_server, prefix, thread_id, length, step)
    took: dict[str, list[float]] = {"short": [], "long": []}
    for _ in range(20):  # in turn, so that whatever else the machine does slows down both
        for thread_id, length in lengths.items():
            began = time.perf_counter()
            middle = length // 2
            for after, order, first in (
                (None, "asc", 0),
                (None, "desc", length - 1),
                (middle, "asc", middle + 1),
                (middle, "desc", middle - 1),
            ):
                cursor = None if after is None else f"{after}"
                step_ = 1 if order == "asc" else -1
                assert await page(store, thread_id, cursor, 20, order) == [
                    f"{first + step_ * n}" for n in range(20)
                ]
            took[thread_id].append(time.perf_counter() - began)
    # A page that reads the whole thread takes a hundred times as long, not one.
    assert median(took["long"]) < 5 * median(took["short"])


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_any_limit_gives_all_that_there_is(
    redis_server: Service, store: RedisStore[Any], prefix: str, order: str
) -> None:
    await store.save_thread(thread(), ALICE)
    await fill(redis_server, prefix, "t", ABOVE_UNPACK)
    expected = [f"{n}" for n in range(ABOVE_UNPACK)][:: 1 if order == "asc" else -1]
    for limit in (ABOVE_UNPACK, 1_000_000_000, 2**63, 10**30):
        found = await store.load_thread_items("t", None, limit, order, ALICE)
        assert [one.id for one in found.data] == expected
        assert not found.has_more
    found = await store.load_thread_items("t", expected[0], ABOVE_UNPACK - 2, order, ALICE)
    assert [one.id for one in found.data] == expected[1:-1]
    assert (found.has_more, found.after) == (True, expected[-2])
    threads = await store.load_threads(2**63, None, order, ALICE)
    assert [one.id for one in threads.data] == ["t"]


async def test_any_number_of_items_is_deleted_at_once(
    redis_server: Service, store: RedisStore[Any], prefix: str
) -> None:
    await store.save_thread(thread(), ALICE)
    await fill(redis_server, prefix, "t", ABOVE_UNPACK + 2)
    doomed = [f"{n}" for n in range(1, ABOVE_UNPACK + 1)]
    await store.delete_thread_items("t", [*doomed, *doomed, "unknown"], ALICE)
    assert await page(store, "t", None, 10, "asc") == ["0", f"{ABOVE_UNPACK + 1}"]


async def test_any_number_of_later_items_is_deleted_at_once(
    redis_server: Service, store: RedisStore[Any], prefix: str
) -> None:
    await store.save_thread(thread(), ALICE)
    await fill(redis_server, prefix, "t", ABOVE_UNPACK)
    await store.delete_items_after("t", "1", ALICE)
    assert await page(store, "t", None, 10, "asc") == ["0", "1"]


async def test_a_thread_goes_with_any_number_of_items(
    redis_server: Service, store: RedisStore[Any], prefix: str
) -> None:
    await store.save_thread(thread(), ALICE)
    await fill(redis_server, prefix, "t", ABOVE_UNPACK)
    await store.delete_thread("t", ALICE)
    with pytest.raises(NotFoundError):
        await store.load_item("t", "0", ALICE)
    await store.save_thread(thread(), ALICE)
    assert await page(store, "t", None, 10, "asc") == []


async def test_any_number_of_idle_threads_goes_at_once(redis_server: Service, prefix: str) -> None:
    base = f"{prefix}:1:{{alice}}"
    ids = [f"{n}" for n in range(ABOVE_UNPACK)]
    async with open_store(redis_server.url, prefix=prefix, retention=0.001) as store:
        await store.save_thread(thread("first"), ALICE)
        async with raw_client(redis_server) as client:
            places = {id: f"{0:018}{int(id):016}" for id in ids}
            await client.hset(f"{base}:threads:json", mapping=dict.fromkeys(ids, "{}"))
            await client.hset(f"{base}:threads:place", mapping=places)
            await client.zadd(f"{base}:threads:order", {places[id] + id: 0 for id in ids})
            await client.zadd(f"{base}:expiry", dict.fromkeys(ids, 0))
            assert await store.load_threads(5, None, "asc", ALICE) == Page()
            assert await keys_under(client, prefix) == set()
