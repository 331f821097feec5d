"""SC: who may see what, and change what."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import FileAttachment
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case

SEVERAL_OWNERS = Capability.SEVERAL_OWNERS


async def _attempt(call: Awaitable[Any]) -> None:
    """A call that the store may refuse; what counts is what is stored afterwards."""
    with suppress(Exception):
        await call


async def _message(call: Awaitable[Any], what: str) -> str:
    """What ``NotFoundError`` says."""
    try:
        found = await call
    except NotFoundError as error:
        return str(error)
    expect.fail(what, expected=expect.Words("NotFoundError"), got=found)
    return ""


def _file(bench: StoreBench, name: str = "mine") -> FileAttachment:
    return FileAttachment(id=bench.id("file"), name=name, mime_type="text/plain")


async def _expect_untouched(bench: StoreBench, store: Store[Any], what: str) -> None:
    """Alice's thread "t" holds its items "a", "b" and "c" and is as it was."""
    expect.equal(
        await store.load_thread(bench.id("t"), bench.context()),
        bench.thread(),
        f"alice's thread after {what}",
    )
    expect.equal(
        await bench.items(store),
        [bench.item("a"), bench.item("b"), bench.item("c")],
        f"the items of alice's thread after {what}",
    )


@store_case("SC1.anothers-thread-is-missing", SEVERAL_OWNERS)
async def anothers_thread_is_missing(bench: StoreBench) -> None:
    """Another owner's thread is missing, in the same words as one that does not exist."""
    async with bench.open_with() as store:
        what = "load_thread of another owner's thread"
        others = await _message(store.load_thread(bench.id("t"), bench.context("bob")), what)
        unknown = await _message(store.load_thread(bench.id("u"), bench.context("bob")), what)
        same = unknown.replace(bench.id("u"), bench.id("t"))
        expect.equal(others, same, "the message for another owner's thread, and for none")


@store_case("SC1.anothers-item-is-missing", SEVERAL_OWNERS)
async def anothers_item_is_missing(bench: StoreBench) -> None:
    """Another owner's item is missing, in the same words as one that does not exist."""
    async with bench.open_with("a") as store:
        bob, thread = bench.context("bob"), bench.id("t")
        what = "load_item of another owner's item"
        others = await _message(store.load_item(thread, bench.id("a"), bob), what)
        unknown = await _message(store.load_item(thread, bench.id("b"), bob), what)
        same = unknown.replace(bench.id("b"), bench.id("a"))
        expect.equal(others, same, "the message for another owner's item, and for none")


@store_case("SC1.anothers-attachment-is-missing", SEVERAL_OWNERS, Capability.ATTACHMENTS)
async def anothers_attachment_is_missing(bench: StoreBench) -> None:
    """Another owner's attachment is missing, in the same words as one that does not exist."""
    async with bench.open() as store:
        await store.save_attachment(_file(bench), bench.context())
        bob = bench.context("bob")
        what = "load_attachment of another owner's attachment"
        others = await _message(store.load_attachment(bench.id("file"), bob), what)
        unknown = await _message(store.load_attachment(bench.id("none"), bob), what)
        same = unknown.replace(bench.id("none"), bench.id("file"))
        expect.equal(others, same, "the message for another owner's attachment, and for none")


@store_case("SC2.lists-of-threads-are-ones-own", SEVERAL_OWNERS)
async def lists_of_threads_are_ones_own(bench: StoreBench) -> None:
    """Listing threads, from the start and after another owner's thread, shows only one's own."""
    async with bench.open_with() as store:
        bob = bench.context("bob")
        for name in ("b1", "b2"):
            await store.save_thread(bench.thread(name), bob)
        page = await store.load_threads(10, None, "asc", bob)
        own = [bench.id("b1"), bench.id("b2")]
        expect.equal([thread.id for thread in page.data], own, "bob's threads")
        with suppress(NotFoundError):
            page = await store.load_threads(10, bench.id("t"), "asc", bob)
            foreign = [thread.id for thread in page.data if thread.id not in own]
            expect.equal(foreign, [], "threads of others after another owner's cursor")


@store_case("SC2.items-of-anothers-thread-are-not-listed", SEVERAL_OWNERS)
async def items_of_anothers_thread_are_not_listed(bench: StoreBench) -> None:
    """Another owner's thread has no items for anyone else, whatever the cursor."""
    async with bench.open_with("a", "b") as store:
        for after in (None, bench.id("a")):
            page = await store.load_thread_items(
                bench.id("t"), after, 10, "asc", bench.context("bob")
            )
            expect.equal(page.data, [], f"the items of another owner's thread after {after}")


@store_case("SC3.writes-change-nothing-of-anothers", SEVERAL_OWNERS)
async def writes_change_nothing_of_anothers(bench: StoreBench) -> None:
    """Adding, saving and updating in another owner's thread changes nothing there."""
    async with bench.open_with("a", "b", "c") as store:
        bob, thread = bench.context("bob"), bench.id("t")
        stolen = bench.item("a", content="stolen")
        await _attempt(store.add_thread_item(thread, stolen, bob))
        await _expect_untouched(bench, store, "bob's add_thread_item with its ids")
        await _attempt(store.save_item(thread, stolen, bob))
        await _expect_untouched(bench, store, "bob's save_item with its ids")
        await _attempt(store.add_thread_item(thread, bench.item("new"), bob))
        await _expect_untouched(bench, store, "bob's add_thread_item into it")
        await _attempt(store.update_thread(thread, {"title": "stolen"}, bob))
        await _expect_untouched(bench, store, "bob's update_thread")


