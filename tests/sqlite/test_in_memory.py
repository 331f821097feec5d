"""``:memory:``: a store of its own, gone with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import NotFoundError
from chatkit_sqlite import SQLiteStore
from support.record_samples import item, thread


async def test_a_store_in_memory_works_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with SQLiteStore[None](":memory:", owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        adds = [store.add_thread_item("t", item(f"{n}"), None) for n in range(10)]
        reads = [store.load_thread_items("t", None, 100, "asc", None) for _ in range(10)]
        await asyncio.gather(*adds, *reads)
        page = await store.load_thread_items("t", "2", 3, "asc", None)
        assert ([item.id for item in page.data], page.after) == (["3", "4", "5"], "5")
        assert (await store.update_thread("t", {"title": "x"}, None)).title == "x"
        await store.delete_thread("t", None)
        assert (await store.load_threads(5, None, "asc", None)).data == []
    assert list(tmp_path.iterdir()) == []


async def test_stores_in_memory_have_nothing_in_common() -> None:
    async with (
        SQLiteStore[None](":memory:", owner=SINGLE_OWNER) as one,
        SQLiteStore[None](":memory:", owner=SINGLE_OWNER) as two,
    ):
        await one.save_thread(thread(), None)
        with pytest.raises(NotFoundError):
            await two.load_thread("t", None)
