"""Chatting over HTTP: request bodies, what comes back, and a server to talk to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import httpx

from chatkit.server import ChatKitServer
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    UserMessageTextContent,
)


def user_input(text: str) -> dict[str, Any]:
    """What the client sends for a message that a user typed."""
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "inference_options": {},
    }


def create_thread(text: str = "Hello") -> dict[str, Any]:
    """A request for a new thread that starts with a message."""
    return {"type": "threads.create", "params": {"input": user_input(text)}}


def events_in(body: bytes) -> list[dict[str, Any]]:
    """The events of an event stream's body; comments are passed over."""
    events = []
    for part in body.split(b"\n\n"):
        if part and not part.startswith(b":"):
            assert part.startswith(b"data: "), part
            events.append(json.loads(part.removeprefix(b"data: ")))
    return events


def assistant_texts(events: list[dict[str, Any]]) -> list[str]:
    """The texts of the assistant messages that are done."""
    items = [event["item"] for event in events if event["type"] == "thread.item.done"]
    return [item["content"][0]["text"] for item in items if item["type"] == "assistant_message"]


async def chat(client: httpx.AsyncClient, path: str) -> None:
    """Have a chat at ``path``: a new thread, a second message, and its history."""
    created = await client.post(path, json=create_thread("first"))
    assert created.status_code == 200, created.text
    assert created.headers["content-type"].startswith("text/event-stream")
    events = events_in(created.content)
    assert len(assistant_texts(events)) == 1, events
    thread_id = events[0]["thread"]["id"]

    second = {"thread_id": thread_id, "input": user_input("second")}
    answered = await client.post(path, json={"type": "threads.add_user_message", "params": second})
    assert len(assistant_texts(events_in(answered.content))) == 1, answered.text

    history = await client.post(
        path, json={"type": "threads.get_by_id", "params": {"thread_id": thread_id}}
    )
    assert history.headers["content-type"].startswith("application/json")
    kinds = [item["type"] for item in history.json()["items"]["data"]]
    assert kinds == ["user_message", "assistant_message"] * 2


def text_of(message: UserMessageItem | None) -> str:
    """What the user typed."""
    parts = message.content if message else []
    return "".join(part.text for part in parts if isinstance(part, UserMessageTextContent))


def assistant_message(thread: ThreadMetadata, id: str, text: str) -> AssistantMessageItem:
    """A message of the assistant."""
    return AssistantMessageItem(
        id=id,
        thread_id=thread.id,
        created_at=datetime.now(timezone.utc),
        content=[AssistantMessageContent(text=text)],
    )


class EchoServer(ChatKitServer[Any]):
    """Answers ``You said: …``."""

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        message_id = self.store.generate_item_id("message", thread, context)
        text = f"You said: {text_of(input_user_message)}"
        yield ThreadItemDoneEvent(item=assistant_message(thread, message_id, text))
