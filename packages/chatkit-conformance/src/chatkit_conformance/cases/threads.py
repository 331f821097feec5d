"""TH: threads come back equal, are replaced whole, stay deleted, and change field by field."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from chatkit.store import Store
from chatkit.types import FileAttachment, Page, Thread, ThreadMetadata
from chatkit_conformance import expect, samples
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case
from chatkit_conformance.samples import NOON


@store_case("TH1.every-field-comes-back")
async def every_field_comes_back(bench: StoreBench) -> None:
    """Every field of a thread comes back equal, and its time naive or aware as it was."""
    async with bench.open() as store:
        for saved in samples.threads_of_every_kind(bench.id):
            await store.save_thread(saved, bench.context())
            loaded = await store.load_thread(saved.id, bench.context())
            _expect_same(loaded, saved, "load_thread after save_thread")


@store_case("TH1.lists-show-threads-as-they-were-saved")
async def lists_show_threads_as_they_were_saved(bench: StoreBench) -> None:
    """``load_threads`` gives back every field, too."""
    async with bench.open() as store:
        saved = samples.threads_of_every_kind(bench.id)
        for thread in saved:
            await store.save_thread(thread, bench.context())
        found = {thread.id: thread for thread in await bench.threads(store)}
        for thread in saved:
            expect.true(thread.id in found, "load_threads", expected=thread.id, got=sorted(found))
            _expect_same(found[thread.id], thread, "a thread in load_threads")


def _expect_same(loaded: ThreadMetadata, saved: ThreadMetadata, what: str) -> None:
    expect.equal(loaded, samples.reloaded(saved), what)
    expect.equal(
        loaded.created_at.utcoffset(), saved.created_at.utcoffset(), f"{what}: its time zone"
    )


@store_case("TH1.a-thread-with-items-is-stored-as-metadata")
async def a_thread_with_items_is_stored_as_metadata(bench: StoreBench) -> None:
    """Saving a ``Thread`` stores its metadata, and neither its items nor its type."""
    async with bench.open() as store:
        plain = bench.thread(title="x")
        whole = Thread(**dict(plain), items=Page(data=[bench.item("a")]))
        await store.save_thread(whole, bench.context())
        loaded = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(loaded, plain, "load_thread after save_thread of a Thread with items")
        expect.equal(await bench.items(store), [], "the items after save_thread of a Thread")


@store_case("TH2.the-last-write-wins-whole")
async def the_last_write_wins_whole(bench: StoreBench) -> None:
    """No field of an earlier version survives ``save_thread``."""
    async with bench.open() as store:
        full = bench.thread(
            title="old", metadata={"a": 1}, allowed_image_domains=["a.b"], status={"type": "locked"}
        )
        await store.save_thread(full, bench.context())
        plain = bench.thread(metadata={"b": 2})
        await store.save_thread(plain, bench.context())
        loaded = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(loaded, plain, "a thread that was saved again with fewer fields")


@store_case("TH2.the-place-stays")
async def the_place_stays(bench: StoreBench) -> None:
    """A thread that is saved again, also with another time, keeps its place among the threads."""
    async with bench.open() as store:
        for name in ("a", "b", "c"):
            await store.save_thread(bench.thread(name), bench.context())
        await store.save_thread(bench.thread("a", title="again"), bench.context())
        expect.equal(await bench.thread_names(store), ["a", "b", "c"], "the order of threads")
        await store.save_thread(bench.thread("a", NOON + timedelta(days=1)), bench.context())
        expect.equal(
            await bench.thread_names(store),
            ["a", "b", "c"],
            "the order of threads after a was saved with a later created_at",
        )


@store_case("TH3.an-unknown-thread-is-named")
async def an_unknown_thread_is_named(bench: StoreBench) -> None:
    """``load_thread`` of an unknown id raises ``NotFoundError``, and names the id."""
    async with bench.open() as store:
        with expect.not_found("load_thread of an unknown id", naming=bench.id("unknown")):
            await store.load_thread(bench.id("unknown"), bench.context())


@store_case("TH4.items-go-with-their-thread")
async def items_go_with_their_thread(bench: StoreBench) -> None:
    """No call sees a deleted thread or its items, not even in a new thread of that id."""
    async with bench.open_with("a", "b") as store:
        alice = bench.context()
        await store.delete_thread(bench.id("t"), alice)
        with expect.not_found("load_thread after delete_thread"):
            await store.load_thread(bench.id("t"), alice)
        expect.equal(await bench.thread_names(store), [], "the threads after delete_thread")
        expect.equal(await bench.items(store), [], "the items after delete_thread")
        with expect.not_found("load_item after delete_thread"):
            await store.load_item(bench.id("t"), bench.id("a"), alice)
        await store.save_thread(bench.thread(), alice)
        expect.equal(await bench.items(store), [], "the items of a new thread of the same id")


@store_case("TH4.nothing-else-goes")
async def nothing_else_goes(bench: StoreBench) -> None:
    """Deleting a thread leaves other threads and their items alone."""
    async with bench.open_with("a") as store:
        # Ids that begin alike, or look like patterns of each other.
        others = ["tt", "t.", "t%", "T", "t*"]
        for other in others:
            await store.save_thread(bench.thread(other), bench.context())
            await bench.add(store, f"item of {other}", thread=other)
        await store.delete_thread(bench.id("t"), bench.context())
        expect.equal(await bench.thread_names(store), others, "the other threads")
        for other in others:
            kept = await bench.item_names(store, other)
            expect.equal(kept, [f"item of {other}"], f"the items of the thread {other!r}")


@store_case("TH4.attachments-stay", Capability.ATTACHMENTS)
async def attachments_stay(bench: StoreBench) -> None:
    """Deleting a thread leaves attachments' metadata alone, also that which names the thread."""
    async with bench.open_with() as store:
        file = FileAttachment(
            id=bench.id("file"), name="n", mime_type="text/plain", thread_id=bench.id("t")
        )
        await store.save_attachment(file, bench.context())
        await store.delete_thread(bench.id("t"), bench.context())
        kept = await store.load_attachment(file.id, bench.context())
        expect.equal(kept, file, "an attachment after its thread was deleted")


