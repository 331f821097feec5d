"""LC: opening and closing, and the event loop that a store belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chatkit.store import Store
from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case


@store_case("LC1.closing-again-does-nothing")
async def closing_again_does_nothing(bench: StoreBench) -> None:
    """``aclose`` may be called again and again, at once, inside ``async with`` and on no use."""
    await (await bench.build()).aclose()
    async with bench.open_with("a") as store:
        await asyncio.gather(store.aclose(), store.aclose())
        await store.aclose()


@store_case("LC1.a-store-opens-by-itself")
async def a_store_opens_by_itself(bench: StoreBench) -> None:
    """A store works without ``async with``, also when its first calls come at once."""
    store = await bench.build()
    try:
        await store.save_thread(bench.thread(), bench.context())
        loaded = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(loaded, bench.thread(), "load_thread of a store that nobody opened")
    finally:
        await store.aclose()
    busy = await bench.build()
    try:
        threads = [bench.thread(f"{number}") for number in range(6)]
        await asyncio.gather(*(busy.save_thread(one, bench.context()) for one in threads))
        for one in threads:
            loaded = await busy.load_thread(one.id, bench.context())
            expect.equal(loaded, one, "what the first calls wrote, which came at once")
    finally:
        await busy.aclose()


@store_case("LC1.async-with-gives-the-store-and-closes-it")
async def async_with_gives_the_store_and_closes_it(bench: StoreBench) -> None:
    """``async with`` gives the store itself, and lets an exception through."""
    store = await bench.build()
    with expect.raises(ZeroDivisionError, "an exception inside async with"):
        async with store as opened:
            expect.true(opened is store, "async with", expected=store, got=opened)
            raise ZeroDivisionError


@store_case("LC1.a-closed-store-says-so", Capability.HOUSE_RULES)
async def a_closed_store_says_so(bench: StoreBench) -> None:
    """Every call after ``aclose`` raises an error that says that the store is closed."""
    async with bench.open_with("a") as store:
        await store.aclose()
        alice, id = bench.context(), bench.id("t")
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: store.load_thread(id, alice),
            lambda: store.save_thread(bench.thread(), alice),
            lambda: store.load_thread_items(id, None, 5, "asc", alice),
            lambda: store.add_thread_item(id, bench.item("b"), alice),
            lambda: store.delete_thread(id, alice),
        ]
        for call in calls:
            with expect.raises(Exception, "a call after aclose", naming="closed"):
                await call()


@store_case("LC1.closing-lets-running-calls-end", Capability.HOUSE_RULES, Capability.DURABLE)
async def closing_lets_running_calls_end(bench: StoreBench) -> None:
    """Calls that are under way when the store is closed are done."""
    async with bench.open_with() as other:
        store = await bench.build()
        adding = [asyncio.ensure_future(bench.add(store, f"{n}")) for n in range(10)]
        await asyncio.sleep(0)
        await store.aclose()
        await asyncio.gather(*adding)
        names = await bench.item_names(other)
        expect.once_each(names, [f"{n}" for n in range(10)], "items added before aclose")


@store_case("LC2.another-event-loop-is-refused", Capability.HOUSE_RULES)
async def another_event_loop_is_refused(bench: StoreBench) -> None:
    """A call from another event loop raises an error that says so, and harms nothing."""
    async with bench.open_with() as store:
        error = await asyncio.to_thread(_in_another_loop, bench, store)
        expect.true(
            isinstance(error, Exception) and "loop" in str(error),
            "a call from another event loop",
            expected=expect.Words("an error that names the event loop"),
            got=error or expect.Words("no error"),
        )
        loaded = await store.load_thread(bench.id("t"), bench.context())
        expect.equal(loaded, bench.thread(), "a call from the right event loop afterwards")


def _in_another_loop(bench: StoreBench, store: Store[Any]) -> Exception | None:
    try:
        asyncio.run(store.load_thread(bench.id("t"), bench.context()))
    except Exception as error:
        return error
    return None


@store_case("LC2.a-new-store-works-in-another-loop", Capability.HOUSE_RULES, Capability.DURABLE)
async def a_new_store_works_in_another_loop(bench: StoreBench) -> None:
    """A store that is built anew works in another event loop."""
    async with bench.open_with("a"):
        pass

    async def read() -> list[str]:
        async with bench.open() as store:
            return await bench.item_names(store)

    names = await asyncio.to_thread(lambda: asyncio.run(read()))
    expect.equal(names, ["a"], "the items, read in another event loop")
