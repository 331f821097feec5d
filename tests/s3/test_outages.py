"""While S3 is away, calls raise within their timeout; when it is back, the same store works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from chatkit.store import StoreUnavailableError
from chatkit.types import Attachment
from chatkit_s3 import S3AttachmentStore
from s3.conftest import Bucket, new_bucket
from services.fixtures import provided
from services.s3 import credentials, s3_server
from services.service import Service
from support.attachment_refusals import ADA, MEBIBYTE

TIMEOUT = 4.0
IN_TIME = TIMEOUT + 2
"""On a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    """A server that these tests may hurt."""
    with provided("S3 that goes away", s3_server) as service, credentials(service):
        yield service


@pytest.fixture
async def storage(server: Service) -> AsyncIterator[Bucket]:
    with new_bucket(server.url) as bucket:
        async with bucket.client:
            yield bucket


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def bytes_in(chunks: AsyncIterator[bytes]) -> int:
    return sum([len(chunk) async for chunk in chunks])


Call = Callable[[S3AttachmentStore[Any], Attachment], Coroutine[Any, Any, object]]

CALLS: dict[str, Call] = {
    "read": lambda store, attachment: store.read(attachment, ADA),
    "write": lambda store, attachment: store.write("a", "text/plain", one_chunk(b"abc"), ADA),
    "keep": lambda store, attachment: store.keep_attachment(attachment, ADA),
    "sweep": lambda store, attachment: store.sweep(older_than=timedelta(days=1)),
    # Another one: what a server that hangs was asked, it may yet do.
    "delete": lambda store, attachment: store.delete_attachment("another", ADA),
}


class Failure(NamedTuple):
    error: StoreUnavailableError
    seconds: float


async def failure_of(call: Coroutine[Any, Any, object]) -> Failure:
    begun = time.monotonic()
    with pytest.raises(StoreUnavailableError) as raised:
        await call
    return Failure(raised.value, time.monotonic() - begun)


@contextmanager
def paused(server: Service) -> Generator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def killed(server: Service) -> Generator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("outage", [paused, killed])
async def test_every_call_raises_in_time_while_the_server_is_away_and_works_afterwards(
    server: Service, storage: Bucket, outage: Any
) -> None:
    async with storage.store(timeout=TIMEOUT) as store:
        attachment = await storage.upload(store, b"abc")
        with outage(server):
            failures = await asyncio.gather(
                *(failure_of(call(store, attachment)) for call in CALLS.values())
            )
        assert max(failure.seconds for failure in failures) < IN_TIME
        for failure in failures:
            assert storage.name in str(failure.error)
            assert failure.error.__cause__ is not None
        assert await store.read(attachment, ADA) == b"abc"
        used = await store.keep_attachment(attachment, ADA)
        assert await store.read(used, ADA) == b"abc"


@pytest.mark.parametrize("outage", [paused, killed])
async def test_links_are_made_while_the_server_is_away(
    server: Service, storage: Bucket, outage: Any
) -> None:
    async with storage.store(timeout=TIMEOUT) as store:
        with outage(server):
            attachment = await storage.announce(store, 3)
        assert (await storage.put(attachment, b"abc")).is_success


async def test_reading_raises_in_time_when_the_server_hangs_in_the_middle(
    server: Service, storage: Bucket
) -> None:
    size = 32 * MEBIBYTE
    async with storage.store(timeout=TIMEOUT, max_bytes=size) as store:
        attachment = await storage.upload(store, bytes(size))
        chunks = store.stream(attachment, ADA)
        assert await anext(aiter(chunks))
        with paused(server):
            failure = await failure_of(bytes_in(chunks))  # what is on its way still arrives
        assert failure.seconds < TIMEOUT + IN_TIME
        assert len(await store.read(attachment, ADA)) == size


async def test_a_store_that_closes_while_the_server_hangs_does_not_hang(
    server: Service, storage: Bucket
) -> None:
    store = storage.store(timeout=TIMEOUT)
    attachment = await storage.upload(store, b"abc")
    with paused(server):
        with pytest.raises(StoreUnavailableError):
            await store.read(attachment, ADA)
        begun = time.monotonic()
        await store.aclose()
        assert time.monotonic() - begun < IN_TIME
