"""The arguments of ``MongoStore``, and what it does with the client behind them."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient, MongoClient, ReadPreference, WriteConcern

from chatkit.owners import SINGLE_OWNER
from chatkit_mongo import MongoStore
from services.service import Service
from support.mongo_commands import Commands
from support.record_samples import attachments_of_every_kind, item, thread

NOWHERE = "mongodb://127.0.0.1:1"
NAME = f"settings_{uuid4().hex}"
"""Of a database that nobody else has, if the server is not ours alone."""


@pytest.fixture
async def database(mongo_server: Service) -> AsyncIterator[Any]:
    async with AsyncMongoClient[Any](mongo_server.url) as client:
        yield client[NAME]
        await client.drop_database(NAME)


async def use(store: MongoStore[None]) -> None:
    """Call everything once."""
    attachment = attachments_of_every_kind()[0]
    await store.save_thread(thread(), None)
    await store.update_thread("t", {"title": "new"}, None)
    for id in ("1", "2", "3"):
        await store.add_thread_item("t", item(id), None)
    await store.save_attachment(attachment, None)
    await store.load_thread("t", None)
    await store.load_item("t", "1", None)
    await store.load_attachment(attachment.id, None)
    await store.load_threads(5, None, "asc", None)
    await store.load_thread_items("t", None, 5, "asc", None)
    await store.load_thread_items("t", "1", 5, "asc", None)
    await store.delete_items_after("t", "2", None)
    await store.delete_thread_item("t", "2", None)
    await store.delete_attachment(attachment.id, None)
    await store.delete_thread("t", None)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"timeout": 0}, ValueError, ["timeout=", "0"]),
        ({"timeout": -1.5}, ValueError, ["timeout=", "-1.5"]),
        ({"timeout": math.nan}, ValueError, ["timeout=", "nan"]),
        ({"timeout": math.inf}, ValueError, ["timeout=", "inf"]),
        ({"max_record_bytes": 0}, ValueError, ["max_record_bytes=", "got 0"]),
        ({"max_record_bytes": 2**24}, ValueError, ["max_record_bytes=", "16711680", "16777216"]),
        ({"max_record_bytes": "1"}, TypeError, ["max_record_bytes=", "'1'"]),
        ({"max_record_bytes": None}, TypeError, ["max_record_bytes=", "None"]),
        ({"owner": None}, TypeError, ["owner=", "None"]),
        ({"owner": "alice"}, TypeError, ["owner=", "'alice'"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("build", [MongoStore[Any].from_url, MongoStore[Any]])
def test_a_wrong_setting_is_named_with_its_value(
    build: Any, wrong: dict[str, Any], error: type[Exception], words: list[str]
) -> None:
    from_url = build is not MongoStore[Any]
    where = NOWHERE if from_url else AsyncMongoClient[Any](NOWHERE)["chat"]
    with pytest.raises(error) as refused:
        build(where, **{"owner": SINGLE_OWNER, **wrong})
    for word in words:
        assert word in str(refused.value)


def test_the_owner_has_no_default() -> None:
    build: Any = MongoStore
    with pytest.raises(TypeError, match="owner"):
        build(AsyncMongoClient[Any](NOWHERE)["chat"])


def test_a_database_of_the_synchronous_driver_is_refused() -> None:
    with MongoClient[Any](NOWHERE, connect=False) as client:
        wrong: Any = client["chat"]
        with pytest.raises(TypeError, match=r"synchronous MongoClient: use pymongo\.AsyncMongo"):
            MongoStore[None](wrong, owner=SINGLE_OWNER)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (NOWHERE, "str"),
        (None, "NoneType"),
        (AsyncMongoClient[Any](NOWHERE), "AsyncMongoClient"),
        (AsyncMongoClient[Any](NOWHERE)["chat"]["threads"], "AsyncCollection"),
    ],
    ids=["url", "none", "client", "collection"],
)
def test_what_is_no_database_is_refused(wrong: Any, name: str) -> None:
    with pytest.raises(TypeError, match=rf"needs a database: .*\[name\].* got {name}$"):
        MongoStore[None](wrong, owner=SINGLE_OWNER)


@pytest.mark.parametrize("wrong", [None, b"mongodb://h", ["mongodb://h"], 27017])
def test_a_url_is_a_string(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"url must be a string, got {type(wrong).__name__}"):
        MongoStore[None].from_url(wrong, owner=SINGLE_OWNER)


@pytest.mark.parametrize("wrong", ["", "a b", "a.b", "a/b", "a\x00b", "$x", "é" * 32])
def test_a_name_that_no_database_can_have_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"database=.*63 bytes") as refused:
        MongoStore[None].from_url(NOWHERE, owner=SINGLE_OWNER, database=wrong)
    assert repr(wrong) in str(refused.value)


def test_a_name_of_a_database_is_a_string() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match="database= must be a string, got 3"):
        MongoStore[None].from_url(NOWHERE, owner=SINGLE_OWNER, database=wrong)


# --- building ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://127.0.0.1:1",
        "mongodb://no.such.host.invalid/chat",
        "mongodb+srv://user:word@no.such.cluster.invalid/chat",
    ],
)
def test_building_a_store_needs_no_server_no_name_service_and_no_event_loop(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LC1"""
    monkeypatch.setattr("socket.socket.connect", _forbidden)
    monkeypatch.setattr("socket.socket.sendto", _forbidden)
    monkeypatch.setattr("socket.getaddrinfo", _forbidden)
    MongoStore[None].from_url(url, owner=SINGLE_OWNER)


