"""``ChatKitEndpoint``: which request is answered how, and the lifespan."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Generic, Literal, TypeVar

from chatkit.asgi.body import read_body
from chatkit.asgi.door import Caller, Door
from chatkit.asgi.failures import JSON_HEADERS, describe_failure, send_failure
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
from chatkit.asgi.streams import send_stream
from chatkit.logger import logger
from chatkit.server import ChatKitServer, StreamingResult

TContext = TypeVar("TContext")

DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024

STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the chunks back
]


class ChatKitEndpoint(Generic[TContext]):
    """An ASGI application that answers ChatKit requests, at whatever path it is asked.

    Run it on its own under any ASGI server, or mount it in Starlette or FastAPI. On its own, its
    lifespan closes the server and its stores at the end; mounted, it is not told of the end, so
    pass ``lifespan=endpoint.lifespan`` to the outer application.

    Args:
        server: Answers the requests.
        context: A function, sync or async, from the ``Request`` to what the server's methods get
            as their ``context``: who is asking. It runs before the body is read. To turn a
            request away it raises an exception with an int ``status_code`` from 400 to 599, and
            if it likes a string ``detail`` and a mapping ``headers``, such as the
            ``HTTPException`` of Starlette or FastAPI. Required, since a forgotten one would show
            everybody the same conversations.
        allow_origins: Origins whose pages may call (CORS), or ``"*"``; none by default, which is
            right for pages from the same origin, or where other middleware sees to it.
        max_body_bytes: Longer request bodies are refused with status 413.
        keep_alive: After how many seconds of silence a stream carries a comment line, so that
            proxies do not take it for dead; off by default.

    Raises:
        TypeError: ``context`` is no function, or ``allow_origins`` no list of origins.
        ValueError: An origin is none, or a number is not above zero.
    """

    def __init__(
        self,
        server: ChatKitServer[TContext],
        *,
        context: Callable[[Request], TContext | Awaitable[TContext]],
        allow_origins: Iterable[str] | Literal["*"] = (),
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        keep_alive: float | None = None,
    ) -> None:
        if max_body_bytes <= 0:
            raise ValueError(f"max_body_bytes= must be above zero, not {max_body_bytes}")
        if keep_alive is not None and keep_alive <= 0:
            raise ValueError(f"keep_alive= must be above zero seconds, not {keep_alive}")
        self.server = server
        self.door = Door(context, allow_origins)
        self._max_body_bytes = max_body_bytes
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            with suppress(ClientDisconnectedError):  # nobody is left to be answered
                await self._serve(read_request(scope), receive, telling_of_disconnects(send))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})  # becomes a 403 of the handshake
        else:
            raise NotImplementedError(f"ASGI scopes of type {scope['type']!r} are not served")

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        caller = await self.door.let_in(request, send)
        if caller is not None:
            await self._answer(request, caller, receive, send)

    async def _answer(
        self, request: Request, caller: Caller[TContext], receive: Receive, send: Send
    ) -> None:
        try:
            body = await read_body(request, receive, self._max_body_bytes)
            result = await self.server.process(body, caller.context)
        except ClientDisconnectedError:
            raise
        except Exception as error:
            await send_failure(send, describe_failure(error), caller.headers)
            return
        if isinstance(result, StreamingResult):
            headers = [*STREAM_HEADERS, *caller.headers]
            await send_stream(result.json_events, headers, receive, send, self._keep_alive)
        else:
            await send_answer(send, 200, [*JSON_HEADERS, *caller.headers], result.json)

    async def aclose(self) -> None:
        """Close the server, then its store, then its attachment store.

        Each is closed even if closing one before it failed; the last error is raised.
        """
        async with AsyncExitStack() as last_first:
            if self.server.attachment_store is not None:
                last_first.push_async_callback(self.server.attachment_store.aclose)
            last_first.push_async_callback(self.server.store.aclose)
            last_first.push_async_callback(self.server.aclose)

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncGenerator[None, None]:
        """For the outer application when mounted: ``FastAPI(lifespan=endpoint.lifespan)``."""
        try:
            yield
        finally:
            await self.aclose()

    async def _live(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol."""
        await receive()  # lifespan.startup: stores open themselves when first asked
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        try:
            await self.aclose()
        except Exception as error:
            logger.exception("closing failed")
            await send({"type": "lifespan.shutdown.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})
