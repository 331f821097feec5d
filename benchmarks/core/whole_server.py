"""Whole servers at sockets: 200 streams at the same time, from one process under uvicorn.

The model gives each token as soon as the event loop comes round to it. Both sides have the same
store, in memory, and the same uvicorn.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.core.sample import events_in
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target

STREAMS = 200
SERIES = (1, 8, 64, 512)

BODY = json.dumps(
    {
        "type": "threads.create",
        "params": {
            "input": {
                "content": [{"type": "input_text", "text": "How do I change my plan?"}],
                "attachments": [],
                "inference_options": {},
            }
        },
    }
).encode()

REQUEST = (
    b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


@asynccontextmanager
async def served(which: str) -> AsyncGenerator[int, None]:
    """A process that serves one side's application; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.core.served_app", str(port), which
    )
    try:
        await _listening(port, process)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    while not await _answers(port):
        if process.returncode is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        await asyncio.sleep(0.05)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def one_stream(port: int) -> bytes:
    """The body of the answer to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(REQUEST)
    answer = await reader.read(-1)
    writer.close()
    head, _, chunks = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        raise ValueError(f"unexpected answer: {head!r}")
    return b"".join(_parts(chunks))


def _parts(chunks: bytes) -> list[bytes]:
    """What is in a body of chunks (RFC 9112, 7.1)."""
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = chunks.index(b"\r\n", at)
        size = int(chunks[at:line_end], 16)
        if size == 0:
            return parts
        parts.append(chunks[line_end + 2 : line_end + 2 + size])
        at = line_end + 2 + size + 2


async def cost_of_event(port: int, streams: int) -> tuple[float, list[bytes]]:
    """Of each event, where so many streams run at the same time; and the bodies."""
    started = time.perf_counter()
    bodies = await asyncio.gather(*(one_stream(port) for _ in range(streams)))
    took = time.perf_counter() - started
    return took / sum(body.count(b"data: ") for body in bodies), bodies


async def many_streams(which: str) -> AsyncGenerator[Round, None]:
    async with served(which) as port:
        while True:
            cost, bodies = await cost_of_event(port, STREAMS)
            events = events_in(bodies[0])
            counts = sorted({body.count(b"data: ") for body in bodies})
            yield Round({"server-event": cost}, [events[0], events[-1], counts])


async def more_and_more_streams(which: str) -> AsyncGenerator[Round, None]:
    async with served(which) as port:
        while True:
            costs = {
                f"server-event-{streams}": (await cost_of_event(port, streams))[0]
                for streams in SERIES
            }
            yield Round(costs, None)


def ours(quick: bool) -> AsyncGenerator[Round, None]:
    return many_streams("ours")


def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    return many_streams("theirs")


def our_growth(quick: bool) -> AsyncGenerator[Round, None]:
    return more_and_more_streams("ours")


def their_growth(quick: bool) -> AsyncGenerator[Round, None]:
    return more_and_more_streams("theirs")


BENCHMARKS = [
    Benchmark(
        name="server",
        rows=[Row("server-event", f"an event from a server with {STREAMS} streams", Target(2))],
        ours=ours,
        peer="openai-chatkit in a Starlette route",
        theirs=theirs,
        environment=Environment.OPENAI_CHATKIT,
        rounds=7,
        quick_rounds=2,
    ),
    Benchmark(
        name="server-growth",
        rows=[
            Row(f"server-event-{streams}", f"an event from a server with {streams} streams")
            for streams in SERIES
        ],
        ours=our_growth,
        peer="openai-chatkit in a Starlette route",
        theirs=their_growth,
        environment=Environment.OPENAI_CHATKIT,
        rounds=3,
        quick_rounds=0,
    ),
]
