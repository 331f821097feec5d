"""DU: what is written stays written, and an unreachable backend is said to be so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from chatkit.store import Store, StoreUnavailableError
from chatkit.types import FileAttachment
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.processes import Parent
from chatkit_conformance.registry import store_case

ALLOWANCE = 2.0
"""Seconds above the configured timeout: machines that run tests are busy."""


@store_case("DU1.a-new-store-reads-it", Capability.DURABLE)
async def a_new_store_reads_it(bench: StoreBench) -> None:
    """What a call has written, updated or deleted is so for a new store over the backend."""
    alice = bench.context()
    async with bench.open_with("a", "b", "c") as store:
        await store.delete_thread_item(bench.id("t"), bench.id("b"), alice)
        await store.update_thread(bench.id("t"), {"title": "new"}, alice)
        await store.save_thread(bench.thread("gone"), alice)
        await store.delete_thread(bench.id("gone"), alice)
        async with bench.open() as other:
            await _expect_kept(bench, other, "a second store")
    async with bench.open() as reopened:
        await _expect_kept(bench, reopened, "a store that was opened after the first was closed")


async def _expect_kept(bench: StoreBench, store: Store[Any], what: str) -> None:
    loaded = await store.load_thread(bench.id("t"), bench.context())
    expect.equal(loaded, bench.thread(title="new"), f"the thread, through {what}")
    expect.equal(await bench.thread_names(store), ["t"], f"the threads, through {what}")
    expect.equal(await bench.item_names(store), ["a", "c"], f"the items, through {what}")


@store_case("DU1.attachments-too", Capability.DURABLE, Capability.ATTACHMENTS)
async def a_new_store_reads_attachments(bench: StoreBench) -> None:
    """Attachments that a call has saved are there for a new store over the backend."""
    file = FileAttachment(id=bench.id("file"), name="n", mime_type="text/plain")
    async with bench.open() as store:
        await store.save_attachment(file, bench.context())
    async with bench.open() as store:
        loaded = await store.load_attachment(file.id, bench.context())
        expect.equal(loaded, file, "an attachment, through a new store")


@store_case("DU1.a-killed-process-loses-nothing", Capability.DURABLE, Capability.PROCESSES)
async def a_killed_process_loses_nothing(bench: StoreBench) -> None:
    """Of a process killed with SIGKILL amid its writes, every write that had returned is there."""
    for round in range(bench.number(3, 1)):
        async with bench.process(write_for_ever) as process:
            process.say(f"{round}")
            returned = [await process.hear() for _ in range(60)]
            if not all(returned):
                await process.ends()  # which says why, if it was no good one
            returned += await process.kill()
        async with bench.open() as store:
            found = await bench.items(store)
            names = [bench.name(item.id) for item in found]
            lost = sorted(set(filter(None, returned)) - set(names))
            expect.equal(lost, [], "writes that had returned and are not there after SIGKILL")
            expect.once_each(names, set(names), "the items after SIGKILL")
            for item in found:
                whole = bench.item(bench.name(item.id), content="x" * 1000)
                expect.equal(item, whole, "an item of a process that was killed")
            await store.save_item(bench.id("t"), found[0], bench.context())


async def write_for_ever(bench: StoreBench, parent: Parent) -> None:
    """Add items with eight tasks, and tell the parent each that has returned."""
    round = await parent.hear()
    async with bench.open() as store:
        await store.save_thread(bench.thread(), bench.context())

        async def write(writer: int) -> None:
            number = 0
            while True:
                item = bench.item(f"{round}.{writer}.{number}", content="x" * 1000)
                await store.add_thread_item(bench.id("t"), item, bench.context())
                parent.say(bench.name(item.id))
                number += 1

        await asyncio.gather(*(write(writer) for writer in range(8)))


@store_case("DU2.an-unreachable-backend-is-said-to-be-so", Capability.OUTAGES, patience=3)
async def an_unreachable_backend_is_said_to_be_so(bench: StoreBench) -> None:
    """While the backend is away, writes raise ``StoreUnavailableError`` in time, with a cause."""
    limit = bench.capabilities.call_timeout
    async with bench.open_with("a") as store, bench.away():
        begun = time.perf_counter()
        error = await _refusal(bench.add(store, "b"))
        seconds = time.perf_counter() - begun
        expect.true(
            isinstance(error, StoreUnavailableError),
            "a write while the backend is away",
            expected=expect.Words("StoreUnavailableError"),
            got=error or expect.Words("no error"),
        )
        expect.true(
            error is not None and error.__cause__ is not None,
            "the error's __cause__",
            expected=expect.Words("the driver's error or a TimeoutError"),
            got=expect.Words("none"),
        )
        expect.true(
            seconds <= limit + ALLOWANCE,
            "how long a write took while the backend was away",
            expected=expect.Words(f"at most {limit:g} s"),
            got=expect.Words(f"{seconds:.1f} s"),
        )
        try:
            page = await store.load_thread_items(bench.id("t"), None, 5, "asc", bench.context())
        except StoreUnavailableError:
            pass
        else:
            names = [bench.name(item.id) for item in page.data]
            expect.equal(names, ["a"], "a read that works while the backend is away")


async def _refusal(call: Awaitable[Any]) -> Exception | None:
    """What the call raised."""
    try:
        await call
    except Exception as error:
        return error
    return None


@store_case("DU2.the-same-store-works-again", Capability.OUTAGES, patience=3)
async def the_same_store_works_again(bench: StoreBench) -> None:
    """When the backend is back, the same store reads and writes; what had returned is there."""
    async with bench.open_with("a") as store:
        async with bench.away():
            swallowed = await _refusal(bench.add(store, "b")) is None
        await bench.add(store, "c")
        names = await bench.item_names(store)
        wanted = ["a", "b", "c"] if swallowed or "b" in names else ["a", "c"]
        expect.equal(names, wanted, "the items after the backend came back")
        loaded = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(loaded, bench.thread(), "the thread after the backend came back")
