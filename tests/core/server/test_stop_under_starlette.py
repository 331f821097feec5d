"""I1 where it hurts: Starlette on a real socket, a slow store, and a client that goes away."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.responses import StreamingResponse as StarletteStream
from starlette.routing import Route

from chatkit.server import StreamingResult
from chatkit.types import ThreadMetadata, UserMessageItem
from support.chat import (
    CONTEXT,
    Chat,
    Events,
    assistant,
    begun,
    delta,
    kinds,
    says,
    text_of,
)
from support.live_server import serve
from support.slow_store import SlowStore


def starlette_app(chat: Chat) -> Starlette:
    """The usual route by hand, as in the public SDK's quick start."""

    async def route(request: Request) -> Response:
        result = await chat.process(await request.body(), CONTEXT)
        if isinstance(result, StreamingResult):
            return StarletteStream(result, media_type="text/event-stream")
        return Response(result.json, media_type="application/json")

    return Starlette(routes=[Route("/chatkit", route, methods=["POST"])])


@pytest.mark.parametrize("pause", ["while the model thinks", "while chunks pour out"])
async def test_a_client_that_disconnects_finds_all_that_it_saw(pause: str) -> None:
    thread_ids: list[str] = []
    stopped = asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        thread_ids.append(thread.id)
        try:
            yield begun(assistant(thread_id=thread.id))
            yield delta("seen")
            while pause == "while chunks pour out":
                yield delta("." * 1000)
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        finally:
            stopped.set()

    chat = Chat(respond, store=SlowStore())
    async with serve(starlette_app(chat)) as address:
        async with httpx.AsyncClient(base_url=address.url) as client:
            request = {"type": "threads.create", "params": {"input": says("go")}}
            async with client.stream("POST", "/chatkit", json=request) as response:
                async for line in response.aiter_lines():
                    if "seen" in line:
                        break
        await stopped.wait()
        await chat.aclose()
    items = await chat.stored(thread_ids[0])
    assert kinds(items) == ["user_message", "assistant_message", "sdk_hidden_context"]
    assert text_of(items[1]).startswith("seen")