def _forbidden(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("no I/O while a store is built")


def test_importing_the_package_does_not_import_motor() -> None:
    code = "import sys, chatkit_mongo; print([m for m in sys.modules if m.startswith('motor')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_the_scheme_of_a_url_leads_to_this_store(scheme: str) -> None:
    (found,) = entry_points(group="chatkit.stores", name=scheme)
    store = found.load()
    assert store is MongoStore
    store.from_url(f"{scheme}://db.example/chat", owner=SINGLE_OWNER)


# --- which database ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "argument", "name"),
    [
        ("", None, "chatkit"),
        (f"{NAME}_url", None, f"{NAME}_url"),
        (f"{NAME}_url", NAME, NAME),
        ("", NAME, NAME),
    ],
    ids=["neither", "url", "both", "argument"],
)
async def test_the_database_is_the_arguments_or_the_urls_or_chatkit(
    mongo_server: Service, path: str, argument: str | None, name: str
) -> None:
    url = urlsplit(mongo_server.url)._replace(path=f"/{path}").geturl()
    owner = uuid4().hex
    async with AsyncMongoClient[Any](mongo_server.url) as client:
        async with MongoStore[str].from_url(url, owner=str, database=argument) as store:
            await store.save_thread(thread(), owner)
            assert await client[name]["chatkit_threads"].count_documents({"owner": owner}) == 1
            await store.delete_thread("t", owner)
        if name != "chatkit":  # which may be somebody's
            await client.drop_database(name)


# --- whose client --------------------------------------------------------------------------------


async def test_a_lent_client_is_not_closed(database: Any) -> None:
    store = MongoStore[None](database, owner=SINGLE_OWNER)
    await use(store)
    await store.aclose()
    assert (await database.client.admin.command("ping"))["ok"] == 1


async def test_a_lent_client_of_motor_is_not_closed(mongo_server: Service) -> None:
    from motor.motor_asyncio import AsyncIOMotorClient

    client: Any = AsyncIOMotorClient(mongo_server.url)
    store = MongoStore[None](client[NAME], owner=SINGLE_OWNER)
    await use(store)
    await store.aclose()
    assert (await client.admin.command("ping"))["ok"] == 1
    await client.drop_database(NAME)
    client.close()


async def test_an_own_client_is_closed(mongo_server: Service, database: Any) -> None:
    async def connections() -> set[int]:
        """Those of our own clients that the server knows, by their number."""
        pipeline = [{"$currentOp": {"allUsers": True, "idleConnections": True}}]
        cursor = await database.client.admin.aggregate(pipeline)
        found = [op async for op in cursor if "connectionId" in op]
        return {
            op["connectionId"]
            for op in found
            if "chatkit-mongo" in op.get("clientMetadata", {}).get("driver", {}).get("name", "")
        }

    before = await connections()
    store = MongoStore[None].from_url(mongo_server.url, owner=SINGLE_OWNER, database=NAME)
    await use(store)
    mine = await connections() - before
    assert mine
    await store.aclose()
    while await connections() & mine:  # the server notices a little later
        pass


