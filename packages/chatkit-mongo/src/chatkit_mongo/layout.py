"""The collections, their indexes, and the version of it all, which the database keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo.errors import OperationFailure

from chatkit.records import Kind
from chatkit.store import StoreUnavailableError
from chatkit_mongo.drivers import MongoCollection, MongoDatabase, collection_of

VERSION = 1
UNAUTHORIZED = 13
LONGEST_BUILD_S = 24 * 60 * 60.0

NAMES: Mapping[Kind, str] = {kind: f"chatkit_{kind.value}s" for kind in Kind}
COUNTERS, DELETED, LAYOUT = "chatkit_counters", "chatkit_deleted", "chatkit_layout"

INDEXES: Mapping[str, Sequence[tuple[list[tuple[str, int]], bool]]] = {
    NAMES[Kind.THREAD]: [([("owner", 1), ("position", 1)], True)],
    NAMES[Kind.ATTACHMENT]: [([("owner", 1), ("position", 1)], True)],
    NAMES[Kind.ITEM]: [([("generation", 1), ("position", 1)], True)],
    DELETED: [([("at", 1)], False)],
}
"""What is indexed beside ``_id``, and whether it is unique."""


class UnusableDatabaseError(StoreUnavailableError):
    """The database has the records of a newer version. Waiting does not help."""


class Collections:
    """The collections of one store."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        self.records: dict[Kind, MongoCollection] = {
            kind: collection_of(database, name) for kind, name in NAMES.items()
        }
        self.threads = self.records[Kind.THREAD]
        self.items = self.records[Kind.ITEM]
        self.counters = collection_of(database, COUNTERS)
        self.deleted = collection_of(database, DELETED)
        self._layout = collection_of(database, LAYOUT)

    async def prepare(self) -> None:
        """Create what is missing. Several processes may do so at once.

        Raises:
            UnusableDatabaseError: The database is of a newer version.
        """
        layout = await self._layout.find_one({"_id": "layout"})
        if layout is not None and layout["version"] > VERSION:
            raise UnusableDatabaseError(
                f"MongoDB database {self._database.name!r} has version {layout['version']} of the "
                f"layout, this chatkit-mongo knows up to {VERSION}: upgrade it"
            )
        try:
            # A build may take longer than any call waits. Whoever comes later, this store
            # included, joins it: it goes on when those who began it have gone.
            with pymongo.timeout(LONGEST_BUILD_S):
                await asyncio.gather(*(self._create_indexes(name) for name in INDEXES))
        except OperationFailure as error:
            if error.code != UNAUTHORIZED or layout is None:
                raise
            # Somebody with more rights has created them.
        if layout is None:
            new: dict[str, Any] = {"$setOnInsert": {"version": VERSION}}
            await self._layout.update_one({"_id": "layout"}, new, upsert=True)

    async def _create_indexes(self, name: str) -> None:
        indexes = [pymongo.IndexModel(keys, unique=unique) for keys, unique in INDEXES[name]]
        await collection_of(self._database, name).create_indexes(indexes)
