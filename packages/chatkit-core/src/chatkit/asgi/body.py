"""The request's body, up to a limit."""

from __future__ import annotations

from chatkit.asgi.protocol import ClientDisconnectedError, Receive
from chatkit.asgi.request import Request


class BodyTooLargeError(Exception):
    """The body is longer than the endpoint allows; the rest of it was not read."""


async def read_body(request: Request, receive: Receive, limit: int) -> bytearray:
    """The whole body, of at most ``limit`` bytes.

    Raises:
        BodyTooLargeError: It is longer, or says in its ``content-length`` that it will be.
        ClientDisconnectedError: It ended too early.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLargeError(_too_large(limit))
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLargeError(_too_large(limit))
        more = message.get("more_body", False)
    return body


def _too_large(limit: int) -> str:
    return f"the request body is larger than {limit} bytes"
