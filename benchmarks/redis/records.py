"""Adds and pages on a Redis server, beside the same scripts called through redis-py by hand.

The scripts are the store's own, since what they do belongs to the contract; so is the models'
JSON. What is measured is what the store puts around them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from pydantic import TypeAdapter

from benchmarks.core.sample import THREAD_ID, thread
from benchmarks.harness.rows import Benchmark, Round
from benchmarks.servers import OWNER, PAGE, our_rounds, rounds, rows
from chatkit.owners import SINGLE_OWNER
from chatkit.types import ThreadItem

NAME = "Redis"


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from chatkit_redis import RedisStore
    from services.redis import redis_server

    with redis_server() as server:
        async with RedisStore[None].from_url(server.url, owner=SINGLE_OWNER) as store:
            async for one in our_rounds(NAME, quick, store):
                yield one


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    from redis.asyncio import Redis

    from chatkit_redis import RedisStore
    from chatkit_redis.client import text_of
    from chatkit_redis.keys import Keys, sortable
    from services.redis import redis_server

    adapter: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
    names = Keys("chatkit")
    keys = names.of(OWNER, [THREAD_ID])
    begin = (len(keys), *keys, names.owner(OWNER), b"item", 0, THREAD_ID)

    with redis_server() as server:
        async with RedisStore[None].from_url(server.url, owner=lambda _: OWNER) as store:
            await store.save_thread(thread(), None)
        driver: Any = Redis
        client = driver.from_url(server.url)
        writing, paging = [await client.script_load(text_of(name)) for name in ("write", "page")]

        async def add(item: ThreadItem) -> None:
            created = sortable(int(item.created_at.timestamp() * 1_000_000))
            await client.evalsha(writing, *begin, item.id, created, adapter.dump_json(item))

        async def get_page() -> list[ThreadItem]:
            found = await client.evalsha(paging, *begin, PAGE + 1, 1)
            return [adapter.validate_json(json) for json in found[:PAGE]]

        async for one in rounds(NAME, quick, add, get_page):
            yield one
        await client.aclose()


BENCHMARKS = [
    Benchmark(
        name="redis-records",
        rows=rows(NAME, 1.25, adds_at_once=1.0),
        ours=ours,
        peer="the same scripts called by hand",
        theirs=theirs,
    )
]
