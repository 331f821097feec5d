"""The endpoint inside Starlette and FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

from chatkit.asgi import ChatKitEndpoint
from chatkit.types import (
    ProgressUpdateEvent,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from support.chat_http import (
    EchoServer,
    assistant_message,
    assistant_texts,
    chat,
    create_thread,
    events_in,
    text_of,
)
from support.live_server import SERVERS, ServerName, client_of, raw_connection, serve
from support.memory_store import MemoryStore


def starlette_mount(endpoint: ChatKitEndpoint[Any]) -> tuple[Any, str]:
    return Starlette(routes=[Mount("/api", endpoint)], lifespan=endpoint.lifespan), "/api/chatkit"


def starlette_route(endpoint: ChatKitEndpoint[Any]) -> tuple[Any, str]:
    return Starlette(routes=[Route("/chatkit", endpoint)], lifespan=endpoint.lifespan), "/chatkit"


def starlette_middleware(endpoint: ChatKitEndpoint[Any]) -> tuple[Any, str]:
    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    middleware = [Middleware(BaseHTTPMiddleware, dispatch=pass_on), Middleware(GZipMiddleware)]
    app = Starlette(
        routes=[Route("/chatkit", endpoint)], middleware=middleware, lifespan=endpoint.lifespan
    )
    return app, "/chatkit"


def fastapi_mount(endpoint: ChatKitEndpoint[Any]) -> tuple[Any, str]:
    app = FastAPI(lifespan=endpoint.lifespan)
    app.mount("/api", endpoint)
    return app, "/api/chatkit"


def fastapi_route(endpoint: ChatKitEndpoint[Any]) -> tuple[Any, str]:
    app = FastAPI(lifespan=endpoint.lifespan, routes=[Route("/chatkit", endpoint)])
    return app, "/chatkit"


Mounting = Callable[[ChatKitEndpoint[Any]], tuple[Any, str]]
MOUNTINGS: list[Mounting] = [
    starlette_mount,
    starlette_route,
    starlette_middleware,
    fastapi_mount,
    fastapi_route,
]
mounted = pytest.mark.parametrize("mount", MOUNTINGS)


class MeetingServer(EchoServer):
    """Answers a message only once another one has come too."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.here: set[str] = set()
        self.both_here = asyncio.Event()
        self.stopped = asyncio.Event()

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        yield ProgressUpdateEvent(text="waiting")
        text = text_of(input_user_message)
        self.here.add(text)
        if len(self.here) == 2:
            self.both_here.set()
        try:
            await self.both_here.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        message_id = self.store.generate_item_id("message", thread, context)
        yield ThreadItemDoneEvent(item=assistant_message(thread, message_id, f"I met {text}"))


@mounted
@pytest.mark.parametrize("name", SERVERS)
async def test_a_chat_works_in_each_framework(mount: Mounting, name: ServerName) -> None:
    store = MemoryStore()
    app, path = mount(ChatKitEndpoint(EchoServer(store), context=lambda request: None))
    async with client_of(app, name) as client:
        await chat(client, path)
    assert store.closed


@mounted
async def test_two_streams_run_at_once(mount: Mounting) -> None:
    app, path = mount(ChatKitEndpoint(MeetingServer(), context=lambda request: None))
    async with client_of(app) as client:
        answers = await asyncio.gather(
            client.post(path, json=create_thread("Ada")),
            client.post(path, json=create_thread("Grace")),
        )
    texts = [assistant_texts(events_in(answer.content)) for answer in answers]
    assert texts == [["I met Ada"], ["I met Grace"]]


@mounted
async def test_a_disconnect_reaches_the_turn_through_the_framework(mount: Mounting) -> None:
    server = MeetingServer()
    app, path = mount(ChatKitEndpoint(server, context=lambda request: None))
    async with client_of(app) as client:
        async with client.stream("POST", path, json=create_thread("Ada")) as answer:
            async for chunk in answer.aiter_bytes():
                if b"waiting" in chunk:
                    break
        await asyncio.wait_for(server.stopped.wait(), 10)


@pytest.mark.parametrize("mount", [starlette_route, fastapi_route])
async def test_a_route_answers_at_its_very_path_without_a_redirect(mount: Mounting) -> None:
    endpoint = ChatKitEndpoint(
        EchoServer(MemoryStore()),
        context=lambda request: None,
        allow_origins=["https://shop.example"],
    )
    app, path = mount(endpoint)
    preflight = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    async with client_of(app) as client:
        assert (await client.options(path, headers=preflight)).status_code == 200
        assert (await client.get(path)).status_code == 405


async def test_what_middleware_has_found_out_reaches_the_context_function() -> None:
    found: list[Any] = []

    class Authentication:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, "user": "Ada"}, receive, send)

    endpoint = ChatKitEndpoint(
        EchoServer(MemoryStore()), context=lambda request: found.append(request.scope["user"])
    )
    async with (
        serve(Authentication(endpoint)) as address,
        raw_connection(address) as (reader, writer),
    ):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        assert b" 400 " in await reader.readline()
    assert found == ["Ada"]
