"""A store full of what is hard to copy, and whether another one shows the same."""

from __future__ import annotations

import asyncio
from typing import Any

from chatkit.records import PlacedRecord, RecordStore
from chatkit.store import Store, walk_items
from support.record_samples import (
    HOSTILE_TEXTS,
    NOON,
    attachments_of_every_kind,
    item,
    items_of_every_kind,
    thread,
    threads_of_every_kind,
)

OWNERS = ("a", "b", *(text for text in HOSTILE_TEXTS if text))


async def fill(store: Store[str]) -> None:
    """Save records of every kind: for each owner, ids that another one uses too, equal times,
    times against the order of writing, and replaced records."""
    await asyncio.gather(*(_fill_for(owner, store) for owner in OWNERS))
    for each in threads_of_every_kind():
        await store.save_thread(each, "every kind")
    await store.save_thread(thread("t"), "every kind")
    for entry in items_of_every_kind():
        await store.add_thread_item("t", entry, "every kind")
    for attachment in attachments_of_every_kind():
        await store.save_attachment(attachment, "every kind")


async def _fill_for(owner: str, store: Store[str]) -> None:
    for id in ("z", "y", owner):
        await store.save_thread(thread(id), owner)
        for one in ("3", "1", owner, "2"):
            await store.add_thread_item(id, item(one, content=owner), owner)
        await store.add_thread_item(id, item("0", NOON.replace(year=2000)), owner)
    await store.save_item("z", item("3", content="replaced"), owner)


async def records_of(store: RecordStore[Any]) -> list[PlacedRecord]:
    """All records, whoever owns them."""
    return [placed async for page in store.all_owners.pages(None, 50) for placed in page]


async def shown(store: Store[str]) -> list[Any]:
    """All that the owners see, in the order in which they see it."""
    seen: list[Any] = []
    for owner in (*OWNERS, "every kind"):
        threads = (await store.load_threads(1000, None, "asc", owner)).data
        seen.append((owner, threads))
        for one in threads:
            items = [found async for found in walk_items(store, one.id, owner, order="desc")]
            seen.append((owner, one.id, items))
    for attachment in attachments_of_every_kind():
        seen.append(await store.load_attachment(attachment.id, "every kind"))
    return seen
