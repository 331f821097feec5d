"""Stores that lose something of an item, or move, repeat or delete the wrong one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from chatkit.store import NotFoundError
from chatkit.types import HiddenContextItem, Page, ThreadItem, WidgetItem
from chatkit_conformance.reference import ITEM, Place, ReferenceStore, Row, Table
from conformance.broken.faults import caught_by, in_any_thread


@caught_by("IT1.every-kind-through-load-item", "IT1.every-kind-through-pages")
class NoneIsLeftOut(ReferenceStore[Any]):
    """Also where it is the user's own: within payloads."""

    def _dump(self, adapter: TypeAdapter[Any], record: Any, name: str) -> bytes:
        super()._dump(adapter, record, name)
        return adapter.dump_json(record, by_alias=True, exclude_none=True)


@caught_by("IT1.every-kind-through-load-item")
class WidgetsLoseUnknownFields(ReferenceStore[Any]):
    async def load_item(self, thread_id: str, item_id: str, context: Any) -> ThreadItem:
        item = await super().load_item(thread_id, item_id, context)
        if isinstance(item, WidgetItem):
            known = {"type", "id", "children"}
            fields = item.widget.model_dump(exclude_unset=True)
            kept = {name: value for name, value in fields.items() if name in known}
            return WidgetItem.model_validate({**item.model_dump(), "widget": kept})
        return item


