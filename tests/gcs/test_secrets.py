"""No credential is ever in an error, a log line or a repr."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatkit.store import StoreUnavailableError
from chatkit_gcs import GCSAttachmentStore
from gcs.conftest import Bucket
from services.gcs_account import ServiceAccount
from support.attachment_refusals import ADA

SECRET = re.compile(r"PRIVATE KEY|ya29\.|MII[A-Za-z0-9+/]{20}|eyJ[A-Za-z0-9_-]{20}")
"""Keys, access tokens, and assertions for which tokens are given."""

ADDRESS = "upload_id="
"""In the address of an upload in several parts, with which anybody could go on with it."""


def errors_behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def assert_tells_no_secret(error: BaseException) -> None:
    told = "".join(traceback.format_exception(error))
    for each in errors_behind(error):
        told += f"{each!s} {each!r} {each.args!r}\n"
    assert not SECRET.search(told), told
    assert ADDRESS not in told, told


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, the log tells no secret."""
    caplog.set_level(logging.DEBUG)
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert {"google.auth.transport.requests"} <= {record.name for record in records}
    told = "\n".join(logging.Formatter().format(record) for record in records)
    assert not SECRET.search(told), told


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def failure(call: Awaitable[object]) -> StoreUnavailableError:
    with pytest.raises(StoreUnavailableError) as raised:
        await call
    assert_tells_no_secret(raised.value)
    return raised.value


def write(store: GCSAttachmentStore[Any], data: bytes = b"hello") -> Awaitable[object]:
    return store.write("a.txt", "text/plain", chunks(data), ADA)


Keys = Callable[[dict[str, Any]], dict[str, Any]]
BROKEN: dict[str, Keys] = {
    "of another account": lambda key: ServiceAccount().key_file(key["token_uri"]),
    "damaged": lambda key: {**key, "private_key": key["private_key"].replace("A", "B")},
    "cut off": lambda key: {**key, "private_key": key["private_key"][:200]},
    "without an address": lambda key: {**key, "client_email": None},
    "with no token service": lambda key: {**key, "token_uri": "http://127.0.0.1:1/token"},
    "of no kind": lambda key: {**key, "type": "letter"},
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_key_that_cannot_be_used_is_not_shown(
    bucket: Bucket, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bucket.service.front.account.key_file(f"{bucket.service.url}/token")
    (tmp_path / "key.json").write_text(json.dumps(BROKEN[kind](key)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    store = bucket.store(timeout=2)
    await failure(write(store))
    await store.aclose()


async def test_the_address_of_a_broken_off_upload_is_not_shown(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket.service.front, "forbidden", ADDRESS)
    async with bucket.store() as store:
        error = await failure(write(store, b"x" * 9_000_000))
        assert str(error).endswith("the upload broke off (Forbidden)")


async def test_no_repr_shows_a_secret(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"hello")
        shown = [store, *vars(store).values()]
        shown += [each for value in vars(store).values() for each in getattr(value, "__dict__", [])]
        assert not SECRET.search(repr(shown))
        assert not SECRET.search(repr(attachment.metadata))
