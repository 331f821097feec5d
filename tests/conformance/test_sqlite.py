"""``SQLiteStore`` keeps the whole contract, in all three ways of asking, with no known failure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatkit_conformance import (
    Capabilities,
    Outage,
    Outcome,
    StoreConformance,
    Target,
    check_store,
)
from chatkit_sqlite import SQLiteStore
from support import sqlite_target
from support.sqlite_target import CAPABILITIES, TIMEOUT


class TestFile(StoreConformance):
    capabilities = CAPABILITIES

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "chat.db"

    @pytest.fixture
    def open_store(self, path: Path) -> Callable[[], Any]:
        return lambda: sqlite_target.open_store(str(path), TIMEOUT)

    @pytest.fixture
    def target(self, path: Path) -> Target:
        return sqlite_target.target(path)

    @pytest.fixture
    def outage(self, path: Path) -> Outage:
        return sqlite_target.locking(path)


class TestMemory(StoreConformance):
    capabilities = Capabilities(durable=False, house_rules=True)
    quick = True

    @pytest.fixture
    def open_store(self) -> Callable[[], Any]:
        return lambda: SQLiteStore(":memory:", owner=sqlite_target.user_of)


async def test_a_quick_run_finds_a_file_conformant(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    report = await check_store(
        lambda: sqlite_target.open_store(str(path), TIMEOUT),
        capabilities=CAPABILITIES,
        target=sqlite_target.target(path),
        outage=sqlite_target.locking(path),
        quick=True,
    )
    assert report.ok, str(report)
    assert report.count(Outcome.PASSED) == len(report.selected)
    assert not report.notes


FIVE_LINES = """
from chatkit_sqlite import SQLiteStore

def open_store():
    return SQLiteStore("chat.db", owner=lambda context: context["user_id"])
"""


def test_the_command_finds_five_lines_conformant_also_in_new_york(tmp_path: Path) -> None:
    (tmp_path / "five_lines.py").write_text(FIVE_LINES, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "chatkit_conformance", "five_lines:open_store"],
        cwd=tmp_path,
        env={**os.environ, "TZ": "America/New_York"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "\nCONFORMANT: chatkit_sqlite.store.SQLiteStore\n" in done.stdout
    assert "not declared, but working: house rules" in done.stdout
