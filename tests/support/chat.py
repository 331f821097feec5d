"""A server whose turns are given by the test, and a client that speaks to ``process``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from typing import Any, TypeAlias

from chatkit.actions import Action
from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
from chatkit.store import AttachmentStore, Store
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ClientToolCallItem,
    HiddenContextItem,
    InferenceOptions,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    UserMessageTextContent,
    WidgetItem,
)
from chatkit.widgets import DynamicWidgetRoot
from support.memory_store import MemoryStore

Json: TypeAlias = Any
Events: TypeAlias = AsyncIterator[ThreadStreamEvent]
Respond: TypeAlias = Callable[[ThreadMetadata, UserMessageItem | None], Events]
Act: TypeAlias = Callable[[ThreadMetadata, Action[str, Any], WidgetItem | None], Events]

CONTEXT = {"user": "ada"}
NO_EVENTS: tuple[ThreadStreamEvent, ...] = ()


async def silence(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
    """A turn without events."""
    for event in NO_EVENTS:
        yield event


class Chat(ChatKitServer[Any]):
    """A server that answers as the test says, over a store in memory unless told otherwise."""

    def __init__(
        self,
        respond: Respond = silence,
        *,
        store: Store[Any] | None = None,
        attachment_store: AttachmentStore[Any] | None = None,
        action: Act | None = None,
    ) -> None:
        super().__init__(MemoryStore() if store is None else store, attachment_store)
        self._respond = respond
        self._action = action

    def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> Events:
        return self._respond(thread, input_user_message)

    def action(
        self,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        context: Any,
    ) -> Events:
        if self._action is None:
            return super().action(thread, action, sender, context)
        return self._action(thread, action, sender)

    # --- the client's side --------------------------------------------------------------------

    async def stream(
        self, request_type: str, /, context: Any = CONTEXT, **params: Json
    ) -> StreamingResult:
        """Send a request that streams."""
        result = await self.process(json.dumps({"type": request_type, "params": params}), context)
        assert isinstance(result, StreamingResult)
        return result

    async def events(
        self, request_type: str, /, context: Any = CONTEXT, **params: Json
    ) -> list[Json]:
        """Send a request that streams, and read its events to the end."""
        return [decode(chunk) async for chunk in await self.stream(request_type, context, **params)]

    async def ask(self, request_type: str, /, context: Any = CONTEXT, **params: Json) -> Json:
        """Send a request that is answered at once."""
        result = await self.process(json.dumps({"type": request_type, "params": params}), context)
        assert isinstance(result, NonStreamingResult)
        return json.loads(result.json)

    async def create(self, text: str = "hello", **extra: Json) -> list[Json]:
        """Start a thread with a message."""
        return await self.events("threads.create", input=says(text, **extra))

    async def new_thread(self, *items: ThreadItem, **fields: Any) -> ThreadMetadata:
        """Put a thread and its items straight into the store."""
        thread = ThreadMetadata(
            id=self.store.generate_thread_id(CONTEXT), created_at=now(), **fields
        )
        await self.store.save_thread(thread, CONTEXT)
        for item in items:
            owned = item.model_copy(update={"thread_id": thread.id})
            await self.store.add_thread_item(thread.id, owned, CONTEXT)
        return thread

    async def stored(self, thread_id: str) -> list[ThreadItem]:
        """Everything that the store holds of a thread, hidden items included."""
        page = await self.store.load_thread_items(thread_id, None, 1000, "asc", CONTEXT)
        return page.data


def decode(chunk: bytes) -> Json:
    """The event in one chunk of a stream."""
    assert chunk.startswith(b"data: ")
    assert chunk.endswith(b"\n\n")
    return json.loads(chunk[6:])


def types(events: list[Json]) -> list[str]:
    """The events' types."""
    return [event["type"] for event in events]


def of_type(events: list[Json], kind: str) -> list[Json]:
    """The events of one type."""
    return [event for event in events if event["type"] == kind]


def kinds(items: list[ThreadItem]) -> list[str]:
    """The items' types."""
    return [item.type for item in items]


def text_of(item: ThreadItem) -> str:
    """The text of an assistant message."""
    assert isinstance(item, AssistantMessageItem)
    return "".join(part.text for part in item.content)


def now() -> datetime:
    return datetime.now(timezone.utc)


def says(text: str, *, attachments: list[str] | None = None) -> Json:
    """What the client sends when a user writes ``text``."""
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": attachments or [],
        "inference_options": {},
    }


def user(text: str = "hello", *, id: str = "user-1", thread_id: str = "") -> UserMessageItem:
    return UserMessageItem(
        id=id,
        thread_id=thread_id,
        created_at=now(),
        content=[UserMessageTextContent(text=text)],
        inference_options=InferenceOptions(),
    )


def assistant(text: str = "", *, id: str = "answer", thread_id: str = "") -> AssistantMessageItem:
    content = [AssistantMessageContent(text=text)] if text else []
    return AssistantMessageItem(id=id, thread_id=thread_id, created_at=now(), content=content)


def hidden(content: Any = "secret", *, id: str = "hidden", thread_id: str = "") -> ThreadItem:
    return HiddenContextItem(id=id, thread_id=thread_id, created_at=now(), content=content)


def widget(text: str = "card", *, id: str = "widget", thread_id: str = "") -> WidgetItem:
    return WidgetItem(id=id, thread_id=thread_id, created_at=now(), widget=card(text))


def card(text: str) -> DynamicWidgetRoot:
    """A widget with one line."""
    return DynamicWidgetRoot.model_validate(
        {"type": "Card", "children": [{"type": "Text", "id": "line", "value": text}]}
    )


def tool_call(*, id: str = "call", thread_id: str = "", **fields: Any) -> ClientToolCallItem:
    return ClientToolCallItem(
        id=id,
        thread_id=thread_id,
        created_at=now(),
        call_id=f"call-{id}",
        name="look",
        arguments={},
        **fields,
    )


def begun(item: ThreadItem) -> ThreadItemAddedEvent:
    return ThreadItemAddedEvent(item=item)


def done(item: ThreadItem) -> ThreadItemDoneEvent:
    return ThreadItemDoneEvent(item=item)


def delta(text: str, *, id: str = "answer", index: int = 0) -> ThreadItemUpdatedEvent:
    update = AssistantMessageContentPartTextDelta(content_index=index, delta=text)
    return ThreadItemUpdatedEvent(item_id=id, update=update)
