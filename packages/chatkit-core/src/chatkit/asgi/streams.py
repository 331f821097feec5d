"""A streaming answer: its chunks, comments that keep the connection alive, disconnects.

Two tasks: one forwards the chunks, one waits for the client to go away. Whichever ends first ends
the other. The task that called sends the keep-alive comments in between, so that there is no
timer for each chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatkit.asgi.protocol import Headers, Receive, Send

KEEP_ALIVE_COMMENT = b": \n\n"
"""A line that clients of server-sent events pass over (HTML standard, 9.2.6)."""

_forwarding: set[asyncio.Task[None]] = set()
"""Tasks that may outlive their request: a cancelled one still has to close its stream, also when
the caller's scope lets nobody wait for it; the event loop alone would not keep them."""


async def send_stream(
    stream: AsyncGenerator[bytes, None],
    headers: Headers,
    receive: Receive,
    send: Send,
    keep_alive: float | None,
) -> None:
    """Send a stream's chunks as they come; when the client goes away, stop the stream at once.

    Args:
        stream: Is always closed in the end, in the task that has read from it.
        keep_alive: After how many seconds of silence to send a comment; ``None`` for never.
    """
    response = _StreamedResponse(send)
    forward = asyncio.create_task(_forward(stream, response, headers))
    _forwarding.add(forward)
    forward.add_done_callback(_forwarding.discard)
    watch = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await _wait_for_first(forward, watch, response, keep_alive)
    finally:
        forward.cancel()
        watch.cancel()
        await asyncio.wait((forward, watch))  # not gather, which hands cancellations on
    for task in (forward, watch):
        if not task.cancelled():
            task.result()  # an error goes to the ASGI server, which breaks the response off


async def _forward(
    stream: AsyncGenerator[bytes, None], response: _StreamedResponse, headers: Headers
) -> None:
    async with aclosing(stream):
        await response.start(headers)
        async for chunk in stream:
            await response.write(chunk)
    await response.end()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what an ASGI server may still hand on after the body's last part


async def _wait_for_first(
    forward: asyncio.Task[None],
    watch: asyncio.Task[None],
    response: _StreamedResponse,
    keep_alive: float | None,
) -> None:
    done: set[asyncio.Task[None]] = set()
    while not done:
        time_left = None if keep_alive is None else keep_alive - response.seconds_quiet()
        if time_left is not None and time_left <= 0:
            await response.write(KEEP_ALIVE_COMMENT)
            continue
        done, _ = await asyncio.wait(
            (forward, watch), timeout=time_left, return_when=asyncio.FIRST_COMPLETED
        )


class _StreamedResponse:
    """A response that two tasks send parts of, one whole part at a time."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sending = asyncio.Lock()
        self._is_open = False
        self._quiet_since = 0.0

    async def start(self, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self._quiet_since = asyncio.get_running_loop().time()
        self._is_open = True

    async def write(self, chunk: bytes) -> None:
        async with self._sending:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._quiet_since = asyncio.get_running_loop().time()

    async def end(self) -> None:
        self._is_open = False
        async with self._sending:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def seconds_quiet(self) -> float:
        """How long nothing was sent; none while something is on its way or cannot be sent."""
        if not self._is_open or self._sending.locked():
            return 0.0
        return asyncio.get_running_loop().time() - self._quiet_since
