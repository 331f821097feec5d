"""TH5 across processes: an item belongs to the thread that there was when its add began."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import NotFoundError, walk_items
from chatkit_sqlite import SQLiteStore, groups
from chatkit_sqlite.groups import Write
from support.record_samples import item, thread


@pytest.fixture
def about_to_wait(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a group asks for the file's lock."""
    asks = threading.Event()
    run_group = groups.run_group

    def ask_and_run(connection: sqlite3.Connection, group: Sequence[Write[Any]]) -> None:
        asks.set()
        run_group(connection, group)

    monkeypatch.setattr(groups, "run_group", ask_and_run)
    return asks


def make_anew(other: sqlite3.Connection) -> None:
    """Delete the thread, and make one of the same id."""
    row = other.execute("SELECT owner, id, created, json FROM thread").fetchone()
    other.execute("DELETE FROM thread")
    other.execute("INSERT INTO thread (owner, id, created, json) VALUES (?, ?, ?, ?)", row)


async def test_an_add_that_waits_for_the_lock_misses_a_thread_made_anew_meanwhile(
    tmp_path: Path, about_to_wait: threading.Event
) -> None:
    path = tmp_path / "chat.db"
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        about_to_wait.clear()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA foreign_keys = ON")
            other.execute("BEGIN IMMEDIATE")
            add = asyncio.ensure_future(store.add_thread_item("t", item("late"), None))
            await asyncio.to_thread(about_to_wait.wait)
            make_anew(other)
            other.execute("COMMIT")
        with pytest.raises(NotFoundError, match="no thread 't'"):
            await add
        assert [one async for one in walk_items(store, "t", None, order="asc")] == []
        await store.add_thread_item("t", item("new"), None)
        assert await store.load_item("t", "new", None) == item("new")


async def test_an_add_behind_one_that_waits_for_the_lock_misses_it_too(
    tmp_path: Path, about_to_wait: threading.Event
) -> None:
    path = tmp_path / "chat.db"
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        about_to_wait.clear()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA foreign_keys = ON")
            other.execute("BEGIN IMMEDIATE")
            adds = [asyncio.ensure_future(store.add_thread_item("t", item("late"), None))]
            await asyncio.to_thread(about_to_wait.wait)
            adds.append(asyncio.ensure_future(store.add_thread_item("t", item("later"), None)))
            # Reads come one after the other: what the add reads first, it has read.
            await asyncio.sleep(0)
            await store.load_thread("t", None)
            make_anew(other)
            other.execute("COMMIT")
        outcomes = await asyncio.gather(*adds, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [NotFoundError, NotFoundError]
        assert [one async for one in walk_items(store, "t", None, order="asc")] == []
