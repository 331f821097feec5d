"""The user that the README describes may do all that the store does."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from chatkit_conformance import check_store
from chatkit_redis.client import Connection, Url
from chatkit_redis.keys import Keys
from chatkit_redis.store import RedisRecords
from services.service import Service
from support import redis_target
from support.redis_target import CAPABILITIES

README = Path(__file__).parents[2] / "packages/chatkit-redis/README.md"

CLAUSES = ("TH3", "TH4", "PG2", "IT3", "IT5", "IT8", "AM1", "DA1")
"""Together they run every script but the scan's."""

PATIENT = 30.0


@contextmanager
def user_of_the_readme(service: Service, *more: str) -> Generator[str]:
    """The URL for that user, on one server or all nodes of a cluster."""
    [command] = re.findall(r"^    (ACL SETUSER chatkit .*)$", README.read_text(), re.M)
    with ExitStack() as stack:
        for server in service.servers:
            admin: Any = stack.enter_context(closing(redis.Redis(port=server.recipe.port)))
            admin.execute_command(*command.split(), *more)
            stack.callback(admin.acl_deluser, "chatkit")
        yield f"redis://chatkit:password@127.0.0.1:{service.port}"


async def assert_all_is_permitted(url: str, retention: float | None) -> None:
    report = await check_store(
        lambda: redis_target.open_store(url, PATIENT, retention=retention),
        capabilities=replace(CAPABILITIES, call_timeout=PATIENT),
        only=CLAUSES,
        quick=True,
    )
    assert report.ok, [f"{result.id}: {result.message}" for result in report.failures]
    records = RedisRecords(
        Connection(Url(url, PATIENT), expiring=False, timeout=PATIENT), Keys("chatkit"), 0, None
    )
    await records.open()
    assert len(await records.scan(None, 3)) == 3
    await records.close()


@pytest.mark.parametrize("retention", [None, 3600])
async def test_on_a_server(redis_server: Service, retention: float | None) -> None:
    if not redis_server.servers:
        pytest.skip("users are only made on servers of the tests' own")
    with user_of_the_readme(redis_server) as url:
        await assert_all_is_permitted(url, retention)


async def test_on_a_cluster(redis_cluster: Service) -> None:
    [more] = re.findall(r"^On each node of a cluster also `(.*?)`", README.read_text(), re.M)
    with user_of_the_readme(redis_cluster, *more.split()) as url:
        await assert_all_is_permitted(url, 3600)
