"""PG2 to PG7: pages, walks over them, their cursors, and what they cost."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import Page
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.cases.order import ORDERS
from chatkit_conformance.registry import store_case
from chatkit_conformance.samples import NOON


async def _page(
    bench: StoreBench, store: Store[Any], after: str | None, limit: int, order: str = "asc"
) -> Page[Any]:
    return await store.load_thread_items(bench.id("t"), after, limit, order, bench.context())


def _expect_page(page: Page[Any], ids: list[str], has_more: bool, what: str) -> None:
    expect.equal([record.id for record in page.data], ids, f"the data of {what}")
    expect.equal(page.has_more, has_more, f"has_more of {what}")
    expect.equal(page.after is not None, has_more, f"whether after is set on {what}")


@store_case("PG2.a-page-of-items-says-whether-there-is-more")
async def a_page_of_items_says_whether_there_is_more(bench: StoreBench) -> None:
    """At most ``limit`` items; ``has_more`` and ``after`` exactly when there are more."""
    async with bench.open_with("a", "b", "c") as store:
        ids = [bench.id(name) for name in ("a", "b", "c")]
        first = await _page(bench, store, None, 2)
        _expect_page(first, ids[:2], True, "a page of 2 of 3 items")
        rest = await _page(bench, store, first.after, 2)
        _expect_page(rest, ids[2:], False, "the last page of 3 items")
        exact = await _page(bench, store, first.after, 1)
        _expect_page(exact, ids[2:], False, "a last page that is exactly full")
        for limit in (3, 4, 1000, 2**31, 2**63):
            whole = await _page(bench, store, None, limit)
            _expect_page(whole, ids, False, f"a page of {limit} of 3 items")


@store_case("PG2.a-page-of-threads-says-whether-there-is-more", Capability.SEVERAL_OWNERS)
async def a_page_of_threads_says_whether_there_is_more(bench: StoreBench) -> None:
    """At most ``limit`` threads; ``has_more`` and ``after`` exactly when there are more."""
    async with bench.open() as store:
        alice = bench.context()
        empty = await store.load_threads(5, None, "asc", alice)
        _expect_page(empty, [], False, "the page of an owner without threads")
        for name in ("a", "b", "c"):
            await store.save_thread(bench.thread(name), alice)
        ids = [bench.id(name) for name in ("a", "b", "c")]
        first = await store.load_threads(2, None, "asc", alice)
        _expect_page(first, ids[:2], True, "a page of 2 of 3 threads")
        rest = await store.load_threads(1, first.after, "asc", alice)
        _expect_page(rest, ids[2:], False, "a last page that is exactly full")
        whole = await store.load_threads(3, None, "asc", alice)
        _expect_page(whole, ids, False, "a page of all 3 threads")


@store_case("PG3.every-limit-yields-every-item-once")
async def every_limit_yields_every_item_once(bench: StoreBench) -> None:
    """Walks at every limit, both ways, yield every item once, among ties and distinct times."""
    names = [f"i{number:02}" for number in range(bench.number(24, 12))]
    async with bench.open_with() as store:
        for number, name in enumerate(names):
            await bench.add(store, name, at=NOON + timedelta(seconds=number // 5))
        for limit in range(1, len(names) + 2):
            for order in ORDERS:
                walked = await bench.item_names(store, order=order, page_size=limit)
                what = f"a walk {order} over {len(names)} items, {limit} a page"
                expect.once_each(walked, names, what)
                expect.equal(walked, names[:: 1 if order == "asc" else -1], what)


@store_case("PG3.hundreds-share-one-time")
async def hundreds_share_one_time(bench: StoreBench) -> None:
    """Walks over hundreds of items that share one ``created_at`` yield every one once."""
    names = [f"i{number:03}" for number in range(bench.number(300, 200))]
    async with bench.open_with() as store:
        await asyncio.gather(*(bench.add(store, name) for name in names))
        order = await bench.item_names(store, page_size=1000)
        expect.once_each(order, names, "one page of all items that share a time")
        for limit in (7, 100):
            walked = await bench.item_names(store, page_size=limit)
            expect.once_each(walked, names, f"a walk over items that share a time, {limit} a page")
            expect.equal(walked, order, "the same, in the same order")


@store_case("PG3.threads-that-share-one-time")
async def threads_that_share_one_time(bench: StoreBench) -> None:
    """Walks over threads that share one ``created_at`` yield every one once, both ways."""
    names = [f"t{number:02}" for number in range(bench.number(40, 15))]
    async with bench.open() as store:
        for name in names:
            await store.save_thread(bench.thread(name), bench.context())
        for limit in (1, 2, 7, len(names)):
            for order in ORDERS:
                walked = await bench.thread_names(store, order=order, page_size=limit)
                what = f"a walk {order} over {len(names)} threads, {limit} a page"
                expect.once_each(walked, names, what)
                expect.equal(walked, names[:: 1 if order == "asc" else -1], what)


@store_case("PG4.writes-between-pages-do-no-harm")
async def writes_between_pages_do_no_harm(bench: StoreBench) -> None:
    """Adding, saving and deleting between pages loses no other item and repeats none."""
    stable = [f"i{number:02}" for number in range(12)]
    for order in ORDERS:
        async with bench.open() as store:
            await store.delete_thread(bench.id("t"), bench.context())
            await store.save_thread(bench.thread(), bench.context())
            for number, name in enumerate(stable):
                await bench.add(store, name, at=NOON + timedelta(seconds=number // 4))
                await bench.add(store, f"gone {name}", at=NOON + timedelta(seconds=number // 4))
            seen = await _walk_with_writes(bench, store, stable, order)
            expected = stable[:: 1 if order == "asc" else -1]
            expect.equal(seen, expected, f"a walk {order} with writes between its pages")


async def _walk_with_writes(
    bench: StoreBench, store: Store[Any], stable: list[str], order: str
) -> list[str]:
    """The stable items that a walk sees while others come and go."""
    seen: list[str] = []
    after: str | None = None
    for number in range(2 * len(stable)):
        page = await _page(bench, store, after, 3, order)
        seen += [bench.name(item.id) for item in page.data]
        if not page.has_more:
            break
        after = page.after
        await bench.add(store, f"new {number}", at=NOON + timedelta(seconds=number % 3))
        await bench.add(store, f"early {number}", at=NOON - timedelta(days=1))
        last = bench.name(page.data[-1].id)
        for name in stable[number : number + 3]:
            if f"gone {name}" != last:
                await store.delete_thread_item(
                    bench.id("t"), bench.id(f"gone {name}"), bench.context()
                )
        moved = bench.item(stable[number % 12], NOON + timedelta(days=2), content="moved?")
        await store.save_item(bench.id("t"), moved, bench.context())
    return [name for name in seen if name in stable]


@store_case("PG4.threads-come-and-go-during-a-walk")
async def threads_come_and_go_during_a_walk(bench: StoreBench) -> None:
    """Threads that are saved and deleted between pages make no other come twice or not at all."""
    stable = [f"t{number:02}" for number in range(8)]
    async with bench.open() as store:
        alice = bench.context()
        for name in stable:
            await store.save_thread(bench.thread(name), alice)
        seen: list[str] = []
        after: str | None = None
        for number in range(200):
            page = await store.load_threads(2, after, "asc", alice)
            seen += [bench.name(thread.id) for thread in page.data]
            if not page.has_more:
                break
            after = page.after
            if number < 8:
                await store.save_thread(bench.thread(f"new {number}"), alice)
                await store.save_thread(bench.thread(f"early {number}", NOON - timedelta(1)), alice)
                await store.delete_thread(bench.id(f"early {number - 1}"), alice)
                await store.save_thread(bench.thread(stable[number], title="again"), alice)
        found = [name for name in seen if name in stable]
        expect.equal(found, stable, "a walk over threads with writes between its pages")


async def _expect_honest(
    bench: StoreBench, store: Store[Any], cursor: str, rest: list[str], what: str
) -> None:
    """After ``cursor`` come exactly these items, or the store says that it does not know it."""
    try:
        page = await _page(bench, store, cursor, 100)
    except NotFoundError:
        return
    names = [bench.name(item.id) for item in page.data]
    expect.true(names == rest, what, expected=expect.Words(f"NotFoundError, or {rest}"), got=names)


@store_case("PG5.an-unknown-cursor-never-starts-again")
async def an_unknown_cursor_never_starts_again(bench: StoreBench) -> None:
    """A cursor that was never given out raises ``NotFoundError``, for items and threads."""
    async with bench.open_with("a", "b") as store:
        for cursor in (bench.id("unknown"), "", "0", "-1", "'"):
            await _expect_honest(bench, store, cursor, [], f"a page after {cursor!r}")
            try:
                page = await store.load_threads(1000, cursor, "asc", bench.context())
            except NotFoundError:
                continue
            names = [bench.name(thread.id) for thread in page.data]
            expect.true("t" not in names, "threads after it", expected="NotFoundError", got=names)


@store_case("PG5.a-deleted-cursor-never-skips")
async def a_deleted_cursor_never_skips(bench: StoreBench) -> None:
    """After a cursor whose record was deleted, the walk goes on there, or raises."""
    async with bench.open_with("a", "b", "c", "d") as store:
        first = await _page(bench, store, None, 2)
        await store.delete_thread_item(bench.id("t"), bench.id("b"), bench.context())
        what = "the page after an item that was deleted"
        await _expect_honest(bench, store, first.after or "", ["c", "d"], what)


@store_case("PG5.a-deleted-threads-cursor-never-skips", Capability.SEVERAL_OWNERS)
async def a_deleted_threads_cursor_never_skips(bench: StoreBench) -> None:
    """After a cursor whose thread was deleted, the walk goes on there, or raises."""
    async with bench.open() as store:
        alice = bench.context()
        for name in ("a", "b", "c", "d"):
            await store.save_thread(bench.thread(name), alice)
        first = await store.load_threads(2, None, "asc", alice)
        await store.delete_thread(bench.id("b"), alice)
        try:
            page = await store.load_threads(100, first.after, "asc", alice)
        except NotFoundError:
            return
        names = [bench.name(thread.id) for thread in page.data]
        expect.equal(names, ["c", "d"], "the page after a thread that was deleted")


@store_case("PG5.anothers-cursor-starts-nowhere", Capability.SEVERAL_OWNERS)
async def anothers_cursor_starts_nowhere(bench: StoreBench) -> None:
    """Another owner's cursor raises, or pages by its own position; it never starts again."""
    async with bench.open_with("a", "b", "c") as store:
        alice, bob = bench.context(), bench.context("bob")
        for owner, name in ((alice, "t2"), (bob, "b0"), (bob, "b1")):
            at = NOON - timedelta(days=1) if name == "b0" else NOON + timedelta(days=1)
            await store.save_thread(bench.thread(name, at), owner)
        cursor = (await store.load_threads(1, None, "asc", alice)).after
        try:
            page = await store.load_threads(100, cursor, "asc", bob)
        except NotFoundError:
            return
        names = [bench.name(thread.id) for thread in page.data]
        expect.equal(names, ["b1"], "bob's threads after alice's cursor")


