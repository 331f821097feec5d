"""``SQLiteStore`` keeps the store contract, in a file and in memory."""

# ruff: noqa: E402 - pytest explains the failures of imported cases only if told before

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("support.store_clauses")

from chatkit.records import RecordStore
from chatkit_sqlite import SQLiteStore
from support.store_clauses import Backend, StoreClauses, user_of


class FileBackend:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "chat.db"

    def store(self, owner: Any = user_of, **settings: Any) -> RecordStore[Any]:
        return SQLiteStore(self.path, owner=owner, **settings)


class TestFile(StoreClauses):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return FileBackend(tmp_path)
