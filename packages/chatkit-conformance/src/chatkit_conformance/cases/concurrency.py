"""CC: many callers at once, in one process and in several, and calls that are cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import ThreadMetadata
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.processes import Parent
from chatkit_conformance.registry import store_case

WRITERS = 32
MOST_AWAITS = 40


class Barrier:
    """Where tasks wait for each other, so that they go on together, again and again."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait until all the others have come."""
        here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(here)
        if len(self._waiting) == self._parties:
            waiting, self._waiting = self._waiting, []
            for other in waiting:
                other.set_result(None)
        await here


async def _write_together(
    bench: StoreBench, stores: list[Store[Any]], writers: int, rounds: int
) -> list[str]:
    """In each round every writer adds one item, all at the same moment; the items' names."""
    barrier = Barrier(writers)

    async def write(writer: int) -> None:
        for round in range(rounds):
            await barrier.wait()
            await bench.add(stores[writer % len(stores)], f"{writer}.{round}")

    tasks = [asyncio.ensure_future(write(writer)) for writer in range(writers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [f"{writer}.{round}" for writer in range(writers) for round in range(rounds)]


async def _expect_all(bench: StoreBench, store: Store[Any], names: list[str], what: str) -> None:
    """All are there once, each writer's in its order, in an order that later reads repeat."""
    seen = await bench.item_names(store)
    expect.once_each(seen, names, what)
    expect.equal(await bench.item_names(store, page_size=7), seen, f"a second read of {what}")
    for writer in {name.rpartition(".")[0] for name in names}:
        own = [name for name in seen if name.rpartition(".")[0] == writer]
        written = [name for name in names if name.rpartition(".")[0] == writer]
        expect.equal(own, written, f"{what}: those of one writer, in the order they were written")


@store_case("CC1.many-writers-add-to-one-thread")
async def many_writers_add_to_one_thread(bench: StoreBench) -> None:
    """Of 32 writers that add to one thread at the same moments, every item is there once."""
    async with bench.open_with() as store:
        names = await _write_together(bench, [store], WRITERS, bench.number(10, 4))
        await _expect_all(bench, store, names, "items that 32 tasks added at once")


@store_case("CC1.one-item-added-by-many-is-there-once")
async def one_item_added_by_many_is_there_once(bench: StoreBench) -> None:
    """Tasks that add items of the same id at the same moment leave one of each."""
    async with bench.open_with() as store:
        for round in range(bench.number(10, 3)):
            await asyncio.gather(*(bench.add(store, f"{round}") for _ in range(8)))
        expected = [f"{round}" for round in range(bench.number(10, 3))]
        expect.equal(await bench.item_names(store), expected, "items that 8 tasks added each")


@store_case("CC2.several-stores-add-to-one-thread", Capability.DURABLE)
async def several_stores_add_to_one_thread(bench: StoreBench) -> None:
    """Of several stores over one backend, every item is there once, for each of them."""
    async with bench.open_with() as store, _opened(bench, 3) as others:
        names = await _write_together(bench, [store, *others], 16, bench.number(6, 3))
        for one in (store, others[0]):
            await _expect_all(bench, one, names, "items that 4 stores added at once")


@asynccontextmanager
async def _opened(bench: StoreBench, number: int) -> AsyncGenerator[list[Store[Any]]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(bench.open()) for _ in range(number)]


@store_case("CC2.several-stores-update-one-thread", *(
    Capability.DURABLE, Capability.OPTIONAL_METHODS
))  # fmt: skip
async def several_stores_update_one_thread(bench: StoreBench) -> None:
    """Updates of different fields through different stores at once are all there."""
    async with bench.open_with() as store, _opened(bench, 2) as others:
        for round in range(bench.number(10, 4)):
            changes: list[dict[str, Any]] = [
                {"title": f"{round}"},
                {"metadata": {"round": round}},
                {"allowed_image_domains": [f"{round}.example"]},
            ]
            updates = zip([store, *others], changes, strict=True)
            await asyncio.gather(
                *(
                    one.update_thread(bench.id("t"), change, bench.context())
                    for one, change in updates
                )
            )
            fields = {name: value for change in changes for name, value in change.items()}
            loaded = await store.load_thread(bench.id("t"), bench.context())
            expect.equal(loaded, bench.thread(**fields), "the thread after updates by 3 stores")


@store_case("CC2.several-processes-add-to-one-thread", Capability.PROCESSES)
async def several_processes_add_to_one_thread(bench: StoreBench) -> None:
    """Of several processes that begin at one moment, every item is there once."""
    several = bench.number(3, 2)
    async with bench.open_with() as store, AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(bench.process(add_with_four_tasks))
            for _ in range(several)
        ]
        for number, process in enumerate(processes):
            expect.equal(await process.hear(), "ready", "what a process says first")
            process.say(f"{number}")
        for process in processes:
            await process.ends()
        names = [f"{p}:{w}.{n}" for p in range(several) for w in range(4) for n in range(10)]
        await _expect_all(bench, store, names, f"items that {several} processes added at once")


async def add_with_four_tasks(bench: StoreBench, parent: Parent) -> None:
    """Add ten items with each of four tasks, once the parent says under which name."""
    async with bench.open() as store:
        parent.say("ready")
        name = await parent.hear()

        async def write(writer: int) -> None:
            for number in range(10):
                await bench.add(store, f"{name}:{writer}.{number}")

        await asyncio.gather(*(write(writer) for writer in range(4)))


@store_case("TH5.processes-that-race-leave-nothing", Capability.PROCESSES)
async def processes_that_race_leave_nothing(bench: StoreBench) -> None:
    """Items that another process adds during a deletion are in no later thread of that id."""
    alice, id = bench.context(), bench.id("t")
    async with bench.open_with() as store, bench.process(add_whenever_told) as process:
        expect.equal(await process.hear(), "ready", "what a process says first")
        for round in range(bench.number(30, 6)):
            process.say(f"{round}")
            await store.delete_thread(id, alice)
            expect.equal(await process.hear(), "done", "what a process says after a round")
            await store.delete_thread(id, alice)
            await store.save_thread(bench.thread(), alice)
            expect.equal(await bench.item_names(store), [], "the items of a new thread of that id")


async def add_whenever_told(bench: StoreBench, parent: Parent) -> None:
    """For each line from the parent, try to add some items at once."""
    async with bench.open() as store:
        parent.say("ready")
        while round := await parent.hear():
            adds = [bench.add(store, f"{round}.{number}") for number in range(4)]
            for outcome in await asyncio.gather(*adds, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, NotFoundError):
                    raise outcome
            parent.say("done")


@store_case("CC3.saves-at-once-end-as-one-version")
async def saves_at_once_end_as_one_version(bench: StoreBench) -> None:
    """Threads and items that many save at once end as one of the versions, never a mixture."""
    async with bench.open_with("a") as store:
        alice, id = bench.context(), bench.id("t")
        for _ in range(bench.number(8, 3)):
            numbers = range(16)
            threads = [bench.thread(title=f"{n}" * 99, metadata={"n": n}) for n in numbers]
            items = [bench.item("a", content={"n": n, "text": f"{n}" * 99}) for n in numbers]
            await asyncio.gather(
                *(store.save_thread(version, alice) for version in threads),
                *(store.save_item(id, version, alice) for version in items),
            )
            thread = await store.load_thread(id, alice)
            expect.true(thread in threads, "the thread", expected="one of 16 versions", got=thread)
            item = await store.load_item(id, bench.id("a"), alice)
            expect.true(item in items, "the item", expected="one of 16 versions", got=item)
            expect.equal(await bench.items(store), [item], "the items, each once")


# Cancelled calls

Call = Callable[[Store[Any]], Coroutine[Any, Any, Any]]


async def _cancel_after_steps(call: Coroutine[Any, Any, Any], steps: int) -> bool:
    """Cancel the call after so many turns of the event loop; say whether it had returned."""
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    return await _cancelled(task)


async def _cancel_after_seconds(call: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Cancel the call after so long; say whether it had returned."""
    task = asyncio.ensure_future(call)
    await asyncio.wait({task}, timeout=seconds)
    return await _cancelled(task)


class _CancelledAt:
    """Awaits a call, and has the task that awaits it cancelled at the call's n-th await."""

    def __init__(self, call: Coroutine[Any, Any, Any], number: int) -> None:
        self._call = call
        self._number = number

    def __await__(self) -> Generator[Any, Any, Any]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        inner = self._call.__await__()
        go_on: Callable[[], Any] = partial(next, inner)
        number = 0
        while True:
            try:
                waiting = go_on()
            except StopIteration as end:
                return end.value
            number += 1
            if number == self._number and task is not None:
                loop.call_soon(task.cancel)
            try:
                yield waiting
            except BaseException as error:  # the cancellation, for the call to see
                go_on = partial(inner.throw, error)
            else:
                go_on = partial(next, inner)


async def _cancel_at_await(call: Coroutine[Any, Any, Any], number: int) -> bool:
    """Cancel the call at its n-th await; say whether it returned, having fewer of them."""

    async def awaited() -> None:
        await _CancelledAt(call, number)

    task = asyncio.ensure_future(awaited())
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True


async def _cancelled(task: asyncio.Task[Any]) -> bool:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True


@store_case("CC4.a-cancelled-write-is-done-or-not")
async def a_cancelled_write_is_done_or_not(bench: StoreBench) -> None:
    """A write cancelled at any of its awaits is whole or not there; its neighbours are unharmed."""
    whole = {"text": "x" * 2000, "list": [1, 2]}
    async with bench.open_with() as store:
        took = await _seconds(bench.add(store, "first"))
        returned: list[str] = []
        for number, cancel in enumerate(_moments(bench, took)):
            neighbours = [
                asyncio.ensure_future(bench.add(store, f"{number} {side}"))
                for side in ("left", "right")
            ]
            victim = bench.item(f"{number} victim", content=whole)
            if await cancel(store.add_thread_item(bench.id("t"), victim, bench.context())):
                returned.append(victim.id)
            await asyncio.gather(*neighbours)
        # Another write by the same store: whatever was under way came before it.
        await store.save_thread(bench.thread(), bench.context())
        found = {item.id: item for item in await bench.items(store)}
        for number in range(len(_moments(bench, took))):
            for side in ("left", "right"):
                there = bench.id(f"{number} {side}") in found
                expect.true(there, "a neighbour's item", expected="there", got="lost")
            victim = bench.item(f"{number} victim", content=whole)
            if victim.id in found:
                expect.equal(found[victim.id], victim, "the item of a cancelled call")
                loaded = await store.load_item(bench.id("t"), victim.id, bench.context())
                expect.equal(loaded, victim, "load_item of a cancelled call's item")
            else:
                gone = victim.id not in returned
                expect.true(gone, "a write that had returned", expected="there", got="lost")


def _moments(
    bench: StoreBench, took: float
) -> list[Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, bool]]]:
    """Ways to cancel a call, at each of the steps and some of the moments that it takes."""
    steps = range(bench.number(40, 12))
    parts = [number / 10 for number in range(1, 10)]
    return [
        *(lambda call, n=n: _cancel_after_steps(call, n) for n in steps),
        *(lambda call, p=p: _cancel_after_seconds(call, p * took) for p in parts),
    ]