@store_case("PG5.an-id-is-a-cursor", Capability.HOUSE_RULES)
async def an_id_is_a_cursor(bench: StoreBench) -> None:
    """A record's id is accepted as a cursor."""
    async with bench.open_with("a", "b", "c") as store:
        for name, rest in (("a", ["b", "c"]), ("b", ["c"]), ("c", [])):
            page = await _page(bench, store, bench.id(name), 10)
            expected = [bench.id(one) for one in rest]
            _expect_page(page, expected, False, f"the page after the id of {name}")
            page = await _page(bench, store, bench.id(name), 10, "desc")
            after = [one for one in ("c", "b", "a") if one < name]
            _expect_page(page, [bench.id(one) for one in after], False, f"desc after {name}")


@store_case("PG5.a-cursor-of-another-thread-raises", Capability.HOUSE_RULES)
async def a_cursor_of_another_thread_raises(bench: StoreBench) -> None:
    """A cursor from another thread, or one whose record is gone, raises ``NotFoundError``."""
    async with bench.open_with("a", "b", "c") as store:
        await store.save_thread(bench.thread("u"), bench.context())
        await bench.add(store, "elsewhere", thread="u")
        await store.delete_thread_item(bench.id("t"), bench.id("b"), bench.context())
        for name in ("elsewhere", "b", "unknown"):
            with expect.not_found(f"a page after {name}", naming=bench.id(name)):
                await _page(bench, store, bench.id(name), 10)


