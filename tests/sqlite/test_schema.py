"""The version in the file: upgraded in place, in order, whole or not at all; newer ones refused."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit_sqlite import SQLiteStore, UnusableFileError, schema
from chatkit_sqlite.statements import STATEMENTS
from support.record_samples import item, thread

Look = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def look(path: Path) -> Look:
    def look(sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return look


@pytest.fixture
async def filled(path: Path) -> Path:
    """A file of version 1 with a thread and an item."""
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        await store.add_thread_item("t", item("i"), None)
    return path


def scripts(folder: Path, monkeypatch: pytest.MonkeyPatch, *added: str) -> None:
    """Let this version of the package have more scripts than it has."""
    (folder / "schema.sql").write_text(
        files("chatkit_sqlite").joinpath("schema.sql").read_text("utf-8")
    )
    for number, script in enumerate(added, 2):
        (folder / f"{number}.sql").write_text(script)
    names = ["schema.sql", *(f"{number}.sql" for number in range(2, 2 + len(added)))]
    monkeypatch.setattr(schema, "SCRIPTS", names)
    monkeypatch.setattr(schema, "files", lambda package: folder)


async def test_a_new_file_says_what_it_is(filled: Path, look: Look) -> None:
    assert look("PRAGMA user_version") == [(1,)]
    assert look("PRAGMA application_id") == [(0x43484B54,)]
    assert look("PRAGMA journal_mode") == [("wal",)]


async def test_an_older_file_is_upgraded_in_place_step_by_step(
    filled: Path, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts(
        tmp_path,
        monkeypatch,
        "CREATE TABLE note (text TEXT);\nINSERT INTO note VALUES ('two; still two');",
        "-- a comment\nALTER TABLE note ADD COLUMN more TEXT DEFAULT 'three';",
    )
    async with SQLiteStore[None](filled, owner=SINGLE_OWNER) as store:
        assert await store.load_item("t", "i", None) == item("i")
    assert look("SELECT * FROM note") == [("two; still two", "three")]
    assert look("PRAGMA user_version") == [(3,)]


async def test_a_new_file_goes_through_all_steps(
    path: Path, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts(tmp_path, monkeypatch, "CREATE TABLE note (text TEXT);")
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
    assert look("SELECT * FROM note") == []
    assert look("PRAGMA user_version") == [(2,)]


async def test_an_upgrade_that_fails_half_way_leaves_the_file_as_it_was(
    filled: Path, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = look("SELECT * FROM sqlite_master")
    with monkeypatch.context() as patch:
        scripts(tmp_path, patch, "CREATE TABLE note (text TEXT);", "DROP TABLE no_such;")
        store = SQLiteStore[None](filled, owner=SINGLE_OWNER)
        with pytest.raises(Exception, match="no_such"):
            await store.load_thread("t", None)
        await store.aclose()
    assert look("SELECT * FROM sqlite_master") == before
    assert look("PRAGMA user_version") == [(1,)]
    async with SQLiteStore[None](filled, owner=SINGLE_OWNER) as store:
        assert await store.load_item("t", "i", None) == item("i")


async def test_a_newer_file_is_refused_and_left_alone(filled: Path, look: Look) -> None:
    look("PRAGMA user_version = 7")
    store = SQLiteStore[None](filled, owner=SINGLE_OWNER)
    with pytest.raises(UnusableFileError, match=r"version 7.* up to 1.*pip install") as caught:
        await store.load_thread("t", None)
    assert str(filled) in str(caught.value)
    await store.aclose()
    assert look("PRAGMA user_version") == [(7,)]


def test_a_file_that_another_process_is_just_making_is_not_mistaken_for_a_strange_one(
    path: Path,
) -> None:
    one = sqlite3.connect(path, isolation_level=None)
    other = sqlite3.connect(path, isolation_level=None, timeout=0)

    def meanwhile(statement: str) -> None:
        if "user_version" in statement:
            with suppress(sqlite3.OperationalError):  # locked: the question is not over yet
                schema.upgrade(other, str(path))

    one.set_trace_callback(meanwhile)
    assert schema.check_version(one, str(path)) == 0
    one.set_trace_callback(None)
    schema.upgrade(other, str(path))
    assert schema.check_version(one, str(path)) == 1
    schema.upgrade(one, str(path))
    one.close()
    other.close()


async def test_no_statement_scans_or_sorts(filled: Path) -> None:
    """PG7: an index for every query, however many records there are."""
    connection = sqlite3.connect(filled)
    for kind, statements in STATEMENTS.items():
        named = dict(vars(statements))
        named |= {f"first_page {key}": sql for key, sql in named.pop("first_page").items()}
        named |= {f"page {key}": sql for key, sql in named.pop("page").items()}
        for name, sql in named.items():
            values = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            if kind.value == "attachment" and "page" in name:
                continue  # attachments are never listed
            for step in plan:
                assert "SCAN" not in step, (kind, name, plan)
                assert "TEMP B-TREE" not in step, (kind, name, plan)
            if name.startswith("page"):
                assert any("created=? AND sequence" in step for step in plan), plan
    # Deleting a thread looks for its items by their index.
    connection.execute("PRAGMA foreign_keys = ON")
    assert connection.execute("PRAGMA foreign_key_list(item)").fetchall()
    plan = connection.execute(
        "EXPLAIN QUERY PLAN DELETE FROM item WHERE owner = '' AND thread = ''"
    ).fetchall()
    assert all("USING" in step[3] and "SCAN" not in step[3] for step in plan), plan
    connection.close()
