"""The parts of ASGI 3 that are used here, as types; they are those of Starlette and uvicorn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

Headers: TypeAlias = list[tuple[bytes, bytes]]
"""Response headers as ASGI wants them: lower-case names."""


class ClientDisconnectedError(Exception):
    """The client went away before its request, or the answer to it, was complete."""


def telling_of_disconnects(send: Send) -> Send:
    """``send``, but raising ``ClientDisconnectedError``.

    ASGI lets a server either drop what is sent to a client that is gone, or raise an ``OSError``.
    """

    async def checked_send(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:
            raise ClientDisconnectedError from error

    return checked_send


async def send_answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
