"""Copies all records of one store into another, and proves that they are there.

Everything is verified twice: each record right after it was written, and in the end, when all
have been (``comparing.py``), that the target has what the source has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from chatkit.records.comparing import Comparison
from chatkit.records.concurrently import concurrently
from chatkit.records.differences import Difference, Differences, Fault
from chatkit.records.seam import Collection, Kind, Record
from chatkit.records.store import RecordStore
from chatkit.store import RecordTooLargeError


@dataclass
class CopyProgress:
    """How far a copy is. All numbers are of this run."""

    copied: int = 0
    """Records that were written to the target."""
    skipped: int = 0
    """Records that the target had already, byte for byte."""
    gone: int = 0
    """Items that were passed over, since the target has no such thread: usually it was deleted
    from the source meanwhile, or made after the threads were copied."""
    compared: int = 0
    """Records gone through in the end, first those of the source, then those of the target."""
    position: str | None = None
    """Where a later run can go on: ``copy(source, target, after=position)``."""


@dataclass(frozen=True)
class CopyResult:
    """What a copy has done.

    Args:
        progress: The numbers.
        differences: In what the target differs from the source; at most 1,000 of them.
        difference_count: How many there are.
    """

    progress: CopyProgress
    differences: tuple[Difference, ...]
    difference_count: int

    @property
    def ok(self) -> bool:
        """Whether the target has what the source has, in the same order, and nothing else."""
        return self.difference_count == 0


def _say_nothing(progress: CopyProgress) -> None:
    pass


async def copy(
    source: RecordStore[Any],
    target: RecordStore[Any],
    *,
    after: str | None = None,
    page_size: int = 100,
    progress: Callable[[CopyProgress], None] = _say_nothing,
) -> CopyResult:
    """Copy every record of every owner, and compare both stores when all are there.

    Nothing is deleted, and nothing but what the source has is written. A copy that was broken off
    is started again: what is there and equal is skipped. While others write to the source, the
    result cannot be exact; see "When SQLite is not enough".

    Args:
        source: Where to read.
        target: Where to write; best empty, since records that are there keep their places.
        after: Where an earlier run stopped (``CopyProgress.position``), to save the comparison
            of what is before. The end compares everything all the same.
        page_size: How many records to hold in memory at once.
        progress: Is called after each page, always with the same object.

    Returns:
        What was copied, and every difference that is left: records that the target cannot hold
        or does not keep as they are, another order, and records that only the target has.

    Raises:
        StoreUnavailableError: One of the stores is away; start again when it is back.
        ValueError: ``source`` is ``target``, or ``page_size`` is not positive.
    """
    if source is target:
        raise ValueError("the source and the target of a copy must be two stores")
    if page_size < 1:
        raise ValueError(f"page_size must be 1 or more, got {page_size!r}")
    run = _Copy(source, target)
    async with aclosing(source.all_owners.pages(after, page_size)) as pages:
        async for page in pages:
            await run.take([placed.record for placed in page])
            run.progress.position = page[-1].position
            progress(run.progress)
    async with aclosing(run.comparison().pages(page_size)) as counts:
        async for count in counts:
            run.progress.compared += count
            progress(run.progress)
    return CopyResult(run.progress, run.differences.named, run.differences.count)


class _Copy:
    def __init__(self, source: RecordStore[Any], target: RecordStore[Any]) -> None:
        self.progress = CopyProgress()
        self.differences = Differences()
        self._source = source.all_owners
        self._target = target.all_owners
        self._too_large: set[tuple[Collection, str]] = set()

    def comparison(self) -> Comparison:
        return Comparison(self._source, self._target, self._too_large, self.differences)

    async def take(self, records: Sequence[Record]) -> None:
        """Write what the target does not have yet, and read it back."""
        there = await concurrently(self._is_there, records)
        self.progress.skipped += sum(there)
        missing = [record for record, known in zip(records, there, strict=True) if not known]
        threads = [record for record in missing if record.collection.kind is Kind.THREAD]
        others = [record for record in missing if record.collection.kind is not Kind.THREAD]
        written: list[Record] = []
        for kind in (threads, others):  # a thread before its items
            for group in await concurrently(self._write_in_order, _of_one_time(kind)):
                written += group
        for record, known in zip(written, await concurrently(self._is_there, written), strict=True):
            if not known:
                self.differences.add(
                    Fault.ALTERED, record.collection, record.id, "is not read back as written"
                )

    async def _is_there(self, record: Record) -> bool:
        return await self._target.read(record.collection, record.id) == record.json

    async def _write_in_order(self, records: Sequence[Record]) -> list[Record]:
        """Write records one after the other; those that were written."""
        return [record for record in records if await self._write(record)]

    async def _write(self, record: Record) -> bool:
        try:
            written = await self._target.write(record)
        except RecordTooLargeError as error:
            self._too_large.add((record.collection, record.id))
            self.differences.add(Fault.TOO_LARGE, record.collection, record.id, str(error))
            return False
        if written:
            self.progress.copied += 1
        else:
            self.progress.gone += 1
        return written


def _of_one_time(records: Sequence[Record]) -> list[list[Record]]:
    """Groups whose records must be written in their order, since they have nothing else to be
    ordered by; the groups are independent of one another."""
    groups: dict[tuple[Collection, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record.collection, record.created_us), []).append(record)
    return list(groups.values())
