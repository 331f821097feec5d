"""Writes that wait for others travel together, and come to the same as one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from chatkit.store import Store, StoreUnavailableError, walk_items
from chatkit_redis import RedisStore
from chatkit_redis.coalescing import AT_ONCE, LARGEST, Call, Coalescing
from services.proxy import Proxy
from services.redis import redis_server as own_server
from services.service import Service
from support.record_samples import item, thread
from support.redis_target import open_store

ALICE = {"user_id": "alice"}


class Lines:
    """Transmits calls, each of which is answered with its name, when told to."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.open = asyncio.Event()

    async def alone(self, call: Call) -> str:
        self.sent.append([call.script])
        await self.open.wait()
        return call.script

    async def together(self, calls: Sequence[Call]) -> list[Any]:
        self.sent.append([call.script for call in calls])
        await self.open.wait()
        return [
            ValueError(call.script) if call.script == "wrong" else call.script for call in calls
        ]


async def started(coalescing: Coalescing, *calls: Call) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(coalescing.run(call)) for call in calls]
    await asyncio.sleep(0)
    return tasks


def calls(*names: str) -> list[Call]:
    return [Call(name, ()) for name in names]


async def test_a_call_goes_alone_and_those_behind_it_together() -> None:
    lines = Lines()
    coalescing = Coalescing(lines.alone, lines.together, 5)
    tasks = await started(coalescing, *calls("a", "b", "c", "d", "e"))
    assert lines.sent == [["a"], ["b"]]
    lines.open.set()
    assert await asyncio.gather(*tasks) == ["a", "b", "c", "d", "e"]
    assert lines.sent == [["a"], ["b"], ["c", "d", "e"]]


async def test_the_error_of_one_call_is_not_that_of_the_others() -> None:
    lines = Lines()
    coalescing = Coalescing(lines.alone, lines.together, 5)
    tasks = await started(coalescing, *calls("a", "b", "c", "wrong", "d"))
    lines.open.set()
    *_, c, wrong, d = await asyncio.gather(*tasks, return_exceptions=True)
    assert (c, d) == ("c", "d")
    assert isinstance(wrong, ValueError)


async def test_a_call_that_was_given_up_while_it_waited_is_never_sent() -> None:
    lines = Lines()
    coalescing = Coalescing(lines.alone, lines.together, 5)
    tasks = await started(coalescing, *calls("a", "b", "c", "d"))
    tasks[2].cancel()
    lines.open.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert lines.sent == [["a"], ["b"], ["d"]]


async def test_calls_that_hang_together_make_room_when_their_time_is_over() -> None:
    lines = Lines()
    coalescing = Coalescing(lines.alone, lines.together, 0.05)
    tasks = await started(coalescing, *calls("a", "b", "c", "d"))
    for task in tasks[:AT_ONCE]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.TimeoutError) for one in results[AT_ONCE:])
    lines.open.set()
    assert await coalescing.run(Call("next", ())) == "next"


async def test_large_calls_do_not_pile_up_in_one_transmission() -> None:
    lines = Lines()
    coalescing = Coalescing(lines.alone, lines.together, 5)
    large = [Call("large", (b"x" * (LARGEST // 2),)) for _ in range(6)]
    tasks = await started(coalescing, *calls("a", "b"), *large)
    lines.open.set()
    await asyncio.gather(*tasks)
    assert [len(sent) for sent in lines.sent] == [1] * AT_ONCE + [2, 2, 2]


async def fill(store: Store[Any], *, at_once: bool) -> list[BaseException | None]:
    """Add items to two threads and to one that there is not."""
    for id in ("s", "t"):
        await store.save_thread(thread(id), ALICE)
    writes = [
        store.add_thread_item(id, item(f"{id}{n}", content=f"{n}"), ALICE)
        for n in range(40)
        for id in ("s", "t", "none")
    ]
    if at_once:
        return await asyncio.gather(*writes, return_exceptions=True)
    return [(await asyncio.gather(write, return_exceptions=True))[0] for write in writes]


async def test_writes_at_once_come_to_the_same_as_one_by_one(redis_server: Service) -> None:
    found: list[Any] = []
    for number, at_once in enumerate((False, True)):
        async with open_store(redis_server.url, prefix=f"coalescing{number}") as store:
            results = await fill(store, at_once=at_once)
            items = [one for id in "st" async for one in walk_items(store, id, ALICE, order="asc")]
            items.sort(key=lambda item: item.id)  # of two at once, either may be the first
            found.append([[repr(result) for result in results], items])
            for id in "st":
                await store.delete_thread(id, ALICE)
    assert found[0] == found[1]
    assert len(found[0][1]) == 80
    assert sum("NotFoundError" in result for result in found[0][0]) == 40


async def test_what_the_server_refuses_of_one_write_leaves_the_others() -> None:
    with own_server() as server:
        async with open_store(server.url) as store, Redis.from_url(server.url) as client:
            for id in ("s", "t"):
                await store.save_thread(thread(id), ALICE)
            # No list of items, so that the script fails.
            await client.set("chatkit:1:{alice}:items:s:json", "odd")
            results = await asyncio.gather(
                *(store.add_thread_item(id, item(f"{n}"), ALICE) for n in range(10) for id in "st"),
                return_exceptions=True,
            )
            assert all(isinstance(one, StoreUnavailableError) for one in results[::2])
            assert results[1::2] == [None] * 10
            assert len([one async for one in walk_items(store, "t", ALICE, order="asc")]) == 10


async def test_a_line_that_fell_silent_is_given_up_by_a_lent_client_without_limits() -> None:
    with own_server() as server, Proxy(server.port) as proxy:
        async with Redis.from_url(proxy.url_of(server.url)) as client:
            store = RedisStore[Any](client, owner=lambda context: context["user_id"], timeout=1)
            await store.save_thread(thread(), ALICE)
            proxy.silence()
            first = [store.add_thread_item("t", item(f"{n}"), ALICE) for n in range(16)]
            results = await asyncio.gather(*first, return_exceptions=True)
            assert any(isinstance(one, StoreUnavailableError) for one in results)
            while True:
                try:
                    await store.add_thread_item("t", item("after"), ALICE)
                except StoreUnavailableError:
                    continue
                break
            assert (await store.load_item("t", "after", ALICE)).id == "after"
            await store.aclose()
