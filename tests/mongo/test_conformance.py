"""``MongoStore`` keeps the whole contract: both drivers, a standalone server and a replica set."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from chatkit_conformance import StoreConformance, Target
from services.proxy import Proxy
from services.service import Service
from support import mongo_target
from support.mongo_target import CAPABILITIES, TIMEOUT


@pytest.mark.timeout(400)  # the suite's own limits are shorter, and tell more
class MongoConformance(StoreConformance):
    capabilities = CAPABILITIES
    quick = bool(os.environ.get("CHATKIT_TEST_QUICK"))
    driver = "url"

    @pytest.fixture
    def service(self, mongo_server: Service) -> Service:
        return mongo_server

    @pytest.fixture
    def proxy(self, service: Service) -> Iterator[Proxy]:
        with Proxy(service.port) as proxy:
            yield proxy

    @pytest.fixture
    def url(self, service: Service, proxy: Proxy) -> str:
        """Through the proxy, and only there: a replica set would name its own addresses."""
        direct = service.url.replace("replicaSet=rs0", "directConnection=true")
        return proxy.url_of(direct)

    @pytest.fixture
    def open_store(self, url: str) -> Callable[[], Any]:
        return lambda: mongo_target.open_store(url, self.driver, timeout=TIMEOUT)

    @pytest.fixture
    def target(self, url: str) -> Target:
        return mongo_target.target(url, self.driver)

    @pytest.fixture
    def outage(self, proxy: Proxy) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        outages = 0

        @contextmanager
        def away() -> Generator[None]:
            nonlocal outages
            outages += 1
            proxy.down()
            yield
            proxy.up()

        yield away
        if outages:
            gc.collect()  # of sockets that the driver forgot: no other test is to find them


class TestUrl(MongoConformance):
    """A store that makes its own client, PyMongo's."""


class TestMotor(MongoConformance):
    driver = "motor"


class TestReplicaSet(MongoConformance):
    """PyMongo's database, lent."""

    driver = "pymongo"

    @pytest.fixture
    def service(self, mongo_replica_set: Service) -> Service:
        return mongo_replica_set


class TestMotorOnAReplicaSet(TestReplicaSet):
    driver = "motor"
