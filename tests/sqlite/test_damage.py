"""What goes wrong with files: each a clear error that names the file, and nothing lost (DU2)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit_sqlite import SQLiteStore, UnusableFileError, connections
from chatkit_sqlite.connections import Settings, WritingConnection
from chatkit_sqlite.groups import look_and_run_group
from support.record_samples import item, thread

Store = SQLiteStore[None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with SQLiteStore[None](path, owner=SINGLE_OWNER, timeout=0.4) as store:
        await store.save_thread(thread(), None)
        await store.add_thread_item("t", item("before"), None)
        yield store


async def ids(store: Store) -> list[str]:
    page = await store.load_thread_items("t", None, 100, "asc", None)
    return [item.id for item in page.data]


async def fails_to_open(path: Path, match: str) -> StoreUnavailableError:
    store = SQLiteStore[None](path, owner=SINGLE_OWNER)
    with pytest.raises(StoreUnavailableError, match=match) as caught:
        await store.load_threads(5, None, "asc", None)
    assert str(path) in str(caught.value)
    with pytest.raises(StoreUnavailableError, match=match):
        await store.save_thread(thread(), None)
    await store.aclose()
    return caught.value


async def test_a_missing_folder_is_an_error_until_it_exists(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    error = await fails_to_open(folder / "chat.db", "unable to open")
    assert isinstance(error.__cause__, sqlite3.OperationalError)
    store = SQLiteStore[None](folder / "chat.db", owner=SINGLE_OWNER)
    with pytest.raises(StoreUnavailableError):
        await store.save_thread(thread(), None)
    folder.mkdir()
    await store.save_thread(thread(), None)
    await store.aclose()


AS_NOBODY = """
import asyncio, os, sys, tempfile
from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit_sqlite import SQLiteStore
from support.record_samples import thread

async def main(path):
    store = SQLiteStore(path, owner=SINGLE_OWNER)
    try:
        await store.save_thread(thread("new"), None)
    except StoreUnavailableError as error:
        print(error, "|", type(error.__cause__).__name__)
    await store.aclose()

with tempfile.TemporaryDirectory() as folder:
    # Whatever this imports may be out of reach later.
    asyncio.run(main(folder + "/chat.db"))
if os.getuid() == 0:
    os.setuid(65534)  # the administrator could write everywhere
asyncio.run(main(sys.argv[1]))
"""


def run_as_nobody(path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AS_NOBODY, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that every user can get to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_an_unwritable_folder_is_named(open_to_all: Path) -> None:
    folder = open_to_all / "closed"
    folder.mkdir(mode=0o555)
    told = run_as_nobody(folder / "chat.db")
    assert told == f"{folder / 'chat.db'}: unable to open database file | OperationalError\n"


async def test_a_read_only_file_is_named_and_unharmed(open_to_all: Path) -> None:
    path = open_to_all / "chat.db"
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
    path.chmod(0o444)
    open_to_all.chmod(0o555)
    told = run_as_nobody(path)
    open_to_all.chmod(0o755)
    path.chmod(0o644)
    assert told.startswith(f"{path}: ")
    assert told.endswith(" | OperationalError\n")
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        assert await store.load_thread("t", None) == thread()


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("my diary " * 1000)
    error = await fails_to_open(path, "not a database")
    assert isinstance(error.__cause__, sqlite3.DatabaseError)
    assert path.read_text() == "my diary " * 1000


async def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE thread (knots INTEGER)")
    theirs.close()
    assert isinstance(await fails_to_open(path, "not a ChatKit store"), UnusableFileError)
    theirs = sqlite3.connect(path)
    assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("thread",)]
    assert theirs.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
    theirs.close()


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    await fails_to_open(tmp_path, "unable to open")


async def test_a_file_locked_beyond_the_timeout_is_an_error_and_then_works_again(
    path: Path, store: Store
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="locked") as caught:
        await store.add_thread_item("t", item("late"), None)
    assert time.monotonic() - started < 0.4
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert await ids(store) == ["before"]  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    await store.add_thread_item("t", item("after"), None)
    assert await ids(store) == ["before", "after"]


async def test_a_file_locked_while_it_is_opened_is_an_error_and_then_works_again(
    path: Path,
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = SQLiteStore[None](path, owner=SINGLE_OWNER, timeout=0.2)
    with pytest.raises(StoreUnavailableError, match="locked"):
        await store.save_thread(thread(), None)
    other.execute("ROLLBACK")
    other.close()
    await store.save_thread(thread(), None)
    await store.aclose()


async def test_a_file_whose_log_another_process_keeps_off_is_an_error_and_then_works(
    path: Path, store: Store
) -> None:
    await store.aclose()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN")
    other.execute("SELECT * FROM thread").fetchall()
    waiting = SQLiteStore[None](path, owner=SINGLE_OWNER, timeout=0.2)
    with pytest.raises(StoreUnavailableError, match="locked"):
        await waiting.load_thread("t", None)
    other.execute("ROLLBACK")
    other.close()
    assert await waiting.load_thread("t", None) == thread()
    await waiting.aclose()


async def test_a_file_system_without_a_log_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What SQLite answers where memory cannot be shared, as on some network file systems.
    monkeypatch.setattr(connections, "_ask_for_wal", lambda connection: "delete")
    await fails_to_open(path, "offers no write-ahead log, only delete")


async def test_a_reader_that_cannot_be_opened_leaves_no_writer_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, settings: object) -> None:
        raise sqlite3.OperationalError("too many open files")

    before = set(threading.enumerate())
    with monkeypatch.context() as patch:
        patch.setattr(connections.ReadingConnection, "prepare", fail)
        await fails_to_open(path, "too many open files")
    for started in set(threading.enumerate()) - before:
        started.join(10)
        assert not started.is_alive()
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)


FULL_DISK = """
import asyncio, resource, signal, sys
from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit_sqlite import SQLiteStore
from support.record_samples import item, thread

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing too much fails instead

