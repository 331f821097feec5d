"""The aggregations: each finds a thread's generation, a cursor and what follows in one trip.

Users' text is in plain filters, where it is a value, or behind ``$literal``.
"""

from __future__ import annotations

from chatkit.records import Collection
from chatkit_mongo.documents import key, owner_scope
from chatkit_mongo.drivers import Document

JSON: Document = {"_id": 0, "json": 1}


def item(items: str, collection: Collection, id: str) -> list[Document]:
    """On threads: one item."""
    return [
        *_thread(collection),
        {
            "$lookup": {
                "from": items,
                "let": {"scope": "$scope"},
                "pipeline": [_item_of_scope(id), {"$project": JSON}],
                "as": "found",
            }
        },
        {"$unwind": "$found"},
        {"$replaceRoot": {"newRoot": "$found"}},
    ]


def first_page(owner: str, limit: int, newest_first: bool) -> list[Document]:
    """On threads or attachments: an owner's first page."""
    return [{"$match": {"owner": owner}}, *_in_order(limit, newest_first)]


def first_items(
    items: str, collection: Collection, limit: int, newest_first: bool
) -> list[Document]:
    """On threads: the first page of a thread's items; one empty document if there are none."""
    return [*_thread(collection), *_look_up(items, "generation", limit, newest_first, after=False)]


def page_after(
    name: str, collection: Collection, after: str, limit: int, newest_first: bool
) -> list[Document]:
    """On threads or attachments, whose name is given: the page after a record.

    One empty document if nothing follows, none if there is no such record.
    """
    return [
        {"$match": key(owner_scope(collection.owner), after)},
        {"$project": {"_id": 0, "scope": "$owner", "after": "$position"}},
        *_look_up(name, "owner", limit, newest_first, after=True),
    ]


def items_after(
    items: str, collection: Collection, after: str, limit: int, newest_first: bool
) -> list[Document]:
    """On threads: the page after an item. As ``page_after``."""
    cursor = {"_id": 0, "scope": "$generation", "after": "$position"}
    return [
        *_thread(collection),
        {
            "$lookup": {
                "from": items,
                "let": {"scope": "$scope"},
                "pipeline": [_item_of_scope(after), {"$project": cursor}],
                "as": "cursor",
            }
        },
        {"$unwind": "$cursor"},
        {"$replaceRoot": {"newRoot": "$cursor"}},
        *_look_up(items, "generation", limit, newest_first, after=True),
    ]


def _thread(collection: Collection) -> list[Document]:
    # Without the thread's own JSON, which would be carried along with each item.
    return [
        {"$match": key(owner_scope(collection.owner), collection.parent)},
        {"$project": {"_id": 0, "scope": "$generation"}},
    ]


def _item_of_scope(id: str) -> Document:
    wanted = {"generation": "$$scope", "id": {"$literal": id}}
    of_scope = [{"$eq": ["$generation", "$$scope"]}, {"$eq": ["$_id", wanted]}]
    return {"$match": {"$expr": {"$and": of_scope}}}


def _look_up(
    name: str, field: str, limit: int, newest_first: bool, *, after: bool
) -> list[Document]:
    """What is in ``scope``, after the position ``after`` if there is one."""
    conditions: list[Document] = [{"$eq": [f"${field}", "$$scope"]}]
    known = {"scope": "$scope"}
    if after:
        conditions.append({"$lt" if newest_first else "$gt": ["$position", "$$after"]})
        known["after"] = "$after"
    return [
        {
            "$lookup": {
                "from": name,
                "let": known,
                "pipeline": [
                    {"$match": {"$expr": {"$and": conditions}}},
                    *_in_order(limit, newest_first),
                ],
                "as": "found",
            }
        },
        # Next to $lookup, so that MongoDB never puts a page into one document.
        {"$unwind": {"path": "$found", "preserveNullAndEmptyArrays": True}},
        {"$project": {"json": "$found.json"}},
    ]


def _in_order(limit: int, newest_first: bool) -> list[Document]:
    return [
        {"$sort": {"position": -1 if newest_first else 1}},
        {"$limit": limit},
        {"$project": JSON},
    ]
