"""I11, I13 to I16, I23: what requests do beside their turn."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest

from chatkit.errors import RequestRefusedError
from chatkit.server import stream_widget
from chatkit.store import NotFoundError, default_generate_id
from chatkit.types import Page, ThreadItem, ThreadMetadata, UserMessageItem
from chatkit.widgets import DynamicWidgetRoot, WidgetRoot
from support.chat import (
    CONTEXT,
    NO_EVENTS,
    Chat,
    Events,
    assistant,
    hidden,
    kinds,
    says,
    tool_call,
    types,
    user,
)
from support.memory_store import MemoryStore


class Asked(MemoryStore):
    """Remembers the limits it was asked for, and gives out its own page objects."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []
        self.pages: list[Page[ThreadItem]] = []

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        self.limits.append(limit)
        page = await super().load_thread_items(thread_id, after, limit, order, context)
        self.pages.append(page)
        return page


@pytest.mark.parametrize(
    ("asked", "used"), [(None, 20), (0, 20), (1, 1), (100, 100), (101, 100), (10**12, 100)]
)
async def test_a_page_has_as_many_records_as_asked_for_up_to_a_hundred(
    asked: int | None, used: int
) -> None:
    store = Asked()
    chat = Chat(store=store)
    thread = await chat.new_thread()
    await chat.ask("items.list", thread_id=thread.id, limit=asked)
    assert store.limits == [used]


async def test_the_stores_own_pages_are_left_as_they_are() -> None:
    store = Asked()
    chat = Chat(store=store)
    thread = await chat.new_thread(hidden(id="h"), user(id="u"))
    await chat.ask("items.list", thread_id=thread.id)
    await chat.ask("threads.get_by_id", thread_id=thread.id)
    assert [len(page.data) for page in store.pages] == [2, 2]


async def test_times_made_here_are_aware_and_in_utc() -> None:
    chat = Chat()
    events = await chat.create()
    thread_id = events[0]["thread"]["id"]
    thread = await chat.store.load_thread(thread_id, CONTEXT)
    [message] = await chat.stored(thread_id)
    assert thread.created_at.utcoffset() == timedelta(0)
    assert message.created_at.utcoffset() == timedelta(0)


def test_ids_are_a_prefix_and_128_random_bits() -> None:
    ids = {default_generate_id("message") for _ in range(1000)}
    assert len(ids) == 1000
    for made in ids:
        prefix, bits = made.split("_")
        assert prefix == "msg"
        assert len(bytes.fromhex(bits)) == 16


# --- client tools ----------------------------------------------------------------------------


async def test_a_tool_result_finds_its_call_behind_hidden_and_other_items() -> None:
    chat = Chat()
    later = [hidden(id=f"h-{n}") for n in range(150)]
    thread = await chat.new_thread(user(), tool_call(), assistant("meanwhile"), *later)
    events = await chat.events(
        "threads.add_client_tool_output", thread_id=thread.id, result={"a": None}
    )
    assert types(events) == ["stream_options"]
    call = await chat.store.load_item(thread.id, "call", CONTEXT)
    assert call.type == "client_tool_call"
    assert (call.status, call.output) == ("completed", {"a": None})


async def test_a_call_from_before_the_last_user_message_takes_no_result() -> None:
    chat = Chat()
    thread = await chat.new_thread(tool_call(), user())
    with pytest.raises(RequestRefusedError):
        await chat.events("threads.add_client_tool_output", thread_id=thread.id, result=1)


async def test_other_pending_calls_are_removed_when_a_result_arrives() -> None:
    chat = Chat()
    thread = await chat.new_thread(
        tool_call(id="old"), user(), tool_call(id="stuck"), tool_call(id="newest")
    )
    await chat.events("threads.add_client_tool_output", thread_id=thread.id, result=1)
    assert [item.id for item in await chat.stored(thread.id)] == ["user-1", "newest"]


async def test_a_tool_result_does_not_read_the_whole_of_a_long_thread() -> None:
    store = Asked()
    chat = Chat(store=store)
    earlier = [assistant("earlier", id=f"a-{n}") for n in range(250)]
    thread = await chat.new_thread(*earlier, user(), tool_call())
    await chat.events("threads.add_client_tool_output", thread_id=thread.id, result=1)
    assert store.limits == [100]


