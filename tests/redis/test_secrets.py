"""No password is ever in an error, a log line or a repr; a URL is never shown whole."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Any
from urllib.parse import quote

import pytest
import redis
from redis.asyncio import Redis

from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit_redis import RedisStore
from chatkit_redis.client import Connection, Url
from chatkit_redis.keys import Keys
from chatkit_redis.store import RedisRecords
from services.recipe import free_port
from services.redis import redis_server as own_redis_server
from services.service import Service
from support.logged import logged_text

PASSWORD = "s3cr3t p@ss/w?rd#%"
WRONG = "wr0ng p@ss/w?rd#%"
PARTS = ("s3cr3t", "wr0ng", "w?rd", "w%3Frd")
"""What must not be seen, also if the rest of a password is cut off."""


@pytest.fixture(scope="module")
def server(redis_server: Service) -> Iterator[Service]:
    with own_redis_server() as server:
        with closing(redis.Redis.from_url(server.url)) as admin:
            admin.config_set("requirepass", PASSWORD)
        yield server


def url_of(port: int, password: str, rest: str = "") -> str:
    return f"redis://default:{quote(password, safe='')}@127.0.0.1:{port}{rest}"


def errors_behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def assert_tells_no_secret(error: BaseException) -> None:
    told = "".join(traceback.format_exception_only(type(error), error))
    for each in errors_behind(error):
        told += f"{each!s} {each!r} {each.args!r} {vars(each)!r}\n"
    assert not [part for part in PARTS if part in told], told


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, the log tells no secret."""
    caplog.set_level(logging.DEBUG)
    logging.debug("the test begins")
    yield
    told = logged_text(caplog)
    assert "the test begins" in told
    assert not [part for part in PARTS if part in told], told


@asynccontextmanager
async def by_url(url: str) -> AsyncGenerator[RedisStore[Any]]:
    store = RedisStore.from_url(url, owner=SINGLE_OWNER, timeout=2)
    yield store
    await store.aclose()


@asynccontextmanager
async def by_client(url: str) -> AsyncGenerator[RedisStore[Any]]:
    driver: Any = Redis
    async with driver.from_url(url) as client:
        yield RedisStore(client, owner=SINGLE_OWNER, timeout=2)


Building = Callable[[str], AbstractAsyncContextManager[RedisStore[Any]]]

both_ways = pytest.mark.parametrize("build", [by_url, by_client])


async def failure_at(url: str, build: Building = by_url) -> StoreUnavailableError:
    async with build(url) as store:
        with pytest.raises(StoreUnavailableError) as raised:
            await store.load_threads(5, None, "asc", None)
    return raised.value


@both_ways
async def test_a_wrong_password_is_not_shown(server: Service, build: Building) -> None:
    error = await failure_at(url_of(server.port, WRONG), build)
    assert f"Redis at 127.0.0.1:{server.port}: " in str(error)
    assert "invalid username-password pair" in str(error)
    assert error.__cause__ is not None
    assert_tells_no_secret(error)


@both_ways
async def test_an_unreachable_host_is_named_without_the_password(build: Building) -> None:
    port = free_port()
    error = await failure_at(url_of(port, PASSWORD), build)
    assert str(error).startswith(f"Redis at 127.0.0.1:{port}: ")
    assert_tells_no_secret(error)


@both_ways
async def test_a_host_that_does_not_exist_is_named_without_the_password(build: Building) -> None:
    error = await failure_at(f"redis://:{quote(PASSWORD, safe='')}@nowhere.invalid", build)
    assert "nowhere.invalid" in str(error)
    assert_tells_no_secret(error)


@both_ways
async def test_a_wrong_database_number_is_told_without_the_password(
    server: Service, build: Building
) -> None:
    error = await failure_at(url_of(server.port, PASSWORD, "/99"), build)
    assert "DB index is out of range" in str(error)
    assert_tells_no_secret(error)


async def test_a_password_in_the_urls_options_is_not_shown(server: Service) -> None:
    url = f"redis://127.0.0.1:{server.port}?username=default&password={quote(WRONG, safe='')}"
    error = await failure_at(url)
    assert "invalid username-password pair" in str(error)
    assert_tells_no_secret(error)


async def test_the_password_of_a_unix_socket_is_not_shown() -> None:
    url = f"unix://default:{quote(PASSWORD, safe='')}@/nowhere/redis.sock"
    error = await failure_at(url)
    assert str(error).startswith("Redis at /nowhere/redis.sock: ")
    assert_tells_no_secret(error)


@both_ways
async def test_the_right_password_lets_the_store_in(server: Service, build: Building) -> None:
    async with build(url_of(server.port, PASSWORD)) as store:
        await store.load_threads(5, None, "asc", None)
        assert not [part for part in PARTS if part in repr(store)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "s3cr3t",
        "http://user:s3cr3t@localhost",
        "REDIS//user:s3cr3t@localhost",
        "redis:user:s3cr3t@localhost",
        "redis://:s3cr3t",
        "redis://localhost:s3cr3t",
        "redis://localhost:99999?password=s3cr3t",
        "redis://user:s3cr3t@[::1",
        "redis://user:s3cr3t@localhost/users",
        "redis://user:s3cr3t@localhost/0/1",
        "redis://user:wr0ng/s3cr3t@localhost",
        "redis://user:wr0ng?s3cr3t@localhost",
        "redis://user:wr0ng#s3cr3t@localhost",
        "redis://user:wr0ng@localhost#s3cr3t",
        "redis://user:wr0ng@localhost?socket_timeout=s3cr3t",
        "redis://user:wr0ng@localhost?max_connections=s3cr3t",
        "redis://user:wr0ng@localhost?passwort=s3cr3t",
        "redis://user:wr0ng@localhost?protocol=s3cr3t",
        "rediss://user:wr0ng@localhost?ssl_cert_reqs=s3cr3t",
        "unix://user:wr0ng@/run/redis.sock?db=s3cr3t",
        None,
        7,
        b"redis://user:s3cr3t@localhost",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_shown(url: Any) -> None:
    with pytest.raises(ValueError, match="the Redis URL cannot be used") as raised:
        RedisStore.from_url(url, owner=SINGLE_OWNER)
    assert "redis://[user:password@]host[:port][/db]" in str(raised.value)
    assert_tells_no_secret(raised.value)


def test_no_repr_shows_a_password() -> None:
    url = Url(url_of(6379, PASSWORD, "?client_name=chat"), 2)
    connection = Connection(url, expiring=False, timeout=30)
    records = RedisRecords(connection, Keys("chatkit"), 0, None)
    store = RedisStore(url, owner=SINGLE_OWNER)
    for each in (url, connection, records, store):
        assert not [part for part in PARTS if part in f"{each!r} {each!s}"]
    assert url.name == connection.name == records.name == "Redis at 127.0.0.1:6379"