async def main(path):
    store = SQLiteStore(path, owner=SINGLE_OWNER)
    await store.save_thread(thread(), None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    stored = []
    for number in range(100):
        try:
            await store.add_thread_item("t", item(f"{number}", content="x" * 20_000), None)
        except StoreUnavailableError as error:
            assert path in str(error) and error.__cause__ is not None, error
            print(error)
            break
        stored.append(f"{number}")
    else:
        raise AssertionError("never full")
    page = await store.load_thread_items("t", None, 100, "asc", None)
    assert [one.id for one in page.data] == stored and len(stored) > 5, page
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.add_thread_item("t", item("again"), None)
    await store.aclose()
    async with SQLiteStore(path, owner=SINGLE_OWNER) as store:
        page = await store.load_thread_items("t", None, 100, "asc", None)
        assert [one.id for one in page.data] == [*stored, "again"]

asyncio.run(main(sys.argv[1]))
"""


def test_a_full_disk_loses_nothing_and_the_store_works_again_afterwards(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "disk" in done.stdout


async def test_a_database_at_its_largest_size_refuses_and_keeps_the_rest(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(self: WritingConnection, settings: Settings) -> None:
        original(self, settings)
        self.execute("PRAGMA max_page_count = 1")  # no more than there are

    original = WritingConnection.prepare
    monkeypatch.setattr(WritingConnection, "prepare", prepare)
    await store.aclose()
    store = SQLiteStore(path, owner=SINGLE_OWNER)
    with pytest.raises(StoreUnavailableError, match="full"):
        await store.add_thread_item("t", item("big", content="x" * 100_000), None)
    await store.save_item("t", item("before", content="fits"), None)
    assert await ids(store) == ["before"]
    await store.aclose()


@pytest.mark.parametrize("gone", ["chat.db*", "chat.db", "chat.db-wal", "chat.db-shm"])
async def test_a_removed_file_swallows_no_write(path: Path, store: Store, gone: str) -> None:
    for file in path.parent.glob(gone):
        file.unlink()
    with pytest.raises(StoreUnavailableError, match="removed") as caught:
        await store.add_thread_item("t", item("lost?"), None)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_file_removed_during_a_commit_swallows_no_write(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_and_run(connection: sqlite3.Connection, group: Any) -> None:
        path.unlink()
        look_and_run_group(connection, group)

    monkeypatch.setattr(connections, "look_and_run_group", remove_and_run)
    with pytest.raises(StoreUnavailableError, match="removed"):
        await store.add_thread_item("t", item("lost?"), None)


@pytest.mark.parametrize("gone", ["chat.db-wal", "chat.db-shm"])
async def test_a_removed_log_costs_nothing(path: Path, store: Store, gone: str) -> None:
    path.with_name(gone).unlink()
    with pytest.raises(StoreUnavailableError, match="removed"):
        await store.add_thread_item("t", item("refused"), None)
    await store.add_thread_item("t", item("after"), None)
    assert await ids(store) == ["before", "after"]
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as other:
        assert await ids(other) == ["before", "after"]


async def test_every_call_that_meets_a_removed_file_says_so(path: Path, store: Store) -> None:
    path.unlink()
    calls: list[asyncio.Future[Any]] = []
    for number in range(20):  # some meet the file, some its being opened again
        calls.append(asyncio.ensure_future(store.add_thread_item("t", item(f"{number}"), None)))
        calls.append(asyncio.ensure_future(store.load_thread("t", None)))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailableError}


async def test_a_removed_file_is_not_created_anew_and_works_when_it_is_back(
    path: Path, store: Store, tmp_path: Path
) -> None:
    backup = sqlite3.connect(tmp_path / "backup.db")
    original = sqlite3.connect(path)
    original.backup(backup)
    original.close()
    backup.close()
    for file in path.parent.glob("chat.db*"):
        file.unlink()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="removed"):
            await store.load_thread("t", None)
        with pytest.raises(StoreUnavailableError):
            await store.save_thread(thread(), None)
    assert not path.exists()
    (tmp_path / "backup.db").rename(path)
    await store.add_thread_item("t", item("after"), None)
    assert await ids(store) == ["before", "after"]


async def test_a_replaced_file_is_noticed_and_then_used(
    path: Path, store: Store, tmp_path: Path
) -> None:
    async with SQLiteStore[None](tmp_path / "other.db", owner=SINGLE_OWNER) as other:
        await other.save_thread(thread("u"), None)
    (tmp_path / "other.db").replace(path)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="replaced"):
            await store.save_thread(thread("lost?"), None)
    # SQLite would take the old file's log for that of the new one.
    with pytest.raises(StoreUnavailableError, match="-wal and"):
        await store.save_thread(thread("lost?"), None)
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink()
    page = await store.load_threads(5, None, "asc", None)
    assert [thread.id for thread in page.data] == ["u"]
    await store.save_thread(thread("v"), None)
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as again:
        page = await again.load_threads(5, None, "asc", None)
        assert [thread.id for thread in page.data] == ["u", "v"]


async def test_reading_notices_a_replaced_file_too(
    path: Path, store: Store, tmp_path: Path
) -> None:
    shutil.copy(path, tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(path)
    with pytest.raises(StoreUnavailableError):
        await store.load_thread("t", None)
