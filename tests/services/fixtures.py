"""The pytest plugin: a fixture for each server, and which backends ran and how, in the last lines.

A server starts when the first test wants it, once for each worker. Drivers are imported no earlier:
tests that need none run without them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from services.server import CannotStartError
from services.service import Service
from services.way import must_run, wanted

if TYPE_CHECKING:
    from services.gcs import GCSService

S = TypeVar("S", bound=Service)

_told: dict[str, str] = {}
"""How each backend ran, or why it did not, by its name."""


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Service]:
    """A Redis server, or the one at ``CHATKIT_TEST_REDIS_URL``."""
    from services import redis

    with provided("Redis", _given("REDIS", redis.version_at) or redis.redis_server) as service:
        yield service


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[Service]:
    """A Redis Cluster of three masters."""
    from services import redis

    with provided("Redis Cluster", redis.redis_cluster) as service:
        yield service


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[Service]:
    """A standalone MongoDB server with a password, or the one at ``CHATKIT_TEST_MONGO_URL``."""
    from services import mongo

    with provided("MongoDB", _given("MONGO", mongo.version_at) or mongo.mongo_server) as service:
        yield service


@pytest.fixture(scope="session")
def mongo_replica_set() -> Iterator[Service]:
    """A MongoDB replica set of one node."""
    from services import mongo

    with provided("MongoDB replica set", mongo.mongo_replica_set) as service:
        yield service


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Service]:
    """An S3 server, or the one at ``CHATKIT_TEST_S3_URL``; boto3 finds the credentials."""
    from services import s3

    opened = provided("S3", _given("S3", s3.version_at) or s3.s3_server)
    with opened as service, s3.credentials(service):
        yield service


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GCSService]:
    """A Google Cloud Storage, with an account that may do everything."""
    from services import gcs

    with provided("Google Cloud Storage", gcs.gcs_server) as service:
        yield service


Opener = Callable[[], AbstractContextManager[Service]]


def _given(name: str, version_at: Callable[[str], str]) -> Opener | None:
    """What opens the server that exists already, if the environment names one."""
    url = os.environ.get(f"CHATKIT_TEST_{name}_URL")
    if not url:
        return None

    @contextmanager
    def open() -> Generator[Service]:
        yield Service(name.title(), url, version_at(url))

    return open


@contextmanager
def provided(name: str, open: Callable[[], AbstractContextManager[S]]) -> Generator[S]:
    """A service for tests, noted for the last lines of the run.

    If it cannot be had, the test that asks for it is skipped, or fails where it must not be.
    """
    try:
        opened = open()
        service = opened.__enter__()
    except CannotStartError as error:
        _told[name] = f"NOT RUN: {error}"
        if must_run():
            pytest.fail(f"{name} cannot run: {error}", pytrace=False)
        pytest.skip(f"{name} cannot run: {error}")
    _told[name] = f"{service.how}, version {service.version}"
    try:
        yield service
    finally:
        opened.__exit__(None, None, None)


# --- tests that start servers of their own -------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Fixtures."""
    return (yield from _skipped_without_servers())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """The tests themselves."""
    return (yield from _skipped_without_servers())


def _skipped_without_servers() -> Generator[None, object, object]:
    try:
        return (yield)
    except CannotStartError as error:
        if must_run():
            raise
        pytest.skip(str(error))


# --- the last lines of a run ---------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    wanted()  # a wrong setting is told before anything runs


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells the run that started it."""
    output: Any = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["backends"] = _told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of pytest-xdist has ended."""
    _told.update(getattr(node, "workeroutput", {}).get("backends", {}))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else that the run prints."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if _told and reporter is not None and not hasattr(config, "workeroutput"):
        for name, how in sorted(_told.items()):
            reporter.write_line(f"backend {name}: {how}")
