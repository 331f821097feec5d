"""Stores whose order or pages are wrong."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from chatkit.store import NotFoundError
from chatkit.types import Page, ThreadItem, ThreadMetadata
from chatkit_conformance.reference import (
    Place,
    ReferenceStore,
    Rows,
    Table,
    microseconds,
)
from conformance.broken.faults import caught_by, in_any_thread


class _OtherTimes(ReferenceStore[Any]):
    """The order is that of ``_place_of``."""

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        table.setdefault(place, Rows()).put(id, self._place_of(at), json)

    def _place_of(self, at: datetime) -> int:
        raise NotImplementedError


@caught_by("PG1.items-by-time-then-first-write")
class TheOrderIsToTheSecond(_OtherTimes):
    def _place_of(self, at: datetime) -> int:
        return microseconds(at) // 1_000_000


@caught_by("PG1.items-by-time-then-first-write", "PG1.threads-by-time-then-first-write")
class TheOrderIsThatOfFirstWrites(_OtherTimes):
    def _place_of(self, at: datetime) -> int:
        return 0


@caught_by("PG1.instants-count-not-their-spelling")
class TimesAreComparedAsWritten(_OtherTimes):
    """As text: ``2024-05-17T23:00:00-11:00`` after ``2024-05-18T01:45:00+13:45``."""

    def _place_of(self, at: datetime) -> int:
        return microseconds(at.replace(tzinfo=timezone.utc))


@caught_by("PG1.naive-times-are-local")
class NaiveAndAwareTimesDoNotCompare(_OtherTimes):
    def _place_of(self, at: datetime) -> int:
        if at.tzinfo is None:
            raise TypeError("can't compare offset-naive and offset-aware datetimes")
        return microseconds(at)


@caught_by("PG1.the-far-ends-of-time-have-a-place")
class TimesHave32Bits(_OtherTimes):
    def _place_of(self, at: datetime) -> int:
        return min(max(microseconds(at), 0), 2**31 * 1_000_000)


@caught_by("PG1.naive-times-in-new-york")
class NaiveTimesAreInUtc(_OtherTimes):
    def _place_of(self, at: datetime) -> int:
        return microseconds(at if at.tzinfo else at.replace(tzinfo=timezone.utc))


@caught_by("PG1.desc-is-the-exact-reverse", "PG1.threads-by-time-then-first-write")
class TiesComeInOneOrderBothWays(ReferenceStore[Any]):
    """``ORDER BY created_at DESC, number ASC``."""

    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        rows = table.get(place, Rows())
        ids = [row.id for row in rows.in_order]
        if order == "desc":
            ids.sort(key=lambda name: -rows.by_id[name].created_us)
        start = 0 if after is None else ids.index(self._row(table, place, after).id) + 1
        found = ids[start : start + limit]
        return [rows.by_id[id].json for id in found], start + limit < len(ids)


@caught_by(
    "PG2.a-page-of-items-says-whether-there-is-more",
    "PG2.a-page-of-threads-says-whether-there-is-more",
)
class AFullPageMeansThatThereIsMore(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        found, _ = super()._page(table, place, after, limit, order)
        return found, len(found) == limit


@caught_by("PG2.a-page-of-items-says-whether-there-is-more")
class TheLastPageHasACursor(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        page = await super().load_thread_items(thread_id, after, limit, order, context)
        return page.model_copy(update={"after": page.data[-1].id if page.data else None})


@caught_by("PG2.a-page-of-threads-says-whether-there-is-more")
class APageHoldsOneMoreThanAskedFor(ReferenceStore[Any]):
    """The one that tells whether there are more was not taken off."""

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        return await super().load_threads(limit + 1, after, order, context)


@caught_by(
    "PG3.every-limit-yields-every-item-once",
    "PG3.hundreds-share-one-time",
    "PG3.threads-that-share-one-time",
)
class APageBeginsAtALaterTime(ReferenceStore[Any]):
    """``WHERE created_at > (SELECT created_at … cursor)``: ties are skipped."""

    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        rows = table.get(place, Rows())
        found = rows.in_order[:: 1 if order == "asc" else -1]
        if after is not None:
            last = self._row(table, place, after).created_us
            sign = 1 if order == "asc" else -1
            found = [row for row in found if sign * row.created_us > sign * last]
        return [rows.by_id[row.id].json for row in found[:limit]], limit < len(found)


@caught_by("PG3.every-limit-yields-every-item-once")
class APageBeginsAtTheTimeOfTheCursor(ReferenceStore[Any]):
    """``WHERE created_at >= …``: ties come again."""

    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        rows = table.get(place, Rows())
        found = list(rows.in_order[:: 1 if order == "asc" else -1])
        if after is not None:
            last = self._row(table, place, after)
            while found and found[0].created_us != last.created_us:
                del found[0]
            found = [row for row in found if row.id != after]
        return [rows.by_id[row.id].json for row in found[:limit]], limit < len(found)


@caught_by("PG4.writes-between-pages-do-no-harm", "PG4.threads-come-and-go-during-a-walk")
class CursorsAreOffsets(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        start = 0 if after is None else self._offset(after)
        rows = table.get(place, Rows())
        ids = [row.id for row in rows.in_order[:: 1 if order == "asc" else -1]]
        found = ids[start : start + limit]
        self._next = str(start + limit)
        return [rows.by_id[id].json for id in found], start + limit < len(ids)

    def _offset(self, after: str) -> int:
        if not after.isdigit():
            raise NotFoundError(f"no page after {after!r}")
        return int(after)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        page = await super().load_thread_items(thread_id, after, limit, order, context)
        return page.model_copy(update={"after": self._next if page.has_more else None})

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        page = await super().load_threads(limit, after, order, context)
        return page.model_copy(update={"after": self._next if page.has_more else None})


@caught_by(
    "PG5.an-unknown-cursor-never-starts-again",
    "PG5.a-deleted-cursor-never-skips",
    "PG5.a-deleted-threads-cursor-never-skips",
    "PG5.anothers-cursor-starts-nowhere",
)
class AnUnknownCursorStartsAgain(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        if after not in table.get(place, Rows()).by_id:
            after = None
        return super()._page(table, place, after, limit, order)


@caught_by("PG5.a-deleted-cursor-never-skips", "PG5.a-deleted-threads-cursor-never-skips")
class AnUnknownCursorIsTheEnd(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        if after is not None and after not in table.get(place, Rows()).by_id:
            return [], False
        return super()._page(table, place, after, limit, order)


@caught_by("PG5.an-id-is-a-cursor")
class CursorsAreTheStoresOwn(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        inner = after and after.removeprefix("after ")
        if after is not None and after == inner:
            raise NotFoundError(f"no cursor {after!r}")
        page = await super().load_thread_items(thread_id, inner, limit, order, context)
        return page.model_copy(update={"after": page.after and f"after {page.after}"})


@caught_by("PG5.a-cursor-of-another-thread-raises")
class ACursorMayComeFromAnotherThread(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        if after is not None and in_any_thread(table, place, after) != place:
            after = None
        return super()._page(table, place, after, limit, order)


@caught_by("PG6.a-wrong-limit-is-refused")
class AnyLimitGoes(ReferenceStore[Any]):
    async def load_threads(
        self, limit: int, after: str | None, order: str, context: Any
    ) -> Page[ThreadMetadata]:
        if limit < 1:
            return Page[ThreadMetadata]()
        return await super().load_threads(limit, after, order, context)


@caught_by("PG6.a-wrong-order-is-refused")
class AnyOtherOrderIsDescending(ReferenceStore[Any]):
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        way = "asc" if order == "asc" else "desc"
        return await super().load_thread_items(thread_id, after, limit, way, context)


@caught_by("PG7.a-page-costs-the-same-anywhere")
class APageReadsTheWholeThread(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        rows = table.get(place, Rows())
        whole = [json.loads(rows.by_id[row.id].json) for row in rows.in_order]
        ids = [record["id"] for record in whole][:: 1 if order == "asc" else -1]
        start = 0 if after is None else ids.index(self._row(table, place, after).id) + 1
        found = ids[start : start + limit]
        return [rows.by_id[id].json for id in found], start + limit < len(ids)


@caught_by("PG7.a-page-costs-the-same-anywhere")
class APageReadsAllOfItsTime(ReferenceStore[Any]):
    def _page(
        self, table: Table, place: Place, after: str | None, limit: int, order: str
    ) -> tuple[list[bytes], bool]:
        rows = table.get(place, Rows())
        if after is not None:
            time = self._row(table, place, after).created_us
            for row in rows.in_order[rows.index(rows.by_id[after]) :]:
                if row.created_us != time:
                    break
                json.loads(rows.by_id[row.id].json)
        return super()._page(table, place, after, limit, order)
