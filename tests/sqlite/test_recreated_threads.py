"""TH5: what waits to be written while its thread is deleted gets into no later thread."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import NotFoundError, walk_items
from chatkit_sqlite import SQLiteStore
from support.record_samples import item, thread


async def test_an_add_that_waits_for_the_lock_misses_a_thread_made_anew_meanwhile(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chat.db"
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA foreign_keys = ON")
            other.execute("BEGIN IMMEDIATE")
            add = asyncio.ensure_future(store.add_thread_item("t", item("late"), None))
            # A read that came after it: what the add reads first, it has read.
            await asyncio.sleep(0)
            await store.load_thread("t", None)
            row = other.execute("SELECT owner, id, created, json FROM thread").fetchone()
            other.execute("DELETE FROM thread")
            other.execute("INSERT INTO thread (owner, id, created, json) VALUES (?, ?, ?, ?)", row)
            other.execute("COMMIT")
        with pytest.raises(NotFoundError, match="no thread 't'"):
            await add
        assert [one async for one in walk_items(store, "t", None, order="asc")] == []
        await store.add_thread_item("t", item("new"), None)
        assert await store.load_item("t", "new", None) == item("new")