# --- retry -----------------------------------------------------------------------------------


async def test_a_retry_deletes_what_follows_in_one_call_of_the_store() -> None:
    calls: list[str] = []

    class AtOnce(MemoryStore):
        async def delete_items_after(self, thread_id: str, item_id: str, context: Any) -> None:
            calls.append(item_id)
            await super().delete_items_after(thread_id, item_id, context)

    heard: list[UserMessageItem | None] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        heard.append(message)
        for event in NO_EVENTS:
            yield event

    chat = Chat(respond, store=AtOnce())
    thread = await chat.new_thread(user(id="u-1"), assistant("a"), user(id="u-2"))
    await chat.events("threads.retry_after_item", thread_id=thread.id, item_id="u-1")
    assert calls == ["u-1"]
    assert [message.id for message in heard if message] == ["u-1"]
    assert kinds(await chat.stored(thread.id)) == ["user_message"]


async def test_a_retry_of_an_unknown_item_deletes_nothing() -> None:
    chat = Chat()
    thread = await chat.new_thread(user(id="u-1"), assistant("a"))
    with pytest.raises(NotFoundError):
        await chat.events("threads.retry_after_item", thread_id=thread.id, item_id="gone")
    assert len(await chat.stored(thread.id)) == 2


@pytest.mark.parametrize("cursor", [None, "always the same"])
async def test_no_request_loops_for_ever_on_a_store_whose_pages_never_end(
    cursor: str | None,
) -> None:
    class Endless(MemoryStore):
        async def load_thread_items(
            self, thread_id: str, after: str | None, limit: int, order: str, context: Any
        ) -> Page[ThreadItem]:
            page = await super().load_thread_items(thread_id, None, limit, order, context)
            return Page[ThreadItem](data=page.data, has_more=True, after=cursor)

    chat = Chat(store=Endless())
    thread = await chat.new_thread(user(id="u-1"), assistant("a"))
    await chat.events("threads.retry_after_item", thread_id=thread.id, item_id="u-1")
    with pytest.raises(RequestRefusedError):
        await chat.events("threads.add_client_tool_output", thread_id=thread.id, result=1)
    await chat.ask("threads.delete", thread_id=thread.id)
    assert (await chat.ask("threads.list"))["data"] == []


# --- widgets as events -----------------------------------------------------------------------


async def widget_states(*states: str) -> AsyncGenerator[WidgetRoot, None]:
    for state in states:
        yield DynamicWidgetRoot.model_validate(
            {"type": "Card", "children": [{"type": "Text", "id": "t", "value": state}]}
        )


async def test_an_empty_widget_generator_gives_no_item_and_no_error() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        async for event in stream_widget(thread, widget_states()):
            yield event

    assert types(await Chat(respond).create()) == [
        "thread.created",
        "thread.item.done",
        "stream_options",
    ]


async def test_a_growing_widget_is_added_updated_and_stored_whole() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        async for event in stream_widget(thread, widget_states("a", "ab", "ab")):
            yield event

    chat = Chat(respond)
    events = await chat.create()
    assert types(events)[-3:] == ["thread.item.added", "thread.item.updated", "thread.item.done"]
    [_, item] = await chat.stored(events[0]["thread"]["id"])
    assert item.type == "widget"
    assert '"ab"' in item.model_dump_json()
    assert json.dumps(events[-1]).count('"ab"') == 1


async def test_messages_of_a_str_bytes_or_bytearray_body_are_the_same() -> None:
    chat = Chat()
    body = json.dumps({"type": "threads.create", "params": {"input": says("grüße")}})
    for form in (body, body.encode(), bytearray(body.encode())):
        result = await chat.process(form, CONTEXT)
        chunks = [chunk async for chunk in result]  # type: ignore[union-attr]  # it streams
        assert "grüße".encode() in b"".join(chunks) or b"gr\\u00fc\\u00dfe" in b"".join(chunks)
