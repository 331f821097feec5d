"""What a Redis store refuses when it is built, and that building one asks no server."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import redis
from redis.asyncio import Redis, RedisCluster

from chatkit.owners import SINGLE_OWNER
from chatkit_redis import RedisStore

AnyRedis: Any = Redis  # what it takes is untyped
CLIENT = AnyRedis()
URL = "redis://localhost:6379"


def builds(**settings: Any) -> list[Callable[[], Any]]:
    """Both ways to build a store with these settings."""
    settings = {"owner": SINGLE_OWNER, **settings}
    return [partial(RedisStore, CLIENT, **settings), partial(RedisStore.from_url, URL, **settings)]


async def async_owner(context: dict[str, str]) -> str:
    return context["user"]


@pytest.mark.parametrize("owner", [None, "alice", 7])
def test_an_owner_that_is_no_function_is_refused(owner: Any) -> None:
    for build in builds(owner=owner):
        with pytest.raises(TypeError, match="owner= must be a function") as raised:
            build()
        assert repr(owner) in str(raised.value)


def test_an_asynchronous_owner_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"synchronous function, got .*async_owner"):
        RedisStore(CLIENT, owner=async_owner)  # type: ignore[arg-type]


def test_an_owner_must_be_given() -> None:
    with pytest.raises(TypeError, match="owner"):
        RedisStore(CLIENT)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="owner"):
        RedisStore.from_url(URL)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("client", "named"),
    [
        (redis.Redis.from_url(URL), "<class 'redis.client.Redis'>"),
        (URL, "<class 'str'>"),
        (None, "<class 'NoneType'>"),
    ],
    ids=["a synchronous client", "a URL", "None"],
)
def test_what_is_no_asynchronous_client_is_refused(client: Any, named: str) -> None:
    with pytest.raises(TypeError, match=r"redis\.asyncio\.Redis.*from_url") as raised:
        RedisStore(client, owner=SINGLE_OWNER)
    assert str(raised.value).endswith(f"got {named}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("prefix", text)
            for text in ("", "a b", "chat*", "a{b}", "é", "a\n", "[ab]", "a/b", "?")
        ),
        *(("timeout", seconds) for seconds in (0, -1, float("inf"), float("nan"))),
        *(("retention", seconds) for seconds in (0, -1, 0.0009, 1e99, float("inf"), float("nan"))),
        ("retention", timedelta(0)),
        ("retention", timedelta(days=-1)),
        ("retention", timedelta(days=36_501)),
        *(("max_record_bytes", size) for size in (0, -1, 256 * 1024 * 1024 + 1)),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name_and_value(name: str, value: Any) -> None:
    for build in builds(**{name: value}):
        with pytest.raises(ValueError, match=rf"^{name}= must be ") as raised:
            build()
        assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"prefix": "A-z_0.9:x"},
        {"retention": 0.001},
        {"retention": timedelta(days=36_500)},
        {"timeout": 0.001},
        {"max_record_bytes": 1},
        {"max_record_bytes": 256 * 1024 * 1024},
    ],
    ids=str,
)
def test_a_setting_at_the_end_of_its_range_is_taken(settings: dict[str, Any]) -> None:
    for build in builds(**settings):
        build()


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="ttl"):
        RedisStore.from_url(URL, owner=SINGLE_OWNER, ttl=60)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/",
        "redis://localhost:6379/15",
        "redis://user:p%40ss@[::1]:6379/0",
        "rediss://:p%2Fw@localhost?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=1",
        "redis://localhost?socket_timeout=1.5&client_name=chat",
    ],
)
def test_a_url_of_each_form_is_taken(url: str) -> None:
    RedisStore.from_url(url, owner=SINGLE_OWNER)


async def test_building_a_store_connects_to_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for store in (
            RedisStore.from_url(f"redis://127.0.0.1:{port}", owner=SINGLE_OWNER),
            RedisStore(AnyRedis(port=port), owner=SINGLE_OWNER),
            RedisStore(RedisCluster("127.0.0.1", port), owner=SINGLE_OWNER),
        ):
            assert select.select([listener], [], [], 0)[0] == []
            await store.aclose()
        assert select.select([listener], [], [], 0)[0] == []
