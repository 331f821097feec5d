"""The store warns, once for each opening, of a server that may delete its keys."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from redis.asyncio import RedisCluster

from chatkit.owners import SINGLE_OWNER
from chatkit_redis import RedisStore
from services.redis import redis_server as own_redis_server
from services.service import Service
from support.record_samples import thread


@pytest.fixture(scope="module")
def server(redis_server: Service) -> Iterator[Service]:
    """One whose settings may change; its memory is limited."""
    with own_redis_server("--maxmemory", "100mb") as server:
        yield server


@pytest.fixture
def admin(server: Service) -> Iterator[Any]:
    with closing(redis.Redis.from_url(server.url)) as client:
        yield client


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def open_and_use(url: str, **settings: Any) -> None:
    async with RedisStore.from_url(url, owner=SINGLE_OWNER, **settings) as store:
        await store.save_thread(thread(), None)
        await store.load_threads(5, None, "asc", None)


def warnings_in(log: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in log.records
        if record.name == "chatkit.redis" and record.levelno >= logging.WARNING
    ]


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_it_warns_where_any_key_may_be_evicted(
    server: Service, admin: Any, log: pytest.LogCaptureFixture, policy: str
) -> None:
    admin.config_set("maxmemory-policy", policy)
    await open_and_use(server.url)
    [warning] = warnings_in(log)
    assert warning.startswith(f"Redis at 127.0.0.1:{server.port} deletes keys")
    assert f"maxmemory-policy {policy}" in warning
    assert warning.endswith("set maxmemory-policy noeviction")
    await open_and_use(server.url)
    assert warnings_in(log) == [warning] * 2


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-ttl"])
async def test_it_warns_of_the_eviction_of_expiring_keys_only_if_its_keys_expire(
    server: Service, admin: Any, log: pytest.LogCaptureFixture, policy: str
) -> None:
    admin.config_set("maxmemory-policy", policy)
    await open_and_use(server.url)
    assert warnings_in(log) == []
    await open_and_use(server.url, retention=3600)
    [warning] = warnings_in(log)
    assert f"maxmemory-policy {policy}" in warning


async def test_it_is_silent_where_nothing_is_evicted(
    server: Service, admin: Any, log: pytest.LogCaptureFixture
) -> None:
    admin.config_set("maxmemory-policy", "noeviction")
    await open_and_use(server.url, retention=3600)
    admin.config_set("maxmemory-policy", "allkeys-lru")
    admin.config_set("maxmemory", 0)  # without a limit, whatever the policy
    try:
        await open_and_use(server.url, retention=3600)
    finally:
        admin.config_set("maxmemory", "100mb")
    assert warnings_in(log) == []


async def test_a_user_who_may_not_ask_for_the_policy_can_use_the_store(
    server: Service, admin: Any, log: pytest.LogCaptureFixture
) -> None:
    admin.config_set("maxmemory-policy", "allkeys-lru")
    admin.execute_command("ACL", "SETUSER", "mute", "on", ">s3cret", "~*", "+@all", "-info")
    await open_and_use(f"redis://mute:s3cret@127.0.0.1:{server.port}")
    assert warnings_in(log) == []


async def test_one_node_of_a_cluster_that_evicts_is_enough(
    redis_cluster: Service, log: pytest.LogCaptureFixture
) -> None:
    with closing(redis.Redis(port=redis_cluster.servers[-1].recipe.port)) as admin:
        admin.config_set("maxmemory", "100mb")
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            await open_and_use(redis_cluster.url)
            async with RedisCluster.from_url(redis_cluster.url) as client:
                await RedisStore(client, owner=SINGLE_OWNER).load_threads(5, None, "asc", None)
        finally:
            admin.config_set("maxmemory", 0)
            admin.config_set("maxmemory-policy", "noeviction")
    theirs, ours = warnings_in(log)
    assert "maxmemory-policy allkeys-lru" in theirs
    assert ours.startswith("Redis cluster at 127.0.0.1:")
