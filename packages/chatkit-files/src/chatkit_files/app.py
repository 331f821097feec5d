"""The ASGI application that takes uploads and hands files out, at links that the store has signed.

A link is all that it goes by: no cookie and no session is looked at. What it hands out cannot run
as a page or a script, also on the origin of your own pages.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, Literal

from chatkit.asgi.body import Body, BodyStalledError
from chatkit.asgi.cors import Cors
from chatkit.asgi.failures import Failure, describe_failure
from chatkit.asgi.protocol import (
    ClientDisconnectedError,
    Headers,
    Receive,
    Scope,
    Send,
    send_answer,
    telling_of_disconnects,
)
from chatkit.asgi.request import Request, read_request
from chatkit.logger import logger
from chatkit.objects import NoObjectError
from chatkit_files.folder import Incoming
from chatkit_files.links import Ticket
from chatkit_files.objects import CHUNK_BYTES, FolderObjects
from chatkit_files.ranges import Part, UnsatisfiableRangeError, asked_part

METHODS = ("GET", "HEAD", "PUT")

STALL_SECONDS = 60.0

HARMLESS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"accept-ranges", b"bytes"),
]
"""What keeps a download from being more than a file."""


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(status, kind, message)


class FolderApp:
    """The routes of a ``FolderAttachmentStore``, which makes it (``store.app``).

    Mount it where the store's ``url`` says. It takes no part in an ASGI lifespan.

    Args:
        objects: The folder.
        allow_origins: Origins whose pages may upload.
        stall_seconds: After how many seconds in which nothing came an upload is given up.
    """

    def __init__(
        self,
        objects: FolderObjects,
        allow_origins: Iterable[str] | Literal["*"] = (),
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._objects = objects
        self._cors = Cors(allow_origins, methods=METHODS)
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"ASGI scopes of type {scope['type']!r} are not served")
        with suppress(ClientDisconnectedError):  # nobody is left to be answered
            await self._serve(read_request(scope), receive, telling_of_disconnects(send))

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        headers = self._cors.headers(request)
        body = Body(receive, self._stall_seconds)
        try:
            if self._cors.is_preflight(request):
                await self._answer_preflight(request, headers, send)
            elif request.method == "PUT":
                await self._take(request, await self._ticket(request), body)
                await send_answer(send, 201, headers, b"")
            else:
                await self._hand_out(request, await self._ticket(request), headers, send)
        except _Refused as refused:
            headers = [*headers, *await body.closing_unless_read(request)]
            await _send_failure(send, refused.failure, headers)
        except BodyStalledError as error:
            headers = [*headers, *await body.closing_unless_read(request)]
            await _send_failure(send, describe_failure(error), headers)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            logger.exception("the folder of attachments failed")
            kind = "insufficient_storage" if full else "unavailable"
            headers = [*headers, *await body.closing_unless_read(request)]
            failure = Failure(507 if full else 503, kind, "try again later")
            await _send_failure(send, failure, headers)

    async def _answer_preflight(self, request: Request, headers: Headers, send: Send) -> None:
        if not self._cors.allows(request):
            raise _Refused(403, "origin_not_allowed", "pages of this origin may not call")
        await send_answer(send, 200, [*headers, *self._cors.preflight_headers(request)], b"")

    async def _ticket(self, request: Request) -> Ticket:
        """What the link allows. It must be for the request's method."""
        if request.method not in METHODS:
            raise _Refused(405, "method_not_allowed", "only GET, HEAD and PUT are served here")
        ticket = await self._objects.ticket(request.path.rpartition("/")[2])
        if ticket is None:
            raise _Refused(403, "forbidden", "this link is not valid, or has expired")
        if ("PUT" if request.method == "PUT" else "GET") != ticket.method:
            raise _Refused(403, "forbidden", f"this link is for {ticket.method}")
        return ticket

    # Uploads

    async def _take(self, request: Request, ticket: Ticket, body: Body) -> None:
        if request.headers.get("content-type", "") != ticket.mime_type:
            raise _Refused(415, "unsupported_media_type", f"announced was {ticket.mime_type}")
        declared = request.headers.get("content-length")
        if declared is not None and declared != str(ticket.size):
            raise _wrong_size(ticket)
        if await self._objects.is_there(ticket.key):
            raise _already_there()
        incoming = await asyncio.to_thread(Incoming, self._objects.folder, ticket.key)
        try:
            await _receive_all(incoming, ticket, body)
            await asyncio.to_thread(incoming.finish)
        except FileExistsError:
            raise _already_there() from None
        finally:
            # A thread that still writes is waited for; not cancelled with this task.
            await asyncio.shield(asyncio.to_thread(incoming.close))

    # Downloads

    async def _hand_out(
        self, request: Request, ticket: Ticket, headers: Headers, send: Send
    ) -> None:
        size = await self._objects.size(ticket.key)
        if size is None:
            raise _Refused(404, "not_found", "there is no such file")
        headers = [*_download_headers(ticket), *headers]
        try:
            # Without validators there is nothing that If-Range could be true of.
            part = (
                None
                if "if-range" in request.headers
                else asked_part(request.headers.get("range"), size)
            )
        except UnsatisfiableRangeError:
            headers.append((b"content-range", f"bytes */{size}".encode()))
            failure = Failure(416, "range_not_satisfiable", f"the file has {size} bytes")
            await _send_failure(send, failure, headers)
            return
        start, end = part or Part(0, size)
        if part is not None:
            headers.append((b"content-range", f"bytes {start}-{end - 1}/{size}".encode()))
        headers.append((b"content-length", str(end - start).encode()))
        status = 200 if part is None else 206
        if request.method == "HEAD" or start == end:
            await _start(send, status, headers)
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._send_file(ticket.key, Part(start, end), status, headers, send)

    async def _send_file(
        self, key: str, part: Part, status: int, headers: Headers, send: Send
    ) -> None:
        try:
            file = await asyncio.to_thread(self._objects.folder.open, key, part.start)
        except NoObjectError:
            raise _Refused(404, "not_found", "there is no such file") from None
        try:
            await _start(send, status, headers)
            left = part.end - part.start
            while left:
                chunk = await _read(file, min(left, CHUNK_BYTES))
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        finally:
            file.close()