@store_case("SC3.saving-anothers-thread-id-changes-nothing", SEVERAL_OWNERS)
async def saving_anothers_thread_id_changes_nothing(bench: StoreBench) -> None:
    """Saving a thread under an id that another owner uses leaves that owner's thread alone."""
    async with bench.open_with("a", "b", "c") as store:
        await _attempt(store.save_thread(bench.thread(title="stolen"), bench.context("bob")))
        await _expect_untouched(bench, store, "bob's save_thread with its id")


@store_case("SC3.deletes-take-nothing-of-anothers", SEVERAL_OWNERS)
async def deletes_take_nothing_of_anothers(bench: StoreBench) -> None:
    """Deleting under another owner's ids takes nothing away."""
    async with bench.open_with("a", "b", "c") as store:
        bob, thread = bench.context("bob"), bench.id("t")
        await _attempt(store.delete_thread_item(thread, bench.id("b"), bob))
        await _expect_untouched(bench, store, "bob's delete_thread_item")
        await _attempt(store.delete_thread_items(thread, [bench.id("b")], bob))
        await _expect_untouched(bench, store, "bob's delete_thread_items")
        await _attempt(store.delete_items_after(thread, bench.id("a"), bob))
        await _expect_untouched(bench, store, "bob's delete_items_after")
        await _attempt(store.delete_thread(thread, bob))
        await _expect_untouched(bench, store, "bob's delete_thread")


@store_case("SC3.anothers-attachment-stays", SEVERAL_OWNERS, Capability.ATTACHMENTS)
async def anothers_attachment_stays(bench: StoreBench) -> None:
    """Saving or deleting under another owner's attachment id leaves that attachment alone."""
    async with bench.open() as store:
        alice, bob = bench.context(), bench.context("bob")
        await store.save_attachment(_file(bench), alice)
        await _attempt(store.save_attachment(_file(bench, "stolen"), bob))
        kept = await store.load_attachment(bench.id("file"), alice)
        expect.equal(kept, _file(bench), "alice's attachment after bob saved one with its id")
        await _attempt(store.delete_attachment(bench.id("file"), bob))
        kept = await store.load_attachment(bench.id("file"), alice)
        expect.equal(kept, _file(bench), "alice's attachment after bob deleted one of its id")


@store_case("SC3.an-item-never-moves-to-another-thread")
async def an_item_never_moves_to_another_thread(bench: StoreBench) -> None:
    """Writing an item id that another thread of the same owner holds leaves that one alone."""
    async with bench.open_with("a", "b", "c") as store:
        alice = bench.context()
        await store.save_thread(bench.thread("u"), alice)
        for write in (store.add_thread_item, store.save_item):
            await _attempt(write(bench.id("u"), bench.item("b", content="x", thread="u"), alice))
            await _expect_untouched(bench, store, "writing one of its item ids in another thread")


@store_case("SC3.two-owners-may-use-the-same-ids", SEVERAL_OWNERS, Capability.REPEATED_IDS)
async def two_owners_may_use_the_same_ids(bench: StoreBench) -> None:
    """Two owners' threads and items of the same ids are kept apart."""
    async with bench.open() as store:
        for owner in ("alice", "bob"):
            context = bench.context(owner)
            await store.save_thread(bench.thread(title=owner), context)
            await store.add_thread_item(bench.id("t"), bench.item("a", content=owner), context)
        for owner in ("alice", "bob"):
            loaded = await store.load_thread(bench.id("t"), bench.context(owner))
            expect.equal(loaded, bench.thread(title=owner), f"{owner}'s thread")
            found = await bench.items(store, owner=owner)
            expect.equal(found, [bench.item("a", content=owner)], f"{owner}'s items")
        await store.delete_thread(bench.id("t"), bench.context("bob"))
        expect.equal(await bench.item_names(store), ["a"], "alice's items without bob's thread")


@store_case("SC3.two-threads-may-use-the-same-item-ids", Capability.REPEATED_IDS)
async def two_threads_may_use_the_same_item_ids(bench: StoreBench) -> None:
    """Two threads' items of the same id are kept apart."""
    async with bench.open_with() as store:
        alice = bench.context()
        await store.save_thread(bench.thread("u"), alice)
        for thread in ("t", "u"):
            item = bench.item("a", content=thread, thread=thread)
            await store.add_thread_item(bench.id(thread), item, alice)
        for thread in ("t", "u"):
            loaded = await store.load_item(bench.id(thread), bench.id("a"), alice)
            same = bench.item("a", content=thread, thread=thread)
            expect.equal(loaded, same, f"the item of thread {thread}")
            expect.equal(await bench.items(store, thread), [same], f"the items of {thread}")


@store_case("SC3.two-owners-may-use-the-same-attachment-id", *(
    SEVERAL_OWNERS, Capability.REPEATED_IDS, Capability.ATTACHMENTS
))  # fmt: skip
async def two_owners_may_use_the_same_attachment_id(bench: StoreBench) -> None:
    """Two owners' attachments of the same id are kept apart."""
    async with bench.open() as store:
        for owner in ("alice", "bob"):
            await store.save_attachment(_file(bench, owner), bench.context(owner))
        for owner in ("alice", "bob"):
            loaded = await store.load_attachment(bench.id("file"), bench.context(owner))
            expect.equal(loaded, _file(bench, owner), f"{owner}'s attachment")
