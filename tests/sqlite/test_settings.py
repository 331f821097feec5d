"""The arguments of ``SQLiteStore``."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from chatkit.asgi import describe_failure
from chatkit.owners import SINGLE_OWNER
from chatkit.store import RecordTooLargeError
from chatkit_sqlite import SQLiteStore
from chatkit_sqlite.connections import Settings, WritingConnection
from support.record_samples import thread


def test_building_a_store_does_no_io(tmp_path: Path) -> None:
    """LC1"""
    SQLiteStore[None](tmp_path / "no" / "such" / "folder.db", owner=SINGLE_OWNER)
    assert list(tmp_path.iterdir()) == []


async def test_a_relative_path_means_the_folder_of_the_time_of_building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore[None]("chat.db", owner=SINGLE_OWNER)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    await store.save_thread(thread(), None)
    await store.aclose()
    assert (tmp_path / "chat.db").exists()


@pytest.mark.parametrize("name", ["a b?c#d%41&e=f.db", "😀.db", "file:x.db", "-wal"])
async def test_any_file_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    async with SQLiteStore[None](
        os.fsencode(tmp_path / name).decode(), owner=SINGLE_OWNER
    ) as store:
        await store.save_thread(thread(), None)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("given", "kept"), [("off", 0), ("normal", 1), ("full", 2), ("extra", 3)])
async def test_durability_is_full_unless_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, kept: int
) -> None:
    seen: list[Any] = []

    def prepare(self: WritingConnection, settings: Settings) -> None:
        original(self, settings)
        seen.append(self.execute("PRAGMA synchronous").fetchone()[0])
        seen.append(self.execute("PRAGMA foreign_keys").fetchone()[0])

    original = WritingConnection.prepare
    monkeypatch.setattr(WritingConnection, "prepare", prepare)
    settings: list[dict[str, Any]] = [{"synchronous": given}, *([{}] if given == "full" else [])]
    for chosen in settings:
        async with SQLiteStore[None](tmp_path / "chat.db", owner=SINGLE_OWNER, **chosen):
            pass
        assert seen == [kept, 1]
        seen.clear()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"synchronous": "FULL; DROP TABLE x"}, "synchronous="),
        ({"max_record_bytes": 0}, "max_record_bytes="),
        ({"max_record_bytes": 2**40}, "max_record_bytes="),
        ({"timeout": 0}, "timeout="),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        SQLiteStore[None](":memory:", owner=SINGLE_OWNER, **wrong)


async def test_json_is_kept_as_utf8_that_any_tool_can_read(tmp_path: Path) -> None:
    async with SQLiteStore[None](tmp_path / "chat.db", owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(title="é\x00"), None)
    connection = sqlite3.connect(tmp_path / "chat.db")
    rows = connection.execute("SELECT owner, id, created, json FROM thread").fetchall()
    connection.close()
    (owner, id, created, json) = rows[0]
    assert (owner, id, created) == ("single-owner", "t", 1715947200123457)
    assert '"title":"é\\u0000"' in json.decode()


async def test_a_client_whose_record_is_too_large_is_not_told_where_the_file_is(
    tmp_path: Path,
) -> None:
    store = SQLiteStore[None](tmp_path / "chat.db", owner=SINGLE_OWNER, max_record_bytes=300)
    async with store:
        await store.save_thread(thread(), None)
        with pytest.raises(RecordTooLargeError) as refused:
            await store.update_thread(thread().id, {"title": "long" * 100}, None)
    told = describe_failure(refused.value)
    assert told.status == 413
    assert "300" in told.message
    assert str(tmp_path) not in told.message