async def _receive_all(incoming: Incoming, ticket: Ticket, body: Body) -> None:
    received = 0
    while (chunk := await body.next()) is not None:
        received += len(chunk)
        if received > ticket.size:
            raise _wrong_size(ticket)
        await asyncio.to_thread(incoming.write, chunk)
    if received != ticket.size:
        raise _wrong_size(ticket)


async def _read(file: BinaryIO, most: int) -> bytes:
    """The next bytes of a file whose length has been told to the client already.

    Raises ``RuntimeError`` where there are none: the ASGI server then breaks the answer off.
    """
    try:
        chunk = await asyncio.to_thread(file.read, most)
    except OSError as error:
        raise RuntimeError("a file could not be read to its end") from error
    if not chunk:
        raise RuntimeError("a file became shorter while it was read")
    return chunk


def _wrong_size(ticket: Ticket) -> _Refused:
    return _Refused(400, "wrong_size", f"announced were {ticket.size} bytes")


def _already_there() -> _Refused:
    return _Refused(409, "already_uploaded", "this link has been used")


def _download_headers(ticket: Ticket) -> Headers:
    seconds = max(0, int(ticket.expires - time.time()))
    content_type, disposition = ticket.serving
    return [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-disposition", disposition.encode("latin-1")),
        (b"cache-control", f"private, max-age={seconds}, immutable".encode()),
        *HARMLESS,
    ]


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _send_failure(send: Send, failure: Failure, headers: Headers) -> None:
    headers = [header for header in headers if header[0] not in _OF_THE_FILE]
    headers = [*headers, (b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send_answer(send, failure.status, headers, failure.json)


_OF_THE_FILE = (b"content-type", b"content-disposition", b"cache-control")
