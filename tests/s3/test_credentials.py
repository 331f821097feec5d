"""Credentials come from where boto3 looks for them; fetching them never stops the event loop, and
none is ever in an error, a log line or a repr."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import boto3
import pytest

from chatkit.store import StoreUnavailableError
from chatkit_s3.client import Connection
from chatkit_s3.encryption import Encryption
from chatkit_s3.objects import S3Objects
from s3.conftest import Bucket
from services.recipe import free_port
from support.attachment_refusals import ADA
from support.logged import logged_text

WRONG = "wr0ng/secret+key"
TOKEN = "t0ken/of+a/session=="
PARTS = ("wr0ng", "s3cr3t")
"""What must not be seen, also if the rest of a secret is cut off."""


def errors_behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def assert_tells_no_secret(error: BaseException, *further: str) -> None:
    told = "".join(traceback.format_exception_only(type(error), error))
    for each in errors_behind(error):
        told += f"{each!s} {each!r} {each.args!r} {vars(each)!r}\n"
    assert not [part for part in (*PARTS, *further) if part in told], told


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, no log tells a secret, boto3's own included."""
    caplog.set_level(logging.DEBUG)
    logging.debug("the test begins")
    yield
    told = logged_text(caplog)
    assert "the test begins" in told
    assert not [part for part in PARTS if part in told], told


async def failure(storage: Bucket, **options: Any) -> StoreUnavailableError:
    """How a call to the server fails."""
    async with storage.store(timeout=10, **options) as store:
        attachment = await storage.announce(store, 3)
        with pytest.raises(StoreUnavailableError) as raised:
            await store.keep_attachment(attachment, ADA)
    assert storage.name in str(raised.value)
    return raised.value


async def test_a_wrong_secret_is_not_shown(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG)
    error = await failure(storage)
    assert "403" in str(error)
    assert_tells_no_secret(error)


async def test_links_that_are_signed_with_a_wrong_secret_take_nothing(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG)
    async with storage.store() as store:
        attachment = await storage.announce(store, 3)
        assert (await storage.put(attachment, b"abc")).status_code == 403
    assert await storage.keys() == []


async def test_a_sessions_token_is_in_no_error_nor_in_what_a_server_usually_logs(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    error = await failure(storage)
    assert_tells_no_secret(error, "t0ken")
    assert "t0ken" not in caplog.text + "".join(repr(record.__dict__) for record in caplog.records)


async def test_an_unreachable_server_is_named_and_no_secret(storage: Bucket) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    error = await failure(storage, endpoint_url=url)
    assert f"S3 bucket {storage.name} at {url}: " in str(error)
    assert_tells_no_secret(error)


async def test_without_credentials_the_error_says_so(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with storage.store() as store:
        with pytest.raises(StoreUnavailableError, match="Unable to locate credentials"):
            await storage.announce(store, 3)


@pytest.mark.parametrize("url", ["http://user:s3cr3t@127.0.0.1:1", "http://s3cr3t@127.0.0.1:1"])
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="must hold no user and no password") as raised:
        Connection(endpoint_url=url)
    assert_tells_no_secret(raised.value)


async def test_no_repr_shows_a_secret(storage: Bucket) -> None:
    connection = Connection(endpoint_url=storage.url)
    objects = S3Objects(storage.name, connection, Encryption(), create_only=True)
    await objects.open()
    connected = connection.connect()
    async with storage.store() as store:
        for each in (connection, connected, objects, vars(objects), store, vars(store)):
            assert not [part for part in PARTS if part in f"{each!r} {each!s}"]
    await objects.close()


FETCH = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "asked").touch()
while not (folder / "granted").exists():
    time.sleep(0.01)
print(json.dumps({
    "Version": 1,
    "AccessKeyId": os.environ["ACCESS"],
    "SecretAccessKey": os.environ["SECRET"],
    "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300)),
}))
"""
"""Credentials that boto3 will want anew at every use, as they expire in less than ten minutes."""


async def test_the_loop_runs_on_while_credentials_are_fetched(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session: Any = boto3.Session()
    found = session.get_credentials()
    monkeypatch.setenv("ACCESS", found.access_key)
    monkeypatch.setenv("SECRET", found.secret_key)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    script = tmp_path / "fetch.py"
    script.write_text(FETCH)
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {script} {tmp_path}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    asked, granted = tmp_path / "asked", tmp_path / "granted"

    async def grant() -> None:
        """What only a loop that runs can do."""
        while not asked.exists():
            await asyncio.sleep(0.01)
        granted.touch()

    async with aclosing(storage.store()) as store:  # which has not opened yet
        await asyncio.gather(storage.announce(store, 3), grant())
        asked.unlink()
        granted.unlink()
        attachment, _ = await asyncio.gather(storage.announce(store, 3), grant())
        assert (await storage.put(attachment, b"abc")).is_success