async def _seconds(call: Coroutine[Any, Any, Any]) -> float:
    begun = time.perf_counter()
    await call
    return time.perf_counter() - begun


@store_case("CC4.any-cancelled-call-leaves-the-store-working")
async def any_cancelled_call_leaves_the_store_working(bench: StoreBench) -> None:
    """After any method was cancelled at any await, the store works on and holds whole records."""
    alice, t, u = bench.context(), bench.id("t"), bench.id("u")
    second = bench.thread("u", title="x" * 500)
    calls: dict[str, Call] = {
        "load_thread": lambda store: store.load_thread(t, alice),
        "load_threads": lambda store: store.load_threads(5, None, "asc", alice),
        "load_item": lambda store: store.load_item(t, bench.id("a"), alice),
        "load_thread_items": lambda store: store.load_thread_items(t, None, 5, "desc", alice),
        "save_thread": lambda store: store.save_thread(second, alice),
        "update_thread": lambda store: store.update_thread(t, {"title": "new"}, alice),
        "save_item": lambda store: store.save_item(t, bench.item("a"), alice),
        "delete_thread_item": lambda store: store.delete_thread_item(t, bench.id("b"), alice),
        "delete_items_after": lambda store: store.delete_items_after(t, bench.id("a"), alice),
        "delete_thread": lambda store: store.delete_thread(u, alice),
    }
    async with bench.open_with("a", "b") as store:
        for name, call in calls.items():
            returned, number = False, 0
            while not returned and number < MOST_AWAITS:
                number += 1
                returned = await _cancel_at_await(call(store), number)
                await _cancel_after_steps(call(store), 3 * number)
                # A deletion may take effect a little later: before this, or after it.
                await store.save_item(t, bench.item("b"), alice)
                thread: ThreadMetadata = await store.load_thread(t, alice)
                versions = [bench.thread(), bench.thread(title="new")]
                expect.true(
                    thread in versions,
                    f"the thread after a cancelled {name}",
                    expected=versions,
                    got=thread,
                )
                names = await bench.item_names(store)
                expect.true(
                    names == ["a", "b"] or (names == ["a"] and name.startswith("delete")),
                    f"the items after a cancelled {name}",
                    expected=["a", "b"],
                    got=names,
                )
        for one in await bench.threads(store):
            if one.id == u:
                expect.equal(one, second, "a thread whose save or deletion was cancelled")


@store_case("CC4.cancelling-the-first-call-spares-the-others", Capability.DURABLE)
async def cancelling_the_first_call_spares_the_others(bench: StoreBench) -> None:
    """When the call that opens a store is cancelled, calls beside it and after it work."""
    async with bench.open_with("a"):
        for steps in range(bench.number(16, 6)):
            fresh = await bench.build()
            try:
                beside = asyncio.ensure_future(_load(bench, fresh))
                await _cancel_after_steps(_load(bench, fresh), steps)
                expect.equal(await beside, bench.thread(), "a call beside a cancelled first one")
                after = await _load(bench, fresh)
                expect.equal(after, bench.thread(), "a call after a cancelled first one")
            finally:
                await fresh.aclose()


async def _load(bench: StoreBench, store: Store[Any]) -> ThreadMetadata:
    return await store.load_thread(bench.id("t"), bench.context())