@caught_by("IT1.every-kind-through-pages")
class PagesHoldMessagesOnly(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        page = await super().load_thread_items(thread_id, after, limit, order, context)
        shown = [item for item in page.data if item.type != "end_of_turn"]
        return page.model_copy(update={"data": shown})


@caught_by("IT1.what-would-not-load-is-refused")
class WritesAreNotChecked(ReferenceStore[Any]):
    def _dump(self, adapter: TypeAdapter[Any], record: Any, name: str) -> bytes:
        return adapter.dump_json(record, by_alias=True, warnings=False)


@caught_by("IT1.what-would-not-load-is-refused")
class WhatIsNoJsonBecomesText(ReferenceStore[Any]):
    """``json.dumps(…, default=str)``."""

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        if isinstance(item, HiddenContextItem) and type(item.content) is object:
            item = item.model_copy(update={"content": str(item.content)})
        await super().save_item(thread_id, item, context)


@caught_by("IT1.a-number-that-json-lacks-hides-nothing")
class NumbersThatJsonLacksAreWrittenAndNotRead(ReferenceStore[Any]):
    """One library writes ``NaN``, another one cannot read it."""

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await super().save_item(thread_id, item, context)
        if isinstance(item, HiddenContextItem):
            with self._table() as table:
                text = json.dumps({**item.model_dump(mode="json"), "content": item.content})
                place = self._items(thread_id, context)
                self._put(table, place, item.id, item.created_at, text.encode())

    def _row(self, table: Table, place: Place, id: str) -> Row:
        row = super()._row(table, place, id)
        if place.kind == "item":
            json.loads(row.json, parse_constant=_refuse)
        return row

    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        found, more = super()._page(table, place, after, limit, order)
        for one in found:
            json.loads(one, parse_constant=_refuse)
        return found, more


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@caught_by("IT2.adding-again-replaces-in-place")
class AddingAgainRaises(ReferenceStore[Any]):
    """``INSERT`` and a unique key: a retry after a lost answer fails."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        with self._table() as table:
            place = self._items(thread_id, context)
            if place in table and item.id in table[place].by_id:
                raise ValueError(f"duplicate key {item.id!r}")
        await super().add_thread_item(thread_id, item, context)


@caught_by("IT2.adding-again-replaces-in-place")
class AddingAgainMakesACopy(ReferenceStore[Any]):
    """Items are a list, and adding appends to it."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        place = self._items(thread_id, context)
        with self._table() as table:
            known = place in table and item.id in table[place].by_id
        await super().add_thread_item(thread_id, item, context)
        if known:
            with self._table() as table:
                self._put(table, place, f"{item.id} again", item.created_at, ITEM.dump_json(item))


@caught_by("IT3.saving-replaces-in-place")
class SavingAnItemMovesItToItsNewTime(ReferenceStore[Any]):
    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self.delete_thread_item(thread_id, item.id, context)
        await super().save_item(thread_id, item, context)


@caught_by("IT3.saving-an-unknown-item-adds-it")
class SavingIsOnlyAnUpdate(ReferenceStore[Any]):
    """``UPDATE … WHERE id = ?``, and nobody looks how many rows it changed."""

    async def save_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        with self._table() as table:
            self._row(table, self._threads(context), thread_id)
            place = self._items(thread_id, context)
            if place not in table or item.id not in table[place].by_id:
                return
        await super().save_item(thread_id, item, context)


@caught_by("IT4.an-item-of-another-thread-raises")
class ItemsAreFoundInAnyThread(ReferenceStore[Any]):
    def _row(self, table: Table, place: Place, id: str) -> Row:
        if place.kind == "item":
            place = in_any_thread(table, place, id)
        return super()._row(table, place, id)


@caught_by("IT5.an-item-of-another-thread-stays", "IT5.the-same-id-elsewhere-stays")
class ItemsAreDeletedInEveryThread(ReferenceStore[Any]):
    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        for other in list(table):
            if other[:2] == place[:2]:
                super()._remove(table, other, ids)


@caught_by("IT6.an-unknown-thread-has-an-empty-page")
class PagesOfAnUnknownThreadRaise(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        page = await super().load_thread_items(thread_id, after, limit, order, context)
        await self.load_thread(thread_id, context)
        return page


@caught_by("IT7.an-item-without-its-thread-is-refused")
class ItemsNeedNoThread(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        with self._table() as table:
            self._put(
                table,
                self._items(thread_id, context),
                item.id,
                item.created_at,
                self._dump(ITEM, item, item.id),
            )


@caught_by("IT8.exactly-the-later-items-go")
class LaterMeansALaterTime(ReferenceStore[Any]):
    async def delete_items_after(self, thread_id: str, item_id: str, context: Any) -> None:
        place = self._items(thread_id, context)
        with self._table() as table:
            first = self._row(table, place, item_id)
            rows = table[place].by_id.values()
            later = [row.id for row in rows if row.created_us > first.created_us]
            self._remove(table, place, later)


@caught_by("IT8.after-an-unknown-item-nothing-goes")
class AfterAnUnknownItemEverythingGoes(ReferenceStore[Any]):
    async def delete_items_after(self, thread_id: str, item_id: str, context: Any) -> None:
        try:
            await super().delete_items_after(thread_id, item_id, context)
        except NotFoundError:
            with self._table() as table:
                table.pop(self._items(thread_id, context), None)
            raise


@caught_by("IT8.exactly-the-named-items-go")
class DeletingSeveralStopsAtAnUnknownOne(ReferenceStore[Any]):
    async def delete_thread_items(
        self, thread_id: str, item_ids: Sequence[str], context: Any
    ) -> None:
        for item_id in item_ids:
            await self.load_item(thread_id, item_id, context)
            await self.delete_thread_item(thread_id, item_id, context)


@caught_by("IT8.exactly-the-later-items-go")
class TheFirstItemGoesToo(ReferenceStore[Any]):
    async def delete_items_after(self, thread_id: str, item_id: str, context: Any) -> None:
        await super().delete_items_after(thread_id, item_id, context)
        await self.delete_thread_item(thread_id, item_id, context)


@caught_by("IT3.saving-replaces-in-place")
class TheOrderIsThatOfTheLatestTimes(ReferenceStore[Any]):
    """``created_at`` is a column like the others, and the order is that column's."""

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        known = table[place].by_id.get(id) if place in table else None
        super()._put(table, place, id, at, json)
        if known is not None and at != ITEM.validate_json(known.json).created_at:
            self._remove(table, place, [id])
            super()._put(table, place, id, at, json)
