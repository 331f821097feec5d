"""A scan gives every record once, goes on from any position, and makes an exact copy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from chatkit.records import Collection, Kind, PlacedRecord, Records, RecordStore, copy
from chatkit_redis.client import Connection, Url
from chatkit_redis.keys import Keys
from chatkit_redis.store import RedisRecords
from services.service import Service
from support.record_samples import NOON, attachments_of_every_kind, item, thread
from support.redis_raw import raw_client
from support.redis_target import user_of

OWNERS = ("alice", "bob", "a:b{c}%é😀", "{", "z" * 300)
THREADS = ("z", "y", "a:b{c}:json", "", "no items")
TIMES = (
    NOON,
    NOON,
    NOON + timedelta(microseconds=1),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc),
    datetime.min.replace(tzinfo=timezone.utc),
    datetime.max.replace(tzinfo=timezone.utc),
)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ATTACHMENTS = attachments_of_every_kind()


@pytest.fixture(params=["redis_server", "redis_cluster"])
def service(request: pytest.FixtureRequest) -> Service:
    service: Service = request.getfixturevalue(request.param)
    return service


def new_prefix() -> str:
    return f"test-{uuid4().hex}"


def unopened(service: Service, prefix: str) -> RedisRecords:
    connection = Connection(Url(service.url, 30.0), expiring=False, timeout=30)
    return RedisRecords(connection, Keys(prefix), 0, None)


@asynccontextmanager
async def opened(service: Service, prefix: str) -> AsyncIterator[RedisRecords]:
    records = unopened(service, prefix)
    await records.open()
    try:
        yield records
    finally:
        await records.close()


@pytest.fixture
async def prefix(service: Service) -> str:
    """Where there are records of many owners."""
    prefix = new_prefix()
    async with RecordStore[Any](unopened(service, prefix), owner=user_of) as store:
        for owner in OWNERS:
            await fill(store, {"user_id": owner})
    return prefix


async def fill(store: RecordStore[Any], context: Any) -> None:
    for number, thread_id in enumerate(THREADS):
        await store.save_thread(thread(thread_id, TIMES[number]), context)
        if thread_id != "no items":
            for n, at in enumerate(TIMES):
                await store.add_thread_item(thread_id, item(f"{9 - n}", at), context)
    for attachment in ATTACHMENTS:
        await store.save_attachment(attachment, context)


async def scanned(records: Records, page_size: int, after: str | None = None) -> list[PlacedRecord]:
    found: list[PlacedRecord] = []
    while page := await records.scan(after, page_size):
        assert len(page) <= page_size
        found += page
        after = page[-1].position
    return found


async def test_every_page_size_gives_every_record_once(service: Service, prefix: str) -> None:
    async with opened(service, prefix) as records:
        scans = [await scanned(records, page_size) for page_size in (1, 3, 500)]
    assert scans[0] == scans[1] == scans[2]
    places = [(placed.record.collection, placed.record.id) for placed in scans[0]]
    items = len(TIMES) * (len(THREADS) - 1)
    assert len(places) == len(set(places))
    assert len(places) == len(OWNERS) * (len(THREADS) + items + len(ATTACHMENTS))
    assert len({placed.position for placed in scans[0]}) == len(places)


async def test_threads_come_before_their_items(service: Service, prefix: str) -> None:
    async with opened(service, prefix) as records:
        seen: set[tuple[Collection, str]] = set()
        for _, record in await scanned(records, 3):
            if record.collection.kind is Kind.ITEM:
                assert (record.collection.threads, record.collection.parent) in seen
            seen.add((record.collection, record.id))


async def test_times_are_exact(service: Service, prefix: str) -> None:
    async with opened(service, prefix) as records:
        times = {
            record.id: record.created_us
            for _, record in await scanned(records, 500)
            if record.collection == Collection("alice", Kind.ITEM, "z")
        }
    assert {id: EPOCH + timedelta(microseconds=us) for id, us in times.items()} == {
        f"{9 - n}": at for n, at in enumerate(TIMES)
    }


async def test_a_scan_goes_on_from_any_position_in_a_new_object(
    service: Service, prefix: str
) -> None:
    async with opened(service, prefix) as records:
        whole = await scanned(records, 7)
    async with raw_client(service) as client:
        for n, placed in enumerate(whole):
            another = RedisRecords(
                Connection(client, expiring=False, timeout=30), Keys(prefix), 0, None
            )
            await another.open()
            assert await another.scan(placed.position, 500) == whole[n + 1 :]
            await another.close()


async def test_a_scan_goes_on_after_a_record_that_is_gone(service: Service, prefix: str) -> None:
    async with opened(service, prefix) as records:
        whole = await scanned(records, 500)
        items = Collection("bob", Kind.ITEM, "y")
        of_thread = [placed for placed in whole if placed.record.collection == items]
        seen = whole.index(of_thread[2])
        await records.remove(items.threads, [items.parent])
        rest = [placed for placed in whole[seen + 1 :] if placed not in of_thread]
        assert await scanned(records, 2, of_thread[2].position) == rest


async def test_a_scan_sees_owners_who_came_after_its_end(service: Service, prefix: str) -> None:
    async with opened(service, prefix) as records:
        whole = await scanned(records, 500)
        assert await records.scan(whole[-1].position, 5) == []
        last = whole[-1].record
        new = last._replace(collection=Collection("😀", Kind.ATTACHMENT), id="new")
        await records.write(new)
        assert [one.record.id for one in await records.scan(whole[-1].position, 5)] == ["new"]


async def test_a_scan_of_nothing_is_empty(service: Service) -> None:
    async with opened(service, new_prefix()) as records:
        assert await records.scan(None, 500) == []


@pytest.mark.parametrize("page_size", [1, 500])
async def test_a_copy_under_another_prefix_has_the_same_pages(
    service: Service, prefix: str, page_size: int
) -> None:
    other = new_prefix()
    originals, copies = (
        RecordStore[Any](unopened(service, where), owner=user_of) for where in (prefix, other)
    )
    async with originals, copies:
        for _ in range(2):  # the second one finds all there already
            result = await copy(originals, copies, page_size=page_size)
            assert result.ok, result
        async with opened(service, prefix) as source, opened(service, other) as target:
            assert [one.record for one in await scanned(target, 500)] == [
                one.record for one in await scanned(source, 500)
            ]
        for owner in OWNERS:
            for order in ("asc", "desc"):
                await have_equal_pages(originals, copies, order, {"user_id": owner})


async def have_equal_pages(
    originals: RecordStore[Any], copies: RecordStore[Any], order: str, context: Any
) -> None:
    threads = [await store.load_threads(9, None, order, context) for store in (originals, copies)]
    assert threads[0] == threads[1]
    for one in threads[0].data:
        items = [
            await store.load_thread_items(one.id, None, 9, order, context)
            for store in (originals, copies)
        ]
        assert items[0] == items[1]
    if threads[0].data:
        for attachment in ATTACHMENTS:
            loaded = [
                await store.load_attachment(attachment.id, context) for store in (originals, copies)
            ]
            assert loaded[0] == loaded[1]
