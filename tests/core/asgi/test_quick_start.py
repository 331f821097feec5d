"""A server and a route written for the public SDK, as its users have them, run unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from chatkit.server import ChatKitServer
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from support.chat_http import assistant_texts, chat, create_thread, events_in
from support.live_server import client_of
from support.memory_store import MemoryStore


class MyServer(ChatKitServer[dict[str, Any]]):
    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        yield ThreadItemDoneEvent(
            item=AssistantMessageItem(
                thread_id=thread.id,
                id=self.store.generate_item_id("message", thread, context),
                created_at=datetime.now(),  # naive, as they have it
                content=[AssistantMessageContent(text=f"Hi {context['user']}")],
            )
        )


def application() -> FastAPI:
    app = FastAPI()
    server = MyServer(MemoryStore())

    @app.post("/chatkit")
    async def endpoint(request: Request) -> Response:
        result = await server.process(await request.body(), {"user": request.headers["x-user"]})
        if hasattr(result, "json_events"):
            return StreamingResponse(
                result,  # type: ignore[arg-type]  # mypy learns nothing from hasattr
                media_type="text/event-stream",
            )
        return Response(content=result.json, media_type="application/json")

    return app


async def test_the_quick_start_of_the_public_sdk_chats() -> None:
    async with client_of(application()) as client:
        client.headers["x-user"] = "Ada"
        await chat(client, "/chatkit")
        answer = await client.post("/chatkit", json=create_thread())
    assert assistant_texts(events_in(answer.content)) == ["Hi Ada"]


async def test_its_naive_times_come_in_order_after_the_message_that_they_answer() -> None:
    async with client_of(application()) as client:
        client.headers["x-user"] = "Ada"
        created = events_in((await client.post("/chatkit", json=create_thread())).content)
        thread_id = created[0]["thread"]["id"]
        page = {"type": "items.list", "params": {"thread_id": thread_id, "order": "desc"}}
        listed = (await client.post("/chatkit", json=page)).json()
    assert [item["type"] for item in listed["data"]] == ["assistant_message", "user_message"]
