"""The two drivers: PyMongo's own asynchronous API, and Motor. The rest of the package is written
for the first; here is what differs, and how either is made to behave as the store promises."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from bson.codec_options import CodecOptions
from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database as SynchronousDatabase
from pymongo.read_concern import ReadConcern

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

Document: TypeAlias = dict[str, Any]
MongoCollection: TypeAlias = AsyncCollection[Document]
MongoDatabase: TypeAlias = "AsyncDatabase[Any] | AsyncIOMotorDatabase[Any]"

CODEC: CodecOptions[Document] = CodecOptions()
DURABLE = WriteConcern(w="majority", j=True)
"""A standalone server, which is its own majority, would otherwise answer before its journal."""


def check_database(database: object) -> None:
    """Refuse what is no database of an asynchronous driver.

    Raises:
        TypeError: Says what to pass instead.
    """
    motor = sys.modules.get("motor.motor_asyncio")  # whoever has a database of it has imported it
    if isinstance(database, AsyncDatabase):
        return
    if motor is not None and isinstance(database, motor.AsyncIOMotorDatabase):
        return
    if isinstance(database, SynchronousDatabase):
        raise TypeError(
            "MongoStore needs an asynchronous driver, and this is a database of PyMongo's "
            "synchronous MongoClient: use pymongo.AsyncMongoClient(…)[name]"
        )
    raise TypeError(
        "MongoStore needs a database: pymongo.AsyncMongoClient(…)[name] or "
        f"motor.motor_asyncio.AsyncIOMotorClient(…)[name]; got {type(database).__name__}"
    )


def collection_of(database: MongoDatabase, name: str) -> MongoCollection:
    """A collection that reads from the primary and writes durably, whatever the client does."""
    found = database.get_collection(
        name,
        codec_options=CODEC,
        read_preference=ReadPreference.PRIMARY,
        write_concern=DURABLE,
        read_concern=ReadConcern("local"),
    )
    return cast("MongoCollection", found)  # Motor's has the same methods


async def all_of(
    collection: MongoCollection, pipeline: list[Document], **options: Any
) -> list[Document]:
    """What an aggregation gives."""
    found: Any = collection.aggregate(pipeline, **options)
    if inspect.isawaitable(found):  # Motor returns the cursor itself
        found = await found
    documents: list[Document] = await found.to_list(None)
    return documents
