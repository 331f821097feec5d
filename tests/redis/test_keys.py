"""Which keys there are, in which slots, and that none stays behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chatkit_redis import RedisStore
from services.service import Service
from support.record_samples import HOSTILE_TEXTS, NOON, attachments_of_every_kind, item, thread
from support.redis_raw import keys_under, raw_client
from support.redis_target import open_store

ALICE = {"user_id": "alice"}
BOB = {"user_id": "bob"}

STRANGE_OWNERS = [
    *HOSTILE_TEXTS,
    "{", "}", "{}", "}{", "{a}", "a}b", "{a}{b}", "::", ":sequence", "}:sequence", "%", "%7B",
    "\t", "\u200b", "x" * 300, "😀" * 300,
]  # fmt: skip

THREADS = ("t", "u", "a:b{c}:json", "")
ITEMS = ("i", "j", "k")
ATTACHMENT = attachments_of_every_kind()[0]

PLACE = "{:018}{:016}"


@pytest.fixture(params=["redis_server", "redis_cluster"])
def service(request: pytest.FixtureRequest) -> Service:
    service: Service = request.getfixturevalue(request.param)
    return service


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Any]:
    async with raw_client(service) as client:
        yield client


@pytest.fixture
async def store(service: Service, prefix: str) -> AsyncIterator[RedisStore[Any]]:
    async with open_store(service.url, prefix=prefix) as store:
        yield store


async def fill(store: RedisStore[Any], context: Any) -> None:
    for thread_id in THREADS:
        await store.save_thread(thread(thread_id), context)
        for id in ITEMS:
            await store.add_thread_item(thread_id, item(id), context)
    await store.save_attachment(ATTACHMENT, context)


async def delete_threads(store: RedisStore[Any]) -> None:
    for id in THREADS:
        await store.delete_thread(id, ALICE)


async def delete_attachment(store: RedisStore[Any]) -> None:
    await store.delete_attachment(ATTACHMENT.id, ALICE)


async def delete_items_one_by_one(store: RedisStore[Any]) -> None:
    for thread_id in THREADS:
        for id in ITEMS:
            await store.delete_thread_item(thread_id, id, ALICE)


async def delete_items_at_once(store: RedisStore[Any]) -> None:
    for thread_id in THREADS:
        await store.delete_thread_items(thread_id, [*ITEMS, "unknown"], ALICE)


async def delete_items_after_the_first(store: RedisStore[Any]) -> None:
    for thread_id in THREADS:
        await store.delete_items_after(thread_id, ITEMS[0], ALICE)


Deletion = Callable[[RedisStore[Any]], Awaitable[None]]


@pytest.mark.parametrize("retention", [None, 3600])
@pytest.mark.parametrize(
    "deletions",
    [
        (delete_threads, delete_attachment),
        (delete_attachment, delete_threads),
        (delete_items_one_by_one, delete_attachment, delete_threads),
        (delete_attachment, delete_items_at_once, delete_threads),
        (delete_items_after_the_first, delete_threads, delete_attachment),
        (delete_threads, delete_items_at_once, delete_attachment, delete_threads),
    ],
    ids=lambda deletions: "-".join(deletion.__name__ for deletion in deletions),
)
async def test_nothing_stays_of_an_owner_who_deleted_everything(
    service: Service,
    client: Any,
    prefix: str,
    deletions: tuple[Deletion, ...],
    retention: int | None,
) -> None:
    async with open_store(service.url, prefix=prefix, retention=retention) as store:
        await fill(store, BOB)
        of_bob = await keys_under(client, prefix)
        await fill(store, ALICE)
        assert await keys_under(client, prefix) > of_bob
        for deletion in deletions:
            await deletion(store)
        assert await keys_under(client, prefix) == of_bob
        for id in THREADS:
            page = await store.load_thread_items(id, None, 9, "asc", BOB)
            assert [one.id for one in page.data] == list(ITEMS)


async def test_a_thread_takes_the_keys_of_its_items_with_it(
    store: RedisStore[Any], client: Any, prefix: str
) -> None:
    await store.save_thread(thread("stays"), ALICE)
    before = await keys_under(client, prefix)
    await fill(store, ALICE)
    for id in THREADS:
        await store.delete_thread(id, ALICE)
    await store.delete_attachment(ATTACHMENT.id, ALICE)
    assert await keys_under(client, prefix) == before


async def test_deleting_what_never_was_leaves_no_keys(
    service: Service, client: Any, prefix: str
) -> None:
    async with open_store(service.url, prefix=prefix, retention=3600) as store:
        for deletion in (delete_threads, delete_items_at_once, delete_attachment):
            await deletion(store)
    assert await keys_under(client, prefix) == set()


async def test_the_keys_are_those_that_the_readme_lists(
    store: RedisStore[Any], client: Any, prefix: str
) -> None:
    owner = "a b{c}:%é"
    context = {"user_id": owner}
    base = f"{prefix}:1:{{a%20b%7Bc%7D%3A%25%C3%A9}}:"
    epoch_us = 1_715_947_200_123_457  # NOON
    await store.save_thread(thread("t:1"), context)
    await store.add_thread_item("t:1", item("i", thread_id="t:1"), context)
    await store.add_thread_item("t:1", item("h", NOON - timedelta(seconds=1)), context)
    await store.save_item("t:1", item("i", NOON.replace(year=2030), thread_id="t:1"), context)
    await store.save_attachment(ATTACHMENT, context)

    collections = ("threads", "attachments", "items:t:1")
    assert await keys_under(client, prefix) == {f"{base}sequence"} | {
        f"{base}{collection}:{part}"
        for collection in collections
        for part in ("json", "place", "order")
    }
    assert await client.get(f"{base}sequence") == b"4"
    places = {
        "t:1": PLACE.format(epoch_us + 10**17, 1),
        "i": PLACE.format(epoch_us + 10**17, 2),
        "h": PLACE.format(epoch_us - 1_000_000 + 10**17, 3),
    }
    for collection, ids in (("threads", ["t:1"]), ("items:t:1", ["h", "i"])):
        stored = await client.hgetall(f"{base}{collection}:place")
        assert stored == {id.encode(): places[id].encode() for id in ids}
        order = await client.zrange(f"{base}{collection}:order", 0, -1, withscores=True)
        assert [(member, float(score)) for member, score in order] == [
            ((places[id] + id).encode(), 0.0) for id in ids
        ]
        jsons = await client.hgetall(f"{base}{collection}:json")
        assert {json.loads(one)["id"] for one in jsons.values()} == set(ids)
        assert set(jsons) == {id.encode() for id in ids}
    assert json.loads(await client.hget(f"{base}items:t:1:json", "i"))["created_at"].startswith(
        "2030"
    )


async def seconds_at(client: Any) -> int:
    """The server's time; the servers of a cluster on one machine share it."""
    time = await client.time()
    return int((next(iter(time.values())) if isinstance(time, dict) else time)[0])