@store_case("TH4.deleting-again-does-nothing")
async def deleting_a_thread_again_does_nothing(bench: StoreBench) -> None:
    """Deleting a thread that is gone, or never was, raises nothing."""
    async with bench.open_with() as store:
        for _ in range(2):
            await store.delete_thread(bench.id("t"), bench.context())
        await store.delete_thread(bench.id("never was"), bench.context())


@store_case("TH5.late-writes-bring-no-thread-back")
async def late_writes_bring_no_thread_back(bench: StoreBench) -> None:
    """After a deletion, what a running response still writes does not bring the thread back."""
    async with bench.open_with("a") as store:
        alice, id = bench.context(), bench.id("t")
        await store.delete_thread(id, alice)
        for write in (store.add_thread_item, store.save_item):
            with suppress(Exception):
                await write(id, bench.item("late"), alice)
            with suppress(Exception):
                await write(id, bench.item("a"), alice)
        with expect.not_found("update_thread after delete_thread"):
            await store.update_thread(id, {"title": "late"}, alice)
        with expect.not_found("load_thread after late writes"):
            await store.load_thread(id, alice)
        expect.equal(await bench.thread_names(store), [], "the threads after late writes")


@store_case("TH5.an-add-that-races-leaves-nothing")
async def an_add_that_races_leaves_nothing(bench: StoreBench) -> None:
    """Items whose add began before the deletion appear in no later thread of that id."""
    async with bench.open() as store:
        alice, id = bench.context(), bench.id("t")
        for round in range(bench.number(20, 6)):
            await store.save_thread(bench.thread(), alice)
            await bench.add(store, f"{round} before")
            adds = [
                asyncio.ensure_future(store.add_thread_item(id, bench.item(f"{round} {n}"), alice))
                for n in range(8)
            ]
            for _ in range(round):  # the deletion comes at every step of the adds
                await asyncio.sleep(0)
            await store.delete_thread(id, alice)
            await asyncio.gather(*adds, return_exceptions=True)
            await store.save_thread(bench.thread(), alice)
            expect.equal(
                await bench.item_names(store), [], "the items of a new thread of the same id"
            )
            await store.delete_thread(id, alice)


