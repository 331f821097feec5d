"""``UploadEndpoint``: direct uploads, each one POST of a form with the field ``file``."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import Generic, TypeVar

from chatkit.asgi.body import Body
from chatkit.asgi.door import Caller
from chatkit.asgi.endpoint import ChatKitEndpoint
from chatkit.asgi.failures import JSON_HEADERS, describe_failure, send_failure
from chatkit.asgi.protocol import (
    ClientDisconnectedError,
    Receive,
    Scope,
    Send,
    send_answer,
    telling_of_disconnects,
)
from chatkit.asgi.request import Request, read_request
from chatkit.server.answers import take_upload
from chatkit.store import AttachmentStore

TContext = TypeVar("TContext")

DEFAULT_STALL_SECONDS = 60.0


class UploadEndpoint(Generic[TContext]):
    """An ASGI application that takes files and hands them to the attachment store's ``write``.

    It is what the ChatKit client's ``direct`` upload strategy talks to: the answer is the new
    attachment, as JSON. Serve it at a path of its own, beside the endpoint. It takes no part in
    an ASGI lifespan.

    A file passes through in chunks, and is stored when its form has come to its end, or not at
    all. How large it may be and of which types, the attachment store decides.

    Args:
        endpoint: Whose server, context function and allowed origins are used here too.
        stall_seconds: After how many seconds in which nothing came an upload is given up.

    Raises:
        ImportError: python-multipart is not installed.
        TypeError: The server has no attachment store that takes direct uploads.
        ValueError: ``stall_seconds`` is not above zero.
    """

    def __init__(
        self,
        endpoint: ChatKitEndpoint[TContext],
        *,
        stall_seconds: float = DEFAULT_STALL_SECONDS,
    ) -> None:
        from chatkit.asgi.forms import Form  # needs the extra

        store = endpoint.server.attachment_store
        if store is None or type(store).write is AttachmentStore.write:
            found = None if store is None else type(store).__name__
            raise TypeError(
                "direct uploads need an attachment store with a write method; "
                f"this server's attachment_store is {found}"
            )
        if stall_seconds <= 0:
            raise ValueError(f"stall_seconds= must be above zero, not {stall_seconds}")
        self._new_form = Form
        self._endpoint = endpoint
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"ASGI scopes of type {scope['type']!r} are not served")
        with suppress(ClientDisconnectedError):  # nobody is left to be answered
            await self._serve(read_request(scope), receive, telling_of_disconnects(send))

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        caller = await self._endpoint.door.let_in(request, send)
        if caller is None:
            return
        body = Body(receive, self._stall_seconds)
        try:
            answer = await self._take(request, body, caller)
        except ClientDisconnectedError:
            raise
        except Exception as error:
            failure = describe_failure(error)
            headers = [*caller.headers, *await body.closing_unless_read(request)]
            await send_failure(send, failure, headers)
        else:
            await send_answer(send, 200, [*JSON_HEADERS, *caller.headers], answer)

    async def _take(self, request: Request, body: Body, caller: Caller[TContext]) -> bytes:
        form = self._new_form(request.headers.get("content-type", ""), body)
        file = await form.file()
        async with aclosing(form.chunks()) as chunks:
            return await take_upload(
                self._endpoint.server, file.name, file.mime_type, chunks, caller.context
            )
