"""I10, I19: threads that take no messages, and turns that make way for the next."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from chatkit.actions import Action
from chatkit.server.running import thread_key
from chatkit.types import (
    ClosedStatus,
    LockedStatus,
    StreamingReq,
    ThreadMetadata,
    UserMessageItem,
    WidgetItem,
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
    says,
    text_of,
    tool_call,
    types,
    user,
    widget,
)
from support.slow_store import SlowStore


class Talker:
    """The first turn says something and hangs; later ones answer at once."""

    def __init__(self) -> None:
        self.turns = 0
        self.hanging = asyncio.Event()

    async def respond(self, thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        self.turns += 1
        name = f"answer-{self.turns}"
        if self.turns == 1:
            yield begun(assistant(id=name, thread_id=thread.id))
            yield delta("unfinished", id=name)
            self.hanging.set()
            await asyncio.Event().wait()
        yield done(assistant("finished", id=name, thread_id=thread.id))


async def read(chat: Chat, kind: str, **params: Json) -> list[Json]:
    return await chat.events(kind, **params)


@pytest.mark.parametrize("kind", ["threads.add_user_message", "threads.retry_after_item"])
async def test_a_new_message_or_a_retry_first_stops_the_turn_that_is_running(kind: str) -> None:
    talker = Talker()
    chat = Chat(talker.respond, store=SlowStore())
    thread = await chat.new_thread(user(id="u-0"))
    params = {"thread_id": thread.id, "input": says("first")}
    first = asyncio.create_task(read(chat, "threads.add_user_message", **params))
    await talker.hanging.wait()
    params = {"input": says("second")} if "add" in kind else {"item_id": "u-0"}
    second = await chat.events(kind, thread_id=thread.id, **params)
    assert "error" not in types(await first)
    assert types(second)[-1] == "thread.item.done"
    items = await chat.stored(thread.id)
    if kind == "threads.retry_after_item":
        assert kinds(items) == ["user_message", "assistant_message"]
    else:
        assert kinds(items) == [
            "user_message",
            "user_message",
            "assistant_message",
            "sdk_hidden_context",
            "user_message",
            "assistant_message",
        ]
        assert text_of(items[2]) == "unfinished"


async def test_a_turn_whose_reader_has_stalled_is_stopped_too() -> None:
    talker = Talker()
    chat = Chat(talker.respond)
    thread = await chat.new_thread()
    stalled = await chat.stream(
        "threads.add_user_message", thread_id=thread.id, input=says("first")
    )
    stream = aiter(stalled.json_events)
    while decode(await anext(stream))["type"] != "thread.item.updated":
        pass
    await chat.events("threads.add_user_message", thread_id=thread.id, input=says("second"))
    assert [decode(chunk) async for chunk in stream] == []
    assert kinds(await chat.stored(thread.id)) == [
        "user_message",
        "assistant_message",
        "sdk_hidden_context",
        "user_message",
        "assistant_message",
    ]


@pytest.mark.parametrize("kind", ["threads.add_user_message", "threads.retry_after_item"])
async def test_a_turn_that_takes_over_sees_what_the_one_before_it_made_of_the_thread(
    kind: str,
) -> None:
    hanging = asyncio.Event()
    seen: list[Any] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        seen.append((thread.title, dict(thread.metadata)))
        thread.title = thread.title or f"Title {len(seen)}"
        thread.metadata[f"turn {len(seen)}"] = True
        if not hanging.is_set():
            hanging.set()
            await asyncio.Event().wait()
        yield done(assistant("finished", thread_id=thread.id))

    chat = Chat(respond, store=SlowStore(delay=0.002))
    thread = await chat.new_thread(user(id="u-0"))
    params = {"thread_id": thread.id, "input": says("first")}
    first = asyncio.create_task(read(chat, "threads.add_user_message", **params))
    await hanging.wait()
    params = {"input": says("second")} if "add" in kind else {"item_id": "u-0"}
    await chat.events(kind, thread_id=thread.id, **params)
    await first
    assert seen == [(None, {}), ("Title 1", {"turn 1": True})]
    stored = await chat.store.load_thread(thread.id, CONTEXT)
    assert (stored.title, stored.metadata) == ("Title 1", {"turn 1": True, "turn 2": True})


async def test_many_messages_at_once_are_all_stored_and_the_last_is_answered() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        assert message is not None
        yield begun(assistant(id=f"to {message.id}", thread_id=thread.id))
        await asyncio.sleep(0.01)
        yield done(assistant("ok", id=f"to {message.id}", thread_id=thread.id))

    chat = Chat(respond, store=SlowStore(delay=0.002))
    thread = await chat.new_thread()
    await asyncio.gather(
        *(
            read(chat, "threads.add_user_message", thread_id=thread.id, input=says(str(n)))
            for n in range(8)
        )
    )
    items = await chat.stored(thread.id)
    assert kinds(items).count("user_message") == 8
    assert items[-1].type == "assistant_message"


async def test_turns_in_other_threads_and_of_other_owners_go_on() -> None:
    class Owners(SlowStore):
        def owner_of(self, context: Any) -> str:
            return str(context["user"])

    talker = Talker()
    chat = Chat(talker.respond, store=Owners())
    thread = await chat.new_thread()
    params = {"thread_id": thread.id, "input": says("first")}
    first = asyncio.create_task(read(chat, "threads.add_user_message", **params))
    await talker.hanging.wait()
    other = await chat.new_thread()
    await chat.events("threads.add_user_message", thread_id=other.id, input=says("hi"))
    await chat.events("threads.add_user_message", {"user": "bob"}, **params)
    assert not first.done()
    await chat.aclose()
    await first


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            1,
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11),
                reason="Python 3.10 makes one of two cancellations in the same step",
            ),
        ),
        2,
        3,
        4,
    ],
)
async def test_an_outer_cancellation_is_not_swallowed_by_a_takeover(steps: int) -> None:
    talker = Talker()
    chat = Chat(talker.respond, store=SlowStore())
    thread = await chat.new_thread()
    params = {"thread_id": thread.id, "input": says("first")}
    first = asyncio.create_task(read(chat, "threads.add_user_message", **params))
    await talker.hanging.wait()
    stopping = asyncio.create_task(chat.running_turns.stop(thread_key("", thread.id)))
    for _ in range(steps):
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await stopping
    assert "assistant_message" in kinds(await chat.stored(thread.id))


async def test_an_integration_may_send_a_message_in_its_own_thread() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        if message and "again" not in str(message.content):
            await chat.events("threads.add_user_message", thread_id=thread.id, input=says("again"))
        yield done(assistant("ok", id=chat.store.generate_item_id("message", thread, None)))

    chat = Chat(respond)
    thread = await chat.new_thread()
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert types(events)[-1] == "thread.item.done"


# --- threads that take no messages ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (LockedStatus(reason="Under review"), "Under review"),
        (ClosedStatus(reason="Solved"), "Solved"),
        (LockedStatus(), "This conversation is locked."),
        (ClosedStatus(), "This conversation is closed."),
    ],
)
@pytest.mark.parametrize("kind", ["threads.add_user_message", "threads.retry_after_item"])
async def test_a_locked_or_closed_thread_refuses_messages_and_retries(
    status: LockedStatus | ClosedStatus, message: str, kind: str
) -> None:
    chat = Chat()
    thread = await chat.new_thread(user(id="u-1"), assistant("answer"), status=status)
    params = {"input": says("hi")} if "add" in kind else {"item_id": "u-1"}
    events = await chat.events(kind, thread_id=thread.id, **params)
    assert events == [{"type": "error", "code": "custom", "message": message, "allow_retry": False}]
    assert kinds(await chat.stored(thread.id)) == ["user_message", "assistant_message"]


async def test_actions_and_tool_results_go_through_to_a_locked_thread() -> None:
    async def act(
        thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None
    ) -> Events:
        yield done(assistant("acted", thread_id=thread.id))

    chat = Chat(action=act)
    thread = await chat.new_thread(widget(), tool_call(), status=LockedStatus())
    acted = await chat.events(
        "threads.custom_action", thread_id=thread.id, item_id="widget", action={"type": "go"}
    )
    assert types(acted)[-1] == "thread.item.done"
    told = await chat.events("threads.add_client_tool_output", thread_id=thread.id, result=1)
    assert "error" not in types(told)


async def test_what_a_thread_accepts_is_one_overridable_method() -> None:
    class Strict(Chat):
        def accepts(self, thread: ThreadMetadata, request: StreamingReq, context: Any) -> bool:
            return request.type != "threads.custom_action"

    chat = Strict()
    thread = await chat.new_thread(status=LockedStatus())
    refused = await chat.events("threads.custom_action", thread_id=thread.id, action={"type": "x"})
    assert [event["code"] for event in refused] == ["custom"]
    taken = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("hi"))
    assert "error" not in types(taken)
