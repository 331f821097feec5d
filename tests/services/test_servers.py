"""Servers can be killed, started again over their data, and made to hang; the proxy likewise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import redis

from services.fixtures import provided
from services.proxy import Proxy
from services.redis import redis_server as own_redis_server
from services.service import Service


@pytest.fixture
def keeping() -> Iterator[Service]:
    arguments = ("--appendonly", "yes", "--appendfsync", "always")
    with provided("Redis that keeps its data", partial(own_redis_server, *arguments)) as service:
        yield service


def client_of(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.3, socket_connect_timeout=0.3)


def test_a_killed_server_starts_again_over_its_data(keeping: Service) -> None:
    with client_of(keeping.url) as client:
        client.set("key", "value")
        keeping.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        keeping.start()
        assert client.get("key") == b"value"


def test_a_paused_server_hangs_until_it_goes_on(keeping: Service) -> None:
    with client_of(keeping.url) as client:
        client.set("key", "value")
        keeping.pause()
        with pytest.raises(redis.TimeoutError):
            client.get("key")
        keeping.resume()
        assert client.get("key") == b"value"


def test_a_proxy_hands_on_large_answers_and_can_be_away(redis_server: Service) -> None:
    large = b"x" * 5_000_000
    with Proxy(redis_server.port) as proxy, client_of(proxy.url_of(redis_server.url)) as client:
        client.set("large", large)
        assert client.get("large") == large
        proxy.cut()
        assert client.get("large") == large  # over a new connection
        proxy.down()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        proxy.up()
        assert client.ping()
        proxy.stall()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        proxy.flow()
        assert client.ping()
        client.delete("large")