@store_case("TH6.only-the-named-fields-change")
async def only_the_named_fields_change(bench: StoreBench) -> None:
    """``update_thread`` changes what it is told to, and returns and stores the rest as it was."""
    async with bench.open() as store:
        alice, id = bench.context(), bench.id("t")
        await store.save_thread(bench.thread(title="old", metadata={"k": [1]}), alice)
        expected = bench.thread(title="new", metadata={"k": [1]})
        updated = await store.update_thread(id, {"title": "new"}, alice)
        expect.equal(updated, expected, "what update_thread returns")
        expect.equal(await store.load_thread(id, alice), expected, "the thread after update_thread")


@store_case("TH6.the-place-stays")
async def the_place_stays_after_an_update(bench: StoreBench) -> None:
    """``update_thread`` leaves the thread in its place, and its items alone."""
    async with bench.open_with("a", "b") as store:
        await store.save_thread(bench.thread("u"), bench.context())
        await store.update_thread(bench.id("t"), {"title": "new"}, bench.context())
        expect.equal(await bench.thread_names(store), ["t", "u"], "the order of threads")
        expect.equal(await bench.item_names(store), ["a", "b"], "the items after update_thread")


@store_case("TH6.wrong-changes-are-refused")
async def wrong_changes_are_refused(bench: StoreBench) -> None:
    """``update_thread`` refuses unknown fields, another id and wrong values, without effect."""
    async with bench.open_with() as store:
        wrong: list[dict[str, Any]] = [{"no such": 1}, {"id": "other"}, {"title": 7}]
        for changes in wrong:
            with expect.raises(ValueError, f"update_thread with {changes}"):
                await store.update_thread(bench.id("t"), changes, bench.context())
        kept = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(kept, bench.thread(), "the thread after updates that were refused")


@store_case("TH6.an-unknown-thread-raises")
async def an_update_of_an_unknown_thread_raises(bench: StoreBench) -> None:
    """``update_thread`` of a thread that does not exist raises ``NotFoundError``, makes none."""
    async with bench.open() as store:
        with expect.not_found("update_thread of an unknown thread", naming=bench.id("t")):
            await store.update_thread(bench.id("t"), {"title": "x"}, bench.context())
        expect.equal(await bench.thread_names(store), [], "the threads after update_thread")


@store_case("TH6.updates-at-once-lose-nothing", Capability.OPTIONAL_METHODS)
async def updates_at_once_lose_nothing(bench: StoreBench) -> None:
    """Updates of different fields at the same time are all there afterwards."""
    async with bench.open_with() as store:
        for round in range(bench.number(10, 4)):
            changes: list[dict[str, Any]] = [
                {"title": f"title {round}"},
                {"metadata": {"round": round}},
                {"status": {"type": "locked", "reason": f"{round}"}},
                {"allowed_image_domains": [f"{round}.example"]},
            ]
            await asyncio.gather(*(_update(bench, store, change) for change in changes))
            expected = bench.thread(**{k: v for change in changes for k, v in change.items()})
            loaded = await store.load_thread(bench.id("t"), bench.context())
            expect.equal(loaded, expected, "the thread after four updates at the same time")


async def _update(bench: StoreBench, store: Store[Any], change: dict[str, Any]) -> None:
    await store.update_thread(bench.id("t"), change, bench.context())
