"""IT: items come back equal, keep their place, and belong to one thread."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from chatkit.types import Page, ThreadItem
from chatkit_conformance import expect, samples
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case
from chatkit_conformance.samples import NOON


@store_case("IT1.every-kind-through-load-item")
async def every_kind_through_load_item(bench: StoreBench) -> None:
    """All eleven kinds of items come back equal from ``load_item``."""
    async with bench.open_with() as store:
        for saved in samples.items_of_every_kind(bench.id, bench.id("t")):
            await store.add_thread_item(bench.id("t"), saved, bench.context())
            loaded = await store.load_item(bench.id("t"), saved.id, bench.context())
            expect.equal(loaded, samples.reloaded(saved), f"load_item of a {saved.type}")


@store_case("IT1.every-kind-through-pages")
async def every_kind_through_pages(bench: StoreBench) -> None:
    """All eleven kinds of items come back equal from ``load_thread_items``."""
    async with bench.open_with() as store:
        saved = samples.items_of_every_kind(bench.id, bench.id("t"))
        for item in saved:
            await store.save_item(bench.id("t"), item, bench.context())
        found = await bench.items(store, page_size=5)
        expect.equal(len(found), len(saved), "the number of items in load_thread_items")
        for got, item in zip(found, saved, strict=True):
            expect.equal(got, samples.reloaded(item), f"a {item.type} in load_thread_items")


@store_case("IT1.what-would-not-load-is-refused")
async def what_would_not_load_is_refused(bench: StoreBench) -> None:
    """A payload that JSON could not give back is refused, and the earlier version stays."""
    payloads: dict[str, Any] = {
        "an object of a foreign type": object(),
        "a lone surrogate": {"lone": "\ud800"},
        "300 levels": samples.nested(300),
        "a number of 5000 digits": 10**5000,
    }
    async with bench.open_with("a") as store:
        for what, payload in payloads.items():
            for write in (store.save_item, store.add_thread_item):
                for name in ("a", "new"):
                    item = bench.item(name, content=payload)
                    try:
                        await write(bench.id("t"), item, bench.context())
                    except Exception:  # noqa: S112 - that is what it may do
                        continue
                    loaded = await store.load_item(bench.id("t"), item.id, bench.context())
                    expect.true(
                        _equal(loaded, item),
                        f"load_item of a payload with {what}",
                        expected=expect.Words("an error at the write, or an equal item"),
                        got=loaded,
                    )
        names = await bench.item_names(store)
        expect.true("a" in names, "the thread still lists", expected="a", got=names)


def _equal(one: ThreadItem, other: ThreadItem) -> bool:
    try:
        return one == other
    except RecursionError:
        return False


@store_case("IT1.a-number-that-json-lacks-hides-nothing")
async def a_number_that_json_lacks_hides_nothing(bench: StoreBench) -> None:
    """NaN and infinity are refused, or stored as JSON has them; the thread loads as before."""
    async with bench.open_with("a") as store:
        for value in (float("nan"), float("inf"), -float("inf")):
            with suppress(ValueError):
                await store.save_item(
                    bench.id("t"), bench.item("b", content={"x": value}), bench.context()
                )
        names = await bench.item_names(store)
        expect.true(names in (["a"], ["a", "b"]), "the items", expected=["a", "b"], got=names)


@store_case("IT2.adding-again-replaces-in-place")
async def adding_again_replaces_in_place(bench: StoreBench) -> None:
    """Adding an item of an id that the thread holds leaves one copy, the new one, in its place."""
    async with bench.open_with("a", "b", "c") as store:
        for at in (NOON, NOON + timedelta(hours=1), NOON - timedelta(hours=1)):
            again = bench.item("b", at, content=f"again at {at}")
            await store.add_thread_item(bench.id("t"), again, bench.context())
            expected = [bench.item("a"), again, bench.item("c")]
            expect.equal(await bench.items(store), expected, "the items after b was added again")
            loaded = await store.load_item(bench.id("t"), bench.id("b"), bench.context())
            expect.equal(loaded, again, "load_item after b was added again")


@store_case("IT3.saving-replaces-in-place")
async def saving_replaces_in_place(bench: StoreBench) -> None:
    """Saving an item replaces it where it is, also when its time differs."""
    async with bench.open_with("a", "b", "c") as store:
        for at in (NOON, NOON + timedelta(hours=1), NOON - timedelta(hours=1)):
            again = bench.item("b", at, content=f"again at {at}")
            await store.save_item(bench.id("t"), again, bench.context())
            expected = [bench.item("a"), again, bench.item("c")]
            expect.equal(await bench.items(store), expected, "the items after b was saved again")


@store_case("IT3.saving-an-unknown-item-adds-it")
async def saving_an_unknown_item_adds_it(bench: StoreBench) -> None:
    """Saving an item that the thread does not hold adds it."""
    async with bench.open_with("a") as store:
        await store.save_item(bench.id("t"), bench.item("b"), bench.context())
        expected = [bench.item("a"), bench.item("b")]
        expect.equal(await bench.items(store), expected, "the items after save_item of a new one")


@store_case("IT4.an-unknown-item-raises")
async def an_unknown_item_raises(bench: StoreBench) -> None:
    """``load_item`` of an unknown id raises ``NotFoundError``."""
    async with bench.open_with("a") as store:
        with expect.not_found("load_item of an unknown id"):
            await store.load_item(bench.id("t"), bench.id("unknown"), bench.context())
        with expect.not_found("load_item in an unknown thread"):
            await store.load_item(bench.id("unknown"), bench.id("unknown"), bench.context())


@store_case("IT4.an-item-of-another-thread-raises")
async def an_item_of_another_thread_raises(bench: StoreBench) -> None:
    """``load_item`` of an id that lives in another thread raises ``NotFoundError``."""
    async with bench.open_with("a") as store:
        await store.save_thread(bench.thread("u"), bench.context())
        with expect.not_found("load_item of another thread's item"):
            await store.load_item(bench.id("u"), bench.id("a"), bench.context())


@store_case("IT5.deleting-again-does-nothing")
async def deleting_an_item_again_does_nothing(bench: StoreBench) -> None:
    """Deleting an item takes just that one, and raises nothing if it is gone or never was."""
    async with bench.open_with("a", "b", "c") as store:
        for name in ("b", "b", "never was"):
            await store.delete_thread_item(bench.id("t"), bench.id(name), bench.context())
            expect.equal(await bench.item_names(store), ["a", "c"], "the items without b")
        with expect.not_found("load_item of a deleted item"):
            await store.load_item(bench.id("t"), bench.id("b"), bench.context())
        await store.delete_thread_item(bench.id("no thread"), bench.id("b"), bench.context())


@store_case("IT5.an-item-of-another-thread-stays")
async def an_item_of_another_thread_stays(bench: StoreBench) -> None:
    """Deleting under the wrong thread takes nothing away."""
    async with bench.open_with("a") as store:
        await store.save_thread(bench.thread("u"), bench.context())
        for thread in ("u", "unknown"):
            await store.delete_thread_item(bench.id(thread), bench.id("a"), bench.context())
            expect.equal(await bench.item_names(store), ["a"], "the items of the right thread")


@store_case("IT5.the-same-id-elsewhere-stays", Capability.REPEATED_IDS)
async def the_same_id_elsewhere_stays(bench: StoreBench) -> None:
    """Deleting an item leaves one of the same id in another thread alone."""
    async with bench.open_with("a") as store:
        await store.save_thread(bench.thread("u"), bench.context())
        await bench.add(store, "a", thread="u")
        await store.delete_thread_item(bench.id("u"), bench.id("a"), bench.context())
        expect.equal(await bench.item_names(store), ["a"], "the other thread's items")
        expect.equal(await bench.item_names(store, "u"), [], "the thread's own items")


@store_case("IT6.an-unknown-thread-has-an-empty-page")
async def an_unknown_thread_has_an_empty_page(bench: StoreBench) -> None:
    """``load_thread_items`` of an unknown thread is an empty page, whatever the cursor."""
    async with bench.open_with("a", "b") as store:
        for after in (None, bench.id("a"), bench.id("unknown")):
            page: Page[ThreadItem] = await store.load_thread_items(
                bench.id("no thread"), after, 5, "asc", bench.context()
            )
            got = (page.data, page.has_more, page.after)
            expect.equal(got, ([], False, None), f"the page of an unknown thread after {after}")


@store_case("IT7.an-item-without-its-thread-shows-nowhere")
async def an_item_without_its_thread_shows_nowhere(bench: StoreBench) -> None:
    """An item written into a thread that does not exist makes no thread."""
    async with bench.open() as store:
        for write in (store.add_thread_item, store.save_item):
            with suppress(Exception):
                await write(bench.id("t"), bench.item("a"), bench.context())
        expect.equal(await bench.thread_names(store), [], "the threads")
        with expect.not_found("load_thread of a thread that was never saved"):
            await store.load_thread(bench.id("t"), bench.context())


@store_case("IT7.an-item-without-its-thread-is-refused", Capability.HOUSE_RULES)
async def an_item_without_its_thread_is_refused(bench: StoreBench) -> None:
    """Writing into a thread that does not exist raises ``NotFoundError`` and stores nothing."""
    async with bench.open() as store:
        alice, id = bench.context(), bench.id("t")
        for write in (store.add_thread_item, store.save_item):
            with expect.not_found(f"{write.__name__} without a thread", naming=id):
                await write(id, bench.item("a"), alice)
        with expect.not_found("load_item of what was refused"):
            await store.load_item(id, bench.id("a"), alice)
        await store.save_thread(bench.thread(), alice)
        expect.equal(await bench.items(store), [], "the items of a thread that is saved later")


@store_case("IT8.exactly-the-later-items-go")
async def exactly_the_later_items_go(bench: StoreBench) -> None:
    """``delete_items_after`` takes every later item, among equal times too, and no other."""
    async with bench.open_with("a", "b", "c", "d") as store:
        alice, id = bench.context(), bench.id("t")
        await bench.add(store, "z", at=NOON + timedelta(seconds=1))
        await bench.add(store, "first", at=NOON - timedelta(seconds=1))
        await store.delete_items_after(id, bench.id("z"), alice)
        everything = ["first", "a", "b", "c", "d", "z"]
        expect.equal(await bench.item_names(store), everything, "the items up to the last one")
        await store.delete_items_after(id, bench.id("b"), alice)
        expect.equal(await bench.item_names(store), ["first", "a", "b"], "the items up to b")


@store_case("IT8.after-an-unknown-item-nothing-goes")
async def after_an_unknown_item_nothing_goes(bench: StoreBench) -> None:
    """``delete_items_after`` an unknown item raises ``NotFoundError`` and deletes nothing."""
    async with bench.open_with("a", "b") as store:
        with expect.not_found("delete_items_after an unknown item"):
            await store.delete_items_after(bench.id("t"), bench.id("unknown"), bench.context())
        expect.equal(await bench.item_names(store), ["a", "b"], "the items")


@store_case("IT8.exactly-the-named-items-go")
async def exactly_the_named_items_go(bench: StoreBench) -> None:
    """``delete_thread_items`` takes the named items and passes over ids it does not know."""
    async with bench.open_with("a", "b", "c", "d", "e") as store:
        ids = [bench.id(name) for name in ("d", "unknown", "b", "d")]
        await store.delete_thread_items(bench.id("t"), ids, bench.context())
        await store.delete_thread_items(bench.id("t"), [], bench.context())
        expect.equal(await bench.item_names(store), ["a", "c", "e"], "the items")
