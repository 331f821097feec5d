"""Connections are cut, servers hang or are killed: the same store goes on afterwards."""

from __future__ import annotations

import asyncio
import gc
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from pymongo import MongoClient

from chatkit.store import StoreUnavailableError
from services import mongo
from services.proxy import Proxy
from services.service import Service
from support.mongo_stores import DRIVERS, Store, Writers, seconds, stored_at
from support.record_samples import item, thread

TIMEOUT = 2.0
SLACK = 1.0
"""Seconds that a busy machine may take to notice that a time is over."""


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    """A server that is hurt, and whole again after each test."""
    with mongo.mongo_server() as service:
        yield service


@pytest.fixture
def proxy(server: Service) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def database() -> str:
    return f"survival_{uuid.uuid4().hex}"


LockWrites = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def locked(server: Service) -> LockWrites:
    """Makes the server hold all writes back, and answer reads."""

    @contextmanager
    def lock() -> Generator[None]:
        with MongoClient[Any](server.url) as client:
            client.admin.command("fsync", lock=True)
            try:
                yield
            finally:
                client.admin.command("fsyncUnlock")

    return lock


async def is_away(store: Store) -> None:
    """The call fails within the timeout, and says why."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(StoreUnavailableError) as caught:
        await store.load_thread("t", None)
    assert loop.time() - begun < TIMEOUT + SLACK
    assert caught.value.__cause__ is not None


async def until_it_works(store: Store) -> None:
    """The first calls may still find connections that are broken."""
    while True:
        try:
            await store.save_thread(thread(), None)
        except StoreUnavailableError:
            continue
        return


async def test_writers_outlive_cut_connections(
    server: Service, proxy: Proxy, driver: str, database: str
) -> None:
    async with stored_at(proxy.url_of(server.url), database, driver, timeout=30) as store:
        await store.save_thread(thread(), None)
        writers = Writers(store, 8)
        for _ in range(10):
            await writers.until_more_returned(30)
            proxy.cut()
        await writers.until_more_returned(30)
        await writers.end()
        await writers.check(store)


async def test_a_hung_server_is_away_and_then_back(
    server: Service, driver: str, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stored_at(server.url, database, driver, TIMEOUT) as store:
        await store.save_thread(thread(), None)
        server.pause()
        try:
            await asyncio.gather(*(is_away(store) for _ in range(8)))
            await is_away(store)
        finally:
            server.resume()
        await store.add_thread_item("t", item("after"), None)
        assert (await store.load_item("t", "after", None)).id == "after"
    gc.collect()
    assert not caplog.records  # of tasks whose errors nobody has asked for


async def test_a_store_opens_although_the_server_hung_at_its_first_use(
    server: Service, driver: str, database: str
) -> None:
    async with stored_at(server.url, database, driver, TIMEOUT) as store:
        server.pause()
        try:
            await is_away(store)
            await is_away(store)
        finally:
            server.resume()
        await until_it_works(store)


async def test_a_store_opens_although_no_answer_came_when_it_created_the_indexes(
    server: Service, proxy: Proxy, locked: LockWrites, driver: str, database: str
) -> None:
    async with stored_at(proxy.url_of(server.url), database, driver, TIMEOUT) as store:
        with locked():
            await is_away(store)
            proxy.silence()
        await asyncio.wait_for(until_it_works(store), 5 * TIMEOUT)


async def test_a_call_that_hangs_delays_no_other(
    server: Service, locked: LockWrites, driver: str, database: str
) -> None:
    async with stored_at(server.url, database, driver, TIMEOUT) as store:
        await store.save_thread(thread(), None)
        with locked():
            adding = asyncio.ensure_future(store.add_thread_item("t", item("late"), None))
            while not adding.done():  # and for some time after it has given up
                assert await seconds(store.load_thread("t", None)) < TIMEOUT / 4
            for _ in range(20):
                assert await seconds(store.load_thread("t", None)) < TIMEOUT / 4
            with pytest.raises(StoreUnavailableError):
                await adding
        await until_it_works(store)


async def test_the_store_outlives_a_server_that_is_killed_and_started_again(
    server: Service, driver: str, database: str
) -> None:
    async with stored_at(server.url, database, driver) as store:
        await store.save_thread(thread(), None)
        writers = Writers(store, 8)
        await writers.until_more_returned(50)
        server.kill()
        await writers.until_errors(1)
        await asyncio.to_thread(server.start)  # the writers' loop goes on meanwhile
        await writers.until_more_returned(50)
        await writers.end()
        await writers.check(store)
