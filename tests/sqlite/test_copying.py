"""Copying files: the same pages elsewhere, with flat memory, and a target that goes away."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatkit.records import CopyProgress, Fault, copy
from chatkit.store import StoreUnavailableError
from chatkit_sqlite import SQLiteStore
from support.copies import fill, records_of, shown
from support.record_samples import item, thread


def file(path: Path, **settings: Any) -> SQLiteStore[str]:
    return SQLiteStore(path, owner=str, synchronous="off", **settings)


async def test_a_copied_file_has_the_same_pages(tmp_path: Path) -> None:
    async with file(tmp_path / "a.db") as source, file(tmp_path / "b.db") as target:
        await fill(source)
        result = await copy(source, target, page_size=7)
        assert result.ok, result.differences
        assert result.progress.copied == len(await records_of(source))
        assert await shown(target) == await shown(source)


async def test_a_copy_of_a_copy_in_the_opposite_direction_has_nothing_to_do(
    tmp_path: Path,
) -> None:
    async with file(tmp_path / "a.db") as source, file(tmp_path / "b.db") as target:
        await fill(source)
        await copy(source, target)
        back = await copy(target, source)
        assert (back.ok, back.progress.copied) == (True, 0)


async def test_a_target_that_is_locked_in_the_middle_raises_and_can_be_gone_on_with(
    tmp_path: Path,
) -> None:
    async with (
        file(tmp_path / "a.db") as source,
        file(tmp_path / "b.db", timeout=0.2) as target,
    ):
        await fill(source)
        with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as other:

            def lock(progress: CopyProgress) -> None:
                other.execute("BEGIN EXCLUSIVE")

            with pytest.raises(StoreUnavailableError, match=r"b\.db"):
                await copy(source, target, page_size=10, progress=lock)
            other.execute("ROLLBACK")
        result = await copy(source, target)
        assert result.ok
        assert result.progress.skipped >= 10


async def test_a_file_changed_behind_the_copy_is_found_out(tmp_path: Path) -> None:
    async with file(tmp_path / "a.db") as source, file(tmp_path / "b.db") as target:
        await source.save_thread(thread("t"), "a")
        for number in range(250):  # more than two pages
            await source.add_thread_item("t", item(str(number)), "a")
        with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as other:

            def swap(progress: CopyProgress) -> None:
                if progress.copied == 251 and not progress.compared:
                    other.execute("UPDATE item SET created = created + 1 WHERE id = '200'")

            result = await copy(source, target, progress=swap)
        assert [(found.fault, found.id) for found in result.differences] == [
            (Fault.OUT_OF_ORDER, "200")
        ]


async def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    peaks: list[int] = []
    for count in (200, 2000):
        async with (
            file(tmp_path / f"a{count}.db") as source,
            file(tmp_path / f"b{count}.db") as target,
        ):
            await source.save_thread(thread("t"), "a")
            await _add_items(source, count)
            peaks.append(await _peak_of(lambda: copy(source, target, page_size=50)))
    assert peaks[1] < 1.5 * peaks[0] + 100_000, peaks


async def _add_items(store: SQLiteStore[str], count: int) -> None:
    for number in range(count):
        await store.add_thread_item("t", item(str(number), content="x" * 1000), "a")


async def _peak_of(run: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        assert (await run()).ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
