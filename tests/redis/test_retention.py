"""Retention: idle threads go whole, and only they."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chatkit.store import NotFoundError
from chatkit.types import Page
from chatkit_redis import RedisStore
from services.service import Service
from support.record_samples import attachments_of_every_kind, item, thread
from support.redis_target import open_store

ALICE = {"user_id": "alice"}
BOB = {"user_id": "bob"}

SHORT = 0.5  # some tests write to a thread again before that
LONG = 3600.0

WAIT_S = 20.0

OpenStore = Callable[[float | None], RedisStore[Any]]


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture
async def client(redis_server: Service) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
async def keeping(redis_server: Service, prefix: str) -> AsyncIterator[OpenStore]:
    """Opens a store with a retention, over the same data each time."""
    stores: list[RedisStore[Any]] = []

    def keeping(retention: float | None) -> RedisStore[Any]:
        store = open_store(redis_server.url, prefix=prefix, retention=retention)
        stores.append(store)
        return store

    yield keeping
    for store in stores:
        await store.aclose()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until it is so."""
    deadline = time.monotonic() + WAIT_S
    while not await happened():
        assert time.monotonic() < deadline, f"nothing happened within {WAIT_S} s"
        await asyncio.sleep(0.01)


async def until_gone(store: RedisStore[Any], *ids: str) -> None:
    async def gone() -> bool:
        return not set(ids) & set(await thread_ids(store))

    await until(gone)


async def thread_ids(store: RedisStore[Any], context: Any = ALICE) -> list[str]:
    page = await store.load_threads(100, None, "asc", context)
    return [one.id for one in page.data]


async def item_ids(store: RedisStore[Any], thread_id: str, context: Any = ALICE) -> list[str]:
    page = await store.load_thread_items(thread_id, None, 100, "asc", context)
    return [one.id for one in page.data]


async def save(store: RedisStore[Any], *ids: str, context: Any = ALICE) -> None:
    """Save threads with one item each, ``i``."""
    for id in ids:
        await store.save_thread(thread(id), context)
        await store.add_thread_item(id, item("i", thread_id=id), context)


async def deadlines(client: Redis, prefix: str) -> set[bool]:
    """Whether keys expire by themselves: of all keys under the prefix, what is found."""
    found: set[bool] = set()
    async for key in client.scan_iter(f"{prefix}:*"):
        found.add(await client.pttl(key) >= 0)
    return found


async def test_an_idle_thread_goes_whole_and_with_all_its_lists(keeping: OpenStore) -> None:
    store = keeping(SHORT)
    await save(store, "t")
    await until_gone(store, "t")
    for load in (store.load_thread("t", ALICE), store.load_item("t", "i", ALICE)):
        with pytest.raises(NotFoundError):
            await load
    with pytest.raises(NotFoundError, match="thread"):
        await store.add_thread_item("t", item("j"), ALICE)
    with pytest.raises(NotFoundError):
        await store.update_thread("t", {"title": "late"}, ALICE)
    assert await store.load_thread_items("t", None, 5, "asc", ALICE) == Page()
    await store.save_thread(thread("t"), ALICE)
    assert await item_ids(store, "t") == []  # a new thread has nothing of the old one


async def test_a_thread_and_its_items_are_always_seen_together(keeping: OpenStore) -> None:
    store = keeping(SHORT)
    await save(keeping(LONG), "busy")  # so that the list of threads stays
    await save(store, "t")

    async def gone() -> bool:
        """Items first: none are missing from a thread that is there even later."""
        items = await item_ids(store, "t")
        there = "t" in await thread_ids(store)
        assert items or not there
        return not there

    await until(gone)


async def test_whatever_is_written_keeps_its_thread(keeping: OpenStore) -> None:
    short, long = keeping(SHORT), keeping(LONG)
    writes: dict[str, Callable[[str], Awaitable[Any]]] = {
        "item saved": lambda t: long.save_item(t, item("i", content="new"), ALICE),
        "item added": lambda t: long.add_thread_item(t, item("j"), ALICE),
        "item deleted": lambda t: long.delete_thread_item(t, "none", ALICE),
        "items deleted": lambda t: long.delete_thread_items(t, ["none"], ALICE),
        "later items deleted": lambda t: long.delete_items_after(t, "i", ALICE),
        "thread updated": lambda t: long.update_thread(t, {"title": "new"}, ALICE),
        "thread saved": lambda t: long.save_thread(thread(t), ALICE),
    }
    for id, write in writes.items():
        await save(short, id)
        await write(id)
    await save(short, "idle")
    await until_gone(long, "idle")
    assert await thread_ids(long) == list(writes)
    for id in writes:
        assert (await long.load_item(id, "i", ALICE)).id == "i"