@store_case("PG6.a-wrong-limit-is-refused")
async def a_wrong_limit_is_refused(bench: StoreBench) -> None:
    """A limit below 1 raises ``ValueError``, also for a thread that does not exist."""
    async with bench.open_with("a") as store:
        for limit in (0, -1):
            with expect.raises(ValueError, f"load_thread_items with limit {limit}"):
                await _page(bench, store, None, limit)
            with expect.raises(ValueError, f"load_threads with limit {limit}"):
                await store.load_threads(limit, None, "asc", bench.context())
            with expect.raises(ValueError, f"limit {limit} in an unknown thread"):
                await store.load_thread_items(
                    bench.id("unknown"), None, limit, "asc", bench.context()
                )


@store_case("PG6.a-wrong-order-is-refused")
async def a_wrong_order_is_refused(bench: StoreBench) -> None:
    """An order other than ``asc`` and ``desc`` raises ``ValueError``."""
    async with bench.open_with("a") as store:
        for order in ("", "ASC", "up", "asc; DROP TABLE item"):
            with expect.raises(ValueError, f"load_thread_items with order {order!r}"):
                await _page(bench, store, None, 5, order)
            with expect.raises(ValueError, f"load_threads with order {order!r}"):
                await store.load_threads(5, None, order, bench.context())


