"""``MongoStore``: all records in one MongoDB database, on one server or many."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

from pymongo import DeleteOne, ReturnDocument
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    ProtocolError,
)
from typing_extensions import Self

from chatkit.owners import Owner
from chatkit.records import Collection, Kind, PlacedRecord, Record, Records, RecordStore
from chatkit.store import StoreError, StoreUnavailableError, TContext
from chatkit_mongo import pipelines
from chatkit_mongo.clients import Lent, Own, own
from chatkit_mongo.documents import (
    LARGEST_JSON,
    Scope,
    change,
    check_size,
    first_write,
    fits,
    generation_scope,
    key,
    numbered,
    owner_scope,
)
from chatkit_mongo.drivers import Document, MongoDatabase, all_of, check_database
from chatkit_mongo.layout import NAMES, Collections
from chatkit_mongo.outliving import Outliving
from chatkit_mongo.scan import scan
from chatkit_mongo.sweep import Sweeper

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])

MISTAKES = frozenset({73, 85, 86})
"""Codes of errors that waiting does not mend: a name that no database can have, and indexes of
the same fields or name that somebody made otherwise."""


class MongoStore(RecordStore[TContext]):
    """Keeps threads, items and attachments' metadata in one MongoDB database.

    Any number of stores and processes may use one database: a standalone server, a replica set or
    a sharded cluster. Writes are acknowledged by a majority and its journals.

    Args:
        database: Where: a database of ``pymongo.AsyncMongoClient`` or of Motor's
            ``AsyncIOMotorClient``. The store never closes its client.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        timeout: Seconds within which each call returns or raises ``StoreUnavailableError``.
        max_record_bytes: The largest JSON of one record; above it, ``RecordTooLargeError``.

    Raises:
        TypeError: ``database`` or ``owner`` is none of these.
        ValueError: Another argument is out of range.
    """

    def __init__(
        self,
        database: MongoDatabase | Own,
        *,
        owner: Owner[TContext],
        timeout: float = 10.0,
        max_record_bytes: int = LARGEST_JSON,
    ) -> None:
        if not isinstance(max_record_bytes, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"max_record_bytes= must be an integer, got {max_record_bytes!r}")
        if not 0 < max_record_bytes <= LARGEST_JSON:
            raise ValueError(
                f"max_record_bytes= must be from 1 to {LARGEST_JSON}, got {max_record_bytes!r}"
            )
        source: Lent | Own
        if isinstance(database, Own):
            source = database
        else:
            check_database(database)
            source = Lent(database)
        self.__mongo = MongoRecords(source, max_record_bytes, timeout)
        super().__init__(self.__mongo, owner=owner, timeout=timeout)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        owner: Owner[TContext],
        timeout: float = 10.0,
        database: str | None = None,
        max_record_bytes: int = LARGEST_JSON,
    ) -> Self:
        """A store with a client of its own, PyMongo's, which it closes. Building does no I/O.

        Args:
            url: ``mongodb://…`` or ``mongodb+srv://…``; its options are the driver's.
            database: The database's name. Default: the one in the URL, or else ``chatkit``.

        The other arguments are those of the class.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: The URL, which the message never shows, or another argument is wrong.
            OSError: A file of certificates that the URL names cannot be read.
        """
        return cls(
            own(url, database, timeout),
            owner=owner,
            timeout=timeout,
            max_record_bytes=max_record_bytes,
        )

    async def sweep(self) -> None:
        """Remove now what deletions older than twice the timeout have left behind.

        No call ever sees such leftovers, and whichever store opens or deletes a thread an hour or
        more after the deletion removes them. Call this to be sure that nothing of an owner is
        left; stores with longer timeouts must not be at work meanwhile.

        Raises:
            StoreUnavailableError: The database is away. What is left is for the next sweep.
        """
        await self.__aenter__()
        await self.__mongo.sweep()


def _reads(operation: F) -> F:
    """Let the operation outlive its caller."""

    @functools.wraps(operation)
    async def outliving(records: MongoRecords, *args: Any) -> Any:
        with _mistakes():
            return await records.outliving.run(functools.partial(operation, records, *args))

    return cast("F", outliving)


def _writes(operation: F) -> F:
    """Let the operation outlive its caller, and later writes of the owner wait for it."""

    @functools.wraps(operation)
    async def outliving(records: MongoRecords, what: Record | Collection, *args: Any) -> Any:
        owner = what.owner if isinstance(what, Collection) else what.collection.owner
        begin = functools.partial(operation, records, what, *args)
        with _mistakes():
            return await records.outliving.run(begin, writes=owner)

    return cast("F", outliving)


@contextmanager
def _mistakes() -> Generator[None]:
    """Tell errors that blame the question from those that time may heal."""
    try:
        yield
    except OperationFailure as error:
        if error.code in MISTAKES:
            raise StoreError(f"MongoDB refuses what the store asks: {error}") from error
        raise


class MongoRecords(Records):
    """The record operations on MongoDB's collections."""

    away = (ConnectionFailure, OperationFailure, ConfigurationError, ProtocolError, OSError)

    def __init__(self, source: Lent | Own, max_bytes: int, timeout: float) -> None:
        self.name = f"MongoDB database {source.name!r}"
        self.max_bytes = max_bytes
        self._source = source
        self._timeout = timeout
        self.outliving = Outliving(timeout / 4)
        # From open to close:
        self._collections: Collections
        self._sweeper: Sweeper

    async def open(self) -> None:
        try:
            with _mistakes():
                self._collections = await asyncio.wait_for(self._prepare(), self._timeout)
        except BaseException as error:
            await self._source.close()
            if isinstance(error, asyncio.TimeoutError):
                raise StoreUnavailableError(
                    f"{self.name}: not ready within {self._timeout} s; if it is building indexes, "
                    "it goes on with that"
                ) from error
            raise
        self._sweeper = Sweeper(self._collections, self._timeout)
        self._sweeper.start()

    async def _prepare(self) -> Collections:
        collections = Collections(await self._source.open())
        await collections.prepare()
        return collections

    async def close(self) -> None:
        await self.outliving.end()
        await self._sweeper.stop()
        await self._source.close()

    def give_up(self, operation: asyncio.Task[Any]) -> bool:
        return self.outliving.give_up(operation)

    async def sweep(self) -> None:
        """Remove what deletions have left that no call can still be at work on."""
        try:
            await self._sweeper.sweep(2 * self._timeout)
        except self.away as error:
            raise StoreUnavailableError(f"{self.name}: {error}") from error

    @_reads
    async def read(self, collection: Collection, id: str) -> bytes | None:
        if not fits(collection, id):
            return None
        found: Document | None
        if collection.kind is Kind.ITEM:
            pipeline = pipelines.item(NAMES[Kind.ITEM], collection, id)
            found = next(iter(await all_of(self._collections.threads, pipeline)), None)
        else:
            documents = self._collections.records[collection.kind]
            found = await documents.find_one(key(owner_scope(collection.owner), id), {"json": 1})
        return found["json"].encode() if found else None

    @_writes
    async def write(self, record: Record) -> bool:
        write = self._write_item if record.collection.kind is Kind.ITEM else self._write_owned
        while True:
            with suppress(DuplicateKeyError):
                # Which means that somebody added it at the same moment: now it can be replaced.
                return await write(record)

    async def _write_item(self, record: Record) -> bool:
        collection = record.collection
        added = first_write(record, 0)
        check_size(collection, record.id, record.json, added, {"id": record.id})
        # One step says whether the thread exists, which incarnation it is, and the next number.
        thread = await self._collections.threads.find_one_and_update(
            key(owner_scope(collection.owner), collection.parent),
            {"$inc": {"items": 1}},
            {"generation": 1, "items": 1},
            return_document=ReturnDocument.AFTER,
        )
        if thread is None:
            return False
        # If the thread is deleted now, this item lands in a dead generation, and is swept.
        await self._collections.items.update_one(
            key(generation_scope(thread["generation"]), record.id),
            numbered(added, thread["items"]),
            upsert=True,
        )
        return True

    async def _write_owned(self, record: Record) -> bool:
        collection = record.collection
        documents = self._collections.records[collection.kind]
        where = key(owner_scope(collection.owner), record.id)
        added = first_write(record, 0)
        check_size(collection, record.id, record.json, where, added)
        replaced = await documents.update_one(where, change(record.json, collection.kind))
        if replaced.matched_count:
            return True
        # Never below the server's clock, so that a counter which was removed with the last of
        # its owner's records, and comes again, still grows.
        counted: Any = await self._collections.counters.find_one_and_update(
            {"_id": collection.owner},
            [{"$set": {"n": {"$max": [{"$add": ["$n", 1]}, {"$toLong": "$$NOW"}]}}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        await documents.update_one(where, numbered(added, counted["n"]), upsert=True)
        return True

    @_writes
    async def replace(self, collection: Collection, id: str, old: bytes, new: bytes) -> bool:
        scope = await self._scope(collection)
        if scope is None or not fits(collection, id):
            return False
        documents = self._collections.records[collection.kind]
        where, changed = key(scope, id), change(new, collection.kind)
        check_size(collection, id, new, where, changed)
        found = await documents.find_one(where, {"json": 1, "revision": 1})
        if found is None or found["json"].encode() != old:
            return False
        # By revision, since old and new JSON may be too large for one message.
        where["revision"] = found["revision"]
        return (await documents.update_one(where, changed)).matched_count == 1

    @_reads
    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        if not fits(collection, after or ""):
            return [] if after is None else None
        name, how = NAMES[collection.kind], (limit, newest_first)
        start = self._collections.records[collection.kind]
        if collection.kind is Kind.ITEM:
            start = self._collections.threads
            if after is None:
                pipeline = pipelines.first_items(name, collection, *how)
            else:
                pipeline = pipelines.items_after(name, collection, after, *how)
        elif after is None:
            pipeline = pipelines.first_page(collection.owner, *how)
        else:
            pipeline = pipelines.page_after(name, collection, after, *how)
        found = await all_of(start, pipeline, batchSize=limit)
        if after is not None and not found:
            return None
        return [document["json"].encode() for document in found if "json" in document]

    @_writes
    async def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        ids = [id for id in ids if fits(collection, id)]
        if collection.kind is Kind.THREAD:
            for id in ids:
                await self._remove_thread(collection.owner, id)
        elif ids and (scope := await self._scope(collection)) is not None:
            deletions = [DeleteOne(key(scope, id)) for id in ids]
            await self._collections.records[collection.kind].bulk_write(deletions, ordered=False)
        if collection.kind is not Kind.ITEM:
            await self._sweeper.forget(collection.owner)

    async def _remove_thread(self, owner: str, id: str) -> None:
        where = key(owner_scope(owner), id)
        thread = await self._collections.threads.find_one(where, {"generation": 1})
        if thread is None:
            return
        generation = thread["generation"]
        # First of all, so that whatever is left behind from now on will be found.
        await self._sweeper.remember(generation, owner, id)
        await self._collections.threads.delete_one({**where, "generation": generation})
        await self._collections.items.delete_many({"generation": generation})
        self._sweeper.start()

    @_writes
    async def remove_after(self, collection: Collection, id: str) -> bool:
        scope = await self._scope(collection)
        if scope is None or not fits(collection, id):
            return False
        documents = self._collections.records[collection.kind]
        found = await documents.find_one(key(scope, id), {"position": 1})
        if found is None:
            return False
        later = {scope.field: scope.value, "position": {"$gt": found["position"]}}
        if collection.kind is not Kind.THREAD:
            await documents.delete_many(later)
            return True
        async for thread in documents.find(later, {"_id": 1}):
            await self._remove_thread(collection.owner, thread["_id"]["id"])
        return True

    @_reads
    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        return await scan(self._collections, after, limit)

    async def _scope(self, collection: Collection) -> Scope | None:
        """Where the collection's documents are, or ``None`` if there is no such thread."""
        if collection.kind is not Kind.ITEM:
            return owner_scope(collection.owner)
        if not fits(collection, ""):
            return None
        where = key(owner_scope(collection.owner), collection.parent)
        thread: Any = await self._collections.threads.find_one(where, {"generation": 1})
        return generation_scope(thread["generation"]) if thread else None
