"""A Redis store works on whatever client or URL it is given, and closes only what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis
from redis.asyncio import Redis, RedisCluster

from chatkit.store import NotFoundError, StoreUnavailableError
from chatkit_redis import RedisStore
from chatkit_redis.client import AnyClient, Connection
from chatkit_redis.keys import Keys
from chatkit_redis.store import RedisRecords
from services.redis import redis_server as own_redis_server
from services.service import Service
from support.record_samples import HOSTILE_TEXTS, NOON, item, items_of_every_kind, reloaded, thread

COUNT = 40
"""Concurrent calls, and owners: enough that some are on each node of a cluster."""


def user_of(context: dict[str, str]) -> str:
    return context["user"]


async def assert_works(store: RedisStore[Any]) -> None:
    """An owner's records come back as they were, page by page, and go."""
    context = {"user": f"{HOSTILE_TEXTS[0]} {uuid4()}"}
    await store.save_thread(thread(title=HOSTILE_TEXTS[1]), context)
    items = items_of_every_kind()
    for one in items:
        await store.add_thread_item("t", one, context)
    assert [await store.load_item("t", one.id, context) for one in items] == [
        reloaded(one) for one in items
    ]
    page = await store.load_thread_items("t", items[0].id, 3, "asc", context)
    assert [one.id for one in page.data] == [one.id for one in items[1:4]]
    await store.delete_thread_items("t", [one.id for one in items[1:]], context)
    assert [one.id for one in await all_items(store, context)] == [items[0].id]
    await store.delete_thread("t", context)
    with pytest.raises(NotFoundError):
        await store.load_item("t", items[0].id, context)


async def all_items(store: RedisStore[Any], context: dict[str, str]) -> list[Any]:
    return (await store.load_thread_items("t", None, 1000, "asc", context)).data


async def assert_many_owners_at_once_work(store: RedisStore[Any]) -> None:
    async def use(n: int) -> None:
        context = {"user": f"owner {n}"}
        await store.save_thread(thread(), context)
        await store.add_thread_item("t", item(f"i{n}"), context)
        assert await all_items(store, context) == [item(f"i{n}")]

    await asyncio.gather(*(use(n) for n in range(COUNT)))


async def assert_a_scan_finds_all_owners(client: AnyClient) -> None:
    records = RedisRecords(Connection(client, expiring=False, timeout=30), Keys("chatkit"), 0, None)
    await records.open()
    found = await records.scan(None, 100_000)
    assert {f"owner {n}" for n in range(COUNT)} <= {each.record.collection.owner for each in found}


CLIENTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "decoding": {"decode_responses": True},
    "RESP2": {"protocol": 2},
    "RESP3": {"protocol": 3},
    "RESP3, decoding": {"protocol": 3, "decode_responses": True},
    "Latin-1": {"encoding": "latin-1", "decode_responses": True},
    "UTF-16": {"encoding": "utf-16"},
    "two connections": {"max_connections": 2},
}


@pytest.mark.parametrize("options", CLIENTS.values(), ids=CLIENTS)
async def test_any_client_works(redis_server: Service, options: dict[str, Any]) -> None:
    async with (
        client_of(redis_server, **options) as client,
        RedisStore(client, owner=user_of) as store,
    ):
        await assert_works(store)
        await assert_many_owners_at_once_work(store)
        await assert_a_scan_finds_all_owners(client)


async def test_a_pool_that_waits_for_a_connection_works(redis_server: Service) -> None:
    from redis.asyncio import BlockingConnectionPool

    pool: Any = BlockingConnectionPool.from_url(redis_server.url, max_connections=1)
    async with Redis.from_pool(pool) as client, RedisStore(client, owner=user_of) as store:
        await assert_works(store)
        await assert_many_owners_at_once_work(store)


@pytest.mark.parametrize(
    "options",
    [{}, {"decode_responses": True}, {"protocol": 2}, {"protocol": 3}, {"max_connections": 2}],
    ids=str,
)
async def test_any_cluster_client_works(redis_cluster: Service, options: dict[str, Any]) -> None:
    async with (
        RedisCluster("127.0.0.1", redis_cluster.port, **options) as client,
        RedisStore(client, owner=user_of) as store,
    ):
        await assert_works(store)
        await assert_many_owners_at_once_work(store)
        await assert_a_scan_finds_all_owners(client)


