"""I1, I4: a stop, however it comes, keeps what the user has seen, once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import anyio
import pytest

from chatkit.server import StreamingResult
from chatkit.types import ThreadItem, ThreadItemDoneEvent, ThreadMetadata, UserMessageItem
from support.chat import (
    CONTEXT,
    Chat,
    Events,
    assistant,
    begun,
    decode,
    delta,
    done,
    kinds,
    says,
    text_of,
)
from support.slow_store import SlowStore

Stop = Callable[[StreamingResult], Awaitable[None]]


class Speaker:
    """A turn that says two words and then thinks until it is stopped."""

    def __init__(self) -> None:
        self.thread_id = ""
        self.spoke = asyncio.Event()
        self.stopped_by: str = ""

    async def respond(self, thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        self.thread_id = thread.id
        try:
            yield begun(assistant(thread_id=thread.id))
            yield delta("Hello ")
            yield delta("world")
            self.spoke.set()
            await asyncio.Event().wait()
        except BaseException as error:
            self.stopped_by = type(error).__name__
            raise


async def read_words(stream: AsyncIterator[bytes], words: int = 2) -> None:
    async for chunk in stream:
        words -= decode(chunk)["type"] == "thread.item.updated"
        if words == 0:
            return


async def cancel_the_reader(result: StreamingResult) -> None:
    task = asyncio.create_task(read_words(aiter(result), words=3))
    await asyncio.sleep(0)
    while not task.done():
        await asyncio.sleep(0)
        if SPEAKERS[-1].spoke.is_set():
            break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancel_the_scope(result: StreamingResult) -> None:
    """As Starlette does: every await inside is cancelled, again and again."""
    async with anyio.create_task_group() as group:

        async def read() -> None:
            await read_words(aiter(result), words=3)

        group.start_soon(read)
        await SPEAKERS[-1].spoke.wait()
        group.cancel_scope.cancel()


async def close_the_stream(result: StreamingResult) -> None:
    async with aclosing(result.json_events) as stream:
        await read_words(stream)


async def drop_the_stream(result: StreamingResult) -> None:
    await read_words(aiter(result))
    stopped = asyncio.Event()
    del result
    gc.collect()
    asyncio.get_running_loop().call_soon(stopped.set)
    await stopped.wait()


SPEAKERS: list[Speaker] = []

STOPS: list[Stop] = [cancel_the_reader, cancel_the_scope, close_the_stream, drop_the_stream]


@pytest.fixture
def speaker() -> Speaker:
    SPEAKERS.append(Speaker())
    return SPEAKERS[-1]


@pytest.mark.parametrize("stop", STOPS)
async def test_a_stop_keeps_the_text_and_adds_a_hidden_note_even_when_the_store_is_slow(
    stop: Stop, speaker: Speaker
) -> None:
    chat = Chat(speaker.respond, store=SlowStore())
    await stop(await chat.stream("threads.create", input=says("go")))
    await chat.aclose()

    items = await chat.stored(speaker.thread_id)
    assert kinds(items) == ["user_message", "assistant_message", "sdk_hidden_context"]
    assert text_of(items[1]) == "Hello world"
    assert speaker.stopped_by in ("CancelledError", "GeneratorExit")


async def test_a_plain_cancellation_returns_only_when_the_text_is_stored(speaker: Speaker) -> None:
    chat = Chat(speaker.respond, store=SlowStore())
    await cancel_the_reader(await chat.stream("threads.create", input=says("go")))
    assert "assistant_message" in kinds(await chat.stored(speaker.thread_id))


async def test_a_message_of_white_space_is_not_kept() -> None:
    thinking = asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta(" \n\t")
        thinking.set()
        await asyncio.Event().wait()

    chat = Chat(respond)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    reader = asyncio.create_task(read_words(aiter(result), words=2))
    await thinking.wait()
    reader.cancel()
    await asyncio.wait({reader})
    assert kinds(await chat.stored(thread.id)) == ["user_message", "sdk_hidden_context"]


@pytest.mark.parametrize(
    "moment",
    [lambda store: store.adding("answer"), lambda store: "answer" in store.added_ids],
    ids=["before the commit", "between commit and bookkeeping"],
)
async def test_a_stop_while_an_item_is_being_stored_leaves_one_copy(
    moment: Callable[[SlowStore], bool],
) -> None:
    """The commit goes on while its reader is cancelled; the rescue must not repeat it."""
    store = SlowStore(keep_duplicates=True)

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("whole")
        yield done(assistant("whole", thread_id=thread.id))

    chat = Chat(respond, store=store)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    reader = asyncio.create_task(read_words(aiter(result), words=5))
    await store.until(lambda: moment(store))
    reader.cancel()
    await asyncio.wait({reader})
    await chat.aclose()
    assert store.added_ids.count("answer") == 1
    assert "assistant_message" in kinds(await chat.stored(thread.id))


async def test_the_hook_for_stops_gets_open_items_as_far_as_they_had_streamed() -> None:
    pending: list[ThreadItem] = []

    class Hooked(Chat):
        async def handle_stream_cancelled(
            self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: object
        ) -> None:
            assert context is CONTEXT
            pending.extend(pending_items)

    speaker = Speaker()
    SPEAKERS.append(speaker)
    chat = Hooked(speaker.respond)
    await close_the_stream(await chat.stream("threads.create", CONTEXT, input=says("go")))
    assert [text_of(item) for item in pending] == ["Hello world"]


async def test_an_integration_that_will_not_stop_does_not_keep_the_text_from_being_stored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chatkit.server.turn.CLOSE_LIMIT_S", 0.01)
    let_go = asyncio.Event()
    saved = asyncio.Event()

    class Noticing(Chat):
        async def handle_stream_cancelled(
            self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: object
        ) -> None:
            await super().handle_stream_cancelled(thread, pending_items, context)
            saved.set()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        try:
            yield begun(assistant(thread_id=thread.id))
            yield delta("seen")
            yield delta(" too")
        finally:
            await let_go.wait()

    chat = Noticing(respond)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    closing = asyncio.create_task(close_the_stream(result))
    await saved.wait()
    assert text_of((await chat.stored(thread.id))[1]) == "seen too"
    assert "slow to stop" in caplog.text
    let_go.set()
    await closing


async def test_a_finished_item_is_not_touched_by_a_stop() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("draft")
        yield done(assistant("final", thread_id=thread.id))
        yield begun(assistant(id="second", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async with aclosing(result.json_events) as stream:
        async for chunk in stream:
            if decode(chunk)["type"] == "thread.item.done" and b"final" in chunk:
                break
    items = await chat.stored(thread.id)
    assert kinds(items) == ["user_message", "assistant_message", "sdk_hidden_context"]
    assert text_of(items[1]) == "final"


async def test_an_item_that_is_done_twice_is_stored_once() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ThreadItemDoneEvent(item=assistant("first", thread_id=thread.id))
        yield ThreadItemDoneEvent(item=assistant("second", thread_id=thread.id))

    chat = Chat(respond, store=SlowStore(keep_duplicates=True, delay=0))
    thread = await chat.new_thread()
    await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert [text_of(item) for item in (await chat.stored(thread.id))[1:]] == ["second"]


async def test_closing_the_server_stops_running_turns_and_keeps_their_text(
    speaker: Speaker,
) -> None:
    chat = Chat(speaker.respond, store=SlowStore())
    result = await chat.stream("threads.create", input=says("go"))
    reader = asyncio.create_task(read_words(aiter(result), words=3))
    await speaker.spoke.wait()
    await chat.aclose()
    assert kinds(await chat.stored(speaker.thread_id))[1:] == [
        "assistant_message",
        "sdk_hidden_context",
    ]
    await reader
    await chat.aclose()


async def test_closing_the_server_waits_for_writes_beyond_what_it_gives_each_turn(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatkit.server.running.STOP_LIMIT_S", 0.001)
    store = SlowStore()
    chat = Chat(speaker.respond, store=store)
    reader = asyncio.create_task(
        read_words(aiter(await chat.stream("threads.create", input=says("go"))), words=3)
    )
    await speaker.spoke.wait()
    await chat.aclose()
    rows = store.inner.items[speaker.thread_id].values()
    assert kinds([row.record for row in rows])[1:] == ["assistant_message", "sdk_hidden_context"]
    await reader


async def test_a_stream_that_is_never_read_writes_nothing(speaker: Speaker) -> None:
    chat = Chat(speaker.respond)
    result = await chat.stream("threads.create", input=says("go"))
    await result.json_events.aclose()
    assert (await chat.ask("threads.list"))["data"] == []
