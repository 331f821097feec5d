"""A replica set of three loses its primary while many write, and the store goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from services import mongo
from services.service import Service
from support.mongo_stores import DRIVERS, Writers, stored_at
from support.record_samples import thread


@pytest.fixture
def replica_set() -> Iterator[Service]:
    with mongo.mongo_replica_set(nodes=3) as service:
        yield service


def primary_port(service: Service) -> int:
    with MongoClient[dict[str, object]](service.url) as client:
        client.admin.command("ping")
        assert client.primary is not None
        return client.primary[1]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_nothing_that_returned_is_lost_when_the_primary_is_killed(
    replica_set: Service, driver: str
) -> None:
    async with stored_at(replica_set.url, "failover", driver, retry_writes=True) as store:
        await store.save_thread(thread(), None)
        writers = Writers(store, 32)
        await writers.until_more_returned(200)
        replica_set.servers[0].kill()  # the primary at the beginning
        # More than can have been under way, so the new primary has answered.
        await writers.until_more_returned(200)
        await writers.end()
        assert primary_port(replica_set) != replica_set.port
        await writers.check(store)
    async with stored_at(replica_set.url, "failover") as fresh:
        await writers.check(fresh)
