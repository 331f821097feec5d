"""I1, I4, I17: integrations that resist a stop, or send what cannot be sent."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

import pytest

from chatkit.server.running import thread_key
from chatkit.types import (
    StructuredInputFreeform,
    StructuredInputItem,
    ThreadMetadata,
    UserMessageItem,
)
from support.chat import (
    CONTEXT,
    Chat,
    Events,
    Json,
    assistant,
    begun,
    decode,
    delta,
    done,
    kinds,
    now,
    says,
    text_of,
    types,
)
from support.slow_store import SlowStore


async def read(chat: Chat, thread: ThreadMetadata, text: str = "go") -> list[Json]:
    return await chat.events("threads.add_user_message", thread_id=thread.id, input=says(text))


@pytest.mark.parametrize("word", ["\ud83d", "a\udc00b"])
async def test_text_that_cannot_be_sent_does_not_spoil_what_was_shown_before_it(word: str) -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("shown")
        yield delta(word)

    chat = Chat(respond)
    thread = await chat.new_thread()
    assert types(await read(chat, thread))[-1] == "error"
    answer = await chat.ask("threads.get_by_id", thread_id=thread.id)
    assert answer["items"]["data"][1]["content"][0]["text"] == "shown"


async def test_an_item_that_cannot_be_sent_is_not_stored() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield done(assistant("\ud83d", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    assert types(await read(chat, thread))[-1] == "error"
    assert kinds(await chat.stored(thread.id)) == ["user_message"]


async def test_an_integration_that_yields_while_it_is_closed_does_not_swallow_a_cancellation() -> (
    None
):
    store = SlowStore()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(id="open", thread_id=thread.id))
        yield delta("seen", id="open")
        try:
            yield done(assistant("whole", thread_id=thread.id))
        finally:
            yield delta("too late", id="open")

    chat = Chat(respond, store=store)
    thread = await chat.new_thread()
    reader = asyncio.create_task(read(chat, thread))
    await store.until(lambda: store.adding("answer"))
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    items = await chat.stored(thread.id)
    assert kinds(items)[1:] == ["assistant_message", "assistant_message", "sdk_hidden_context"]
    assert {text_of(item) for item in items[1:3]} == {"whole", "seen"}


async def test_a_turn_that_will_not_end_is_stored_when_the_server_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatkit.server.turn.CLOSE_LIMIT_S", 0.01)
    hanging, let_go = asyncio.Event(), asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("seen")
        hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()
            yield done(assistant("too late", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    reader = asyncio.create_task(read(chat, thread))
    await hanging.wait()
    await chat.aclose()
    items = await chat.stored(thread.id)
    assert kinds(items) == ["user_message", "assistant_message", "sdk_hidden_context"]
    let_go.set()
    await reader
    assert [item.id for item in await chat.stored(thread.id)] == [item.id for item in items]
    assert text_of(items[1]) == "seen"


async def test_a_cleanup_that_will_not_end_after_a_write_does_not_lose_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatkit.server.turn.CLOSE_LIMIT_S", 0.01)
    store = SlowStore()
    let_go = asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        try:
            yield begun(assistant(id="open", thread_id=thread.id))
            yield delta("seen", id="open")
            yield done(assistant("whole", thread_id=thread.id))
        finally:
            await let_go.wait()

    chat = Chat(respond, store=store)
    thread = await chat.new_thread()
    reader = asyncio.create_task(read(chat, thread))
    await store.until(lambda: store.adding("answer"))
    reader.cancel()
    await store.until(lambda: "open" in store.added_ids)
    let_go.set()
    await asyncio.wait({reader})
    assert store.added_ids.count("open") == 1


async def test_a_stopped_turn_whose_integration_talks_on_ends_though_its_reader_stalls() -> None:
    """The stop comes while the integration works; what it says after that reaches nobody."""
    hanging, talked_on = asyncio.Event(), asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        if message and "second" in str(message.content):
            return
        yield begun(assistant(thread_id=thread.id))
        yield delta("seen")
        try:
            hanging.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield delta(" and more")
        talked_on.set()

    chat = Chat(respond)
    thread = await chat.new_thread()
    chunks: list[Json] = []

    async def stall_at_the_last() -> None:
        async for chunk in await chat.stream(
            "threads.add_user_message", thread_id=thread.id, input=says("go")
        ):
            chunks.append(decode(chunk))
            if hanging.is_set():
                await asyncio.Event().wait()

    reader = asyncio.create_task(stall_at_the_last())
    await hanging.wait()
    await read(chat, thread, "second")
    await reader
    assert not any("and more" in str(chunk) for chunk in chunks)
    assert not talked_on.is_set()


async def test_a_thread_deleted_by_its_own_turn_ends_it_with_one_error() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        await chat.ask("threads.delete", thread_id=thread.id)
        yield done(assistant("after", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    events = await read(chat, thread)
    assert types(events).count("error") == 1
    assert events[-1]["message"] == "This conversation has been deleted."


async def test_a_stop_closes_the_integration_that_goes_on_after_a_form_before_all_else() -> None:
    order: list[str] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        try:
            yield begun(assistant(thread_id=thread.id))
            yield delta("seen")
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            order.append("closed")

    class Hooked(Chat):
        async def handle_stream_cancelled(self, *args: Json) -> None:
            order.append("stored")

    form = StructuredInputItem(
        id="form",
        thread_id="",
        created_at=now(),
        inputs=[StructuredInputFreeform(id="name", question="Name?")],
    )
    chat = Hooked(respond)
    thread = await chat.new_thread(form)
    result = await chat.stream(
        "threads.add_structured_input",
        thread_id=thread.id,
        item_id="form",
        input={"status": "answered", "answers": {}},
    )
    async with aclosing(result.json_events) as stream:
        async for chunk in stream:
            if b"seen" in chunk:
                break
    assert order == ["closed", "stored"]


async def test_a_thread_is_saved_after_a_stop_even_if_the_hook_for_stops_fails() -> None:
    class Hooked(Chat):
        async def handle_stream_cancelled(self, *args: Json) -> None:
            raise RuntimeError("the hook is broken")

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        thread.title = "Set before the stop"
        yield delta("seen")

    chat = Hooked(respond)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async with aclosing(result.json_events) as stream:
        async for chunk in stream:
            if b"seen" in chunk:
                break
    assert (await chat.store.load_thread(thread.id, CONTEXT)).title == "Set before the stop"


async def test_a_reader_that_has_survived_a_cancellation_is_not_cancelled_by_a_takeover() -> None:
    hanging = asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        hanging.set()
        await asyncio.Event().wait()

    chat = Chat(respond)
    thread = await chat.new_thread()

    async def survive_and_read() -> list[Json]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await read(chat, thread)
        return []

    reader = asyncio.create_task(survive_and_read())
    await asyncio.sleep(0)
    reader.cancel()
    await hanging.wait()
    await chat.running_turns.stop(thread_key("", thread.id))
    assert types(await reader)[-1] == "thread.item.added"


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 cannot tell a stop from a task that was stopped"
)
async def test_an_integration_that_awaits_a_cancelled_task_of_its_own_ends_in_an_error_event() -> (
    None
):
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("seen")
        tool = asyncio.create_task(asyncio.Event().wait())
        tool.cancel()
        await tool

    chat = Chat(respond)
    thread = await chat.new_thread()
    assert types(await read(chat, thread))[-1] == "error"
    assert kinds(await chat.stored(thread.id)) == ["user_message", "assistant_message"]


async def test_what_an_integration_says_after_its_turn_was_taken_over_is_not_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatkit.server.turn.CLOSE_LIMIT_S", 0.01)
    hanging, let_go = asyncio.Event(), asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        if hanging.is_set():
            return
        yield begun(assistant("seen", thread_id=thread.id))
        hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await let_go.wait()
        yield done(assistant("too late", id="late", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    params = {"thread_id": thread.id, "input": says("go")}
    first = asyncio.create_task(chat.events("threads.add_user_message", **params))
    await hanging.wait()
    await chat.events("threads.add_user_message", **params)
    let_go.set()
    await first
    assert kinds(await chat.stored(thread.id)) == [
        "user_message",
        "assistant_message",
        "sdk_hidden_context",
        "user_message",
    ]
