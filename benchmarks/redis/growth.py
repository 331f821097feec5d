"""How the costs of a page and of an add on a Redis server grow with the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from benchmarks.core.sample import message
from benchmarks.harness.rows import Round
from benchmarks.servers import growth, growth_benchmark
from chatkit.owners import SINGLE_OWNER

NAME = "Redis"
AT_ONCE = 5_000


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from chatkit_redis import RedisStore
    from services.redis import redis_server

    with redis_server() as server:
        async with RedisStore[None].from_url(server.url, owner=SINGLE_OWNER) as store:

            async def fill(thread_id: str, size: int) -> None:
                for first in range(0, size, AT_ONCE):
                    numbers = range(first, min(first + AT_ONCE, size))
                    adds = (store.add_thread_item(thread_id, message(n), None) for n in numbers)
                    await asyncio.gather(*adds)

            async for one in growth(NAME, store, fill):
                yield one


BENCHMARKS = [growth_benchmark(NAME, ours)]
