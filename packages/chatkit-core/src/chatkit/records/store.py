"""``RecordStore``: the store contract, kept once over the record operations of any backend."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Self

from chatkit.owners import Owner, check_owner_setting, find_owner
from chatkit.records.all_owners import AllOwners
from chatkit.records.calls import Calls
from chatkit.records.codec import (
    ATTACHMENTS,
    ITEMS,
    THREADS,
    Codec,
    TRecord,
    check_size,
    is_text,
    to_microseconds,
)
from chatkit.records.seam import Collection, Kind, Record, Records
from chatkit.store import (
    NotFoundError,
    Store,
    TContext,
    merge_thread,
)
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

LARGEST_PAGE = 1_000_000_000
"""Larger limits mean this; more would not fit some drivers' integers."""


class RecordStore(Store[TContext]):
    """A store over a backend's ``Records``.

    It opens at the first call, or in ``async with``, and belongs to the event loop of that call.

    Args:
        records: The backend's operations. They belong to this store, which closes them.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        timeout: Seconds within which each call returns or raises ``StoreUnavailableError``.

    Raises:
        TypeError: ``owner`` is neither.
        ValueError: ``timeout`` is not positive.
    """

    # The names of private attributes and methods begin with two underscores, so that no
    # subclass overrides one by accident.

    def __init__(self, records: Records, *, owner: Owner[TContext], timeout: float = 10.0) -> None:
        check_owner_setting(owner)
        self.__owner = owner
        self.__records = records
        self.__calls = Calls(records, timeout)

    @property
    def name(self) -> str:
        """What error messages call the backend, such as the path of a file; no secrets."""
        return self.__records.name

    @property
    def all_owners(self) -> AllOwners:
        """The records of all owners: an administrator's tools, never a request's."""
        return AllOwners(self.__records, self.__calls)

    def owner_of(self, context: TContext) -> str:
        """Whose data ``context`` stands for.

        Raises:
            TypeError: The owner function returned something that is not a string.
            ValueError: It returned an empty string, or one that no database can carry.
        """
        owner = find_owner(self.__owner, context)
        if not is_text(owner):
            raise ValueError(f"the owner {owner!r} has a lone surrogate, which nothing can store")
        return owner

    async def __aenter__(self) -> Self:
        await self.__calls.open()
        return self

    async def aclose(self) -> None:
        """Close the backend once the running calls have ended; later calls raise."""
        await self.__calls.close()

    # Threads

    async def load_thread(self, thread_id: str, context: TContext) -> ThreadMetadata:
        """The thread of that id. Raises ``NotFoundError``."""
        return await self.__load(THREADS, self.__threads(context), thread_id)

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: TContext
    ) -> Page[ThreadMetadata]:
        """A page of threads. Raises ``NotFoundError`` if ``after`` is unknown."""
        threads = self.__threads(context)
        page = await self.__page(THREADS, threads, after, limit, order)
        if page is None:
            raise _no_cursor(threads, after)
        return page

    async def save_thread(self, thread: ThreadMetadata, context: TContext) -> None:
        """Add the thread, or replace it whole in its place."""
        created_us = to_microseconds(thread.created_at)
        await self.__write(THREADS, self.__threads(context), thread.id, created_us, thread)

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: TContext
    ) -> ThreadMetadata:
        """Change only the named fields, atomically, and return the thread as it then stands.

        Raises:
            NotFoundError: The thread is gone.
            ValueError: A name is no field that can change, or a value does not fit it.
        """
        threads = self.__threads(context)
        name = threads.name_of(thread_id)
        while True:  # each new round means that somebody else's change came in between
            old = await self.__read(threads, thread_id)
            changed = merge_thread(THREADS.load(old, name), changes)
            new = self.__dump(THREADS, changed, name)
            if await self.__calls.run(self.__records.replace, threads, thread_id, old, new):
                return THREADS.load(new, name)

    async def delete_thread(self, thread_id: str, context: TContext) -> None:
        """Delete the thread and its items; does nothing if there is none."""
        await self.__remove(self.__threads(context), [thread_id])

    # Items

    async def load_item(self, thread_id: str, item_id: str, context: TContext) -> ThreadItem:
        """The item of that id in that thread. Raises ``NotFoundError``."""
        return await self.__load(ITEMS, self.__items(thread_id, context), item_id)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: TContext
    ) -> Page[ThreadItem]:
        """A page of items, empty for an unknown thread.

        Raises ``NotFoundError`` if the thread has no item ``after``.
        """
        items = self.__items(thread_id, context)
        page = await self.__page(ITEMS, items, after, limit, order)
        if page is not None:
            return page
        # Only now is it worth a call to learn whether the cursor or the thread is unknown.
        if await self.__find(items.threads, thread_id) is None:
            return ITEMS.page([], limit, "")
        raise _no_cursor(items, after)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Add the item, or replace it in its place. Raises ``NotFoundError`` without a thread."""
        created_us = to_microseconds(item.created_at)
        await self.__write(ITEMS, self.__items(thread_id, context), item.id, created_us, item)

    async def save_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Replace the item in its place, or add it. Raises ``NotFoundError`` without a thread."""
        created_us = to_microseconds(item.created_at)
        await self.__write(ITEMS, self.__items(thread_id, context), item.id, created_us, item)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete the item; does nothing if there is none."""
        await self.__remove(self.__items(thread_id, context), [item_id])

    async def delete_thread_items(
        self, thread_id: str, item_ids: Sequence[str], context: TContext
    ) -> None:
        """Delete exactly these items in one call; unknown ids are passed over."""
        await self.__remove(self.__items(thread_id, context), item_ids)

    async def delete_items_after(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete all items after this one; if it is unknown, none, and ``NotFoundError``."""
        items = self.__items(thread_id, context)
        if not (
            _are_text(items, item_id)
            and await self.__calls.run(self.__records.remove_after, items, item_id)
        ):
            raise _not_found(items, item_id)

    # Attachments' metadata

    async def load_attachment(self, attachment_id: str, context: TContext) -> Attachment:
        """The attachment's metadata. Raises ``NotFoundError``."""
        return await self.__load(ATTACHMENTS, self.__attachments(context), attachment_id)

    async def save_attachment(self, attachment: Attachment, context: TContext) -> None:
        """Add the attachment's metadata, or replace it whole."""
        now_us = time.time_ns() // 1000  # attachments carry no time of their own
        attachments = self.__attachments(context)
        await self.__write(ATTACHMENTS, attachments, attachment.id, now_us, attachment)

    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete the attachment's metadata; does nothing if there is none."""
        await self.__remove(self.__attachments(context), [attachment_id])

    # Where records live

    def __threads(self, context: TContext) -> Collection:
        return Collection(self.owner_of(context), Kind.THREAD)

    def __items(self, thread_id: str, context: TContext) -> Collection:
        return Collection(self.owner_of(context), Kind.ITEM, thread_id)

    def __attachments(self, context: TContext) -> Collection:
        return Collection(self.owner_of(context), Kind.ATTACHMENT)

    # What all three kinds have in common

    async def __load(self, codec: Codec[TRecord], collection: Collection, id: str) -> TRecord:
        return codec.load(await self.__read(collection, id), collection.name_of(id))

    async def __read(self, collection: Collection, id: str) -> bytes:
        json = await self.__find(collection, id)
        if json is None:
            raise _not_found(collection, id)
        return json

    async def __find(self, collection: Collection, id: str) -> bytes | None:
        if not _are_text(collection, id):
            return None
        return await self.__calls.run(self.__records.read, collection, id)

    async def __write(
        self,
        codec: Codec[TRecord],
        collection: Collection,
        id: str,
        created_us: int,
        model: TRecord,
    ) -> None:
        name = collection.name_of(id)
        json = self.__dump(codec, model, name)
        if not _are_text(collection):
            raise ValueError(f"{name} cannot be stored: the thread's id has a lone surrogate")
        record = Record(collection, id, created_us, json)
        if not await self.__calls.run(self.__records.write, record):
            raise _not_found(collection.threads, collection.parent)

    def __dump(self, codec: Codec[TRecord], model: TRecord, name: str) -> bytes:
        json = codec.dump(model, name)
        check_size(json, name, self.__records.max_bytes)
        return json

    async def __page(
        self,
        codec: Codec[TRecord],
        collection: Collection,
        after: str | None,
        limit: int,
        order: str,
    ) -> Page[TRecord] | None:
        """The page, or ``None`` if the collection has no record ``after``."""
        if order not in ("asc", "desc"):
            raise ValueError(f"order must be 'asc' or 'desc', got {order!r}")
        if limit < 1:
            raise ValueError(f"limit must be 1 or more, got {limit!r}")
        if not _are_text(collection, after or ""):
            return None
        limit = min(limit, LARGEST_PAGE)
        # One more than asked for tells whether there are more.
        found = await self.__calls.run(
            self.__records.page, collection, after, limit + 1, order == "desc"
        )
        if found is None:
            return None
        name = f"one of the {collection.kind.value}s of {collection.parent or collection.owner!r}"
        return codec.page(found, limit, name)

    async def __remove(self, collection: Collection, ids: Sequence[str]) -> None:
        stored = [id for id in ids if _are_text(collection, id)]
        if stored:
            await self.__calls.run(self.__records.remove, collection, stored)


def _not_found(collection: Collection, id: str) -> NotFoundError:
    return NotFoundError(f"no {collection.name_of(id)}")


def _no_cursor(collection: Collection, after: str | None) -> NotFoundError:
    return NotFoundError(f"no {collection.name_of(after or '')}, so no page after it")


def _are_text(collection: Collection, *ids: str) -> bool:
    """Whether such a record could have been stored at all: no id has a lone surrogate."""
    return is_text(collection.parent) and all(is_text(id) for id in ids)
