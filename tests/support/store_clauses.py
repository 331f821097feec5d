"""The store contract's clauses as test cases, for any ``RecordStore``.

A test module subclasses ``StoreClauses`` and gives it a fixture ``backend``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, Protocol

import pytest

from chatkit.records import RecordStore
from chatkit.store import NotFoundError, RecordTooLargeError, walk_items
from chatkit.types import HiddenContextItem, Page, Thread, ThreadItem, ThreadMetadata
from support.record_samples import (
    HOSTILE_TEXTS,
    NOON,
    attachments_of_every_kind,
    item,
    items_of_every_kind,
    nested,
    reloaded,
    thread,
    threads_of_every_kind,
)

ALICE = {"user": "alice"}
BOB = {"user": "bob"}
ORDERS: tuple[Literal["asc", "desc"], ...] = ("asc", "desc")


def user_of(context: dict[str, str]) -> str:
    return context["user"]


class Backend(Protocol):
    """A backend and the stores over it."""

    def store(self, **settings: Any) -> RecordStore[Any]:
        """A new store; its owner is ``context["user"]`` unless ``owner`` says otherwise."""
        ...


async def items_of(
    store: RecordStore[Any],
    thread_id: str = "t",
    context: Any = ALICE,
    order: Literal["asc", "desc"] = "asc",
    page_size: int = 100,
) -> list[ThreadItem]:
    walk = walk_items(store, thread_id, context, order=order, page_size=page_size)
    return [item async for item in walk]


async def item_ids(store: RecordStore[Any], *args: Any, **kwargs: Any) -> list[str]:
    return [item.id for item in await items_of(store, *args, **kwargs)]


async def thread_ids(
    store: RecordStore[Any], context: Any = ALICE, order: str = "asc"
) -> list[str]:
    page = await store.load_threads(1000, None, order, context)
    return [thread.id for thread in page.data]


async def add_items(store: RecordStore[Any], *ids: str, at: datetime = NOON) -> None:
    for id in ids:
        await store.add_thread_item("t", item(id, at), ALICE)


class StoreClauses:
    """One test or more for each clause that does not need a particular backend."""

    @pytest.fixture
    async def store(self, backend: Backend) -> AsyncIterator[RecordStore[Any]]:
        async with backend.store() as store:
            await store.save_thread(thread(), ALICE)
            yield store

    # Scope

    async def test_sc1_others_records_are_missing_like_those_that_do_not_exist(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "i")
        await store.save_attachment(attachments_of_every_kind()[0], ALICE)
        loads: list[tuple[Callable[..., Any], list[str]]] = [
            (store.load_thread, ["t"]),
            (store.load_item, ["t", "i"]),
            (store.load_attachment, ["bare"]),
        ]
        for load, ids in loads:
            assert await load(*ids, ALICE)
            with pytest.raises(NotFoundError) as others:
                await load(*ids, BOB)
            with pytest.raises(NotFoundError) as missing:
                await load(*[f"{id}!" for id in ids], ALICE)
            assert str(others.value) == str(missing.value).replace("!", "")
            assert all(repr(id) in str(others.value) for id in ids)

    async def test_sc2_lists_never_show_others_records(self, store: RecordStore[Any]) -> None:
        await add_items(store, "i", "j")
        assert await store.load_threads(10, None, "asc", BOB) == Page()
        assert await store.load_thread_items("t", None, 10, "asc", BOB) == Page()
        assert await store.load_thread_items("t", "i", 10, "asc", BOB) == Page()
        await store.save_thread(thread("u"), BOB)
        with pytest.raises(NotFoundError, match="'t'"):
            await store.load_threads(10, "t", "asc", BOB)
        with pytest.raises(NotFoundError, match="'i'"):
            await store.load_thread_items("u", "i", 10, "asc", BOB)

    async def test_sc3_two_owners_and_two_threads_may_use_the_same_ids(
        self, store: RecordStore[Any]
    ) -> None:
        file = attachments_of_every_kind()[0]
        for context in (ALICE, BOB):
            for id in ("t", "u"):
                text = f"{context['user']} {id}"
                await store.save_thread(thread(id, title=text), context)
                await store.add_thread_item(id, item("i", content=text), context)
            named = file.model_copy(update={"name": context["user"]})
            await store.save_attachment(named, context)
        await store.delete_thread("t", BOB)
        await store.delete_thread_item("u", "i", BOB)
        await store.delete_attachment("bare", BOB)
        assert (await store.load_thread("t", ALICE)).title == "alice t"
        assert await items_of(store, "t") == [item("i", content="alice t")]
        assert await items_of(store, "u") == [item("i", content="alice u")]
        assert (await store.load_attachment("bare", ALICE)).name == "alice"

    async def test_sc3_writes_under_anothers_thread_find_no_thread(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "i")
        for write in (store.add_thread_item, store.save_item):
            with pytest.raises(NotFoundError, match="'t'"):
                await write("t", item("i", content="stolen"), BOB)
        with pytest.raises(NotFoundError, match="'t'"):
            await store.update_thread("t", {"title": "stolen"}, BOB)
        with pytest.raises(NotFoundError, match="'i'"):
            await store.delete_items_after("t", "i", BOB)
        assert await items_of(store) == [item("i")]
        assert await store.load_thread("t", ALICE) == thread()

    async def test_sc4_a_store_without_an_owner_setting_cannot_be_built(
        self, backend: Backend
    ) -> None:
        async def user_later(context: Any) -> str:
            return "x"

        for wrong in (None, "alice", user_later):
            with pytest.raises(TypeError, match="owner="):
                backend.store(owner=wrong)

    @pytest.mark.parametrize(
        ("owner", "error"), [("", ValueError), (None, TypeError), (7, TypeError)]
    )
    async def test_sc4_a_strange_owner_raises_and_changes_nothing(
        self, backend: Backend, store: RecordStore[Any], owner: Any, error: type[Exception]
    ) -> None:
        async with backend.store(owner=lambda context: owner) as strange:
            with pytest.raises(error, match="owner"):
                await strange.save_thread(thread("u"), ALICE)
            with pytest.raises(error, match="owner"):
                await strange.load_threads(10, None, "asc", ALICE)
        assert await thread_ids(store) == ["t"]

    async def test_sc4_the_servers_question_whose_data_it_is_has_the_stores_answer(
        self, store: RecordStore[Any]
    ) -> None:
        assert store.owner_of(ALICE) == "alice"

    # Threads

    async def test_th1_every_field_of_a_thread_comes_back(self, store: RecordStore[Any]) -> None:
        for saved in threads_of_every_kind():
            await store.save_thread(saved, BOB)
            loaded = await store.load_thread(saved.id, BOB)
            assert loaded == reloaded(saved)
            assert loaded.created_at.tzinfo == reloaded(saved).created_at.tzinfo
        listed = (await store.load_threads(100, None, "asc", BOB)).data
        by_id = {thread.id: thread for thread in listed}
        assert by_id == {saved.id: reloaded(saved) for saved in threads_of_every_kind()}

    async def test_th1_a_thread_with_items_is_stored_as_its_metadata(
        self, store: RecordStore[Any]
    ) -> None:
        whole = Thread(**dict(thread("w", title="x")), items=Page(data=[item("i")]))
        await store.save_thread(whole, ALICE)
        loaded = await store.load_thread("w", ALICE)
        assert type(loaded) is ThreadMetadata
        assert loaded == thread("w", title="x")

    async def test_th2_saving_again_replaces_the_thread_whole_in_its_place(
        self, store: RecordStore[Any]
    ) -> None:
        for id in ("a", "b", "c"):
            await store.save_thread(thread(id, title="old", metadata={"k": 1}), BOB)
        newer = thread("a", NOON + timedelta(days=1))
        await store.save_thread(newer, BOB)
        assert await store.load_thread("a", BOB) == newer
        assert await thread_ids(store, BOB) == ["a", "b", "c"]

    async def test_th3_an_unknown_thread_is_named(self, store: RecordStore[Any]) -> None:
        with pytest.raises(NotFoundError, match="'no such'"):
            await store.load_thread("no such", ALICE)

    async def test_th4_deleting_a_thread_takes_its_items_and_nothing_else(
        self, store: RecordStore[Any]
    ) -> None:
        await store.save_thread(thread("u"), ALICE)
        await store.add_thread_item("u", item("i"), ALICE)
        await add_items(store, "i", "j")
        await store.save_attachment(attachments_of_every_kind()[1], ALICE)
        for _ in range(2):
            await store.delete_thread("t", ALICE)
        await store.delete_thread("never was", ALICE)
        assert await thread_ids(store) == ["u"]
        assert await item_ids(store) == []
        with pytest.raises(NotFoundError):
            await store.load_item("t", "i", ALICE)
        assert await item_ids(store, "u") == ["i"]
        assert (await store.load_attachment("file", ALICE)).id == "file"

    async def test_th5_nothing_brings_a_deleted_thread_back(self, store: RecordStore[Any]) -> None:
        await add_items(store, "old")
        await store.delete_thread("t", ALICE)
        with pytest.raises(NotFoundError, match="'t'"):
            await store.add_thread_item("t", item("late"), ALICE)
        with pytest.raises(NotFoundError, match="'t'"):
            await store.update_thread("t", {"title": "late"}, ALICE)
        assert await thread_ids(store) == []
        await store.save_thread(thread(), ALICE)
        assert await item_ids(store) == []

    async def test_th5_an_add_that_races_with_the_deletion_leaves_nothing(
        self, store: RecordStore[Any]
    ) -> None:
        for round in range(20):
            adds = [store.add_thread_item("t", item(f"{round} {n}"), ALICE) for n in range(5)]
            await asyncio.gather(*adds, store.delete_thread("t", ALICE), return_exceptions=True)
            await store.save_thread(thread(), ALICE)
            assert await item_ids(store) == []

    async def test_th6_an_update_changes_only_the_named_fields(
        self, store: RecordStore[Any]
    ) -> None:
        await store.save_thread(thread("u", title="old", metadata={"k": [1]}), ALICE)
        updated = await store.update_thread("u", {"title": "new"}, ALICE)
        assert updated == thread("u", title="new", metadata={"k": [1]})
        assert await store.load_thread("u", ALICE) == updated
        for changes in ({"no such": 1}, {"id": "v"}, {"title": 7}):
            with pytest.raises(ValueError, match=next(iter(changes))):
                await store.update_thread("u", changes, ALICE)
        assert await store.load_thread("u", ALICE) == updated

    async def test_th6_updates_at_the_same_time_lose_nothing(self, store: RecordStore[Any]) -> None:
        async def note(key: str) -> None:
            for _ in range(5):
                known = (await store.load_thread("t", ALICE)).allowed_image_domains
                assert known is None
                await store.update_thread("t", {"metadata": {"by": key}}, ALICE)

        await asyncio.gather(
            *(note(str(n)) for n in range(4)),
            store.update_thread("t", {"title": "kept"}, ALICE),
            store.update_thread("t", {"status": {"type": "locked"}}, ALICE),
        )
        final = await store.load_thread("t", ALICE)
        assert (final.title, final.status.type) == ("kept", "locked")
        assert final.metadata["by"] in "0123"

    # Items

    async def test_it1_every_kind_of_item_comes_back(self, store: RecordStore[Any]) -> None:
        saved = items_of_every_kind()
        assert len({item.type for item in saved}) == 11
        for one in saved:
            await store.add_thread_item("t", one, ALICE)
            assert await store.load_item("t", one.id, ALICE) == reloaded(one)
        assert await items_of(store) == [reloaded(one) for one in saved]

    @pytest.mark.parametrize(
        "content",
        [nested(300), {"lone": "\ud800"}, object(), 10**5000],
        ids=["too deep", "lone surrogate", "object", "endless number"],
    )
    async def test_it1_what_would_not_load_again_is_refused_at_the_write(
        self, store: RecordStore[Any], content: Any
    ) -> None:
        await add_items(store, "i")
        before = await items_of(store)
        with pytest.raises(ValueError, match="item 'i' in thread 't' cannot be stored"):
            await store.save_item("t", item("i", content=content), ALICE)
        with pytest.raises(ValueError, match="item 'new' in thread 't' cannot be stored"):
            await store.add_thread_item("t", item("new", content=content), ALICE)
        assert await items_of(store) == before

    async def test_it1_a_field_set_to_nonsense_after_it_was_checked_is_refused(
        self, store: RecordStore[Any]
    ) -> None:
        broken = thread()
        broken.title = 7  # type: ignore[assignment]  # what a caller without types can do
        with pytest.raises(ValueError, match="thread 't' cannot be stored"):
            await store.save_thread(broken, ALICE)
        assert await store.load_thread("t", ALICE) == thread()

    async def test_it2_and_it3_writing_an_item_again_replaces_it_in_place(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "a", "b", "c")
        for write in (store.add_thread_item, store.save_item):
            again = item("a", NOON + timedelta(hours=1), content=write.__name__)
            await write("t", again, ALICE)
            assert [one.id for one in await items_of(store)] == ["a", "b", "c"]
            assert await store.load_item("t", "a", ALICE) == again
        await store.save_item("t", item("d"), ALICE)
        assert await item_ids(store) == ["a", "b", "c", "d"]

    async def test_it4_an_item_is_found_only_in_its_own_thread(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "i")
        await store.save_thread(thread("u"), ALICE)
        with pytest.raises(NotFoundError, match="no item 'i' in thread 'u'"):
            await store.load_item("u", "i", ALICE)

    async def test_it5_deleting_an_item_touches_nothing_else(self, store: RecordStore[Any]) -> None:
        await store.save_thread(thread("u"), ALICE)
        await store.add_thread_item("u", item("i"), ALICE)
        await add_items(store, "i", "j")
        for _ in range(2):
            await store.delete_thread_item("t", "i", ALICE)
        await store.delete_thread_item("no such", "i", ALICE)
        assert await item_ids(store) == ["j"]
        assert await item_ids(store, "u") == ["i"]

    @pytest.mark.parametrize("after", [None, "i", ""])
    async def test_it6_an_unknown_thread_has_an_empty_page(
        self, store: RecordStore[Any], after: str | None
    ) -> None:
        await add_items(store, "i")
        assert await store.load_thread_items("no such", after, 5, "asc", ALICE) == Page()

    async def test_it7_no_item_without_its_thread(self, store: RecordStore[Any]) -> None:
        for write in (store.add_thread_item, store.save_item):
            with pytest.raises(NotFoundError, match="no thread 'no such'"):
                await write("no such", item("i"), ALICE)
        await store.save_thread(thread("no such"), ALICE)
        assert await item_ids(store, "no such") == []

    async def test_it8_exactly_the_later_items_are_deleted(self, store: RecordStore[Any]) -> None:
        await add_items(store, "a", "b", "c", "d")
        await add_items(store, "z", at=NOON + timedelta(seconds=1))
        await add_items(store, "first", at=NOON - timedelta(seconds=1))
        with pytest.raises(NotFoundError, match="no item 'x' in thread 't'"):
            await store.delete_items_after("t", "x", ALICE)
        assert await item_ids(store) == ["first", "a", "b", "c", "d", "z"]
        await store.delete_items_after("t", "z", ALICE)
        await store.delete_items_after("t", "b", ALICE)
        assert await item_ids(store) == ["first", "a", "b"]

    async def test_it8_exactly_the_named_items_are_deleted(self, store: RecordStore[Any]) -> None:
        await add_items(store, *"abcde")
        await store.delete_thread_items("t", ["b", "x", "d", "b", "\ud800"], ALICE)
        await store.delete_thread_items("t", [], ALICE)
        assert await item_ids(store) == ["a", "c", "e"]

    # Order and pages

    async def test_pg1_the_order_is_time_then_first_write(self, store: RecordStore[Any]) -> None:
        late, early = NOON + timedelta(microseconds=1), NOON - timedelta(days=20000)
        await add_items(store, "b1", "a9", "b0")
        await add_items(store, "c", at=late)
        await add_items(store, "a", at=early)
        assert await item_ids(store) == ["a", "b1", "a9", "b0", "c"]
        assert await item_ids(store, order="desc") == ["c", "b0", "a9", "b1", "a"]

    async def test_pg1_threads_have_the_same_order(self, store: RecordStore[Any]) -> None:
        for id, seconds in (("b", 5), ("c", 5), ("a", 9), ("d", 0)):
            await store.save_thread(thread(id, NOON + timedelta(seconds=seconds)), BOB)
        assert await thread_ids(store, BOB) == ["d", "b", "c", "a"]
        assert await thread_ids(store, BOB, "desc") == ["a", "c", "b", "d"]

    async def test_pg1_naive_times_are_local_among_aware_ones(
        self, store: RecordStore[Any]
    ) -> None:
        naive = datetime(2024, 7, 1, 12)
        instant = naive.astimezone()
        await add_items(
            store, "after", at=(instant + timedelta(seconds=1)).astimezone(timezone.utc)
        )
        await add_items(store, "naive", at=naive)
        await add_items(
            store, "before", at=(instant - timedelta(seconds=1)).astimezone(timezone.utc)
        )
        assert await item_ids(store) == ["before", "naive", "after"]

    async def test_pg1_the_first_and_the_last_moment_have_a_place(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "last", at=datetime.max)
        await add_items(store, "now")
        await add_items(store, "first", at=datetime.min)
        assert await item_ids(store) == ["first", "now", "last"]

    async def test_pg2_a_page_says_whether_there_is_more(self, store: RecordStore[Any]) -> None:
        await add_items(store, *"abc")
        page = await store.load_thread_items("t", None, 2, "asc", ALICE)
        assert ([item.id for item in page.data], page.has_more, page.after) == (
            ["a", "b"],
            True,
            "b",
        )
        for limit in (3, 4, 2**63):
            page = await store.load_thread_items("t", None, limit, "asc", ALICE)
            assert (len(page.data), page.has_more, page.after) == (3, False, None)
        page = await store.load_thread_items("t", "c", 1, "asc", ALICE)
        assert page == Page()

    async def test_pg3_a_walk_sees_every_item_once_also_among_equal_times(
        self, store: RecordStore[Any]
    ) -> None:
        ids = [f"i{n}" for n in range(40)]
        await add_items(store, *ids[:10], at=NOON - timedelta(seconds=1))
        await add_items(store, *ids[10:])
        for page_size in (1, 2, 3, 7, 39, 40, 41):
            for order, expected in (("asc", ids), ("desc", ids[::-1])):
                walked = await item_ids(store, order=order, page_size=page_size)
                assert walked == expected

    async def test_pg4_a_walk_survives_what_happens_around_its_cursor(
        self, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "a", "b", "c", "d", "e")
        page = await store.load_thread_items("t", None, 2, "asc", ALICE)
        await add_items(store, "before", at=NOON - timedelta(1))
        await store.delete_thread_item("t", "a", ALICE)
        await store.delete_thread_item("t", "d", ALICE)
        await store.save_item("t", item("b", NOON + timedelta(1)), ALICE)
        rest = await store.load_thread_items("t", page.after, 10, "asc", ALICE)
        assert [item.id for item in rest.data] == ["c", "e"]

    async def test_pg5_an_unknown_cursor_never_starts_again(self, store: RecordStore[Any]) -> None:
        await store.save_thread(thread("u"), ALICE)
        await store.add_thread_item("u", item("elsewhere"), ALICE)
        await add_items(store, "a", "b", "c")
        await store.delete_thread_item("t", "b", ALICE)
        for order in ORDERS:
            for cursor in ("no such", "b", "elsewhere", "", "\ud800"):
                with pytest.raises(NotFoundError, match="item"):
                    await store.load_thread_items("t", cursor, 5, order, ALICE)
                with pytest.raises(NotFoundError, match="thread"):
                    await store.load_threads(5, cursor, order, ALICE)
            assert (await store.load_thread_items("t", "a", 5, order, ALICE)).data == (
                [item("c")] if order == "asc" else []
            )

    async def test_pg6_a_wrong_limit_or_order_is_refused(self, store: RecordStore[Any]) -> None:
        for limit in (0, -1):
            with pytest.raises(ValueError, match="limit"):
                await store.load_thread_items("t", None, limit, "asc", ALICE)
            with pytest.raises(ValueError, match="limit"):
                await store.load_threads(limit, None, "asc", ALICE)
        for order in ("", "ASC", "up"):
            with pytest.raises(ValueError, match="order"):
                await store.load_thread_items("t", None, 5, order, ALICE)
            with pytest.raises(ValueError, match="order"):
                await store.load_threads(5, None, order, ALICE)

    # Attachments' metadata

    async def test_am1_attachments_come_back_and_are_replaced_whole(
        self, store: RecordStore[Any]
    ) -> None:
        for saved in attachments_of_every_kind():
            for version in (saved.model_copy(update={"metadata": {"old": 1}}), saved):
                await store.save_attachment(version, ALICE)
                assert await store.load_attachment(saved.id, ALICE) == reloaded(version)

    async def test_am2_unknown_attachments_are_named_and_deleting_is_idempotent(
        self, store: RecordStore[Any]
    ) -> None:
        await store.save_attachment(attachments_of_every_kind()[0], ALICE)
        for _ in range(2):
            await store.delete_attachment("bare", ALICE)
        with pytest.raises(NotFoundError, match="no attachment 'bare'"):
            await store.load_attachment("bare", ALICE)

    # Data

    async def test_da1_any_text_may_be_an_id_or_an_owner(self, store: RecordStore[Any]) -> None:
        for text in HOSTILE_TEXTS:
            context = {"user": text}
            await store.save_thread(thread(text, title=text), context)
            for id in HOSTILE_TEXTS:
                await store.add_thread_item(text, item(id, content=text), context)
        for text in HOSTILE_TEXTS:
            context = {"user": text}
            assert await thread_ids(store, context) == [text]
            assert await item_ids(store, text, context, page_size=1) == HOSTILE_TEXTS
            assert (await store.load_item(text, text, context)) == item(text, content=text)
            await store.delete_items_after(text, HOSTILE_TEXTS[3], context)
            await store.delete_thread_items(text, HOSTILE_TEXTS[:2], context)
            assert await item_ids(store, text, context) == HOSTILE_TEXTS[2:4]
            await store.delete_thread(text, context)
            assert await thread_ids(store, context) == []

    async def test_da2_a_lone_surrogate_is_refused_or_not_found(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        lone = "x\ud800"
        with pytest.raises(ValueError, match="cannot be stored"):
            await store.save_thread(thread(lone), ALICE)
        with pytest.raises(ValueError, match="cannot be stored"):
            await store.add_thread_item(lone, item("i"), ALICE)
        with pytest.raises(NotFoundError):
            await store.load_thread(lone, ALICE)
        with pytest.raises(NotFoundError):
            await store.load_item("t", lone, ALICE)
        with pytest.raises(NotFoundError):
            await store.delete_items_after("t", lone, ALICE)
        assert await store.load_thread_items(lone, None, 5, "asc", ALICE) == Page()
        await store.delete_thread(lone, ALICE)
        with pytest.raises(ValueError, match="owner"):
            await store.load_thread("t", {"user": lone})

    async def test_da2_too_large_a_record_leaves_the_earlier_version(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        async with backend.store(max_record_bytes=300) as small:
            await small.add_thread_item("t", item("i", content="short"), ALICE)
            for write in (small.add_thread_item, small.save_item):
                with pytest.raises(RecordTooLargeError, match=r"item 'i'.* at most 300"):
                    await write("t", item("i", content="long" * 100), ALICE)
            with pytest.raises(RecordTooLargeError, match=r"thread 't'.* at most 300"):
                await small.update_thread("t", {"title": "long" * 100}, ALICE)
        assert await items_of(store) == [item("i", content="short")]
        assert (await store.load_thread("t", ALICE)).title is None

    async def test_da3_a_megabyte_of_text_works(self, store: RecordStore[Any]) -> None:
        big = item("big", content="é\x00" * 500_000)
        await store.add_thread_item("t", big, ALICE)
        assert await store.load_item("t", "big", ALICE) == big

    async def test_da4_what_happens_to_an_object_changes_nothing_stored(
        self, store: RecordStore[Any]
    ) -> None:
        given = item("i", content={"k": [1]})
        kept = deepcopy(given)
        adding = asyncio.ensure_future(store.add_thread_item("t", given, ALICE))
        await asyncio.sleep(0)
        assert isinstance(given, HiddenContextItem)
        given.content["k"].append(2)
        await adding
        given.content["k"].append(3)
        for _ in range(2):
            loaded = await store.load_item("t", "i", ALICE)
            assert loaded == kept
            assert isinstance(loaded, HiddenContextItem)
            loaded.content["k"].append(4)
        page = await store.load_thread_items("t", None, 5, "asc", ALICE)
        page.data.clear()
        assert await items_of(store) == [kept]

    # Concurrency and lifecycle

    async def test_cc1_concurrent_adds_are_all_there_in_one_lasting_order(
        self, store: RecordStore[Any]
    ) -> None:
        async def write(writer: int) -> None:
            for n in range(8):
                await store.add_thread_item("t", item(f"{writer}.{n}"), ALICE)

        await asyncio.gather(*(write(writer) for writer in range(32)))
        seen = await item_ids(store, page_size=50)
        assert sorted(seen) == sorted(f"{w}.{n}" for w in range(32) for n in range(8))
        assert await item_ids(store, page_size=7) == seen
        for writer in range(32):
            own = [id for id in seen if id.startswith(f"{writer}.")]
            assert own == [f"{writer}.{n}" for n in range(8)]

    async def test_cc3_concurrent_saves_end_as_one_of_the_versions(
        self, store: RecordStore[Any]
    ) -> None:
        versions = [thread(title=f"{n}" * 99, metadata={"n": n}) for n in range(16)]
        await asyncio.gather(*(store.save_thread(version, ALICE) for version in versions))
        assert await store.load_thread("t", ALICE) in versions

    async def test_cc4_a_call_cancelled_anywhere_is_done_or_not_and_harms_nobody(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        async with backend.store() as cancelled:  # not opened by another call before
            for steps in range(25):
                neighbours = [
                    asyncio.ensure_future(
                        cancelled.add_thread_item("t", item(f"{steps} {n}"), ALICE)
                    )
                    for n in range(2)
                ]
                victim = asyncio.ensure_future(
                    cancelled.add_thread_item("t", item(f"{steps} x", content=[1, 2]), ALICE)
                )
                for _ in range(steps):
                    await asyncio.sleep(0)
                victim.cancel()
                await asyncio.gather(*neighbours)
                done = (await asyncio.gather(victim, return_exceptions=True))[0] is None
                # Another write by the same store: whatever was under way came before it.
                await cancelled.save_thread(thread(), ALICE)
                ids = await item_ids(store)
                assert {f"{steps} 0", f"{steps} 1"} <= set(ids)
                if f"{steps} x" in ids:
                    whole = item(f"{steps} x", content=[1, 2])
                    assert await store.load_item("t", f"{steps} x", ALICE) == whole
                else:
                    assert not done

    async def test_cc4_cancelling_the_first_call_leaves_the_store_usable(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        for steps in range(10):
            fresh = backend.store()
            first = asyncio.ensure_future(fresh.load_thread("t", ALICE))
            second = asyncio.ensure_future(fresh.load_thread("t", ALICE))
            for _ in range(steps):
                await asyncio.sleep(0)
            first.cancel()
            assert await second == thread()
            await asyncio.gather(first, return_exceptions=True)
            await fresh.aclose()

    async def test_du1_what_a_call_has_stored_is_there_for_a_new_store(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        await add_items(store, "i")
        async with backend.store() as other:
            assert await items_of(other) == [item("i")]

    async def test_lc1_a_store_opens_by_itself_and_closes_for_good(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        other = backend.store()
        assert await other.load_thread("t", ALICE) == thread()
        await asyncio.gather(other.aclose(), other.aclose())
        await other.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await other.load_thread("t", ALICE)
        with pytest.raises(RuntimeError, match="closed"):
            await other.__aenter__()

    async def test_lc1_a_store_that_was_never_used_can_be_closed(self, backend: Backend) -> None:
        await backend.store().aclose()

    async def test_lc1_closing_lets_running_calls_end(
        self, backend: Backend, store: RecordStore[Any]
    ) -> None:
        other = backend.store()
        adding = [
            asyncio.ensure_future(other.add_thread_item("t", item(f"{n}"), ALICE))
            for n in range(10)
        ]
        await asyncio.sleep(0)
        await other.aclose()
        await asyncio.gather(*adding)
        assert len(await item_ids(store)) == 10

    def test_lc2_a_store_refuses_another_event_loop(self, backend: Backend) -> None:
        one, two = asyncio.new_event_loop(), asyncio.new_event_loop()
        try:
            store = backend.store()
            one.run_until_complete(store.save_thread(thread(), ALICE))
            for call in (store.load_thread("t", ALICE), store.aclose()):
                with pytest.raises(RuntimeError, match="belongs to the event loop"):
                    two.run_until_complete(call)
            one.run_until_complete(store.aclose())
            again = backend.store()
            two.run_until_complete(again.load_threads(5, None, "asc", ALICE))
            two.run_until_complete(again.aclose())
        finally:
            one.close()
            two.close()

    @pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
    async def test_a_timeout_is_a_positive_number_of_seconds(
        self, backend: Backend, timeout: float
    ) -> None:
        with pytest.raises(ValueError, match="timeout="):
            backend.store(timeout=timeout)
