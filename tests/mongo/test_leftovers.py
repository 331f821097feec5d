"""What broken-off deletions and late adds leave behind: no call sees it, and a sweep removes it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from chatkit.records import Kind
from chatkit.store import NotFoundError, walk_items
from chatkit_mongo import MongoStore
from chatkit_mongo.layout import COUNTERS, DELETED, NAMES
from services.service import Service
from support.mongo_target import user_of
from support.record_samples import attachments_of_every_kind, item, thread

TIMEOUT = 10.0
ALICE, BOB = {"user_id": "alice"}, {"user_id": "bob"}
Database = AsyncDatabase[dict[str, Any]]
Store = MongoStore[dict[str, str]]


@pytest.fixture
async def database(mongo_server: Service) -> AsyncIterator[Database]:
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url) as client:
        yield client[f"leftovers_{uuid.uuid4().hex}"]


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """Alice and Bob each have a thread ``t`` with the items ``a`` and ``b``."""
    async with Store(database, owner=user_of, timeout=TIMEOUT) as store:
        for owner in (ALICE, BOB):
            await store.save_thread(thread(), owner)
            for id in "ab":
                await store.add_thread_item("t", item(id), owner)
        yield store


async def ids(store: Store, owner: dict[str, str] = ALICE) -> list[str]:
    return [one.id async for one in walk_items(store, "t", owner, order="asc")]


async def begin_deletion(database: Database, steps: int) -> None:
    """What a process has done of a deletion of Alice's thread that is killed after a step."""
    threads, items = database[NAMES[Kind.THREAD]], database[NAMES[Kind.ITEM]]
    found = await threads.find_one({"_id": {"owner": "alice", "id": "t"}})
    assert found is not None
    generation = found["generation"]
    note = {"_id": generation, "owner": "alice", "thread": "t"}
    if steps >= 1:
        await database[DELETED].update_one(
            {"_id": generation}, {"$set": note, "$currentDate": {"at": True}}, upsert=True
        )
    if steps >= 2:
        await threads.delete_one({"_id": found["_id"]})
    if steps >= 3:
        await items.delete_many({"generation": generation})


async def make_old(database: Database) -> None:
    """Let twice the timeout pass."""
    pipeline = [{"$set": {"at": {"$subtract": ["$at", int(2001 * TIMEOUT)]}}}]
    await database[DELETED].update_many({}, pipeline)


async def documents_of(database: Database, owner: str) -> list[tuple[str, dict[str, Any]]]:
    """All documents of all collections that have the owner's name anywhere."""
    return [
        (name, document)
        for name in await database.list_collection_names()
        async for document in database[name].find()
        if f"'{owner}'" in repr(document)
    ]


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_deletion_that_was_broken_off_has_happened_or_not(
    database: Database, store: Store, steps: int
) -> None:
    await begin_deletion(database, steps)
    left = ["a", "b"] if steps == 1 else []
    assert await ids(store) == left
    await make_old(database)
    await store.sweep()
    assert await ids(store) == left
    if steps == 1:
        assert await store.load_thread("t", ALICE) == thread()
        await store.add_thread_item("t", item("c"), ALICE)
        assert await ids(store) == ["a", "b", "c"]
    else:
        with pytest.raises(NotFoundError):
            await store.load_thread("t", ALICE)
        assert await documents_of(database, "alice") == []
    assert await database[DELETED].count_documents({}) == 0
    assert await ids(store, BOB) == ["a", "b"]


@pytest.mark.parametrize("again", [False, True])
async def test_an_item_that_arrives_after_the_deletion_is_never_seen(
    database: Database, store: Store, again: bool
) -> None:
    items = database[NAMES[Kind.ITEM]]
    late = await items.find_one({"owner": "alice"})
    assert late is not None
    await store.delete_thread("t", ALICE)
    if again:
        await store.save_thread(thread(), ALICE)
    await items.insert_one(late)
    assert await ids(store) == []
    with pytest.raises(NotFoundError):
        await store.load_item("t", late["_id"]["id"], ALICE)
    await make_old(database)
    await store.sweep()
    assert await items.count_documents({"owner": "alice"}) == 0
    assert await items.count_documents({"owner": "bob"}) == 2


async def test_nothing_remains_of_an_owner_who_deleted_everything(
    database: Database, store: Store
) -> None:
    kinds = attachments_of_every_kind()
    for owner in (ALICE, BOB):
        await store.save_thread(thread("u"), owner)
        for one in kinds:
            await store.save_attachment(one, owner)
    bobs = await documents_of(database, "bob")
    for one in kinds:
        await store.delete_attachment(one.id, ALICE)
    for id in "tu":
        await store.delete_thread(id, ALICE)
    await make_old(database)
    await store.sweep()
    assert await documents_of(database, "alice") == []
    assert await documents_of(database, "bob") == bobs
    assert {name for name, _ in bobs} == {*NAMES.values(), COUNTERS}


async def test_a_young_deletion_is_left_to_later_sweeps(database: Database, store: Store) -> None:
    await begin_deletion(database, steps=2)
    await store.sweep()
    assert await database[DELETED].count_documents({}) == 1
    assert await database[NAMES[Kind.ITEM]].count_documents({"owner": "alice"}) == 2


async def test_the_background_sweeps_when_a_store_opens(database: Database, store: Store) -> None:
    await begin_deletion(database, steps=2)
    pipeline = [{"$set": {"at": {"$subtract": ["$at", 3_601_000]}}}]
    await database[DELETED].update_many({}, pipeline)
    async with Store(database, owner=user_of):
        while await database[DELETED].count_documents({}):
            pass  # each round waits for the server
    assert await database[NAMES[Kind.ITEM]].count_documents({"owner": "alice"}) == 0
