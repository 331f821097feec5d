"""What the store makes of servers that are killed, hang, forget their scripts or cut the line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from chatkit.store import NotFoundError, StoreUnavailableError, walk_items
from chatkit_redis import RedisStore
from services.proxy import Proxy
from services.redis import redis_server as own_server
from services.service import Service
from support.endless_writers import EndlessWriters
from support.record_samples import item, thread
from support.redis_target import open_store

ALICE = {"user_id": "alice"}


@pytest.fixture
def server() -> Iterator[Service]:
    """A server that may be hurt; it forgets everything when it is killed."""
    with own_server() as server:
        yield server


async def item_ids(store: RedisStore[Any]) -> list[str]:
    return [one.id async for one in walk_items(store, "t", ALICE, order="asc")]


async def test_no_write_that_returned_is_lost_when_the_server_is_killed() -> None:
    with own_server("--appendonly", "yes", "--appendfsync", "always") as server:
        async with open_store(server.url, timeout=5) as store:
            await store.save_thread(thread(), ALICE)
            async with EndlessWriters(store, ALICE) as writers:
                for _ in range(4):
                    await writers.more(100)
                    server.kill()
                    await asyncio.to_thread(server.start)
                await writers.more(100)
            assert writers.failures
            await writers.check()


async def test_a_server_that_starts_again_without_scripts_or_data_is_used_at_once(
    server: Service,
) -> None:
    async with open_store(server.url, timeout=5) as store:
        await store.save_thread(thread(), ALICE)
        await store.add_thread_item("t", item("i"), ALICE)
        server.kill()
        server.start()
        with pytest.raises(NotFoundError):
            await store.load_thread("t", ALICE)
        await store.save_thread(thread(), ALICE)
        await store.add_thread_item("t", item("j"), ALICE)
        assert await item_ids(store) == ["j"]


async def test_no_call_notices_that_the_server_forgets_its_scripts(server: Service) -> None:
    async with open_store(server.url) as store, Redis.from_url(server.url) as client:
        await store.save_thread(thread(), ALICE)

        async def add_and_page(task: int) -> None:
            for n in range(10):
                await store.add_thread_item("t", item(f"{task}.{n}"), ALICE)
                page = await store.load_thread_items("t", f"{task}.{n}", 5, "desc", ALICE)
                assert f"{task}.{n}" not in [one.id for one in page.data]

        async def flush_scripts() -> None:
            while not added.is_set():
                await client.script_flush()

        added = asyncio.Event()
        flushing = asyncio.ensure_future(flush_scripts())
        await asyncio.gather(*(add_and_page(task) for task in range(32)))
        added.set()
        await flushing
        assert sorted(await item_ids(store)) == sorted(
            f"{task}.{n}" for task in range(32) for n in range(10)
        )


async def test_connections_that_are_cut_cost_at_most_the_calls_on_them(server: Service) -> None:
    with Proxy(server.port) as proxy:
        async with open_store(proxy.url_of(server.url), timeout=5) as store:
            await store.save_thread(thread(), ALICE)
            async with EndlessWriters(store, ALICE) as writers:
                for _ in range(20):
                    await writers.more(20)
                    proxy.cut()
                await writers.more(20)
            await writers.check()


async def test_a_hung_server_is_told_in_time_and_used_again_afterwards(server: Service) -> None:
    async with open_store(server.url, timeout=1) as store, open_store(server.url, 1) as unopened:
        await store.save_thread(thread(), ALICE)
        for n in range(40):
            await store.add_thread_item("t", item(f"{n}"), ALICE)
        server.pause()
        began = time.monotonic()
        calls = [store.load_item("t", f"{n}", ALICE) for n in range(40)]
        results = await asyncio.gather(
            *calls, unopened.load_thread("t", ALICE), return_exceptions=True
        )
        took = time.monotonic() - began
        server.resume()
        for error in results:
            assert isinstance(error, StoreUnavailableError)
            assert error.__cause__ is not None
        assert took < 3
        # Nobody gets the late answer to another call.
        loaded = await asyncio.gather(*(store.load_item("t", f"{n}", ALICE) for n in range(40)))
        assert [one.id for one in loaded] == [f"{n}" for n in range(40)]
        assert await unopened.load_thread("t", ALICE) == thread()


async def test_a_wrong_password_is_told_without_the_password(server: Service) -> None:
    async with Redis.from_url(server.url) as client:
        await client.acl_setuser(
            "visitor", enabled=True, passwords="+open-sesame", keys=["*"], commands=["+@all"]
        )
    url = server.url.replace("redis://", "redis://visitor:{}@")
    async with open_store(url.format("open-sesame")) as store:
        await store.save_thread(thread(), ALICE)
    store = open_store(url.format("tell-nobody"), timeout=5)
    with pytest.raises(StoreUnavailableError, match="password") as told:
        await store.load_thread("t", ALICE)
    error: BaseException | None = told.value
    while error is not None:
        assert "tell-nobody" not in f"{error!s}{error!r}"
        error = error.__cause__
    await store.aclose()


@pytest.mark.parametrize("retention", [None, 3600])
async def test_a_full_server_refuses_writes_and_keeps_what_it_has(
    server: Service, retention: int | None
) -> None:
    async with open_store(server.url, timeout=5, retention=retention) as store:
        await store.save_thread(thread(title="before"), ALICE)
        for id in ("i", "j"):
            await store.add_thread_item("t", item(id, content="before"), ALICE)
        async with Redis.from_url(server.url) as client:
            await client.config_set("maxmemory", "1")
            for write in (
                store.save_thread(thread(title="after"), ALICE),
                store.update_thread("t", {"title": "after"}, ALICE),
                store.save_item("t", item("i", content="after"), ALICE),
                store.add_thread_item("t", item("k", content="after"), ALICE),
            ):
                with pytest.raises(StoreUnavailableError, match="maxmemory"):
                    await write
            assert await store.load_thread("t", ALICE) == thread(title="before")
            assert await store.load_item("t", "i", ALICE) == item("i", content="before")
            assert await item_ids(store) == ["i", "j"]
            await store.delete_thread_item("t", "j", ALICE)  # how else would there be room again
            await client.config_set("maxmemory", "0")
        await store.add_thread_item("t", item("k", content="after"), ALICE)
        assert await item_ids(store) == ["i", "k"]
