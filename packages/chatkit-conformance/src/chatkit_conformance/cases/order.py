"""PG1: the order of records is their time, then their first write."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from typing import Literal

from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.processes import Parent
from chatkit_conformance.registry import store_case
from chatkit_conformance.samples import NOON

ORDERS: tuple[Literal["asc", "desc"], ...] = ("asc", "desc")
MICROSECOND = timedelta(microseconds=1)


@store_case("PG1.items-by-time-then-first-write")
async def items_by_time_then_first_write(bench: StoreBench) -> None:
    """Items are in the order of their times, to the microsecond, and among ties as they came."""
    async with bench.open_with("b1", "a9", "b0") as store:
        await bench.add(store, "c", at=NOON + MICROSECOND)
        await bench.add(store, "a", at=NOON - timedelta(days=20_000))
        await bench.add(store, "0", at=NOON - MICROSECOND)
        expected = ["a", "0", "b1", "a9", "b0", "c"]
        expect.equal(await bench.item_names(store), expected, "the items in order asc")
        await store.save_item(bench.id("t"), bench.item("b1", content="x"), bench.context())
        expect.equal(await bench.item_names(store), expected, "the items after b1 was saved again")


@store_case("PG1.desc-is-the-exact-reverse")
async def desc_is_the_exact_reverse(bench: StoreBench) -> None:
    """``desc`` is the exact reverse of ``asc``, among equal times too."""
    async with bench.open_with("b1", "a9", "b0") as store:
        await bench.add(store, "z", "y", at=NOON - timedelta(seconds=1))
        ascending = await bench.item_names(store)
        descending = await bench.item_names(store, order="desc")
        expect.equal(descending, ascending[::-1], "the items in order desc")


@store_case("PG1.threads-by-time-then-first-write")
async def threads_by_time_then_first_write(bench: StoreBench) -> None:
    """Threads have the same order, and the same reverse."""
    async with bench.open() as store:
        for name, seconds in (("b", 5), ("c", 5), ("a", 9), ("d", 0), ("0", 5)):
            await store.save_thread(
                bench.thread(name, NOON + timedelta(seconds=seconds)), bench.context()
            )
        expected = ["d", "b", "c", "0", "a"]
        expect.equal(await bench.thread_names(store), expected, "the threads in order asc")
        descending = await bench.thread_names(store, order="desc")
        expect.equal(descending, expected[::-1], "the threads in order desc")


@store_case("PG1.instants-count-not-their-spelling")
async def instants_count_not_their_spelling(bench: StoreBench) -> None:
    """Times of different zones are compared as instants."""
    east, west = timezone(timedelta(hours=13, minutes=45)), timezone(-timedelta(hours=11))
    async with bench.open_with() as store:
        await bench.add(store, "second", at=(NOON + timedelta(minutes=1)).astimezone(west))
        await bench.add(store, "third", at=NOON + timedelta(minutes=2))
        await bench.add(store, "first", at=NOON.astimezone(east))
        names = await bench.item_names(store)
        expect.equal(names, ["first", "second", "third"], "items with times of several zones")


@store_case("PG1.naive-times-are-local")
async def naive_times_are_local(bench: StoreBench) -> None:
    """A naive time is local time, among aware ones, for items and for threads."""
    naive = datetime(2024, 7, 1, 12)
    instant = naive.astimezone(timezone.utc)
    times = {
        "after": instant + timedelta(seconds=1),
        "naive": naive,
        "before": instant - timedelta(seconds=1),
    }
    async with bench.open_with() as store:
        for name, at in times.items():
            await bench.add(store, name, at=at)
            await store.save_thread(bench.thread(name, at), bench.context("zoe"))
        expected = ["before", "naive", "after"]
        expect.equal(await bench.item_names(store), expected, "items with naive and aware times")
        names = [n for n in await bench.thread_names(store, owner="zoe") if n in expected]
        expect.equal(names, expected, "threads with naive and aware times")


@store_case("PG1.the-far-ends-of-time-have-a-place")
async def the_far_ends_of_time_have_a_place(bench: StoreBench) -> None:
    """The earliest and the latest time there is are kept, in order."""
    utc = timezone.utc
    async with bench.open_with() as store:
        await bench.add(store, "last", at=datetime.max.replace(tzinfo=utc))
        await bench.add(store, "now")
        await bench.add(store, "epoch", at=datetime(1970, 1, 1, tzinfo=utc))
        await bench.add(store, "before the epoch", at=datetime(1969, 12, 31, tzinfo=utc))
        await bench.add(store, "first", at=datetime.min.replace(tzinfo=utc))
        expected = ["first", "before the epoch", "epoch", "now", "last"]
        expect.equal(await bench.item_names(store), expected, "items of all times")
        for order in ORDERS:
            walked = await bench.item_names(store, order=order, page_size=1)
            expect.equal(walked, expected[:: 1 if order == "asc" else -1], "the same, one a page")


@store_case("PG1.naive-times-in-new-york", Capability.PROCESSES)
async def naive_times_in_new_york(bench: StoreBench) -> None:
    """In another time zone, naive times are that zone's, resolved once, at the first write."""
    async with bench.process(write_in_new_york, TZ="America/New_York") as process:
        await process.ends()
    async with bench.open() as store:
        expect.equal(
            await bench.item_names(store),
            ["winter 16:30 utc", "winter noon", "15:59 utc", "12:00 local", "16:30 utc"],
            "items that a process in New York wrote, read here",
        )


async def write_in_new_york(bench: StoreBench, parent: Parent) -> None:
    """Noon there is 16:00 in UTC in summer, 17:00 in winter."""
    utc = timezone.utc
    times = {
        "16:30 utc": datetime(2024, 7, 1, 16, 30, tzinfo=utc),
        "12:00 local": datetime(2024, 7, 1, 12),
        "15:59 utc": datetime(2024, 7, 1, 15, 59, tzinfo=utc),
        "winter noon": datetime(2024, 1, 1, 12),
        "winter 16:30 utc": datetime(2024, 1, 1, 16, 30, tzinfo=utc),
    }
    async with bench.open_with() as store:
        for name, at in times.items():
            await bench.add(store, name, at=at)
        before = await bench.items(store)
        if hasattr(time, "tzset"):
            os.environ["TZ"] = "Asia/Tokyo"
            time.tzset()
            await store.save_item(bench.id("t"), before[1], bench.context())
            expect.equal(await bench.items(store), before, "the items after a move to Tokyo")
