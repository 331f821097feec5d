"""Passwords are in no error, however it came about, in no line of a log and in no repr."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, urlsplit
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit_mongo import MongoStore
from services.mongo import PASSWORD
from services.service import Service
from support.logged import logged_text
from support.record_samples import thread

FIRST, SECOND = "Zyzzyva", "Quokka"
"""No text but the secrets has these, so each half of a password is recognized."""

SECRETS = (FIRST, SECOND, PASSWORD, quote_plus(PASSWORD))


@pytest.fixture(autouse=True)
def silent_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything is logged, the driver's own lines too, and none has a secret."""
    with caplog.at_level(logging.DEBUG):
        logging.debug("the test begins")
        yield
    told = logged_text(caplog)
    assert "the test begins" in told
    _check_hidden(told)


def _check_hidden(text: str) -> None:
    for secret in SECRETS:
        assert secret.lower() not in text.lower()


def _check_error(error: BaseException) -> None:
    """All that a log could show of an error: its text, and that of all that led to it."""
    _check_hidden("".join(traceback.format_exception(error)))
    chain: list[BaseException] = [error]
    for one in chain:
        _check_hidden(f"{one} {one!r} {one.args}")
        chain += [led for led in (one.__cause__, one.__context__) if led and led not in chain]


MALFORMED = [
    f"mongodb://user:{FIRST}@{SECOND}@host/chat",
    f"mongodb://user:{FIRST}:{SECOND}@host/chat",
    f"mongodb://user:{FIRST}/{SECOND}@host/chat",
    f"mongodb://user:{FIRST}?{SECOND}@host/chat",
    f"mongodb://user:{FIRST}%{SECOND}@host/chat",
    f"mongodb://user:12/{SECOND}@host/chat",
    f"mongodb://user:12/{SECOND}@host",
    f"mongodb://user:12?appName={SECOND}@host",
    f"mongodb://user:{FIRST}@host:port/chat",
    f"mongodb://user:{FIRST}@host:99999/chat",
    f"mongodb://user:{FIRST}@[::1/chat",
    f"mongodb://user:{FIRST}@/chat",
    f"mongodb://user:{FIRST}@host,,other/chat",
    f"mongodb+srv://user:{FIRST}@a.b.example:27017/chat",
    f"mongo://user:{FIRST}@host/chat",
    f"user:{FIRST}@host/chat",
    f"user:{FIRST}",
    f"{FIRST}://user@host",
    # Options that there are not, or that have no such value
    f"mongodb://user:{FIRST}@host/chat?nosuchoption={SECOND}",
    f"mongodb://user:{FIRST}@host/chat?{SECOND}=1",
    f"mongodb://user:{FIRST}@host/chat?{SECOND}",
    f"mongodb://user:{FIRST}@host/chat?timeoutMS={SECOND}",
    f"mongodb://user:{FIRST}@host/chat?readPreference={SECOND}",
    f"mongodb://user:{FIRST}@host/chat?authMechanism={SECOND}",
    f"mongodb://user:{FIRST}@host/chat?authMechanismProperties={SECOND}",
    f"mongodb://user:{FIRST}@host/chat?tlsCertificateKeyFilePassword={SECOND}&tls=false&tls=true",
    f"mongodb://user:{FIRST}@host/chat?tls=true&tlsInsecure=true&tlsAllowInvalidHostnames=true",
    f"mongodb://user:{FIRST}@host/chat?directConnection=true&loadBalanced=true",
    f"mongodb://user:{FIRST}@host,other/chat?directConnection=true",
    # Names that no database can have
    f"mongodb://user:{FIRST}@host/a b{SECOND}",
    f"mongodb://user:{FIRST}@host/$%24{SECOND}",
    f"mongodb://user:{FIRST}@host/%00{SECOND}",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ValueError, match="no URL that MongoDB's driver understands") as refused:
        MongoStore[None].from_url(url, owner=SINGLE_OWNER)
    assert "percent-encoded" in str(refused.value)
    assert refused.value.__context__ is None  # whose text would be the driver's
    _check_error(refused.value)


def test_a_wrong_argument_beside_a_url_tells_nothing_of_it() -> None:
    wrong: list[dict[str, Any]] = [
        {"timeout": 0}, {"owner": None}, {"max_record_bytes": 0}, {"database": "a b"},
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises((TypeError, ValueError)) as refused:
            MongoStore[None].from_url(
                f"mongodb://user:{FIRST}@host/chat", **{"owner": SINGLE_OWNER, **one}
            )
        _check_error(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{FIRST}@127.0.0.1:1/chat",
        f"mongodb://user:{FIRST}@no.such.host.invalid/chat",
        f"mongodb+srv://user:{FIRST}@no.such.cluster.invalid/chat",
    ],
)
async def test_a_host_that_cannot_be_reached_is_named_without_the_password(url: str) -> None:
    store = MongoStore[None].from_url(url, owner=SINGLE_OWNER, timeout=1.0)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="MongoDB database 'chat'") as failed:
            await store.load_thread("t", None)
        _check_error(failed.value)
    _check_store(store)
    await store.aclose()
    gc.collect()  # of sockets that the driver forgot


def with_user(service: Service, user: str) -> str:
    """The service's URL, with another user."""
    url = urlsplit(service.url)
    if not url.password:
        pytest.skip("the server that was given wants no password")
    return url._replace(netloc=user + url.netloc.rpartition("@")[2]).geturl()


async def test_a_wrong_password_is_told_without_it(mongo_server: Service) -> None:
    url = with_user(mongo_server, f"{urlsplit(mongo_server.url).username}:{FIRST}@")
    store = MongoStore[None].from_url(url, owner=SINGLE_OWNER)
    with pytest.raises(StoreUnavailableError, match="Authentication failed") as failed:
        await store.load_thread("t", None)
    _check_error(failed.value)
    await store.aclose()


async def test_a_missing_user_is_told(mongo_server: Service) -> None:
    url = with_user(mongo_server, "")
    store = MongoStore[None].from_url(url, owner=SINGLE_OWNER)
    with pytest.raises(StoreUnavailableError, match="authentication") as failed:
        await store.load_thread("t", None)
    _check_error(failed.value)
    await store.aclose()


async def test_a_store_that_works_shows_no_password(mongo_server: Service) -> None:
    name = f"secrets_{uuid4().hex}"
    store = MongoStore[None].from_url(mongo_server.url, owner=SINGLE_OWNER, database=name)
    async with store:
        await store.save_thread(thread(), None)
        _check_store(store)
    async with AsyncMongoClient[Any](mongo_server.url) as client:
        await client.drop_database(name)


def _check_store(store: object) -> None:
    """Neither the store nor what it is made of."""
    parts: list[object] = [store]
    for _ in range(3):
        for part in parts:
            _check_hidden(repr(part))
        parts = [value for part in parts for value in getattr(part, "__dict__", {}).values()]
        parts = [part for part in parts if not isinstance(part, str)]
