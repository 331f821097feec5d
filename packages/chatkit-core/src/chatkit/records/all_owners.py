"""``AllOwners``: a store's records whoever owns them, for copying and for administrators."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from chatkit.records.calls import Calls
from chatkit.records.codec import check_size
from chatkit.records.seam import Collection, PlacedRecord, Record, Records


class AllOwners:
    """Reads and writes the records of all owners, as they are stored.

    There is no check of who asks and none of what is written: never let a request get here. Like
    the store's own methods these open the backend, end within the store's timeout, and raise
    ``StoreUnavailableError`` while it is away.
    """

    def __init__(self, records: Records, calls: Calls) -> None:
        self._records = records
        self._calls = calls

    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        """Up to ``limit`` records, from the start or after the position of a record.

        They come in an order in which they can be written elsewhere; an empty list is the end.
        """
        return await self._calls.run(self._records.scan, after, limit)

    async def pages(
        self, after: str | None, limit: int
    ) -> AsyncGenerator[list[PlacedRecord], None]:
        """All records, or those after a position, up to ``limit`` at a time."""
        while page := await self.scan(after, limit):
            yield page
            after = page[-1].position

    async def read(self, collection: Collection, id: str) -> bytes | None:
        """A record's JSON, or ``None`` if there is none."""
        return await self._calls.run(self._records.read, collection, id)

    async def page(
        self, collection: Collection, after: str | None, limit: int
    ) -> list[bytes] | None:
        """The JSON of up to ``limit`` records, oldest first, from the start or after an id.

        ``None`` if the collection has no record ``after``.
        """
        return await self._calls.run(self._records.page, collection, after, limit, False)

    async def write(self, record: Record) -> bool:
        """Add a record, or replace its JSON in place; ``False`` if it is an item without thread.

        Raises:
            RecordTooLargeError: The backend cannot hold it.
        """
        name = record.collection.name_of(record.id)
        check_size(record.json, name, self._records.max_bytes)
        return await self._calls.run(self._records.write, record)
