"""Adds and pages on a MongoDB server, beside hand-written calls of PyMongo that do the same.

Queries and documents are the store's own, since they belong to the contract; so is the models'
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

NAME = "MongoDB"


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from chatkit_mongo import MongoStore
    from services.mongo import mongo_server

    with mongo_server() as server:
        async with MongoStore[None].from_url(server.url, owner=SINGLE_OWNER) as store:
            async for one in our_rounds(NAME, quick, store):
                yield one


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    from bson.datetime_ms import DatetimeMS
    from pymongo import AsyncMongoClient, ReturnDocument, WriteConcern

    from chatkit.records import Collection, Kind
    from chatkit_mongo import MongoStore
    from chatkit_mongo.pipelines import first_items
    from services.mongo import mongo_server

    adapter: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
    durable = WriteConcern(w="majority", j=True)
    pipeline = first_items(
        "chatkit_items", Collection(OWNER, Kind.ITEM, THREAD_ID), PAGE + 1, newest_first=True
    )

    with mongo_server() as server:
        async with MongoStore[None].from_url(server.url, owner=lambda _: OWNER) as store:
            await store.save_thread(thread(), None)
        async with AsyncMongoClient[Any](server.url, retryWrites=False) as client:
            database = client["chatkit"]
            threads = database.get_collection("chatkit_threads", write_concern=durable)
            items = database.get_collection("chatkit_items", write_concern=durable)

            async def add(item: ThreadItem) -> None:
                found: Any = await threads.find_one_and_update(
                    {"_id": {"owner": OWNER, "id": THREAD_ID}, "owner": OWNER},
                    {"$inc": {"items": 1}},
                    {"generation": 1, "items": 1},
                    return_document=ReturnDocument.AFTER,
                )
                generation, number = found["generation"], found["items"]
                us = int(item.created_at.timestamp() * 1_000_000)
                await items.update_one(
                    {
                        "_id": {"generation": generation, "id": item.id},
                        "generation": generation,
                    },
                    {
                        "$set": {"json": adapter.dump_json(item).decode(), "type": item.type},
                        "$inc": {"revision": 1},
                        "$setOnInsert": {
                            "created": DatetimeMS(us // 1000),
                            "position": {"us": us, "n": number},
                            "owner": OWNER,
                            "thread": THREAD_ID,
                        },
                    },
                    upsert=True,
                )

            async def get_page() -> list[ThreadItem]:
                found = await (await threads.aggregate(pipeline, batchSize=PAGE + 1)).to_list(None)
                return [adapter.validate_json(one["json"]) for one in found[:PAGE]]

            async for one in rounds(NAME, quick, add, get_page):
                yield one


BENCHMARKS = [
    Benchmark(
        name="mongo-records",
        rows=rows(NAME, 1.2, adds_at_once=1.2),
        ours=ours,
        peer="the same calls of PyMongo by hand",
        theirs=theirs,
    )
]