async def test_the_urls_name_of_the_application_is_kept(
    mongo_server: Service, database: Any
) -> None:
    url = f"{mongo_server.url}&appName=billing"
    async with MongoStore[None].from_url(url, owner=SINGLE_OWNER, database=NAME) as store:
        await use(store)
        pipeline = [{"$currentOp": {"allUsers": True, "idleConnections": True}}]
        cursor = await database.client.admin.aggregate(pipeline)
        assert "billing" in {op.get("appName") async for op in cursor}


# --- how it reads and writes ---------------------------------------------------------------------

READS = {"find", "aggregate"}
WRITES = {"insert", "update", "delete", "findAndModify", "createIndexes"}


@pytest.mark.parametrize("write_concern", [0, 1], ids=lambda w: f"w={w}")
async def test_a_lent_database_reads_from_the_primary_and_writes_to_the_majority_whatever_it_says(
    mongo_replica_set: Service, write_concern: int
) -> None:
    commands = Commands()
    async with AsyncMongoClient[Any](mongo_replica_set.url, event_listeners=[commands]) as client:
        lent = client.get_database(
            NAME,
            read_preference=ReadPreference.SECONDARY_PREFERRED,
            write_concern=WriteConcern(w=write_concern),
        )
        async with MongoStore[None](lent, owner=SINGLE_OWNER) as store:
            await use(store)
        await client.drop_database(NAME)
    _check_durable(commands.seen)


async def test_an_own_client_reads_and_writes_so_whatever_its_url_says(
    mongo_replica_set: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands()
    listened = partial(AsyncMongoClient[Any], event_listeners=[commands])
    monkeypatch.setattr("chatkit_mongo.clients.AsyncMongoClient", listened)
    url = f"{mongo_replica_set.url}&w=1&readPreference=secondaryPreferred&journal=false"
    async with MongoStore[None].from_url(url, owner=SINGLE_OWNER, database=NAME) as store:
        await use(store)
    _check_durable(commands.seen)


@pytest.mark.parametrize(
    ("server", "options", "retried"),
    [
        ("mongo_replica_set", "", True),
        ("mongo_replica_set", "&retryWrites=false", False),
        # Trying nevertheless, the driver clears its connections again and again (PyMongo 4.20).
        ("mongo_server", "", False),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
async def test_an_own_client_retries_writes_where_the_server_can_and_the_url_does_not_say_no(
    server: str,
    options: str,
    retried: bool,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = Commands()
    listened = partial(AsyncMongoClient[Any], event_listeners=[commands])
    monkeypatch.setattr("chatkit_mongo.clients.AsyncMongoClient", listened)
    url = request.getfixturevalue(server).url + options
    async with MongoStore[None].from_url(url, owner=SINGLE_OWNER, database=NAME) as store:
        await use(store)
    added = [command for command in commands.seen if "findAndModify" in command]
    assert added
    assert all(("txnNumber" in command) == retried for command in added)


def _check_durable(commands: list[Any]) -> None:
    commands = [command for command in commands if "dropDatabase" not in command]
    names = {next(iter(command)) for command in commands}
    assert {"find", "aggregate", "update", "delete", "findAndModify"} <= names
    for command in commands:
        name = next(iter(command))
        if name in READS:
            assert command.get("$readPreference", {"mode": "primary"})["mode"] == "primary"
        if name in WRITES - {"createIndexes"}:
            assert command["writeConcern"] == {"w": "majority", "j": True}, name


async def test_settings_of_a_lent_database_do_not_change_what_is_read(database: Any) -> None:
    odd = database.with_options(codec_options=CodecOptions(RawBSONDocument, tz_aware=True))
    async with MongoStore[None](odd, owner=SINGLE_OWNER) as store:
        await use(store)


def test_no_warning_comes_from_building() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MongoStore[None].from_url(NOWHERE, owner=SINGLE_OWNER)
