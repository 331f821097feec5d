"""How the costs of a page and of an add on a MongoDB server grow with the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from benchmarks.core.sample import message
from benchmarks.harness.rows import Round
from benchmarks.servers import growth, growth_benchmark
from chatkit.owners import SINGLE_OWNER

NAME = "MongoDB"
AT_ONCE = 10_000


def copied(first: dict[str, Any], number: int) -> dict[str, Any]:
    """The document of the first item, as if it were another, a second later for each number."""
    id, us = f"msg_{number}", first["position"]["us"] + number * 1_000_000
    return {
        **first,
        "_id": {**first["_id"], "id": id},
        "position": {"us": us, "n": number},
        "json": first["json"].replace('"msg_0"', f'"{id}"'),
    }


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from pymongo import AsyncMongoClient

    from chatkit_mongo import MongoStore
    from services.mongo import mongo_server

    with mongo_server() as server:
        async with (
            MongoStore[None].from_url(server.url, owner=SINGLE_OWNER) as store,
            AsyncMongoClient[Any](server.url) as client,
        ):
            items = client["chatkit"]["chatkit_items"]

            async def fill(thread_id: str, size: int) -> None:
                """Behind the store's back, since so many durable adds would take minutes."""
                await store.add_thread_item(thread_id, message(0), None)
                first = await items.find_one({"thread": thread_id})
                assert first is not None
                for begin in range(1, size, AT_ONCE):
                    numbers = range(begin, min(begin + AT_ONCE, size))
                    await items.insert_many([copied(first, n) for n in numbers], ordered=False)

            async for one in growth(NAME, store, fill):
                yield one


BENCHMARKS = [growth_benchmark(NAME, ours)]
