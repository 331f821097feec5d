"""What is profiled by stage at the end of a full run: ``python -m benchmarks.stages``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.core.agents_bridge import Run, message_of_tokens
from benchmarks.core.requests import ITEMS, REQUESTS
from benchmarks.core.sample import filled_store, message, thread
from benchmarks.core.streaming import REQUEST, Server, message_in_deltas
from benchmarks.harness.stages import Work, profile, shown
from chatkit.agents import AgentContext, stream_agent_response
from chatkit.owners import SINGLE_OWNER
from chatkit.server import StreamingResult
from chatkit_sqlite import SQLiteStore

MANY = 2_000


async def streaming() -> Work:
    server = Server(await filled_store(2))
    server.events = message_in_deltas(MANY)

    async def work() -> None:
        result = await server.process(REQUEST, None)
        assert isinstance(result, StreamingResult)
        async for _ in result:
            pass

    return work


async def listing() -> Work:
    server = Server(await filled_store(ITEMS))
    body = json.dumps({"type": "items.list", "params": REQUESTS["items.list"][0]})

    async def work() -> None:
        for _ in range(MANY):
            await server.process(body, None)

    return work


async def bridging() -> Work:
    store = await filled_store(2)

    async def work() -> None:
        run: Any = Run(message_of_tokens(MANY))
        context = AgentContext(thread=thread(), store=store, request_context=None)
        async for _ in stream_agent_response(context, run):
            pass

    return work


async def adding() -> Work:
    store = SQLiteStore[None](":memory:", owner=SINGLE_OWNER)
    await store.save_thread(thread(), None)

    async def work() -> None:
        for number in range(MANY // 4):
            await store.add_thread_item("thr_1", message(number), None)

    return work


STAGES: dict[str, Callable[[], Awaitable[Work]]] = {
    "a text delta through process()": streaming,
    "items.list of 20 through process()": listing,
    "a token through stream_agent_response()": bridging,
    "a SQLite add, as its event loop sees it": adding,
}


def main() -> None:
    for title, prepare in STAGES.items():
        print(shown(title, profile(prepare)))


if __name__ == "__main__":
    main()
