"""Stores that change, drop or hand out what is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from chatkit.store import RecordTooLargeError
from chatkit.types import Attachment, ThreadItem, ThreadMetadata
from chatkit_conformance.reference import Place, ReferenceStore, Row, Table
from conformance.broken.faults import caught_by


@caught_by("DA1.any-text-comes-back")
class NulsAreLeftOut(ReferenceStore[Any]):
    """As some databases' text columns want it."""

    def _dump(self, adapter: TypeAdapter[Any], record: Any, name: str) -> bytes:
        return super()._dump(adapter, record, name).replace(b"\\u0000", b"")


@caught_by("DA1.any-text-may-be-an-owner", "DA1.any-text-may-be-an-id")
class KeysAreCleaned(ReferenceStore[Any]):
    """What a key may not have becomes an underscore, and different keys become one."""

    def owner_of(self, context: Any) -> str:
        return _cleaned(super().owner_of(context))

    def _row(self, table: Table, place: Place, id: str) -> Row:
        return super()._row(table, place, _cleaned(id))

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        super()._put(table, place, _cleaned(id), at, json)

    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        super()._remove(table, place, [_cleaned(id) for id in ids])


def _cleaned(id: str) -> str:
    return re.sub(r"[^\w.]", "_", id)


@caught_by("DA1.owners-and-ids-do-not-run-together")
class OwnersAndIdsAreJoined(ReferenceStore[Any]):
    """One key for all of a row: ``alice:thread:item``."""

    def _items(self, thread_id: str, context: Any) -> Place:
        return Place(f"{self.owner_of(context)}:{thread_id}", "item")


@caught_by(
    "DA2.a-lone-surrogate-is-refused",
    "DA2.too-large-a-record-is-refused",
    "IT1.what-would-not-load-is-refused",
)
class AWriteThatIsRefusedHasDeleted(ReferenceStore[Any]):
    """Delete, then insert, and no transaction around them."""

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self.delete_thread_item(thread_id, item.id, context)
        await super().save_item(thread_id, item, context)


@caught_by("DA2.a-lone-surrogate-is-refused")
class ALoneSurrogateBecomesAQuestionMark(ReferenceStore[Any]):
    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        title = thread.title and thread.title.encode(errors="replace").decode()
        await super().save_thread(thread.model_copy(update={"title": title}), context)


@caught_by("DA2.too-large-a-record-is-refused")
class WhatIsTooLargeIsDropped(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        with suppress(RecordTooLargeError):
            await super().add_thread_item(thread_id, item, context)


@caught_by("DA3.a-megabyte-of-text")
class AnItemHas64Kibibytes(ReferenceStore[Any]):
    def _dump(self, adapter: TypeAdapter[Any], record: Any, name: str) -> bytes:
        json = super()._dump(adapter, record, name)
        if len(json) > 65_535:
            raise ValueError(f"{name}: data too long for column")
        return json


@caught_by("DA4.what-callers-change-changes-nothing-stored", "DA4.attachments-too")
class ACacheHandsOutItsOwnObjects(ReferenceStore[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cached: dict[tuple[str, ...], Any] = {}

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        key = (thread_id,)
        if key not in self._cached:
            self._cached[key] = await super().load_thread(thread_id, context)
        return self._cached[key]  # type: ignore[no-any-return]  # a cache of many kinds

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        key = ("attachment", attachment_id)
        if key not in self._cached:
            self._cached[key] = await super().load_attachment(attachment_id, context)
        return self._cached[key]  # type: ignore[no-any-return]  # a cache of many kinds


@caught_by("DA4.attachments-too")
class AttachmentsAreKeptAsTheObjectsThatCame(ReferenceStore[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: dict[str, Attachment] = {}

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        self._kept[attachment.id] = attachment

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        return self._kept[attachment_id]
