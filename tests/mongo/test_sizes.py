"""What is too large is refused before anything is sent; what is just not, is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from chatkit.records import Collection, Kind, Record
from chatkit.store import NotFoundError, RecordTooLargeError
from chatkit_mongo import MongoStore
from chatkit_mongo.clients import Lent
from chatkit_mongo.documents import LARGEST_COPY, LARGEST_JSON, LARGEST_KEY
from chatkit_mongo.store import MongoRecords
from services.service import Service
from support.mongo_commands import Commands
from support.record_samples import attachments_of_every_kind, item, thread

MIB = 1024 * 1024


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
async def database(mongo_server: Service, commands: Commands) -> AsyncIterator[Any]:
    async with AsyncMongoClient[Any](mongo_server.url, event_listeners=[commands]) as client:
        yield client["sizes"]
        await client.drop_database("sizes")


@pytest.fixture
async def store(database: Any, commands: Commands) -> AsyncIterator[MongoStore[str]]:
    async with MongoStore[str](database, owner=str, timeout=60.0) as store:
        yield store


@pytest.fixture
async def small(database: Any) -> AsyncIterator[MongoStore[str]]:
    """One whose records may have 1000 bytes."""
    async with MongoStore[str](database, owner=str, max_record_bytes=1000) as store:
        yield store


def titled(bytes: int, id: str = "t") -> Any:
    """A thread whose JSON has exactly so many bytes."""
    empty = len(thread(id, title="").model_dump_json(by_alias=True))
    return thread(id, title="x" * (bytes - empty))


# --- the limit of a record -----------------------------------------------------------------------


async def test_the_limit_is_exact(small: MongoStore[str], commands: Commands) -> None:
    await small.save_thread(titled(1000), "ann")
    commands.seen.clear()
    with pytest.raises(RecordTooLargeError, match=r"thread 't' has 1001 bytes.* at most 1000"):
        await small.save_thread(titled(1001), "ann")
    assert commands.seen == []
    assert await small.load_thread("t", "ann") == titled(1000)


async def test_each_kind_of_record_has_the_limit(
    small: MongoStore[str], commands: Commands
) -> None:
    attachment = attachments_of_every_kind()[0]
    await small.save_thread(thread(), "ann")
    await small.add_thread_item("t", item("1"), "ann")
    await small.save_attachment(attachment, "ann")
    commands.seen.clear()
    large = "x" * 1000
    for call in (
        small.add_thread_item("t", item("1", content=large), "ann"),
        small.save_item("t", item("1", content=large), "ann"),
        small.save_attachment(attachment.model_copy(update={"name": large}), "ann"),
    ):
        with pytest.raises(RecordTooLargeError, match="at most 1000"):
            await call
    assert commands.seen == []
    assert await small.load_item("t", "1", "ann") == item("1")
    assert await small.load_attachment(attachment.id, "ann") == attachment


async def test_a_change_that_makes_a_thread_too_large_leaves_it_as_it_was(
    small: MongoStore[str], commands: Commands
) -> None:
    before = titled(900)
    await small.save_thread(before, "ann")
    commands.seen.clear()
    with pytest.raises(RecordTooLargeError, match=r"thread 't' has .* at most 1000"):
        await small.update_thread("t", {"metadata": {"long": "x" * 200}}, "ann")
    assert commands.names == ["find"]
    assert await small.load_thread("t", "ann") == before


# --- as large as can be --------------------------------------------------------------------------


async def test_the_largest_records_are_stored_changed_and_found(store: MongoStore[str]) -> None:
    largest = titled(LARGEST_JSON)
    await store.save_thread(largest, "ann")
    await store.save_thread(titled(LARGEST_JSON, "u"), "ann")
    assert await store.load_thread("t", "ann") == largest
    changed = await store.update_thread("t", {"title": "y" * len(largest.title)}, "ann")
    assert changed.title == "y" * len(largest.title)
    page = await store.load_threads(1, "t", "asc", "ann")
    assert [found.id for found in page.data] == ["u"]
    long = item("1", content="x" * (15 * MIB))
    for id in ("1", "2"):
        await store.add_thread_item("t", long.model_copy(update={"id": id}), "ann")
    items = await store.load_thread_items("t", None, 5, "asc", "ann")
    assert [len(found.model_dump_json()) > 15 * MIB for found in items.data] == [True, True]
    assert items.data[0] == long
    await store.delete_thread("t", "ann")
    await store.delete_thread("u", "ann")


async def test_json_and_ids_share_what_one_document_can_hold(
    database: Any, commands: Commands
) -> None:
    """To the byte: whatever is not refused here, the server takes."""
    records = MongoRecords(Lent(database), LARGEST_JSON, 60.0)
    await records.open()
    await records.write(Record(Collection("ann", Kind.THREAD), "t", 0, b'{"title": ""}'))
    for collection in (Collection("o" * 99, Kind.THREAD), Collection("ann", Kind.ITEM, "t")):
        sizes = range(LARGEST_JSON - 100_000, LARGEST_JSON)
        taken, refused = sizes[0], sizes[-1]
        id = "i" * 100_000
        while refused - taken > 1:
            middle = (taken + refused) // 2
            commands.seen.clear()
            try:
                assert await records.write(Record(collection, id, 0, json_of(middle)))
            except RecordTooLargeError:
                assert commands.seen == []
                refused = middle
            else:
                taken = middle
        assert sizes[0] < taken < sizes[-1] - 1
        assert await records.read(collection, id) == json_of(taken)
    await records.close()


def json_of(bytes: int) -> bytes:
    frame = b'{"type": "x", "title": ""}'
    return frame[:-2] + b"x" * (bytes - len(frame)) + frame[-2:]


# --- ids -----------------------------------------------------------------------------------------

GIANT = "g" * (LARGEST_KEY + 1)


async def test_giant_ids_are_refused_before_anything_is_sent(
    store: MongoStore[str], commands: Commands
) -> None:
    await store.save_thread(thread(), "ann")
    attachment = attachments_of_every_kind()[0].model_copy(update={"id": GIANT})
    commands.seen.clear()
    for call in (
        store.save_thread(thread(GIANT), "ann"),
        store.add_thread_item("t", item(GIANT), "ann"),
        store.add_thread_item(GIANT, item("1"), "ann"),
        store.save_attachment(attachment, "ann"),
        store.save_thread(thread(), GIANT),
    ):
        with pytest.raises(RecordTooLargeError, match=str(LARGEST_KEY)) as refused:
            await call
        assert len(str(refused.value)) < 500
    assert commands.seen == []


async def test_giant_ids_are_of_no_record(store: MongoStore[str], commands: Commands) -> None:
    await store.save_thread(thread(), "ann")
    commands.seen.clear()
    for call in (
        store.load_thread(GIANT, "ann"),
        store.load_thread("t", GIANT),
        store.load_item("t", GIANT, "ann"),
        store.load_item(GIANT, "1", "ann"),
        store.load_attachment(GIANT, "ann"),
        store.update_thread(GIANT, {"title": "x"}, "ann"),
        store.load_threads(1, GIANT, "asc", "ann"),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert commands.seen == []
    with pytest.raises(NotFoundError):
        await store.load_thread_items("t", GIANT, 1, "asc", "ann")
    with pytest.raises(NotFoundError):
        await store.delete_items_after("t", GIANT, "ann")
    with pytest.raises(NotFoundError):
        await store.delete_items_after(GIANT, "1", "ann")
    assert (await store.load_threads(1, None, "asc", GIANT)).data == []
    assert (await store.load_thread_items(GIANT, None, 1, "asc", "ann")).data == []
    await store.delete_thread(GIANT, "ann")
    await store.delete_thread("t", GIANT)
    await store.delete_thread_item("t", GIANT, "ann")
    await store.delete_thread_items(GIANT, ["1", GIANT], "ann")
    await store.delete_attachment(GIANT, "ann")
    assert (await store.load_thread("t", "ann")).id == "t"


async def test_ids_of_a_megabyte_work(store: MongoStore[str]) -> None:
    owner, id, other = "o" * MIB, "t" * MIB, "i" * MIB
    await store.save_thread(thread(id), owner)
    await store.save_thread(thread("later"), owner)
    for one in (other, "later"):
        await store.add_thread_item(id, item(one, thread_id=id), owner)
    assert (await store.update_thread(id, {"title": "x"}, owner)).title == "x"
    assert (await store.load_item(id, other, owner)).id == other
    threads = await store.load_threads(1, id, "asc", owner)
    assert [found.id for found in threads.data] == ["later"]
    items = await store.load_thread_items(id, other, 1, "asc", owner)
    assert [found.id for found in items.data] == ["later"]
    await store.delete_items_after(id, other, owner)
    await store.delete_thread_items(id, [other], owner)
    assert (await store.load_thread_items(id, None, 1, "asc", owner)).data == []
    await store.delete_thread(id, owner)
    await store.delete_thread("later", owner)


async def test_the_largest_ids_are_stored(store: MongoStore[str]) -> None:
    """To the byte, in UTF-8: what is not refused, the server takes and finds again."""
    id = "é" * (LARGEST_KEY // 2 - 2)
    await store.save_thread(thread(id), "anna")
    assert (await store.load_thread(id, "anna")).id == id
    with pytest.raises(RecordTooLargeError):
        await store.save_thread(thread(id), "annas")
    await store.delete_thread(id, "anna")


# --- what is kept beside the JSON ----------------------------------------------------------------


async def test_copies_for_administrators_are_bounded(store: MongoStore[str], database: Any) -> None:
    title = "é" * (3 * MIB)
    attachment = attachments_of_every_kind()[0].model_copy(
        update={"name": title, "mime_type": title}
    )
    await store.save_thread(thread(title=title), "ann")
    await store.save_attachment(attachment, "ann")
    assert (await store.load_thread("t", "ann")).title == title
    kept = await database["chatkit_threads"].find_one({})
    assert kept["title"] == "é" * LARGEST_COPY
    kept = await database["chatkit_attachments"].find_one({})
    assert (kept["name"], kept["mime_type"]) == ("é" * LARGEST_COPY, "é" * LARGEST_COPY)
