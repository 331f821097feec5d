"""What is in the database, as administrators, other programs and later versions find it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import AsyncMongoClient

from chatkit.records import Kind, PlacedRecord, RecordStore, copy
from chatkit.store import NotFoundError, StoreError, StoreUnavailableError
from chatkit_mongo import MongoStore, UnusableDatabaseError
from chatkit_mongo.clients import Lent
from chatkit_mongo.documents import LARGEST_JSON
from chatkit_mongo.store import MongoRecords
from services.service import Service
from support.record_samples import (
    HOSTILE_TEXTS,
    NOON,
    attachments_of_every_kind,
    item,
    items_of_every_kind,
    thread,
    threads_of_every_kind,
)


@pytest.fixture
async def client(mongo_server: Service) -> AsyncIterator[Any]:
    async with AsyncMongoClient[Any](mongo_server.url) as client:
        yield client
        for name in ("documents", "copy"):
            await client.drop_database(name)


@pytest.fixture
def database(client: Any) -> Any:
    return client["documents"]


@pytest.fixture
async def store(database: Any) -> AsyncIterator[MongoStore[str]]:
    async with MongoStore[str](database, owner=str) as store:
        yield store


async def found(database: Any, collection: str, where: dict[str, Any]) -> list[Any]:
    return [document["_id"]["id"] async for document in database[collection].find(where)]


# --- what administrators can ask -----------------------------------------------------------------


async def test_threads_are_found_by_owner_title_and_status(
    store: MongoStore[str], database: Any
) -> None:
    for one in threads_of_every_kind():
        await store.save_thread(one, "ann")
    await store.save_thread(thread("other", title="Billing"), "bob")
    await store.update_thread("active", {"title": "Billing"}, "ann")
    threads = "chatkit_threads"
    assert sorted(await found(database, threads, {"title": "Billing"})) == ["active", "other"]
    assert await found(database, threads, {"title": "Billing", "owner": "bob"}) == ["other"]
    assert await found(database, threads, {"status": "locked"}) == ["locked"]
    assert "plain" in await found(database, threads, {"title": None})


async def test_items_are_found_by_owner_thread_and_type(
    store: MongoStore[str], database: Any
) -> None:
    await store.save_thread(thread(), "ann")
    items = items_of_every_kind()
    for one in items:
        await store.add_thread_item("t", one, "ann")
    for type in {one.type for one in items}:
        where = {"owner": "ann", "thread": "t", "type": type}
        ids = await found(database, "chatkit_items", where)
        assert sorted(ids) == sorted(one.id for one in items if one.type == type)


async def test_attachments_are_found_by_owner_name_and_type(
    store: MongoStore[str], database: Any
) -> None:
    for one in attachments_of_every_kind():
        await store.save_attachment(one, "ann")
        where = {
            "owner": "ann", "name": one.name, "mime_type": one.mime_type, "type": one.type,
        }  # fmt: skip
        assert one.id in await found(database, "chatkit_attachments", where)


async def test_the_time_of_creation_is_a_date_that_can_be_compared(
    store: MongoStore[str], database: Any
) -> None:
    await store.save_thread(thread("old", NOON - timedelta(days=1)), "ann")
    await store.save_thread(thread("new", NOON), "ann")
    await store.add_thread_item("new", item("i", NOON), "ann")
    later = {"created": {"$gt": NOON - timedelta(hours=1)}}
    assert await found(database, "chatkit_threads", later) == ["new"]
    kept = await database["chatkit_items"].find_one({})
    to_milliseconds = NOON.replace(microsecond=NOON.microsecond // 1000 * 1000)
    assert kept["created"].replace(tzinfo=timezone.utc) == to_milliseconds


@pytest.mark.parametrize(
    "time",
    [
        datetime.min.replace(tzinfo=timezone.utc),
        datetime(1969, 12, 31, 23, 59, 59, 999999, timezone.utc),
        datetime.max.replace(tzinfo=timezone.utc),
    ],
)
async def test_every_time_that_there_is_can_be_kept(store: MongoStore[str], time: datetime) -> None:
    await store.save_thread(thread(at=time), "ann")
    assert (await store.load_thread("t", "ann")).created_at == time


async def test_the_json_is_the_records_own(store: MongoStore[str], database: Any) -> None:
    record = thread(title="é\x00😀", metadata={"a": [1, {"$set": None}]})
    await store.save_thread(record, "ann")
    kept = await database["chatkit_threads"].find_one({})
    assert kept["json"] == record.model_dump_json(by_alias=True)
    assert '"title":"é\\u0000😀"' in kept["json"]
    assert kept["title"] == "é\x00😀"


async def test_what_is_beside_the_json_follows_it_and_the_place_stays(
    store: MongoStore[str], database: Any
) -> None:
    await store.save_thread(thread(title="old", status={"type": "active"}), "ann")
    before = await database["chatkit_threads"].find_one({})
    await store.save_thread(thread(at=NOON + timedelta(days=9), title="new"), "ann")
    after = await database["chatkit_threads"].find_one({})
    assert (before["title"], after["title"]) == ("old", "new")
    for same in ("_id", "owner", "created", "position", "generation"):
        assert before[same] == after[same]


# --- ids -----------------------------------------------------------------------------------------

AWKWARD = [
    "$set", "$$ROOT", "a.b", ".", "", " ", "\x00", "a\x00b", "_id", "$literal", "x" * 1025,
    *HOSTILE_TEXTS,
]  # fmt: skip


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: repr(text)[:20])
async def test_an_awkward_text_can_be_any_id(
    store: MongoStore[str], database: Any, text: str
) -> None:
    owner = text or "somebody"
    await store.save_thread(thread("before"), owner)
    for id in (text, "after"):
        await store.save_thread(thread(id), owner)
        await store.add_thread_item(text, item(id, thread_id=text), owner)
    await store.save_attachment(
        attachments_of_every_kind()[0].model_copy(update={"id": text}), owner
    )

    assert (await store.load_thread(text, owner)).id == text
    assert (await store.load_item(text, text, owner)).id == text
    assert (await store.load_attachment(text, owner)).id == text
    assert (await store.update_thread(text, {"title": text}, owner)).title == text
    assert await found(database, "chatkit_items", {"_id.id": text, "thread": text}) == [text]

    threads = await store.load_threads(9, text, "asc", owner)
    assert [one.id for one in threads.data] == ["after"]
    items = await store.load_thread_items(text, text, 9, "asc", owner)
    assert [one.id for one in items.data] == ["after"]

    await store.delete_items_after(text, text, owner)
    await store.delete_thread_item(text, text, owner)
    assert (await store.load_thread_items(text, None, 9, "asc", owner)).data == []
    await store.delete_attachment(text, owner)
    await store.delete_thread(text, owner)
    threads = await store.load_threads(9, None, "asc", owner)
    assert [one.id for one in threads.data] == ["before", "after"]


async def test_ids_that_are_alike_are_different(store: MongoStore[str]) -> None:
    ids = ["é", "e\u0301", "A", "a", "a ", "1", "01", "\u200d", "", "$a", "a.b"]
    for id in ids:
        await store.save_thread(thread(id, title=repr(id)), "ann")
    assert [(await store.load_thread(id, "ann")).title for id in ids] == [repr(id) for id in ids]
    for id in ids:
        await store.delete_thread(id, "ann")
        with pytest.raises(NotFoundError):
            await store.load_thread(id, "ann")


async def test_one_id_can_be_of_several_owners_and_in_several_threads(
    store: MongoStore[str],
) -> None:
    for owner in ("ann", "bob"):
        for id in ("t", "u"):
            await store.save_thread(thread(id), owner)
            one = item("same", content=f"{owner} {id}", thread_id=id)
            await store.add_thread_item(id, one, owner)
    await store.delete_thread_item("t", "same", "ann")
    await store.delete_thread("u", "bob")
    for owner, id in (("ann", "u"), ("bob", "t")):
        one = await store.load_item(id, "same", owner)
        assert one == item("same", content=f"{owner} {id}", thread_id=id)
    for owner, id in (("ann", "t"), ("bob", "u")):
        with pytest.raises(NotFoundError):
            await store.load_item(id, "same", owner)


@pytest.mark.parametrize("limit", [2**31 - 2, 2**31, 2**63, 10**30])
async def test_a_huge_limit_means_all(store: MongoStore[str], limit: int) -> None:
    await store.save_thread(thread(), "ann")
    await store.save_thread(thread("u"), "ann")
    for id in ("1", "2"):
        await store.add_thread_item("t", item(id), "ann")
    for order in ("asc", "desc"):
        page = await store.load_threads(limit, None, order, "ann")
        assert (len(page.data), page.has_more) == (2, False)
        items = await store.load_thread_items("t", None, limit, order, "ann")
        assert (len(items.data), items.has_more) == (2, False)
    assert len((await store.load_threads(limit, "t", "asc", "ann")).data) == 1
    assert len((await store.load_thread_items("t", "1", limit, "asc", "ann")).data) == 1


# --- versions and rights -------------------------------------------------------------------------


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Any) -> None:
    async with MongoStore[str](database, owner=str) as store:
        await store.save_thread(thread(), "ann")
    layout = database["chatkit_layout"]
    assert [one["version"] async for one in layout.find()] == [1]
    await layout.update_one({}, {"$set": {"version": 2}})
    newer = MongoStore[str](database, owner=str)
    with pytest.raises(UnusableDatabaseError, match=r"'documents' has version 2 .* up to 1"):
        await newer.save_thread(thread("u"), "ann")
    await newer.aclose()
    assert await found(database, "chatkit_threads", {}) == ["t"]
    await layout.update_one({}, {"$set": {"version": 1}})
    async with MongoStore[str](database, owner=str) as store:
        assert (await store.load_thread("t", "ann")).id == "t"


@pytest.mark.parametrize(("name", "unique"), [("another", True), ("owner_1_position_1", False)])
async def test_an_index_that_somebody_made_otherwise_is_told_and_can_be_removed(
    database: Any, name: str, unique: bool
) -> None:
    threads = database["chatkit_threads"]
    await threads.create_index([("owner", 1), ("position", 1)], name=name, unique=unique)
    store = MongoStore[str](database, owner=str)
    with pytest.raises(StoreError, match=r"[iI]ndex") as failed:
        await store.save_thread(thread(), "ann")
    assert not isinstance(failed.value, StoreUnavailableError)
    await threads.drop_index(name)
    await store.save_thread(thread(), "ann")
    await store.aclose()


async def test_a_lent_database_whose_name_the_server_refuses_is_told(client: Any) -> None:
    store = MongoStore[str](client["x" * 64], owner=str)
    with pytest.raises(StoreError, match="xxx") as failed:
        await store.save_thread(thread(), "ann")
    assert not isinstance(failed.value, StoreUnavailableError)
    await store.aclose()


READ_AND_WRITE = ["find", "insert", "update", "remove"]


async def as_user(client: Any, url: str, actions: list[str]) -> str:
    """The URL of a user who may do only this, and in this database."""
    await client["documents"].command("dropAllUsersFromDatabase")
    await client["documents"].command("dropAllRolesFromDatabase")
    anything = {"resource": {"db": "documents", "collection": ""}, "actions": actions}
    await client["documents"].command("createRole", "some", privileges=[anything], roles=[])
    await client["documents"].command("createUser", "limited", pwd="word", roles=["some"])
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"mongodb://limited:word@{host}/documents"


async def test_whoever_may_not_create_indexes_can_use_those_that_exist(
    client: Any, database: Any, mongo_server: Service
) -> None:
    async with MongoStore[str](database, owner=str):
        pass
    url = await as_user(client, mongo_server.url, READ_AND_WRITE)
    async with MongoStore[str].from_url(url, owner=str) as store:
        attachment = attachments_of_every_kind()[0]
        await store.save_thread(thread(), "ann")
        await store.add_thread_item("t", item("1"), "ann")
        await store.save_attachment(attachment, "ann")
        assert (await store.load_item("t", "1", "ann")).id == "1"
        assert len((await store.load_thread_items("t", None, 5, "asc", "ann")).data) == 1
        await store.delete_attachment(attachment.id, "ann")
        await store.delete_thread("t", "ann")
    await database.command("dropAllUsersFromDatabase")
    await database.command("dropAllRolesFromDatabase")


async def test_whoever_may_not_create_indexes_cannot_begin(
    client: Any, database: Any, mongo_server: Service
) -> None:
    url = await as_user(client, mongo_server.url, READ_AND_WRITE)
    store = MongoStore[str].from_url(url, owner=str)
    with pytest.raises(StoreUnavailableError, match=r"not authorized on documents.*createIndexes"):
        await store.save_thread(thread(), "ann")
    assert await database.list_collection_names() == []
    await as_user(client, mongo_server.url, [*READ_AND_WRITE, "createIndex"])
    await store.save_thread(thread(), "ann")
    await store.aclose()
    await database.command("dropAllUsersFromDatabase")
    await database.command("dropAllRolesFromDatabase")


# --- scanning and copying ------------------------------------------------------------------------

OWNERS = ["ann", "a b c", "bob 1 2", "\x00", "é", " "]


@pytest.fixture
async def records(database: Any) -> AsyncIterator[MongoRecords]:
    """Filled, in no order that an index has."""
    records = MongoRecords(Lent(database), LARGEST_JSON, 10.0)
    store = RecordStore[str](records, owner=str)
    async with store:
        for owner in OWNERS:
            for id in ("z", "y", ""):
                await store.save_thread(thread(id), owner)
                for one in ("3", "1", "2"):
                    await store.add_thread_item(id, item(one, thread_id=id), owner)
                early = item("0", NOON.replace(year=1900), thread_id=id)
                await store.add_thread_item(id, early, owner)
            for attachment in attachments_of_every_kind():
                await store.save_attachment(attachment, owner)
        await store.save_thread(thread("deleted"), "ann")
        await store.add_thread_item("deleted", item("1"), "ann")
        await store.delete_thread("deleted", "ann")
        yield records


EACH = 3 + 3 * 4 + len(attachments_of_every_kind())


async def scanned(records: MongoRecords, size: int, after: str | None = None) -> list[PlacedRecord]:
    found: list[PlacedRecord] = []
    while page := await records.scan(after, size):
        assert len(page) <= size
        found += page
        after = page[-1].position
    return found


@pytest.mark.parametrize("size", [1, 3, 500])
async def test_a_scan_finds_each_record_once_and_threads_before_items(
    records: MongoRecords, size: int
) -> None:
    all = await scanned(records, size)
    assert all == await scanned(records, 7)
    assert len(all) == EACH * len(OWNERS)
    keys = [(placed.record.collection, placed.record.id) for placed in all]
    assert len(set(keys)) == len(keys)
    kinds = [placed.record.collection.kind for placed in all]
    assert kinds.index(Kind.ITEM) > max(at for at, kind in enumerate(kinds) if kind is Kind.THREAD)


async def test_a_scan_goes_on_from_any_position(records: MongoRecords) -> None:
    all = await scanned(records, 500)
    for at, placed in enumerate(all):
        assert await records.scan(placed.position, 1) == all[at + 1 : at + 2]
        assert await scanned(records, 500, placed.position) == all[at + 1 :]


@pytest.mark.parametrize("size", [1, 3, 500])
async def test_a_copied_database_has_the_same_pages(
    client: Any, records: MongoRecords, size: int
) -> None:
    target = MongoRecords(Lent(client["copy"]), LARGEST_JSON, 10.0)
    source_store = RecordStore[str](records, owner=str)
    target_store = RecordStore[str](target, owner=str)
    async with target_store:
        for _ in range(2):  # a copy can be done again
            result = await copy(source_store, target_store, page_size=size)
            assert result.ok, result
            assert result.progress.copied + result.progress.skipped == EACH * len(OWNERS)
            for owner in OWNERS:
                assert await pages(target_store, owner) == await pages(source_store, owner)
        with pytest.raises(NotFoundError):
            await target_store.load_thread("deleted", "ann")


async def pages(store: RecordStore[str], owner: str) -> list[Any]:
    threads = await store.load_threads(99, None, "asc", owner)
    items = [await store.load_thread_items(one.id, None, 99, "desc", owner) for one in threads.data]
    attachments = [
        await store.load_attachment(one.id, owner) for one in attachments_of_every_kind()
    ]
    return [threads, items, attachments]
