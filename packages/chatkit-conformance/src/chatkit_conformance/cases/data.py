"""DA: whatever JSON can carry comes back, and what cannot be stored is refused."""

from __future__ import annotations

from copy import deepcopy

from chatkit.types import FileAttachment, HiddenContextItem
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case
from chatkit_conformance.samples import HOSTILE_TEXTS


@store_case("DA1.any-text-comes-back")
async def any_text_comes_back(bench: StoreBench) -> None:
    """Titles, contents and payloads of any text come back the same."""
    async with bench.open() as store:
        for text in HOSTILE_TEXTS:
            saved = bench.thread(title=text, metadata={text: [text]})
            await store.save_thread(saved, bench.context())
            loaded = await store.load_thread(bench.id("t"), bench.context())
            expect.equal(loaded, saved, f"a thread whose title is {text!r}")
            item = bench.item("a", content={text: text})
            await store.save_item(bench.id("t"), item, bench.context())
            found = await store.load_item(bench.id("t"), bench.id("a"), bench.context())
            expect.equal(found, item, f"an item whose content is {text!r}")


@store_case("DA1.any-text-may-be-an-id")
async def any_text_may_be_an_id(bench: StoreBench) -> None:
    """Threads and items with ids of any text are kept, found, paged and deleted apart."""
    async with bench.open() as store:
        alice = bench.context()
        texts = HOSTILE_TEXTS[:: 1 if not bench.quick else 3]
        for text in texts:
            await store.save_thread(bench.thread(text, title=text), alice)
            for other in texts:
                await bench.add(store, f"{text}/{other}", thread=text)
        expect.equal(await bench.thread_names(store, page_size=4), texts, "threads of such ids")
        for text in texts:
            loaded = await store.load_thread(bench.id(text), alice)
            expect.equal(loaded, bench.thread(text, title=text), f"the thread {text!r}")
            expected = [f"{text}/{other}" for other in texts]
            walked = await bench.item_names(store, text, page_size=5)
            expect.equal(walked, expected, f"the items of the thread {text!r}")
            await store.delete_thread_item(bench.id(text), bench.id(expected[0]), alice)
            kept = await bench.item_names(store, text)
            expect.equal(kept, expected[1:], f"the items of {text!r} without the first")
        await store.delete_thread(bench.id(texts[0]), alice)
        expect.equal(await bench.thread_names(store), texts[1:], "the threads without the first")


@store_case("DA1.any-text-may-be-an-owner", Capability.SEVERAL_OWNERS)
async def any_text_may_be_an_owner(bench: StoreBench) -> None:
    """Owners of any text are kept apart."""
    async with bench.open() as store:
        for number, text in enumerate(HOSTILE_TEXTS):
            context = bench.context(text)
            await store.save_thread(bench.thread(f"t{number}"), context)
            await bench.add(store, f"i{number}", thread=f"t{number}", owner=text)
        for number, text in enumerate(HOSTILE_TEXTS):
            threads = await bench.thread_names(store, owner=text)
            expect.equal(threads, [f"t{number}"], f"the threads of the owner {text!r}")
            items = await bench.item_names(store, f"t{number}", owner=text)
            expect.equal(items, [f"i{number}"], f"the items of the owner {text!r}")


@store_case(
    "DA1.owners-and-ids-do-not-run-together", Capability.SEVERAL_OWNERS, Capability.REPEATED_IDS
)
async def owners_and_ids_do_not_run_together(bench: StoreBench) -> None:
    """An owner, a thread and an item never make the key of another owner, thread and item."""
    a, b, c = (bench.id(name) for name in ("a", "b", "c"))
    places = [
        (owner, thread, item)
        for between in (":", "/", "|", "#", ".", "\x00", "\x1f", "}{", "::")
        for owner, thread, item in [
            (a, f"{b}{between}{c}", "d"),
            (f"{a}{between}{b}", c, "d"),
            (a, b, f"{c}{between}d"),
        ]
    ]

    async with bench.open() as store:
        for owner, thread, item in places:
            context = bench.setup.make_context(owner)
            whole = bench.thread(title=owner).model_copy(update={"id": thread})
            await store.save_thread(whole, context)
            content = f"{owner!r} {thread!r} {item!r}"
            one = bench.item("x", content=content).model_copy(update={"id": item})
            await store.save_item(thread, one, context)
        for owner, thread, item in places:
            context = bench.setup.make_context(owner)
            loaded = await store.load_item(thread, item, context)
            content = f"{owner!r} {thread!r} {item!r}"
            expected = bench.item("x", content=content).model_copy(update={"id": item})
            expect.equal(loaded, expected, f"the item of {content}")


