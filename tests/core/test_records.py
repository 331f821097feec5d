"""``RecordStore`` over the smallest possible backend keeps the store contract."""

# ruff: noqa: E402 - pytest explains the failures of imported cases only if told before

from __future__ import annotations

from typing import Any

import pytest

pytest.register_assert_rewrite("support.store_clauses")

from chatkit.records import RecordStore
from support.memory_records import Memory, MemoryRecords
from support.store_clauses import Backend, StoreClauses, user_of


class MemoryBackend:
    def __init__(self) -> None:
        self.memory = Memory()

    def store(
        self, owner: Any = user_of, max_record_bytes: int | None = None, **settings: Any
    ) -> RecordStore[Any]:
        records = MemoryRecords(self.memory, max_record_bytes)
        return RecordStore(records, owner=owner, **settings)


class TestMemory(StoreClauses):
    @pytest.fixture
    def backend(self) -> Backend:
        return MemoryBackend()
