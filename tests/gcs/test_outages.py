"""A storage that is away, or does not answer: calls end in time, and work again afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from chatkit.store import StoreUnavailableError
from chatkit.types import Attachment
from chatkit_gcs import GCSAttachmentStore
from gcs.conftest import Bucket
from services.fixtures import provided
from services.gcs import GCSService
from services.gcs import gcs_server as own_gcs_server
from services.proxy import Proxy
from support.attachment_refusals import ADA

TIMEOUT = 2.0
SLACK = 1.0  # for a busy machine

Store = GCSAttachmentStore[Any]


@pytest.fixture
def proxy(gcs_server: GCSService) -> Iterator[Proxy]:
    with Proxy(gcs_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(bucket: Bucket, proxy: Proxy) -> AsyncIterator[Store]:
    endpoint = proxy.url_of(bucket.service.url)
    async with bucket.store(endpoint_url=endpoint, timeout=TIMEOUT) as store:
        yield store


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


def writing(store: Store, data: bytes = b"hello") -> Awaitable[Attachment]:
    return store.write("a.txt", "text/plain", chunks(data), ADA)


Call = Callable[[Store, Attachment], Awaitable[object]]
CALLS: dict[str, Call] = {
    "read": lambda store, attachment: store.read(attachment, ADA),
    "write": lambda store, attachment: writing(store),
    "write of much": lambda store, attachment: writing(store, b"x" * 9_000_000),
    "keep": lambda store, attachment: store.keep_attachment(attachment, ADA),
    "delete": lambda store, attachment: store.delete_attachment(attachment.id, ADA),
    "sweep": lambda store, attachment: store.sweep(older_than=timedelta(days=1)),
}


async def fails_in_time(call: Awaitable[object]) -> StoreUnavailableError:
    """The error of a call, which comes in time and has the driver's own as cause."""
    before = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="Google Cloud Storage bucket") as raised:
        await call
    extra = 9_000_000 / 1024**2  # a second for each MiB
    assert time.monotonic() - before < TIMEOUT + extra + SLACK
    cause = type(raised.value.__cause__)
    assert cause.__module__.startswith(("google.", "requests."))
    return raised.value


@pytest.mark.parametrize("name", CALLS)
async def test_a_storage_that_is_down_is_said_to_be_away_until_it_is_back(
    store: Store, proxy: Proxy, name: str
) -> None:
    attachment = await writing(store)
    proxy.down()
    await fails_in_time(CALLS[name](store, attachment))
    proxy.up()
    await CALLS[name](store, attachment)


@pytest.mark.parametrize("name", CALLS)
async def test_a_storage_that_does_not_answer_is_said_to_be_away_until_it_does(
    store: Store, proxy: Proxy, name: str
) -> None:
    attachment = await writing(store)
    proxy.stall()
    await fails_in_time(CALLS[name](store, attachment))
    proxy.flow()
    await CALLS[name](store, attachment)


async def test_cut_connections_are_opened_again(store: Store, proxy: Proxy) -> None:
    attachment = await writing(store)
    for _ in range(3):
        proxy.cut()
        assert await store.read(attachment, ADA) == b"hello"


async def test_many_calls_to_a_silent_storage_end_in_time_and_leave_the_server_its_threads(
    store: Store, proxy: Proxy
) -> None:
    attachment = await writing(store)
    proxy.stall()
    before = time.monotonic()
    calls = [asyncio.ensure_future(store.read(attachment, ADA)) for _ in range(40)]
    assert await asyncio.to_thread(lambda: "there is a thread") == "there is a thread"
    assert not any(call.done() for call in calls)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert time.monotonic() - before < TIMEOUT + SLACK
    assert {type(end) for end in ends} == {StoreUnavailableError}
    proxy.flow()
    assert await store.read(attachment, ADA) == b"hello"


async def test_a_cancelled_call_leaves_the_others_unharmed(store: Store, proxy: Proxy) -> None:
    attachment = await writing(store)
    proxy.stall()
    cancelled, other = (asyncio.ensure_future(store.read(attachment, ADA)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    proxy.flow()
    assert await other == b"hello"


async def test_a_store_can_be_closed_while_the_storage_is_silent(
    bucket: Bucket, proxy: Proxy
) -> None:
    store = bucket.store(endpoint_url=proxy.url_of(bucket.service.url), timeout=TIMEOUT)
    attachment = await writing(store)
    proxy.stall()
    reading = asyncio.ensure_future(store.read(attachment, ADA))
    await asyncio.sleep(0)
    before = time.monotonic()
    await store.aclose()
    assert time.monotonic() - before < TIMEOUT + SLACK
    with pytest.raises(StoreUnavailableError):
        await reading


async def test_a_storage_that_was_paused_works_when_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    with provided("Google Cloud Storage to be paused", own_gcs_server) as service:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", service.key_file)
        own = Bucket(client=bucket.client, service=service, name=service.new_bucket())
        async with own.store(timeout=TIMEOUT) as store:
            used = await store.keep_attachment(await own.upload(store, b"hello"), ADA)
            service.pause()
            await fails_in_time(store.read(used, ADA))
            service.resume()
            assert await store.read(used, ADA) == b"hello"


async def test_a_token_service_that_is_down_is_said_to_be_away(
    bucket: Bucket, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    key = bucket.service.front.account.key_file("http://127.0.0.1:1/token")
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    async with bucket.store(timeout=TIMEOUT) as store:
        attachment = await bucket.upload(store, b"hello")  # links need no token
        await fails_in_time(store.read(attachment, ADA))


async def test_a_bucket_that_does_not_exist_is_named(bucket: Bucket) -> None:
    missing = Bucket(client=bucket.client, service=bucket.service, name="no-such-bucket")
    async with missing.store() as store:
        with pytest.raises(StoreUnavailableError, match="no-such-bucket"):
            await writing(store)
