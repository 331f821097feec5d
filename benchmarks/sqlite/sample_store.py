"""The peer of the SQLite store, since the public SDK ships none: a plain store as its
documentation suggests one.

A table of JSON, ordered by time; the standard library's ``sqlite3``, with its defaults, and a
connection for each call. No index beside the key, so each page looks through the whole table.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.core.sample import MemoryStore
from chatkit.types import Page, ThreadItem

ITEMS: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)


class SampleStore(MemoryStore):
    """Keeps items in a SQLite file; the rest is not measured."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with self._connect() as connection:
            connection.execute(
                "CREATE TABLE items "
                "(id TEXT PRIMARY KEY, thread_id TEXT, created_at TEXT, data TEXT)"
            )

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        row = (item.id, thread_id, item.created_at.isoformat(), item.model_dump_json())
        self.insert([row])

    def insert(self, rows: list[tuple[str, str, str, str]]) -> None:
        """Add items, in one transaction."""
        connection = self._connect()
        try:
            with connection:
                connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", rows)
        finally:
            connection.close()

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: None
    ) -> Page[ThreadItem]:
        direction, beyond = ("ASC", ">") if order == "asc" else ("DESC", "<")
        condition, values = "thread_id = ?", [thread_id]
        connection = self._connect()
        try:
            if after is not None:
                found = connection.execute("SELECT created_at FROM items WHERE id = ?", (after,))
                condition += f" AND created_at {beyond} ?"
                values.append(found.fetchone()[0])
            rows: list[tuple[str]] = connection.execute(
                f"SELECT data FROM items WHERE {condition} ORDER BY created_at {direction} LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
        finally:
            connection.close()
        items = [ITEMS.validate_json(data) for (data,) in rows[:limit]]
        more = len(rows) > limit
        page: Page[Any] = Page(data=items, has_more=more, after=items[-1].id if more else None)
        return page