FEW, MANY = 100, 10_000
MOST_TIMES_SLOWER = 10.0
LEAST_SECONDS = 0.0005
"""Shorter times say nothing about their ratio."""

TIMES = ("equal times", "distinct times")
"""Of the first items in a thread, and of some more behind them."""


@store_case("PG7.a-page-costs-the-same-anywhere", quick=False, patience=8)
async def a_page_costs_the_same_anywhere(bench: StoreBench) -> None:
    """A page of 10 000 items costs less than ten times one of 100, among ties and behind them."""
    async with bench.open() as store:
        of_few = await _seconds_for_pages(bench, store, "few", FEW)
        of_many = await _seconds_for_pages(bench, store, "many", MANY)
    notes = [
        f"{times}: a page takes {few * 1000:.2f} ms of {FEW} items, {many * 1000:.2f} ms of {MANY}"
        for times, few, many in zip(TIMES, of_few, of_many, strict=True)
    ]
    bench.measurements["PG7"] = "; ".join(notes)
    for note, few, many in zip(notes, of_few, of_many, strict=True):
        slower = many / max(few, LEAST_SECONDS)
        expect.true(
            slower <= MOST_TIMES_SLOWER,
            "the cost of a page",
            expected=expect.Words(f"at most {MOST_TIMES_SLOWER:g} times as much"),
            got=expect.Words(f"{slower:.1f} times: {note}"),
        )


async def _seconds_for_pages(
    bench: StoreBench, store: Store[Any], thread: str, ties: int
) -> list[float]:
    """For each of ``TIMES``, the slowest of pages at the start, in the middle and at the end of
    the items that have them."""
    context, id = bench.context(), bench.id(thread)
    items = ties + max(ties // 20, 50)
    await store.save_thread(bench.thread(thread), context)

    def at(number: int) -> datetime:
        return NOON + timedelta(seconds=max(0, number - ties + 1))

    for start in range(0, items, 500):
        numbers = range(start, min(start + 500, items))
        await asyncio.gather(
            *(bench.add(store, f"{thread} {n}", at=at(n), thread=thread) for n in numbers)
        )

    slowest: list[float] = []
    passed, cursor = 0, None
    for begin, end in ((0, ties), (ties + 1, items)):
        seconds: list[float] = []
        for place in (begin, (begin + end) // 2, end - 20):
            if place > passed:
                page = await store.load_thread_items(id, cursor, place - passed, "asc", context)
                passed, cursor = place, page.after
            seconds.append(await _least(store, id, cursor, context))
        slowest.append(max(seconds))
    return slowest


async def _least(store: Store[Any], id: str, cursor: str | None, context: Any) -> float:
    """The shortest of some times: whatever else the machine does only adds to them."""
    times: list[float] = []
    for _ in range(15):
        begun = time.perf_counter()
        await store.load_thread_items(id, cursor, 20, "asc", context)
        times.append(time.perf_counter() - begun)
    return min(times)
