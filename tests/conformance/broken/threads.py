"""Stores that lose something of a thread, or keep something of one that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import Attachment, Page, Thread, ThreadItem, ThreadMetadata
from chatkit_conformance.reference import THREAD, Place, ReferenceStore, Row, Table, name_of
from conformance.broken.faults import caught_by


@caught_by("TH1.every-field-comes-back")
class NaiveTimesComeBackAware(ReferenceStore[Any]):
    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        aware = thread.model_copy(update={"created_at": thread.created_at.astimezone()})
        await super().save_thread(aware, context)


@caught_by("TH1.every-field-comes-back")
class TimesLoseTheirMicroseconds(ReferenceStore[Any]):
    """Milliseconds are what the database's dates have."""

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        time = thread.created_at
        coarse = time.replace(microsecond=time.microsecond // 1000 * 1000)
        await super().save_thread(thread.model_copy(update={"created_at": coarse}), context)


@caught_by("TH1.lists-show-threads-as-they-were-saved")
class ListsLackTheMetadata(ReferenceStore[Any]):
    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        page = await super().load_threads(limit, after, order, context)
        bare = [thread.model_copy(update={"metadata": {}}) for thread in page.data]
        return page.model_copy(update={"data": bare})


@caught_by("TH1.a-thread-with-items-is-stored-as-metadata")
class AThreadIsStoredWithItsItems(ReferenceStore[Any]):
    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        await super().save_thread(thread, context)
        for item in thread.items.data if isinstance(thread, Thread) else []:
            await self.add_thread_item(thread.id, item, context)


@caught_by("TH2.the-last-write-wins-whole")
class SavingAThreadMergesIt(ReferenceStore[Any]):
    """``SET title = coalesce(excluded.title, title)``, and so on."""

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        try:
            old = await self.load_thread(thread.id, context)
        except NotFoundError:
            old = thread
        fields = {**dict(old), **thread.model_dump(exclude_none=True)}
        await super().save_thread(ThreadMetadata.model_validate(fields), context)


@caught_by("TH2.the-place-stays")
class SavingAThreadMovesIt(ReferenceStore[Any]):
    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        with self._table() as table:
            self._remove(table, self._threads(context), [thread.id])
        await super().save_thread(thread, context)


@caught_by("TH3.an-unknown-thread-is-named")
class ErrorsNameNothing(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        try:
            return super()._row(table, place, id)
        except NotFoundError:
            raise NotFoundError("record not found") from None


@caught_by("TH4.items-go-with-their-thread")
class ItemsOutliveTheirThread(ReferenceStore[Any]):
    async def delete_thread(self, thread_id: str, context: Any) -> None:
        with self._table() as table:
            self._remove(table, self._threads(context), [thread_id])


@caught_by("TH4.nothing-else-goes")
class IdsAreComparedWithoutCase(ReferenceStore[Any]):
    """The usual collation of some databases."""

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        with self._table() as table:
            place = self._threads(context)
            ids = [id for id in table[place].by_id if id.casefold() == thread_id.casefold()]
        for id in ids:
            await super().delete_thread(id, context)


@caught_by("TH4.attachments-stay")
class AttachmentsGoWithTheirThread(ReferenceStore[Any]):
    async def delete_thread(self, thread_id: str, context: Any) -> None:
        await super().delete_thread(thread_id, context)
        with self._table() as table:
            place = self._attachments(context)
            named = f'"thread_id":"{thread_id}"'.encode()
            rows = list(table[place].by_id.values()) if place in table else []
            self._remove(table, place, [row.id for row in rows if named in row.json])


@caught_by("TH4.deleting-again-does-nothing")
class DeletingAnUnknownThreadRaises(ReferenceStore[Any]):
    async def delete_thread(self, thread_id: str, context: Any) -> None:
        await self.load_thread(thread_id, context)
        await super().delete_thread(thread_id, context)


@caught_by("TH5.late-writes-bring-no-thread-back", "IT7.an-item-without-its-thread-shows-nowhere")
class AnItemMakesItsThread(ReferenceStore[Any]):
    """So that the order of the two writes need not matter."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        try:
            await self.load_thread(thread_id, context)
        except NotFoundError:
            made = ThreadMetadata(id=thread_id, created_at=item.created_at)
            await self.save_thread(made, context)
        await super().add_thread_item(thread_id, item, context)


@caught_by("TH5.an-add-that-races-leaves-nothing")
class AnAddLooksForTheThreadAndThenWrites(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self.load_thread(thread_id, context)
        await asyncio.sleep(0)  # the way to the database and back
        with self._table() as table:
            json = item.model_dump_json().encode()
            self._put(table, self._items(thread_id, context), item.id, item.created_at, json)


@caught_by("TH6.only-the-named-fields-change")
class AnUpdateResetsTheOtherFields(ReferenceStore[Any]):
    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        old = await self.load_thread(thread_id, context)
        new = {"id": thread_id, "created_at": old.created_at, **changes}
        thread = ThreadMetadata.model_validate(new)
        await self.save_thread(thread, context)
        return thread


@caught_by("TH6.only-the-named-fields-change")
class AnUpdateReturnsTheOldThread(ReferenceStore[Any]):
    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        old = await self.load_thread(thread_id, context)
        await super().update_thread(thread_id, changes, context)
        return old


@caught_by("TH6.the-place-stays")
class AnUpdateDeletesAndSaves(ReferenceStore[Any]):
    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        new = await super().update_thread(thread_id, changes, context)
        await self.delete_thread(thread_id, context)
        await self.save_thread(new, context)
        return new


@caught_by("TH6.wrong-changes-are-refused")
class AnUpdateTakesAnyField(ReferenceStore[Any]):
    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        known = {name: changes[name] for name in changes if name in ThreadMetadata.model_fields}
        new = (await self.load_thread(thread_id, context)).model_copy(update=known)
        with self._table() as table:
            json = THREAD.dump_json(new, warnings=False)
            self._put(table, self._threads(context), new.id, new.created_at, json)
        return new


@caught_by("TH6.an-unknown-thread-raises")
class AnUpdateMakesAThread(ReferenceStore[Any]):
    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        try:
            return await super().update_thread(thread_id, changes, context)
        except NotFoundError:
            new = {"id": thread_id, "created_at": "2024-01-01T00:00:00Z", **changes}
            await self.save_thread(ThreadMetadata.model_validate(new), context)
            return await self.load_thread(thread_id, context)


@caught_by("TH6.updates-at-once-lose-nothing")
class AnUpdateLoadsAndSaves(ReferenceStore[Any]):
    """As the base class does, over a database that is a few steps away."""

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        thread = await super().load_thread(thread_id, context)
        await asyncio.sleep(0)
        return thread

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        return await Store.update_thread(self, thread_id, changes, context)


@caught_by("AM1.the-last-write-wins-whole")
class SavingAnAttachmentAgainChangesNothing(ReferenceStore[Any]):
    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        try:
            await self.load_attachment(attachment.id, context)
        except NotFoundError:
            await super().save_attachment(attachment, context)


@caught_by("AM2.an-unknown-attachment-raises", "IT4.an-unknown-item-raises")
class UnknownRecordsRaiseKeyError(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if place.kind == "thread":
            return super()._row(table, place, id)
        return table[place].by_id[id]


@caught_by("AM2.deleting-again-does-nothing", "IT5.deleting-again-does-nothing")
class DeletingAnUnknownRecordRaises(ReferenceStore[Any]):
    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        for id in ids:
            if place not in table or id not in table[place].by_id:
                raise NotFoundError(f"no {name_of(place, id)}")
        super()._remove(table, place, ids)