async def test_reading_keeps_nothing(keeping: OpenStore) -> None:
    store = keeping(SHORT)
    await save(store, "t")
    await until_gone(store, "t")  # which reads all the while


async def test_other_owners_and_busy_threads_stay(keeping: OpenStore) -> None:
    short, long = keeping(SHORT), keeping(LONG)
    await save(long, "busy")
    await save(long, "t", context=BOB)
    await save(short, "idle")
    await until_gone(long, "idle")
    assert await thread_ids(long) == ["busy"]
    assert await item_ids(long, "busy") == ["i"]
    assert await thread_ids(long, BOB) == ["t"]
    assert await item_ids(long, "t", BOB) == ["i"]


async def test_nothing_remains_of_an_owner_who_went_idle(
    keeping: OpenStore, client: Redis, prefix: str
) -> None:
    store = keeping(SHORT)
    await save(store, "t", "u")
    await store.save_attachment(attachments_of_every_kind()[0], ALICE)
    await save(keeping(None), "t", context=BOB)

    async def only_bob_has_keys() -> bool:
        # No call of the store comes in between: the server does it alone.
        return not [key async for key in client.scan_iter(f"{prefix}:*{{alice}}*")]

    assert not await only_bob_has_keys()
    await until(only_bob_has_keys)
    assert await item_ids(store, "t", BOB) == ["i"]


async def test_attachments_stay_while_their_owner_writes_anything(keeping: OpenStore) -> None:
    store = keeping(SHORT)
    attachment = attachments_of_every_kind()[0]
    await store.save_attachment(attachment, ALICE)
    await save(keeping(LONG), "busy")
    await save(store, "idle")
    await until_gone(store, "idle")
    assert await store.load_attachment(attachment.id, ALICE) == attachment


async def test_retention_that_is_switched_on_counts_from_the_owners_next_write(
    keeping: OpenStore, client: Redis, prefix: str
) -> None:
    for_ever, store = keeping(None), keeping(SHORT)
    await save(for_ever, "t", "u")
    assert await thread_ids(store) == ["t", "u"]
    assert await deadlines(client, prefix) == {False}
    await store.save_item("t", item("i"), ALICE)
    assert await deadlines(client, prefix) == {True}
    await until_gone(store, "t", "u")
    assert await item_ids(store, "u") == []


async def test_a_longer_retention_counts_from_the_threads_next_write(keeping: OpenStore) -> None:
    short, long = keeping(SHORT), keeping(LONG)
    await save(short, "t", "u")
    await long.update_thread("t", {"title": "new"}, ALICE)
    await until_gone(long, "u")
    assert await thread_ids(long) == ["t"]
    assert await item_ids(long, "t") == ["i"]


async def test_a_shorter_retention_counts_from_the_threads_next_write(
    keeping: OpenStore, client: Redis, prefix: str
) -> None:
    short, long = keeping(SHORT), keeping(LONG)
    await save(long, "t", "u")
    await short.update_thread("t", {"title": "new"}, ALICE)
    await until_gone(short, "t")
    assert await thread_ids(short) == ["u"]
    assert await item_ids(short, "u") == ["i"]
    async for key in client.scan_iter(f"{prefix}:*"):
        assert await client.pttl(key) > LONG * 1000 / 2


async def test_retention_that_is_switched_off_lets_every_thread_stay_that_is_written(
    keeping: OpenStore, client: Redis, prefix: str
) -> None:
    short, for_ever = keeping(SHORT), keeping(None)
    await save(short, "t", "u", "idle")
    for id in ("t", "u"):
        await for_ever.save_item(id, item("i"), ALICE)
    await until_gone(for_ever, "idle")
    assert await thread_ids(for_ever) == ["t", "u"]
    assert [await item_ids(for_ever, id) for id in ("t", "u")] == [["i"], ["i"]]

    async def all_keys_stay() -> bool:
        return await deadlines(client, prefix) == {False}

    await until(all_keys_stay)
