"""Proves that one store has what another has: the same records, in the same order of pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing

from chatkit.records.all_owners import AllOwners
from chatkit.records.codec import id_of
from chatkit.records.concurrently import concurrently
from chatkit.records.differences import Differences, Fault
from chatkit.records.seam import Collection, Kind, Record
from chatkit.store import StoreError

PAGE_SIZE = 100


class Comparison:
    """Compares two stores; holds a few pages in memory, however many records there are.

    Threads and items are compared as users see them: both stores' pages side by side. Attachments
    have no pages and are read one by one.

    Args:
        source: What should be there.
        target: What is.
        left_out: Records of the source that are known not to be in the target.
        differences: Where to note what is not the same.
    """

    def __init__(
        self,
        source: AllOwners,
        target: AllOwners,
        left_out: AbstractSet[tuple[Collection, str]],
        differences: Differences,
    ) -> None:
        self._source = source
        self._target = target
        self._left_out = left_out
        self._differences = differences

    async def pages(self, page_size: int) -> AsyncGenerator[int, None]:
        """Compare, page by page: the source's records with the target's, then the other way."""
        sides: list[tuple[AllOwners, Callable[[Record], Awaitable[None]]]] = [
            (self._source, self._look_in_target),
            (self._target, self._look_in_source),
        ]
        for side, look in sides:
            async with aclosing(side.pages(None, page_size)) as pages:
                async for page in pages:
                    await concurrently(look, [placed.record for placed in page])
                    yield len(page)

    async def _look_in_target(self, record: Record) -> None:
        owner, kind, _ = record.collection
        if kind is Kind.THREAD:
            await self._compare_pages(Collection(owner, Kind.ITEM, record.id))
            # An owner's threads are compared once: when their first one comes along.
            if await self._source.page(record.collection, None, 1) == [record.json]:
                await self._compare_pages(record.collection)
        elif kind is Kind.ATTACHMENT and (record.collection, record.id) not in self._left_out:
            found = await self._target.read(record.collection, record.id)
            if found != record.json:
                await self._note(record.collection, record.id, found)

    async def _look_in_source(self, record: Record) -> None:
        if await self._source.read(record.collection, record.id) is None:
            self._differences.add(
                Fault.EXTRA, record.collection, record.id, "only the target has it"
            )

    async def _compare_pages(self, collection: Collection) -> None:
        """Walk through both at once, up to the first record that is not the same."""
        async with (
            aclosing(self._walk(self._source, collection)) as ours,
            aclosing(self._walk(self._target, collection)) as theirs,
        ):
            async for json in ours:
                if self._left_out and (collection, id_of(json)) in self._left_out:
                    continue
                found = await anext(theirs, None)
                while found not in (json, None) and await self._is_extra(collection, found):
                    found = await anext(theirs, None)
                if found != json:
                    await self._note(collection, id_of(json) or "", found)
                    return

    async def _note(self, collection: Collection, id: str, found: bytes | None) -> None:
        """Say what is wrong with a record in whose place the target has something else."""
        if await self._target.read(collection, id) is None:
            fault, detail = Fault.MISSING, "is missing in the target"
        elif found is None:
            fault, detail = Fault.OUT_OF_ORDER, "is in none of the target's pages from its place on"
        elif (other := id_of(found)) in (None, id):
            fault, detail = Fault.ALTERED, "is altered in the target"
        else:
            fault, detail = Fault.OUT_OF_ORDER, f"has {other!r} in its place in the target"
        self._differences.add(fault, collection, id, detail)

    async def _is_extra(self, collection: Collection, json: bytes | None) -> bool:
        """Whether only the target has this; such records are reported on their own."""
        id = id_of(json) if json else None
        return id is not None and await self._source.read(collection, id) is None

    async def _walk(self, side: AllOwners, collection: Collection) -> AsyncGenerator[bytes, None]:
        after: str | None = None
        while page := await side.page(collection, after, PAGE_SIZE):
            for json in page:
                yield json
            after = id_of(page[-1])
            if after is None:
                raise StoreError(
                    f"one of the {collection.kind.value}s of "
                    f"{collection.parent or collection.owner!r} is stored without an id"
                )