async def test_the_url_of_any_node_finds_the_cluster(redis_cluster: Service) -> None:
    for server in redis_cluster.servers:
        url = f"redis://127.0.0.1:{server.recipe.port}"
        async with RedisStore.from_url(url, owner=user_of) as store:
            await assert_works(store)
            await assert_many_owners_at_once_work(store)


async def test_a_client_of_one_node_of_a_cluster_is_told_so(redis_cluster: Service) -> None:
    async with (
        client_of(redis_cluster) as client,
        RedisStore(client, owner=user_of) as store,
    ):
        calls = [store.save_thread(thread(), {"user": f"owner {n}"}) for n in range(COUNT)]
        told = [each for each in await asyncio.gather(*calls, return_exceptions=True) if each]
        assert told
        for error in told:
            assert isinstance(error, StoreUnavailableError)
            assert "node of a cluster: give the store a RedisCluster, or a URL" in str(error)


async def test_a_database_of_another_number_is_another_store(redis_server: Service) -> None:
    url = urlsplit(redis_server.url)._replace(path="/7").geturl()
    async with (
        RedisStore.from_url(url, owner=user_of) as seventh,
        RedisStore.from_url(redis_server.url, owner=user_of) as first,
    ):
        await assert_works(seventh)
        await seventh.save_thread(thread("only in 7"), {"user": "seven"})
        with pytest.raises(NotFoundError):
            await first.load_thread("only in 7", {"user": "seven"})


async def test_a_url_of_a_unix_socket_works(redis_server: Service, tmp_path: Path) -> None:
    if redis_server.how != "process":
        pytest.skip(f"the socket must be on this machine, and Redis runs as: {redis_server.how}")
    path = tmp_path / "redis.sock"
    with own_redis_server("--unixsocket", str(path)):
        async with RedisStore.from_url(f"unix://{path}", owner=user_of) as store:
            await assert_works(store)
        with pytest.raises(StoreUnavailableError, match=f"^Redis at {path}x: "):
            await RedisStore.from_url(f"unix://{path}x", owner=user_of).load_thread(
                "t", {"user": "a"}
            )


# --- whose client it is --------------------------------------------------------------------------


@pytest.fixture
def admin(redis_server: Service) -> Iterator[Any]:
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        yield client


def names(admin: Any) -> list[str]:
    return [client["name"] for client in admin.client_list()]


async def test_a_client_that_was_passed_in_stays_open(redis_server: Service, admin: Any) -> None:
    async with client_of(redis_server, client_name="mine", max_connections=1) as client:
        before = await client.client_id()
        async with RedisStore(client, owner=user_of) as store:
            await assert_works(store)
        assert names(admin).count("mine") == 1
        assert await client.client_id() == before


async def test_a_client_of_the_stores_own_is_closed_with_it(
    redis_server: Service, admin: Any
) -> None:
    store = RedisStore.from_url(f"{redis_server.url}?client_name=its-own", owner=user_of)
    await asyncio.gather(*(store.save_thread(thread(), {"user": f"{n}"}) for n in range(9)))
    assert names(admin).count("its-own") > 1
    await store.aclose()
    assert await eventually_none(admin, "its-own")


async def eventually_none(admin: Any, name: str) -> bool:
    """Whether the server comes to know that the connections are closed."""
    for _ in range(1000):
        if name not in names(admin):
            return True
        await asyncio.sleep(0.005)
    return False


async def test_two_stores_may_share_a_client(redis_server: Service) -> None:
    async with client_of(redis_server) as client:
        one = RedisStore(client, owner=user_of, prefix="one")
        two = RedisStore(client, owner=user_of, prefix="two")
        await one.save_thread(thread(at=NOON), {"user": "a"})
        await one.aclose()
        await assert_works(two)
        with pytest.raises(NotFoundError):
            await two.load_thread("t", {"user": "a"})
        await two.aclose()


def client_of(service: Service, **options: Any) -> Redis:
    driver: Any = Redis
    client: Redis = driver.from_url(service.url, **options)
    return client
