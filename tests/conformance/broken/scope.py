"""Stores that show or change what is not the owner's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chatkit.store import NotFoundError
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata
from chatkit_conformance.reference import Place, ReferenceStore, Row, Table, name_of
from conformance.broken.faults import anybodys, caught_by, in_any_thread


@caught_by("SC1.anothers-thread-is-missing")
class ThreadsAreLoadedByIdAlone(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if place.kind == "thread":
            place = anybodys(table, place, id)
        return super()._row(table, place, id)


@caught_by("SC1.anothers-item-is-missing")
class ItemsAreLoadedByIdAlone(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if place.kind == "item":
            place = anybodys(table, place, id)
        return super()._row(table, place, id)


@caught_by("SC1.anothers-attachment-is-missing")
class AttachmentsAreLoadedByIdAlone(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if place.kind == "attachment":
            place = anybodys(table, place, id)
        return super()._row(table, place, id)


@caught_by(
    "SC1.anothers-thread-is-missing",
    "SC1.anothers-item-is-missing",
    "SC1.anothers-attachment-is-missing",
)
class ErrorsSayThatAnotherOwnerHasIt(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if anybodys(table, place, id) != place:
            raise NotFoundError(f"{name_of(place, id)} belongs to somebody else")
        return super()._row(table, place, id)


@caught_by("SC2.lists-of-threads-are-ones-own")
class ThreadsAreListedForEverybody(ReferenceStore[Any]):
    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        page = await super().load_threads(limit, after, order, context)
        with self._table() as table:
            for place, rows in table.items():
                if place.kind == "thread" and place != self._threads(context):
                    page.data += [
                        ThreadMetadata.model_validate_json(row.json) for row in rows.by_id.values()
                    ]
        return page


@caught_by("SC2.lists-of-threads-are-ones-own")
class ACursorOfAnotherOwnerShowsWhatFollowsIt(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        if after is not None and anybodys(table, place, after) != place:
            place, after = anybodys(table, place, after), None
        return super()._page(table, place, after, limit, order)


@caught_by("SC2.items-of-anothers-thread-are-not-listed")
class ItemsAreListedByThreadAlone(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        with self._table() as table:
            owner = anybodys(table, self._threads(context), thread_id).owner
        self._owner, kept = lambda _: owner, self._owner
        try:
            return await super().load_thread_items(thread_id, after, limit, order, context)
        finally:
            self._owner = kept


@caught_by("SC3.writes-change-nothing-of-anothers")
class ItemsAreWrittenByIdAlone(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        place = self._items(thread_id, context)
        with self._table() as table:
            self._put(table, place, item.id, item.created_at, self._json(item))

    def _json(self, item: ThreadItem) -> bytes:
        return item.model_dump_json().encode()

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        super()._put(table, anybodys(table, place, id), id, at, json)


@caught_by("SC3.saving-anothers-thread-id-changes-nothing")
class ThreadsAreSavedByIdAlone(ReferenceStore[Any]):
    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        if place.kind == "thread":
            place = anybodys(table, place, id)
        super()._put(table, place, id, at, json)


@caught_by("SC3.saving-anothers-thread-id-changes-nothing")
class SavingAThreadTakesItOver(ReferenceStore[Any]):
    """The owner is one more column, and the upsert writes it, too."""

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        with self._table() as table:
            place = anybodys(table, self._threads(context), thread.id)
            if place != self._threads(context):
                self._remove(table, place, [thread.id])
        await super().save_thread(thread, context)


@caught_by("SC3.deletes-take-nothing-of-anothers", "SC3.anothers-attachment-stays")
class RecordsAreDeletedByIdAlone(ReferenceStore[Any]):
    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        for id in ids:
            super()._remove(table, anybodys(table, place, id), [id])


@caught_by("SC3.anothers-attachment-stays", "SC3.two-owners-may-use-the-same-attachment-id")
class AttachmentsAreSavedByIdAlone(ReferenceStore[Any]):
    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        if place.kind == "attachment":
            place = anybodys(table, place, id)
        super()._put(table, place, id, at, json)


@caught_by("SC3.an-item-never-moves-to-another-thread")
class AnItemMovesToTheThreadOfItsLastWrite(ReferenceStore[Any]):
    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        if place.kind == "item":
            self._remove(table, in_any_thread(table, place, id), [id])
        super()._put(table, place, id, at, json)


@caught_by("SC3.two-owners-may-use-the-same-ids", "SC3.two-owners-may-use-the-same-attachment-id")
class AnIdIsOneOwnersOnly(ReferenceStore[Any]):
    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        if anybodys(table, place, id) != place:
            raise ValueError(f"{name_of(place, id)} is taken")
        super()._put(table, place, id, at, json)


@caught_by("SC3.two-threads-may-use-the-same-item-ids", "IT5.the-same-id-elsewhere-stays")
class AnItemIdIsOneThreadsOnly(ReferenceStore[Any]):
    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        if in_any_thread(table, place, id) != place and place.kind == "item":
            raise ValueError(f"{name_of(place, id)} is taken")
        super()._put(table, place, id, at, json)


@caught_by("AM1.both-kinds-come-back")
class AttachmentsLoseTheirMetadata(ReferenceStore[Any]):
    """It was stored as it goes to the client, which never sees the metadata."""

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        bare = attachment.model_copy(update={"metadata": None})
        await super().save_attachment(bare, context)
