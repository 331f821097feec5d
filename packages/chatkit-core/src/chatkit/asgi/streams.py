"""A streaming answer: its chunks, comments that keep the connection alive, disconnects.

Three tasks: one reads the chunks, one waits for the client to go away, and the one that called
writes. Chunks that are ready at the same time go out together, since each message to the ASGI
server costs many times what a chunk does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatkit.asgi.protocol import Headers, Receive, Send

KEEP_ALIVE_COMMENT = b": \n\n"
"""A line that clients of server-sent events pass over (HTML standard, 9.2.6)."""

ROUNDS = 3
"""How often a writer that has something lets all other tasks have their turn before it sends.

On an idle server that takes no time; on a busy one it is as long as they are busy."""

WAITING_LIMIT_BYTES = 64 * 1024
"""How much may wait to be sent before no more chunks are read."""

_reading: set[asyncio.Task[None]] = set()
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
    outbox = _Outbox()
    read = asyncio.create_task(_read(stream, outbox))
    _reading.add(read)
    read.add_done_callback(_reading.discard)
    watch = asyncio.create_task(_wait_for_disconnect(receive))
    for task in (read, watch):
        task.add_done_callback(outbox.wake)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(outbox, read, watch, send, keep_alive)
    finally:
        read.cancel()
        watch.cancel()
        await asyncio.wait((read, watch))  # not gather, which hands cancellations on
    for task in (read, watch):
        if not task.cancelled():
            task.result()  # an error goes to the ASGI server, which breaks the response off


async def _read(stream: AsyncGenerator[bytes, None], outbox: _Outbox) -> None:
    async with aclosing(stream):
        async for chunk in stream:
            outbox.put(chunk)
            if outbox.is_full():
                await outbox.room()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what an ASGI server may still hand on after the body's last part


async def _write(
    outbox: _Outbox,
    read: asyncio.Task[None],
    watch: asyncio.Task[None],
    send: Send,
    keep_alive: float | None,
) -> None:
    """Send what is put into the outbox until all is read and sent, or nobody listens."""
    silence = _Silence(keep_alive, outbox)
    try:
        while not watch.done():
            if outbox:
                for _ in range(ROUNDS):
                    await asyncio.sleep(0)
                await _send_part(send, outbox.take())
                silence.begins()
            elif read.done():
                if not read.cancelled() and read.exception() is None:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            elif silence.is_too_long():
                await _send_part(send, KEEP_ALIVE_COMMENT)
                silence.begins()
            else:
                await outbox.something()
    finally:
        silence.end()


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


class _Outbox:
    """Chunks that wait to be sent: one task puts them in, another takes them out."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._chunks)

    def put(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        self.wake()

    def take(self) -> bytes:
        """All chunks, joined."""
        chunks, self._chunks, self._size = self._chunks, [], 0
        _set(self._room)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def is_full(self) -> bool:
        return self._size >= WAITING_LIMIT_BYTES

    async def room(self) -> None:
        """Wait until all has been taken."""
        self._room = asyncio.get_running_loop().create_future()
        await self._room

    async def something(self) -> None:
        """Wait for a chunk, or for ``wake``."""
        self._arrival = asyncio.get_running_loop().create_future()
        await self._arrival

    def wake(self, _task: object = None) -> None:
        """Let who waits for something look around."""
        _set(self._arrival)


class _Silence:
    """How long nothing has been sent. Wakes the writer when it is too long.

    There is one timer at a time, and none for each chunk.
    """

    def __init__(self, limit: float | None, outbox: _Outbox) -> None:
        self._limit = limit
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def begins(self) -> None:
        if self._limit is not None:
            self._since = self._loop.time()

    def is_too_long(self) -> bool:
        """Whether it is; if not, the writer will be woken to ask again."""
        if self._limit is None:
            return False
        now, until = self._loop.time(), self._since + self._limit
        if now >= until:
            return True
        if self._timer is None or self._timer.when() <= now:
            self._timer = self._loop.call_at(until, self._outbox.wake)
        return False

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _set(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
