"""What a server holds in memory: for each stream that is open, and for each thread that is idle.

Only Python's own allocations are counted, which are the same in each run.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from benchmarks.core.sample import MemoryStore, filled_store, thread
from benchmarks.core.streaming import REQUEST, Server, keep_validators, message_in_deltas
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Unit
from chatkit.server import StreamingResult
from chatkit.types import ThreadItem, ThreadMetadata

STREAMS = 100
DELTAS_SEEN = 100
THREADS = 10_000


class ForgetfulStore(MemoryStore):
    """Keeps nothing, so that what is held is held by the server."""

    async def load_thread(self, thread_id: str, context: None) -> ThreadMetadata:
        return thread().model_copy(update={"id": thread_id})

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        pass


def request(thread_id: str) -> str:
    body = json.loads(REQUEST)
    body["params"]["thread_id"] = thread_id
    return json.dumps(body)


async def begun(server: Server, thread_id: str, chunks: int) -> AsyncIterator[bytes]:
    """A stream of which so many chunks have been read."""
    result = await server.process(request(thread_id), None)
    assert isinstance(result, StreamingResult)
    stream = aiter(result)
    for _ in range(chunks):
        await anext(stream)
    return stream


def held() -> int:
    """Bytes, once what nobody refers to is gone."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def open_streams(quick: bool) -> AsyncGenerator[Round, None]:
    server = Server(await filled_store(2, threads=STREAMS + 1))
    server.events = message_in_deltas(2 * DELTAS_SEEN)
    tracemalloc.start()
    while True:
        before = held()
        streams = [
            await begun(server, f"thr_{number}", DELTAS_SEEN) for number in range(1, STREAMS + 1)
        ]
        cost = (held() - before) / STREAMS
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]  # a generator on both sides
        del streams
        yield Round({"open-stream": cost}, None)


async def idle_threads(quick: bool) -> AsyncGenerator[Round, None]:
    server = Server(ForgetfulStore())
    server.events = message_in_deltas(3)
    await read(server, range(100))
    tracemalloc.start()
    first = 100
    while True:
        before = held()
        await read(server, range(first, first + THREADS))
        first += THREADS
        yield Round({"idle-threads": max(held() - before, 1)}, None)


def idle_threads_of_peer(quick: bool) -> AsyncGenerator[Round, None]:
    keep_validators()  # which are gone after each request, and would only take time
    return idle_threads(quick)


async def read(server: Server, numbers: Sequence[int]) -> None:
    """Have a turn in each of these threads."""
    for number in numbers:
        async for _ in await begun(server, f"thr_{number}", 0):
            pass


COMMON: dict[str, Any] = {
    "peer": "openai-chatkit",
    "environment": Environment.OPENAI_CHATKIT,
    "rounds": 1,
    "quick_rounds": 0,
}

BENCHMARKS = [
    Benchmark(
        name="open-streams",
        rows=[Row("open-stream", "memory of an open stream", unit=Unit.BYTES)],
        ours=open_streams,
        theirs=open_streams,
        **COMMON,
    ),
    Benchmark(
        name="idle-threads",
        rows=[Row("idle-threads", f"memory of {THREADS:,} threads that are idle", unit=Unit.BYTES)],
        ours=idle_threads,
        theirs=idle_threads_of_peer,
        **COMMON,
    ),
]
