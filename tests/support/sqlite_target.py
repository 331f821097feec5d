"""A factory of SQLite stores that other processes can import, and an outage of their file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from chatkit_conformance import Capabilities, Target
from chatkit_sqlite import SQLiteStore

TIMEOUT = 5.0
"""Seconds: on a busy machine, 500 adds at once take two and more."""
MAX_RECORD_BYTES = 3_000_000

CAPABILITIES = Capabilities(
    house_rules=True, max_record_bytes=MAX_RECORD_BYTES, call_timeout=TIMEOUT
)


def user_of(context: dict[str, str]) -> str:
    return context["user_id"]


def open_store(path: str, timeout: float = 30.0) -> SQLiteStore[Any]:
    """A store over the file; other processes are patient, since many write at once."""
    return SQLiteStore(path, owner=user_of, timeout=timeout, max_record_bytes=MAX_RECORD_BYTES)


def target(path: Path) -> Target:
    return Target(f"{__name__}:open_store", {"path": str(path)})


def locking(path: Path) -> Callable[[], AbstractContextManager[None]]:
    """An outage: another program holds the file's lock for longer than the timeout."""

    @contextmanager
    def locked() -> Generator[None]:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    return locked
