"""Records as documents.

    thread, attachment  {_id: {owner, id}, owner, …}            ids are unique for each owner
    item                {_id: {generation, id}, generation, …}  for each incarnation of a thread

A thread draws its *generation* when it is added, so that one of the same id that is added after
its deletion has none of its items, late ones included. The field outside ``_id`` is the shard key
and is in every filter. All text of users is in values, never in names of fields.

``position`` is the place in the order: ``{us, n}``, microseconds and a number that grows with
each first write; documents compare field by field. ``json`` is the record; what is beside it is
for administrators, and derived.
"""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

import bson
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from pydantic_core import from_json

from chatkit.records import Collection, Kind, Record
from chatkit.store import RecordTooLargeError
from chatkit_mongo.drivers import Document

LARGEST_UPDATE = 16 * 1024 * 1024 - 1024
"""Bytes of the filter and the change together, which is more than what is then stored."""

LARGEST_JSON = 16 * 1024 * 1024 - 64 * 1024
"""Leaves room for ids and fields of usual lengths."""

LARGEST_KEY = 4 * 1024 * 1024
"""Bytes of owner, thread's id and id together: every query must fit into one message, too."""

SURELY_FITS = 1024 * 1024
"""Bytes of JSON, and of ids, with which no document is too large: they need not be encoded to be
measured."""

LARGEST_COPY = 200
"""Characters of the title, and of other texts, that are copied beside the JSON."""


class Scope(NamedTuple):
    """Within what ids are unique: an owner, or a generation of a thread."""

    field: str
    value: Any


def owner_scope(owner: str) -> Scope:
    """Where an owner's threads and attachments are."""
    return Scope("owner", owner)


def generation_scope(generation: Any) -> Scope:
    """Where the items of one incarnation of a thread are."""
    return Scope("generation", generation)


def new_generation() -> Binary:
    """A random one, so that threads of a sharded cluster spread."""
    return Binary.from_uuid(uuid.uuid4())


def key(scope: Scope, id: str) -> Document:
    """The filter for one document."""
    return {"_id": {scope.field: scope.value, "id": id}, scope.field: scope.value}


def fits(collection: Collection, id: str) -> bool:
    """Whether a record of that id can be stored at all."""
    return _size_of_ids(collection, id) <= LARGEST_KEY


def _size_of_ids(collection: Collection, id: str) -> int:
    return sum(len(text.encode()) for text in (collection.owner, collection.parent, id))


def change(json: bytes, kind: Kind) -> Document:
    """The update that replaces a record in its place."""
    return {"$set": {"json": json.decode(), **_beside(json, kind)}, "$inc": {"revision": 1}}


def first_write(record: Record, number: int) -> Document:
    """The update that replaces a record or, as an upsert, adds it."""
    collection = record.collection
    added: Document = {
        "created": DatetimeMS(record.created_us // 1000),
        "position": {"us": record.created_us, "n": number},
    }
    if collection.kind is Kind.THREAD:
        added.update(generation=new_generation(), items=0)
    if collection.kind is Kind.ITEM:
        added.update(owner=collection.owner, thread=collection.parent)
    return {**change(record.json, collection.kind), "$setOnInsert": added}


def numbered(first_write: Document, number: int) -> Document:
    """The same first write, with its number in the order."""
    added = first_write["$setOnInsert"]
    position = {**added["position"], "n": number}
    return {**first_write, "$setOnInsert": {**added, "position": position}}


def check_size(collection: Collection, id: str, json: bytes, *parts: Document) -> None:
    """Refuse what MongoDB would.

    Args:
        json: The record's, which is in one of the parts.
        parts: What is sent.

    Raises:
        RecordTooLargeError: Says the limit.
    """
    ids = _size_of_ids(collection, id)
    if max(ids, len(json)) <= SURELY_FITS:
        return
    kind = collection.kind.value
    if ids > LARGEST_KEY:
        raise RecordTooLargeError(
            f"the ids of this {kind} are too long: owner, thread and id together have more than "
            f"{LARGEST_KEY} bytes"
        )
    size = sum(len(bson.encode(part)) for part in parts)
    if size > LARGEST_UPDATE:
        raise RecordTooLargeError(
            f"{kind} {id[:LARGEST_COPY]!r} has {size} bytes with its ids; the store holds at most "
            f"{LARGEST_UPDATE}"
        )


def _beside(json: bytes, kind: Kind) -> Document:
    """What administrators may want to query."""
    record: Any = from_json(json)
    if kind is Kind.ITEM:
        return {"type": record["type"]}
    if kind is Kind.ATTACHMENT:
        return {
            "type": record["type"],
            "name": record["name"][:LARGEST_COPY],
            "mime_type": record["mime_type"][:LARGEST_COPY],
        }
    return {
        "title": (record.get("title") or "")[:LARGEST_COPY] or None,
        "status": record["status"]["type"] if record.get("status") else None,
    }