async def test_a_retention_adds_one_key_with_the_times_when_threads_expire(
    service: Service, client: Any, prefix: str
) -> None:
    async with open_store(service.url, prefix=prefix, retention=3600) as store:
        before = await seconds_at(client)
        await store.save_thread(thread("t"), ALICE)
        after = await seconds_at(client)
    expiry = await client.zrange(f"{prefix}:1:{{alice}}:expiry", 0, -1, withscores=True)
    [(id, score)] = expiry
    assert id == b"t"
    assert before * 1000 + 3_600_000 <= float(score) <= (after + 1) * 1000 + 3_600_000


async def test_threads_that_are_deleted_do_not_stay_among_those_that_expire(
    service: Service, client: Any, prefix: str
) -> None:
    async with open_store(service.url, prefix=prefix, retention=3600) as store:
        for id in ("t", "u"):
            await store.save_thread(thread(id), ALICE)
        await store.delete_thread("t", ALICE)
    assert await client.zrange(f"{prefix}:1:{{alice}}:expiry", 0, -1) == [b"u"]


async def test_all_keys_of_an_owner_are_in_one_slot(redis_cluster: Service, prefix: str) -> None:
    slots: set[int] = set()
    async with (
        open_store(redis_cluster.url, prefix=prefix) as store,
        raw_client(redis_cluster) as client,
    ):
        seen: set[str] = set()
        for owner in STRANGE_OWNERS:
            context = {"user_id": owner}
            await fill(store, context)
            keys = await keys_under(client, prefix) - seen
            seen |= keys
            assert len(keys) == 1 + 3 * (2 + len(THREADS))
            of_owner = {int(await client.cluster_keyslot(key)) for key in keys}
            assert len(of_owner) == 1
            slots |= of_owner
    assert len(slots) > len(STRANGE_OWNERS) / 2  # owners are spread
