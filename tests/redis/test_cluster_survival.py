"""What the store makes of a cluster whose nodes forget their scripts, go away or hang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatkit.store import StoreUnavailableError
from chatkit.types import ThreadMetadata
from chatkit_redis import RedisStore
from services.redis import fail_over
from services.redis import redis_cluster as own_cluster
from services.service import Service
from support.endless_writers import EndlessWriters
from support.record_samples import thread
from support.redis_raw import raw_client
from support.redis_target import open_store

OWNERS = [{"user_id": f"owner {n}"} for n in range(12)]
"""Enough for each of three nodes to have some."""

WAIT_S = 30.0


@pytest.fixture
def cluster() -> Iterator[Service]:
    with own_cluster() as cluster:
        yield cluster


async def load_all(store: RedisStore[Any]) -> list[ThreadMetadata | BaseException]:
    calls = (store.load_thread("t", owner) for owner in OWNERS)
    return await asyncio.gather(*calls, return_exceptions=True)


async def until_all_can_write(store: RedisStore[Any]) -> None:
    """A cluster takes some time to find that a node is back."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            await asyncio.gather(*(store.save_thread(thread(), owner) for owner in OWNERS))
        except StoreUnavailableError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


async def all_are_there(store: RedisStore[Any]) -> bool:
    """As soon as redis-py, which closes some connections late, lets every call through."""
    deadline = time.monotonic() + WAIT_S
    while True:
        results = await load_all(store)
        if not any(isinstance(one, StoreUnavailableError) for one in results):
            return results == [thread()] * len(OWNERS)
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_no_call_notices_that_the_nodes_forget_their_scripts(cluster: Service) -> None:
    async with open_store(cluster.url) as store, raw_client(cluster) as client:
        await store.save_thread(thread(), OWNERS[0])
        async with EndlessWriters(store, OWNERS[0]) as writers:
            for _ in range(20):
                await client.script_flush()
                await writers.more(20)
        assert writers.failures == []
        await writers.check()


async def test_other_nodes_serve_while_one_is_away_and_it_serves_again_afterwards(
    cluster: Service,
) -> None:
    async with open_store(cluster.url, timeout=5) as store:
        await until_all_can_write(store)
        cluster.servers[0].kill()  # the one that the URL names
        results = await load_all(store)
        assert thread() in results
        failures = [one for one in results if one != thread()]
        assert failures
        assert all(isinstance(one, StoreUnavailableError) for one in failures)
        await asyncio.to_thread(cluster.servers[0].start)
        await until_all_can_write(store)
        assert await all_are_there(store)


async def test_no_write_that_returned_is_lost_when_replicas_take_over_by_order() -> None:
    with own_cluster(replicas=True) as cluster:
        async with open_store(cluster.url, timeout=10) as store:
            await store.save_thread(thread(), OWNERS[0])
            async with EndlessWriters(store, OWNERS[0]) as writers:
                await writers.more(100)
                await asyncio.to_thread(fail_over, cluster)
                await writers.more(100)  # by masters that have never had the scripts
            await writers.check()


async def test_a_replica_serves_what_its_master_had_when_that_is_killed() -> None:
    with own_cluster(replicas=True) as cluster:
        async with open_store(cluster.url, timeout=5) as store:
            await until_all_can_write(store)
            async with raw_client(cluster) as client:
                await client.execute_command("WAIT", 1, 0, target_nodes=client.PRIMARIES)
            cluster.servers[0].kill()  # the one that the URL names
            await until_all_can_write(store)
            assert await all_are_there(store)


async def test_a_hung_cluster_is_told_in_time_and_used_again_afterwards(cluster: Service) -> None:
    async with open_store(cluster.url, timeout=1) as store:
        await until_all_can_write(store)
        cluster.pause()
        began = time.monotonic()
        results = await load_all(store)
        took = time.monotonic() - began
        cluster.resume()
        for error in results:
            assert isinstance(error, StoreUnavailableError)
            assert error.__cause__ is not None
        assert took < 3
        await until_all_can_write(store)
        assert await all_are_there(store)