@store_case("DA2.a-lone-surrogate-is-refused")
async def a_lone_surrogate_is_refused(bench: StoreBench) -> None:
    """Text that no JSON can carry raises at the write, and the earlier version stays."""
    lone = "x\ud800"
    async with bench.open_with("a") as store:
        alice = bench.context()
        with expect.raises(Exception, "save_thread with a lone surrogate in the title"):
            await store.save_thread(bench.thread(title=lone), alice)
        with expect.raises(Exception, "save_item with a lone surrogate in it"):
            await store.save_item(bench.id("t"), bench.item("a", content=lone), alice)
        with expect.raises(Exception, "add_thread_item with a lone surrogate in its id"):
            await store.add_thread_item(bench.id("t"), bench.item(lone), alice)
        kept = await store.load_thread(bench.id("t"), alice)
        expect.equal(kept, bench.thread(), "the thread after a write that was refused")
        expect.equal(await bench.items(store), [bench.item("a")], "the items after it")


@store_case("DA2.too-large-a-record-is-refused", Capability.RECORD_LIMIT)
async def too_large_a_record_is_refused(bench: StoreBench) -> None:
    """Above the limit a write raises, names record and limit, and the earlier version stays."""
    limit = bench.capabilities.max_record_bytes or 0
    async with bench.open_with("a") as store:
        large = bench.item("a", content="x" * limit)
        for write in (store.save_item, store.add_thread_item):
            with expect.raises(Exception, "a write above the limit", naming=bench.id("a")):
                await write(bench.id("t"), large, bench.context())
            with expect.raises(Exception, "a write above the limit", naming=str(limit)):
                await write(bench.id("t"), large, bench.context())
        with expect.raises(Exception, "save_thread above the limit", naming=bench.id("t")):
            await store.save_thread(bench.thread(title="x" * limit), bench.context())
        expect.equal(await bench.items(store), [bench.item("a")], "the items after it")
        kept = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(kept, bench.thread(), "the thread after it")


@store_case("DA3.a-megabyte-of-text")
async def a_megabyte_of_text(bench: StoreBench) -> None:
    """An item with a megabyte of text comes back whole, alone and in a page."""
    async with bench.open_with() as store:
        big = bench.item("big", content="é" * 500_000 + "x" * 48_576)
        await store.add_thread_item(bench.id("t"), big, bench.context())
        loaded = await store.load_item(bench.id("t"), bench.id("big"), bench.context())
        same = loaded == big
        expect.true(same, "load_item of a megabyte", expected="all of it", got="something else")
        listed = await bench.items(store) == [big]
        expect.true(listed, "the page with it", expected="all of it", got="something else")


@store_case("DA4.what-callers-change-changes-nothing-stored")
async def what_callers_change_changes_nothing_stored(bench: StoreBench) -> None:
    """Objects that were passed in or handed out may be changed; what is stored stays."""
    async with bench.open_with() as store:
        alice, id = bench.context(), bench.id("t")
        item = bench.item("a", content={"k": [1]})
        thread = bench.thread(metadata={"k": [1]})
        kept_item, kept_thread = deepcopy(item), deepcopy(thread)
        await store.save_item(id, item, alice)
        await store.save_thread(thread, alice)
        item.content["k"].append(2)
        thread.metadata["k"].append(2)
        for _ in range(2):
            loaded = await store.load_thread(id, alice)
            expect.equal(loaded, kept_thread, "the thread after what callers did to theirs")
            loaded.metadata["k"].append(3)
            listed = await bench.items(store)
            for found in [await store.load_item(id, bench.id("a"), alice), *listed]:
                expect.equal(found, kept_item, "the item after what callers did to theirs")
                if isinstance(found, HiddenContextItem):
                    found.content["k"].append(4)


@store_case("DA4.attachments-too", Capability.ATTACHMENTS)
async def what_callers_change_of_attachments(bench: StoreBench) -> None:
    """What callers do to attachments that they passed in or got changes nothing stored."""
    async with bench.open() as store:
        file = FileAttachment(id=bench.id("f"), name="n", mime_type="m", metadata={"k": [1]})
        kept = deepcopy(file)
        await store.save_attachment(file, bench.context())
        for _ in range(2):
            (file.metadata or {})["k"].append(2)
            loaded = await store.load_attachment(file.id, bench.context())
            expect.equal(loaded, kept, "the attachment after what callers did to theirs")
            (loaded.metadata or {})["k"].append(3)
