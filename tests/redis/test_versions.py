"""``RedisStore`` works on each version of Redis that the README names, and on Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest

from chatkit.records import Collection, Kind, Record, Records
from chatkit_conformance import check_store
from chatkit_conformance.cases import STORE_CASES
from chatkit_redis.client import Connection, Url
from chatkit_redis.keys import Keys
from chatkit_redis.store import RedisRecords
from services.fixtures import provided
from services.redis import redis_server
from services.service import Service
from support import redis_target
from support.redis_target import CAPABILITIES

CLAUSES = ("CC", "DU1", "IT", "PG", "TH")
"""Together they run every script but the scan's."""

PATIENT = 30.0
"""Seconds: what counts here is what is answered, however busy the machine is."""

RETENTION_MS = 150


class Version(NamedTuple):
    name: str
    program: str
    image: str
    number: str
    """What the version that it tells begins with."""


VERSIONS = [
    Version("Redis 6.2", "redis-server-6", "redis:6.2", "6.2."),
    Version("Redis 8", "redis-server-8", "redis:8", "8."),
    Version("Valkey 9", "valkey-server", "valkey/valkey:9", "9."),
]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: version.name)
def server(request: pytest.FixtureRequest) -> Iterator[Service]:
    version: Version = request.param
    opener = partial(redis_server, program=version.program, image=version.image)
    with provided(version.name, opener) as service:
        assert service.version.startswith(version.number)
        yield service


@pytest.mark.parametrize("clauses", CLAUSES)
async def test_the_store_keeps_the_contract(server: Service, clauses: str) -> None:
    report = await check_store(
        lambda: redis_target.open_store(server.url, PATIENT),
        capabilities=replace(CAPABILITIES, call_timeout=PATIENT),
        target=redis_target.target(server.url),
        only=[id for id in STORE_CASES if id.startswith(clauses)],
        quick=True,
    )
    assert report.ok, [f"{result.id}: {result.message}" for result in report.failures]


async def test_records_expire_and_can_be_scanned(server: Service) -> None:
    connection = Connection(Url(server.url, PATIENT), expiring=True, timeout=PATIENT)
    records: Records = RedisRecords(connection, Keys("expiring"), RETENTION_MS, None)
    await records.open()
    threads = Collection("alice", Kind.THREAD)
    await records.write(Record(threads, "t", 1, b"{}"))
    assert [each.record.id for each in await records.scan(None, 9)] == ["t"]
    while await records.read(threads, "t") is not None:  # the test's own time limit ends it
        await asyncio.sleep(0.01)
    assert await records.scan(None, 9) == []
    await records.close()
