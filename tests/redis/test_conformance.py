"""``RedisStore`` keeps the whole contract, on a single server and on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatkit_conformance import Outage, StoreConformance, Target
from services.proxy import Proxy
from services.service import Service
from support import redis_target
from support.redis_target import CAPABILITIES, TIMEOUT, cutting, hanging

QUICK = bool(os.environ.get("CHATKIT_TEST_QUICK"))


@pytest.fixture
def proxy(redis_server: Service) -> Generator[Proxy]:
    with Proxy(urlsplit(redis_server.url).port or 6379) as proxy:
        yield proxy


class TestServer(StoreConformance):
    capabilities = CAPABILITIES
    quick = QUICK

    @pytest.fixture
    def open_store(self, redis_server: Service, proxy: Proxy) -> Callable[[], Any]:
        url = proxy.url_of(redis_server.url)
        return lambda: redis_target.open_store(url, TIMEOUT)

    @pytest.fixture
    def target(self, redis_server: Service) -> Target:
        return redis_target.target(redis_server.url)

    @pytest.fixture
    def outage(self, proxy: Proxy) -> Outage:
        return cutting(proxy)


class TestCluster(StoreConformance):
    capabilities = CAPABILITIES
    quick = QUICK

    @pytest.fixture
    def open_store(self, redis_cluster: Service) -> Callable[[], Any]:
        return lambda: redis_target.open_store(redis_cluster.url, TIMEOUT)

    @pytest.fixture
    def target(self, redis_cluster: Service) -> Target:
        return redis_target.target(redis_cluster.url)

    @pytest.fixture
    def outage(self, redis_cluster: Service) -> Outage:
        return hanging(redis_cluster)
