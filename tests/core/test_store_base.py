"""What ``Store`` and ``AttachmentStore`` give to those who subclass them, and how ids are made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from chatkit.store import (
    AttachmentStore,
    NotFoundError,
    RecordTooLargeError,
    Store,
    StoreError,
    StoreItemType,
    StoreUnavailableError,
    default_generate_id,
    merge_thread,
    walk_items,
)
from chatkit.types import Attachment, AttachmentCreateParams, FileAttachment, Page, ThreadItem
from support.memory_store import MemoryStore
from support.record_samples import NOON, item, thread

FILE = FileAttachment(id="f", name="n", mime_type="text/plain")


class PlainStore(MemoryStore):
    """Only the twelve methods that a store must have, and a note of the deletions."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []

    async def delete_thread_item(self, thread_id: str, item_id: str, context: Any) -> None:
        self.deleted.append(item_id)
        await super().delete_thread_item(thread_id, item_id, context)

    aclose = Store.aclose


@pytest.fixture
async def store() -> PlainStore:
    store = PlainStore()
    await store.save_thread(thread(metadata={"k": 1}), None)
    for number, id in enumerate("abcde"):
        await store.add_thread_item("t", item(id, NOON + timedelta(seconds=number)), None)
    return store


async def ids(store: Store[Any]) -> list[str]:
    return [item.id async for item in walk_items(store, "t", None, order="asc", page_size=2)]


async def test_th6_the_default_update_changes_the_named_fields(store: PlainStore) -> None:
    updated = await store.update_thread("t", {"title": "x", "status": {"type": "locked"}}, None)
    assert (updated.title, updated.status.type, updated.metadata) == ("x", "locked", {"k": 1})
    assert await store.load_thread("t", None) == updated


async def test_th6_the_default_update_refuses_what_no_thread_has(store: PlainStore) -> None:
    refused: list[dict[str, Any]] = [{"colour": "red"}, {"id": "u"}, {"items": []}]
    for changes in refused:
        with pytest.raises(ValueError, match=f"cannot change {next(iter(changes))}"):
            await store.update_thread("t", changes, None)
    with pytest.raises(NotFoundError, match="'u'"):
        await store.update_thread("u", {"title": "x"}, None)


async def test_it8_the_default_deletes_exactly_what_comes_after(store: PlainStore) -> None:
    await store.delete_items_after("t", "b", None)
    assert await ids(store) == ["a", "b"]
    assert sorted(store.deleted) == ["c", "d", "e"]


async def test_it8_the_default_deletes_nothing_after_an_unknown_item(store: PlainStore) -> None:
    with pytest.raises(NotFoundError, match=r"'x'.*'t'"):
        await store.delete_items_after("t", "x", None)
    assert store.deleted == []


async def test_it8_the_default_deletes_the_named_items_one_by_one(store: PlainStore) -> None:
    await store.delete_thread_items("t", ["d", "x", "a"], None)
    assert await ids(store) == ["b", "c", "e"]
    assert store.deleted == ["d", "x", "a"]


@pytest.mark.parametrize("page_size", [1, 2, 5, 100])
async def test_a_walk_yields_every_item_in_either_order(store: PlainStore, page_size: int) -> None:
    for order, expected in (("asc", "abcde"), ("desc", "edcba")):
        walk = walk_items(store, "t", None, order=order, page_size=page_size)  # type: ignore[arg-type]  # the loop widens it
        assert "".join([item.id async for item in walk]) == expected


@pytest.mark.parametrize("after", [None, "always the same"])
async def test_a_walk_ends_on_a_store_that_always_says_there_is_more(
    store: PlainStore, monkeypatch: pytest.MonkeyPatch, after: str | None
) -> None:
    async def endless(*args: Any) -> Page[ThreadItem]:
        return Page(data=[item("a")], has_more=True, after=after)

    monkeypatch.setattr(store, "load_thread_items", endless)
    assert set(await ids(store)) == {"a"}


async def test_lc1_any_store_is_a_context_manager_and_can_be_closed_twice(
    store: PlainStore,
) -> None:
    async with store as entered:
        assert entered is store
    await store.aclose()
    assert store.owner_of(None) == ""


def test_a_store_without_the_twelve_methods_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Store[None]()  # type: ignore[abstract]  # that is the point


def test_i14_ids_are_a_prefix_and_128_random_bits(store: PlainStore) -> None:
    prefixes = set()
    for kind in get_args(StoreItemType):
        made = {default_generate_id(kind) for _ in range(100)}
        assert len(made) == 100
        assert all(re.fullmatch(r"[a-z]+_[0-9a-f]{32}", id) for id in made)
        prefixes.add(made.pop().partition("_")[0])
    assert len(prefixes) == 7
    assert store.generate_thread_id(None).startswith("thr_")
    assert store.generate_item_id("message", thread(), None).startswith("msg_")


def test_every_error_that_a_store_raises_on_purpose_is_a_store_error() -> None:
    for error in (NotFoundError, StoreUnavailableError, RecordTooLargeError):
        assert issubclass(error, StoreError)


def test_merging_copies_and_checks() -> None:
    before = thread(title="old", metadata={"k": 1})
    after = merge_thread(before, {"title": None})
    assert (after.title, after.metadata) == (None, {"k": 1})
    assert before.title == "old"
    with pytest.raises(ValueError, match="title"):
        merge_thread(before, {"title": 7})


class Deleting(AttachmentStore[Any]):
    """Only what an attachment store must have."""

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        pass


class Reading(Deleting):
    async def read(self, attachment: Attachment, context: Any) -> bytes:
        return b"0123456789"


class Streaming(Deleting):
    async def stream(
        self, attachment: Attachment, context: Any, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        for chunk in (b"0123", b"456", b"789")[start:end]:
            yield chunk


async def test_reading_and_streaming_are_each_others_defaults() -> None:
    assert await Streaming().read(FILE, None) == b"0123456789"
    for start, end, expected in ((0, None, b"0123456789"), (2, 5, b"234"), (8, 99, b"89")):
        chunks = [chunk async for chunk in Reading().stream(FILE, None, start, end)]
        assert b"".join(chunks) == expected


async def test_a_store_that_cannot_be_read_from_says_what_to_override() -> None:
    with pytest.raises(NotImplementedError, match="Deleting must override read or stream"):
        await Deleting().read(FILE, None)
    with pytest.raises(NotImplementedError, match="Deleting must override read or stream"):
        async for _ in Deleting().stream(FILE, None):
            pass


async def test_uploads_need_create_attachment() -> None:
    params = AttachmentCreateParams(name="n", size=1, mime_type="text/plain")
    with pytest.raises(NotImplementedError, match="Deleting must override create_attachment"):
        await Deleting().create_attachment(params, None)
    assert Deleting().generate_attachment_id("text/plain", None).startswith("atc_")


async def test_renewing_leaves_attachments_as_they_are() -> None:
    async with Deleting() as store:
        given = (FILE,)
        renewed = await store.renew(given, None)
        assert renewed == [FILE]
        assert isinstance(renewed, list)
    await store.aclose()
