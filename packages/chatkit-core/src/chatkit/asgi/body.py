"""The request's body: whole, up to a limit, or chunk by chunk."""

from __future__ import annotations

import asyncio

from chatkit.asgi.protocol import ClientDisconnectedError, Headers, Receive
from chatkit.asgi.request import Request

MOST_READ_IN_VAIN = 1024 * 1024
SECONDS_READ_IN_VAIN = 3.0


class BodyTooLargeError(Exception):
    """The body is longer than the endpoint allows; the rest of it was not read."""


class BodyStalledError(Exception):
    """Nothing more of the body came for too long; the rest of it was not read."""


async def read_body(request: Request, receive: Receive, limit: int) -> bytearray:
    """The whole body, of at most ``limit`` bytes.

    Raises:
        BodyTooLargeError: It is longer, or says in its ``content-length`` that it will be.
        ClientDisconnectedError: It ended too early.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLargeError(_too_large(limit))
    chunks = Body(receive)
    body = bytearray()
    while (chunk := await chunks.next()) is not None:
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError(_too_large(limit))
    return body


class Body:
    """A request's body, chunk by chunk.

    Args:
        stall_seconds: How long to wait for a chunk; ``None`` for ever.
    """

    def __init__(self, receive: Receive, stall_seconds: float | None = None) -> None:
        self._receive = receive
        self._stall_seconds = stall_seconds
        self._more = True
        self._stalled = False

    async def next(self) -> bytes | None:
        """The next chunk, ``None`` at the end.

        Raises:
            BodyStalledError: It did not come in time.
            ClientDisconnectedError: It will never come.
        """
        if not self._more:
            return None
        try:
            message = await asyncio.wait_for(self._receive(), self._stall_seconds)
        except asyncio.TimeoutError:
            self._stalled = True
            raise BodyStalledError(
                f"nothing more of the body came for {self._stall_seconds:g} seconds"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        self._more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    async def closing_unless_read(self, request: Request) -> Headers:
        """What ends the connection after a refusal, if a large body is still on its way.

        A connection that is closed before its request has been read may lose the answer, so what
        is left is read, if it is little.
        """
        is_http_1 = request.scope.get("http_version", "").startswith("1")
        if not is_http_1 or await self._read_in_vain():
            return []
        return [(b"connection", b"close")]

    async def _read_in_vain(self) -> bool:
        """Whether what was left of it has been read."""
        if self._stalled:
            return False
        try:
            return await asyncio.wait_for(self._read_rest(), SECONDS_READ_IN_VAIN)
        except (asyncio.TimeoutError, BodyStalledError):
            return False

    async def _read_rest(self) -> bool:
        left = MOST_READ_IN_VAIN
        while left > 0:
            chunk = await self.next()
            if chunk is None:
                return True
            left -= len(chunk)
        return False


def _too_large(limit: int) -> str:
    return f"the request body is larger than {limit} bytes"
