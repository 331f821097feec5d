"""A factory of Redis stores that other processes can import, and an outage of their server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from chatkit_conformance import Capabilities, Target
from chatkit_redis import RedisStore
from services.proxy import Proxy
from services.service import Service

TIMEOUT = 8.0
"""Seconds: with 500 calls at once on a busy machine, some wait for long."""
MAX_RECORD_BYTES = 3_000_000

CAPABILITIES = Capabilities(
    house_rules=True, max_record_bytes=MAX_RECORD_BYTES, call_timeout=TIMEOUT
)


def user_of(context: dict[str, str]) -> str:
    return context["user_id"]


def open_store(url: str, timeout: float = 30.0, **settings: Any) -> RedisStore[Any]:
    """A store at the URL; other processes are patient, since many write at once."""
    settings = {"max_record_bytes": MAX_RECORD_BYTES, **settings}
    return RedisStore.from_url(url, owner=user_of, timeout=timeout, **settings)


def target(url: str) -> Target:
    return Target(f"{__name__}:open_store", {"url": url})


def cutting(proxy: Proxy) -> Callable[[], AbstractContextManager[None]]:
    """An outage: connections are cut and refused."""

    @contextmanager
    def down() -> Generator[None]:
        proxy.down()
        try:
            yield
        finally:
            proxy.up()

    return down


def hanging(service: Service) -> Callable[[], AbstractContextManager[None]]:
    """An outage: all its servers hang."""

    @contextmanager
    def paused() -> Generator[None]:
        service.pause()
        try:
            yield
        finally:
            service.resume()

    return paused
