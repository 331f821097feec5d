"""Stores that fail when several callers come at once, when a call is cancelled, when the backend
goes away, and when they are opened or closed."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from typing_extensions import Self

from chatkit.store import Store, StoreUnavailableError
from chatkit.types import Attachment, ThreadItem, ThreadMetadata
from chatkit_conformance.reference import ITEM, Memory, Place, ReferenceStore, Row, Rows, Table
from conformance.broken.faults import caught_by

IN_THIS_PROCESS: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}


def lock_of_this_process() -> asyncio.Lock:
    return IN_THIS_PROCESS.setdefault(asyncio.get_running_loop(), asyncio.Lock())


@caught_by("CC1.many-writers-add-to-one-thread")
class AThreadIsOneDocument(ReferenceStore[Any]):
    """Adding an item reads all of them and writes all of them."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        place = self._items(thread_id, context)
        with self._table() as table:
            read = copy.deepcopy(table.get(place, Rows()))
        await asyncio.sleep(0.001)
        with self._table() as table:
            table[place] = read
        await super().add_thread_item(thread_id, item, context)


@caught_by("CC1.one-item-added-by-many-is-there-once")
class AddingLooksAndThenInserts(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        place = self._items(thread_id, context)
        with self._table() as table:
            rows = table.setdefault(place, Rows())
            key = item.id if item.id in rows.by_id else f"{item.id} {random.random()}"
        await asyncio.sleep(0)
        with self._table() as table:
            self._put(table, place, key, item.created_at, ITEM.dump_json(item))


@caught_by("CC2.several-stores-add-to-one-thread")
class ALockKeepsOneStoreInOrder(AThreadIsOneDocument):
    """And no other store."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = asyncio.Lock()

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        async with self._lock:
            await super().add_thread_item(thread_id, item, context)


@caught_by("CC2.several-processes-add-to-one-thread")
class ALockKeepsOneProcessInOrder(AThreadIsOneDocument):
    """And no other process."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        async with lock_of_this_process():
            await super().add_thread_item(thread_id, item, context)


@caught_by("CC2.several-stores-update-one-thread")
class ALockKeepsTheUpdatesOfOneStoreInOrder(ReferenceStore[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = asyncio.Lock()

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        thread = await super().load_thread(thread_id, context)
        await asyncio.sleep(0)
        return thread

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        async with self._lock:
            return await Store.update_thread(self, thread_id, changes, context)


@caught_by("TH5.processes-that-race-leave-nothing")
class AnAddLooksAndADeletionDoesNot(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await self.load_thread(thread_id, context)
        await asyncio.sleep(0.02)
        with self._table() as table:
            json = ITEM.dump_json(item)
            self._put(table, self._items(thread_id, context), item.id, item.created_at, json)

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        with self._table() as table:
            if thread_id not in table.get(self._threads(context), Rows()).by_id:
                return  # nothing to do, it seems
        await asyncio.sleep(0.01)
        await super().delete_thread(thread_id, context)


@caught_by("CC3.saves-at-once-end-as-one-version")
class AThreadIsSavedInTwoSteps(ReferenceStore[Any]):
    """Two tables, and no transaction around them."""

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        for fields in ({"title": thread.title}, {"metadata": thread.metadata}):
            for _ in range(random.randrange(5)):
                await asyncio.sleep(0)
            try:
                known = await self.load_thread(thread.id, context)
            except LookupError:
                known = thread
            except Exception:
                known = thread
            await super().save_thread(known.model_copy(update=fields), context)


@caught_by("CC4.a-cancelled-write-is-done-or-not")
class AnItemIsWrittenInTwoSteps(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        empty = item.model_copy(update={"content": ""})
        await super().add_thread_item(thread_id, empty, context)
        await asyncio.sleep(0)
        await super().add_thread_item(thread_id, item, context)


@caught_by("CC4.a-cancelled-write-is-done-or-not")
class ACancelledWriteTakesItsNeighboursAlong(ReferenceStore[Any]):
    """They shared a transaction, and it was rolled back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun: list[tuple[str, ThreadItem, Any]] = []

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        self._begun.append((thread_id, item, context))
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self._begun.clear()
            raise
        group, self._begun = self._begun, []
        for one in group:
            await super().add_thread_item(*one)


@caught_by("CC4.any-cancelled-call-leaves-the-store-working")
class ACancelledCallLeavesALock(ReferenceStore[Any]):
    """The lock is given back at the end, not in ``finally``."""

    _locked = False

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        for _ in range(100):
            if self._locked:
                await asyncio.sleep(0)
        if self._locked:
            raise TimeoutError("database is locked")
        self._locked = True
        await asyncio.sleep(0)
        thread = await super().load_thread(thread_id, context)
        self._locked = False
        return thread


@caught_by("CC4.cancelling-the-first-call-spares-the-others")
class TheFirstCallOpensForAll(ReferenceStore[Any]):
    """And is cancelled for all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opening: asyncio.Task[None] | None = None

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.sleep(0))
        await self._opening
        return await super().load_thread(thread_id, context)


# What is written stays written


@caught_by(
    "DU1.a-new-store-reads-it", "DU1.attachments-too", "LC2.a-new-store-works-in-another-loop"
)
class EachStoreHasAMemoryOfItsOwn(ReferenceStore[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._memory = Memory()


@caught_by("DU1.attachments-too")
class AttachmentsAreOnlyCached(ReferenceStore[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cached: dict[str, Attachment] = {}

    async def save_attachment(self, attachment: Attachment, context: Any) -> None:
        self._cached[attachment.id] = attachment

    async def load_attachment(self, attachment_id: str, context: Any) -> Attachment:
        if attachment_id in self._cached:
            return self._cached[attachment_id]
        return await super().load_attachment(attachment_id, context)


@caught_by("DU1.a-killed-process-loses-nothing")
class WritesReturnBeforeTheyAreDone(ReferenceStore[Any]):
    """They are kept until the store is closed, or there are a thousand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unwritten: list[tuple[str, ThreadItem, Any]] = []

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        self._unwritten.append((thread_id, item, context))
        if len(self._unwritten) == 1000:
            await self._write()
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        await self._write()
        await super().aclose()

    async def _write(self) -> None:
        group, self._unwritten = self._unwritten, []
        for one in group:
            await super().add_thread_item(*one)


@caught_by("DU2.an-unreachable-backend-is-said-to-be-so")
class AnOutageRaisesTheDriversError(ReferenceStore[Any]):
    @contextmanager
    def _table(self) -> Generator[Table]:
        with self._memory.table() as table:
            yield table


@caught_by("DU2.an-unreachable-backend-is-said-to-be-so")
class AnOutageHasNoCause(ReferenceStore[Any]):
    @contextmanager
    def _table(self) -> Generator[Table]:
        try:
            with super()._table() as table:
                yield table
        except StoreUnavailableError as error:
            raise StoreUnavailableError(str(error)) from None


@caught_by("DU2.an-unreachable-backend-is-said-to-be-so")
class AnOutageIsWaitedFor(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        for _ in range(400):  # of four seconds in all, where one is the timeout
            if self._memory.away:
                await asyncio.sleep(0.01)
        await super().add_thread_item(thread_id, item, context)


@caught_by("DU2.the-same-store-works-again", "DU2.an-unreachable-backend-is-said-to-be-so")
class WritesAreSwallowedInAnOutage(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        with suppress(StoreUnavailableError):
            await super().add_thread_item(thread_id, item, context)


@caught_by("DU2.the-same-store-works-again")
class AnOutageIsForEver(ReferenceStore[Any]):
    """The connection is broken, and nobody makes a new one."""

    _broken = False

    @contextmanager
    def _table(self) -> Generator[Table]:
        if self._broken:
            raise StoreUnavailableError("connection lost") from ConnectionError()
        try:
            with super()._table() as table:
                yield table
        except StoreUnavailableError:
            self._broken = True
            raise


# Opening and closing


@caught_by("LC1.closing-again-does-nothing")
class ClosingAgainRaises(ReferenceStore[Any]):
    async def aclose(self) -> None:
        if self._closed:
            raise RuntimeError("this store is closed")
        await super().aclose()


@caught_by("LC1.a-store-opens-by-itself")
class AStoreWorksInAsyncWithOnly(ReferenceStore[Any]):
    _entered = False

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        if not self._entered:
            raise RuntimeError("use async with")
        await super().save_thread(thread, context)


@caught_by("LC1.async-with-gives-the-store-and-closes-it")
class AsyncWithSwallowsErrors(ReferenceStore[Any]):
    async def __aexit__(self, *error: Any) -> Any:
        await self.aclose()
        return True


@caught_by("LC1.a-closed-store-says-so")
class AClosedStoreWorksOn(ReferenceStore[Any]):
    async def aclose(self) -> None:
        pass


@caught_by("LC1.closing-lets-running-calls-end")
class ClosingCutsRunningCallsOff(ReferenceStore[Any]):
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await asyncio.sleep(0.001)
        await super().add_thread_item(thread_id, item, context)


@caught_by("LC2.another-event-loop-is-refused")
class AnyEventLoopGoes(ReferenceStore[Any]):
    def _check_loop(self) -> None:
        pass


FIRST_LOOPS: dict[int, asyncio.AbstractEventLoop] = {}


@caught_by("LC2.a-new-store-works-in-another-loop")
class AllStoresBelongToTheFirstLoop(ReferenceStore[Any]):
    """A client at the top of the module, made in whatever loop came first."""

    def _check_loop(self) -> None:
        self._loop = FIRST_LOOPS.setdefault(id(self._memory), asyncio.get_running_loop())
        super()._check_loop()


@caught_by("PG4.random-calls-agree-with-the-model")
class WhatWasDeletedComesBackInItsOldPlace(ReferenceStore[Any]):
    """Deleting only marks a row, and writing it takes the mark off again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deleted: dict[tuple[Place, str], Row] = {}

    def _remove(self, table: Table, place: Place, ids: Sequence[str]) -> None:
        for id in ids:
            if place in table and id in table[place].by_id:
                self._deleted[place, id] = table[place].by_id[id]
        super()._remove(table, place, ids)

    def _put(self, table: Table, place: Place, id: str, at: datetime, json: bytes) -> None:
        old = self._deleted.pop((place, id), None)
        if old is None:
            super()._put(table, place, id, at, json)
            return
        rows = table[place]
        rows.in_order.insert(rows.index(old), old._replace(json=b""))
        rows.by_id[id] = old._replace(json=json)
