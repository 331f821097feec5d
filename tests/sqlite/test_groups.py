"""Group commit: concurrent writes share transactions, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import NotFoundError
from chatkit_sqlite import SQLiteStore
from chatkit_sqlite.connections import WritingConnection
from chatkit_sqlite.groups import Write, run_group
from support.record_samples import item, thread

Store = SQLiteStore[None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        yield store


async def ids(store: Store) -> list[str]:
    page = await store.load_thread_items("t", None, 1000, "asc", None)
    return [item.id for item in page.data]


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes each committed group had."""
    sizes: list[int] = []

    def commit(self: WritingConnection) -> None:
        sizes.append(len(self.group))
        original(self)

    original = WritingConnection.commit
    monkeypatch.setattr(WritingConnection, "commit", commit)
    return sizes


async def test_writes_that_come_together_are_committed_together(
    store: Store, groups: list[int]
) -> None:
    await asyncio.gather(*(store.add_thread_item("t", item(f"{n}"), None) for n in range(32)))
    assert groups == [32]
    assert await ids(store) == [f"{n}" for n in range(32)]


async def test_a_write_returns_only_when_another_process_can_see_it(
    path: Path, store: Store
) -> None:
    other = sqlite3.connect(path)

    async def write(id: str) -> None:
        await store.add_thread_item("t", item(id), None)
        assert other.execute("SELECT 1 FROM item WHERE id = ?", [id]).fetchall() == [(1,)]

    await asyncio.gather(*(write(f"{n}") for n in range(20)))
    other.close()


async def test_each_write_of_a_group_has_its_own_outcome(store: Store, groups: list[int]) -> None:
    for id in "abc":
        await store.add_thread_item("t", item(id), None)
    groups.clear()
    outcomes = await asyncio.gather(
        store.delete_items_after("t", "b", None),
        store.delete_items_after("t", "no such", None),
        store.save_thread(thread("u"), None),
        store.delete_items_after("t", "c", None),  # gone, by the first of them
        store.delete_thread_item("t", "a", None),
        return_exceptions=True,
    )
    assert groups == [5]
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        NotFoundError,
        type(None),
        NotFoundError,
        type(None),
    ]
    assert await ids(store) == ["b"]
    assert (await store.load_thread("u", None)).id == "u"


@pytest.mark.parametrize("error", [OverflowError("too big"), sqlite3.OperationalError("disk I/O")])
async def test_a_write_that_fails_harms_none_of_its_neighbours(error: Exception) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO kept VALUES (99)")
        raise error

    def keep(number: int) -> Any:
        return lambda connection: connection.execute("INSERT INTO kept VALUES (?)", [number])

    loop = asyncio.get_running_loop()
    works = [keep(1), broken, keep(2), keep(3)]
    group: Sequence[Write[Any]] = [Write(work, None, loop.create_future()) for work in works]
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE kept (number INTEGER)")
    run_group(connection, group)
    assert [write.error for write in group] == [None, error, None, None]
    assert connection.execute("SELECT number FROM kept").fetchall() == [(1,), (2,), (3,)]
    assert not connection.in_transaction
    connection.close()


async def test_cancelled_callers_leave_their_group_alone(store: Store, groups: list[int]) -> None:
    calls = [
        asyncio.ensure_future(store.add_thread_item("t", item(f"{n}"), None)) for n in range(9)
    ]
    while not groups:
        await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes[1::2] == [None] * 4
    assert {"1", "3", "5", "7"} <= set(await ids(store))


async def test_closing_leaves_nothing_of_cancelled_calls_behind(
    path: Path, store: Store, groups: list[int]
) -> None:
    calls = [
        asyncio.ensure_future(store.add_thread_item("t", item(f"{n}"), None)) for n in range(5)
    ]
    while not groups:
        await asyncio.sleep(0)
    late = asyncio.ensure_future(store.add_thread_item("t", item("late"), None))
    for _ in range(3):
        await asyncio.sleep(0)
    for call in (*calls, late):
        call.cancel()
    await store.aclose()
    await asyncio.gather(*calls, late, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_reading_goes_on_while_another_process_writes(path: Path, store: Store) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    adding = asyncio.ensure_future(store.add_thread_item("t", item("waits"), None))
    for _ in range(5):
        assert await ids(store) == []
    assert not adding.done()
    other.execute("ROLLBACK")
    other.close()
    await adding
    assert await ids(store) == ["waits"]
