"""I7, I12: a thread and its first message are stored whole or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatkit.errors import InvalidRequestError
from chatkit.server import StreamingResult
from chatkit.store import StoreUnavailableError
from chatkit.types import ThreadItem, ThreadMetadata, UserMessageItem
from support.chat import CONTEXT, Chat, Events, assistant, begun, decode, says, types
from support.memory_store import MemoryStore
from support.slow_store import SlowStore
from support.vault import Vault


async def uploaded(chat: Chat, name: str = "plan.pdf") -> str:
    answer = await chat.ask("attachments.create", name=name, size=3, mime_type="application/pdf")
    return str(answer["id"])


async def first_chunk(result: StreamingResult) -> bytes:
    return await anext(aiter(result.json_events))


async def test_thread_and_message_are_stored_before_the_client_hears_of_the_thread() -> None:
    chat = Chat()
    async for chunk in await chat.stream("threads.create", input=says("hello")):
        event = decode(chunk)
        if event["type"] == "thread.created":
            items = await chat.stored(event["thread"]["id"])
            assert [item.type for item in items] == ["user_message"]
            return
    pytest.fail("no thread.created")


class NoItems(MemoryStore):
    """Takes everything but items."""

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        raise StoreUnavailableError("no connection")


async def test_a_thread_whose_first_message_cannot_be_stored_is_taken_back() -> None:
    store = NoItems()
    chat = Chat(store=store, attachment_store=Vault())
    attachment_id = await uploaded(chat)
    events = await chat.create(attachments=[attachment_id])
    assert types(events) == ["error"]
    assert store.threads == {}
    assert store.attachments[attachment_id].thread_id is None
    assert store.attachments[attachment_id].upload_descriptor is not None


async def test_a_message_that_cannot_be_stored_leaves_its_attachments_free() -> None:
    store = NoItems()
    chat = Chat(store=store, attachment_store=Vault())
    thread = await chat.new_thread()
    attachment_id = await uploaded(chat)
    message = says("hello", attachments=[attachment_id])
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=message)
    assert types(events) == ["error"]
    assert store.attachments[attachment_id].thread_id is None


@pytest.mark.parametrize("calls_before_the_stop", [1, 2, 3, 4])
async def test_a_thread_whose_creation_is_cancelled_is_taken_back(
    calls_before_the_stop: int,
) -> None:
    store = SlowStore()
    chat = Chat(store=store, attachment_store=Vault())
    attachment_id = await uploaded(chat)
    message = says("hello", attachments=[attachment_id])
    result = await chat.stream("threads.create", input=message)
    reader = asyncio.create_task(first_chunk(result))
    for _ in range(calls_before_the_stop):
        store.entered.clear()
        await store.entered.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await chat.aclose()
    assert store.inner.threads == {}
    assert store.inner.items == {}
    assert store.inner.attachments[attachment_id].thread_id is None


async def test_a_message_whose_storing_is_cancelled_leaves_its_attachments_free() -> None:
    store = SlowStore()
    chat = Chat(store=store, attachment_store=Vault())
    thread = await chat.new_thread()
    attachment_id = await uploaded(chat)
    result = await chat.stream(
        "threads.add_user_message",
        thread_id=thread.id,
        input=says("hello", attachments=[attachment_id]),
    )
    reader = asyncio.create_task(first_chunk(result))
    await store.until(lambda: store.inner.attachments[attachment_id].thread_id is not None)
    reader.cancel()
    await asyncio.wait({reader})
    await chat.aclose()
    items = await chat.stored(thread.id)
    held = store.inner.attachments[attachment_id].thread_id
    assert (len(items), held) in [(0, None), (1, thread.id)]


async def test_an_attachment_of_another_thread_cannot_be_used_in_a_message() -> None:
    chat = Chat(attachment_store=Vault())
    attachment_id = await uploaded(chat)
    await chat.create(attachments=[attachment_id])
    with pytest.raises(InvalidRequestError, match="belongs to another thread") as caught:
        await chat.create(attachments=[attachment_id])
    assert caught.value.field == "params.input.attachments"
    assert len((await chat.ask("threads.list"))["data"]) == 1


async def test_a_message_does_not_repeat_how_its_attachments_were_uploaded() -> None:
    chat = Chat(attachment_store=Vault())
    attachment_id = await uploaded(chat)
    events = await chat.create(attachments=[attachment_id, attachment_id])
    [attachment] = events[1]["item"]["attachments"]
    assert attachment["id"] == attachment_id
    assert "upload_descriptor" not in attachment
    assert "metadata" not in attachment
    assert attachment["thread_id"] == events[0]["thread"]["id"]


async def test_a_stop_between_the_message_and_the_answer_keeps_the_message() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))

    chat = Chat(respond)
    result = await chat.stream("threads.create", input=says("hello"))
    created = decode(await anext(aiter(result.json_events)))
    await result.json_events.aclose()
    items = await chat.stored(created["thread"]["id"])
    assert [item.type for item in items] == ["user_message"]


async def test_context_reaches_the_hooks_as_it_was_passed() -> None:
    seen: list[Any] = []

    class Curious(Chat):
        def respond(
            self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
        ) -> Events:
            seen.append(context)
            return super().respond(thread, input_user_message, context)

    await Curious().create()
    assert seen == [CONTEXT]
    assert seen[0] is CONTEXT
