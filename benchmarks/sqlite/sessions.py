"""Beside an existing store of conversations: ``AsyncSQLiteSession`` of openai-agents.

It keeps the model's own items, of about the same size, a session for each conversation, all in
one file. A page of ours is the newest 20 items; its counterpart is ``get_items(20)``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.core.sample import message, thread
from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.sqlite.adds import WRITERS, Add, adding_to, costs_of_adds
from chatkit.owners import SINGLE_OWNER
from chatkit.types import AssistantMessageItem
from chatkit_sqlite import SQLiteStore

PAGE = 20


async def rounds(
    add: Add, page: Callable[[], Awaitable[list[str]]], quick: bool
) -> AsyncGenerator[Round, None]:
    """Adds, then pages of the first conversation, which give the texts of the newest items."""
    adds, pages = (16, 50) if quick else (80, 400)
    first = 0
    while True:
        costs = await costs_of_adds(add, "session-add", first, adds)
        first += 2 * adds
        texts: list[str] = []
        started = time.perf_counter()
        for _ in range(pages):
            texts = await page()
        costs["session-page"] = (time.perf_counter() - started) / pages
        yield Round(costs, texts)


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as folder:
        async with SQLiteStore[None](Path(folder) / "chat.db", owner=SINGLE_OWNER) as store:
            for writer in range(WRITERS):
                await store.save_thread(thread(writer), None)

            async def page() -> list[str]:
                found = await store.load_thread_items("thr_0", None, PAGE, "desc", None)
                items = [item for item in found.data if isinstance(item, AssistantMessageItem)]
                return [item.content[0].text for item in reversed(items)]

            async for round in rounds(adding_to(store), page, quick):
                yield round


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    from agents.extensions.memory import AsyncSQLiteSession

    with TemporaryDirectory() as folder:
        path = Path(folder) / "chat.db"
        sessions = [AsyncSQLiteSession(f"thr_{writer}", path) for writer in range(WRITERS)]

        async def add(writer: int, number: int) -> None:
            text = message(number).content[0].text
            part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
            item: Any = {
                "id": f"msg_{writer}_{number}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
            await sessions[writer].add_items([item])

        async def page() -> list[str]:
            found: list[Any] = await sessions[0].get_items(PAGE)
            return [item["content"][0]["text"] for item in found]

        try:
            async for round in rounds(add, page, quick):
                yield round
        finally:
            for session in sessions:
                await session.close()


BENCHMARKS = [
    Benchmark(
        name="sqlite-sessions",
        rows=[
            Row("session-add-1", "SQLite add, by 1 writer", Target(1.3), disk_bound=True),
            Row(f"session-add-{WRITERS}", f"SQLite add, by {WRITERS}", Target(5)),
            Row("session-page", f"SQLite last {PAGE} items", Target(1)),
        ],
        ours=ours,
        peer="openai-agents AsyncSQLiteSession",
        theirs=theirs,
        rounds=25,
        quick_rounds=3,
    )
]
