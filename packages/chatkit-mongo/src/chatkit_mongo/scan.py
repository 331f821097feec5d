"""All records of all owners, one page after the other, for copying.

Threads come before items; each collection in the order of its index, so that records which are
written elsewhere one by one come into the same order.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bson.binary import Binary

from chatkit.records import Collection, Kind, PlacedRecord, Record
from chatkit_mongo.documents import key, owner_scope
from chatkit_mongo.drivers import Document
from chatkit_mongo.layout import Collections

FIELDS = {Kind.THREAD: "owner", Kind.ITEM: "generation", Kind.ATTACHMENT: "owner"}


async def scan(collections: Collections, after: str | None, limit: int) -> list[PlacedRecord]:
    """Up to ``limit`` records from the start or after a position; none at the end."""
    begin, place = _parsed(after) if after is not None else (Kind.THREAD, None)
    kinds = list(FIELDS)
    for kind in kinds[kinds.index(begin) :]:
        while found := await _next(collections, kind, place, limit):
            seen = [_placed(kind, document) for document in await _alive(collections, kind, found)]
            if seen:
                return seen
            place = _place(kind, found[-1])
        place = None
    return []


async def _next(
    collections: Collections, kind: Kind, place: Document | None, limit: int
) -> list[Document]:
    field = FIELDS[kind]
    order = [(field, 1), ("position", 1)]
    documents = collections.records[kind]
    if place is None:
        return await documents.find(sort=order, limit=limit).to_list(None)
    same = {field: place[field], "position": {"$gt": place["position"]}}
    found = await documents.find(same, sort=order, limit=limit).to_list(None)
    if len(found) < limit:
        others = {field: {"$gt": place[field]}}
        rest = documents.find(others, sort=order, limit=limit - len(found))
        found += await rest.to_list(None)
    return found


async def _alive(collections: Collections, kind: Kind, found: list[Document]) -> list[Document]:
    """Those that calls can see: no items that a deleted thread left behind."""
    if kind is not Kind.ITEM:
        return found
    alive: dict[Any, bool] = {}
    for item in found:
        generation = item["generation"]
        if generation not in alive:
            thread = key(owner_scope(item["owner"]), item["thread"])
            thread["generation"] = generation
            alive[generation] = await collections.threads.find_one(thread, {"_id": 1}) is not None
    return [item for item in found if alive[item["generation"]]]


def _placed(kind: Kind, document: Document) -> PlacedRecord:
    collection = Collection(document["owner"], kind, document.get("thread", ""))
    created_us: int = document["position"]["us"]
    record = Record(collection, document["_id"]["id"], created_us, document["json"].encode())
    return PlacedRecord(_position(kind, _place(kind, document)), record)


def _place(kind: Kind, document: Document) -> Document:
    field = FIELDS[kind]
    return {field: document[field], "position": document["position"]}


def _position(kind: Kind, place: Document) -> str:
    scope = place[FIELDS[kind]]
    text = scope.as_uuid().hex if isinstance(scope, Binary) else scope
    return f"{kind.value} {place['position']['us']} {place['position']['n']} {text}"


def _parsed(position: str) -> tuple[Kind, Document]:
    name, us, n, text = position.split(" ", 3)
    kind = Kind(name)
    scope = Binary.from_uuid(UUID(text)) if kind is Kind.ITEM else text
    return kind, {FIELDS[kind]: scope, "position": {"us": int(us), "n": int(n)}}
