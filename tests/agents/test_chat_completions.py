"""The SDK's path over chat completions, where every message has the id ``__fake_id__``."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, FunctionTool, RunContextWrapper, StopAtTools, function_tool

from chatkit.agents import AgentContext, ClientToolCall, ThreadItemConverter
from chatkit.types import AssistantMessageItem, ClientToolCallItem
from support.agent_chat import AgentChat, Reader, Tasks, outline, turn_events
from support.chat import Json, decode, kinds, of_type, text_of
from support.scripted_model import (
    Break,
    Call,
    Failure,
    Gate,
    Message,
    Reasoning,
    Refusal,
    ScriptedModel,
    Text,
    scripted_model,
)

FAKE = "__fake_id__"


class PlainAnswers(ThreadItemConverter):
    """Recent SDKs take answers without ids, on this path, as plain text only."""

    async def assistant_message_to_input(self, item: AssistantMessageItem) -> Any:
        return {"role": "assistant", "content": text_of(item)}


def chat_of(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> AgentChat:
    agent = Agent(name="Ada", model=model.chat_completions(), tools=[*tools], **options)
    return AgentChat(agent, to_input=PlainAnswers())


def ids_of(events: list[Json]) -> list[str]:
    """The id in each event, without repetitions in a row."""
    ids: list[str] = []
    for event in events:
        id = event["item_id"] if "item_id" in event else event["item"]["id"]
        if not ids or ids[-1] != id:
            ids.append(id)
    return ids


async def test_a_message_has_a_fresh_id_the_same_throughout() -> None:
    async with scripted_model([Message(Text("Hel", "lo"))]) as model:
        chat = chat_of(model)
        events = await chat.say()
    told = outline(events)
    assert told[0] == "+assistant_message"
    assert told[-1] == "=assistant_message"
    assert "'Hel'" in told
    [id] = ids_of(events)
    assert id != FAKE
    assert id.startswith("msg_")
    [item] = await chat.items()
    assert (item.id, text_of(item)) == (id, "Hello")


async def test_no_message_overwrites_another_within_a_turn_or_between_turns() -> None:
    @function_tool
    def look() -> str:
        return "seen"

    async with scripted_model(
        [Message(Text("Let me see")), Call("look")],
        [Message(Text("I saw"))],
        [Message(Text("Again"))],
    ) as model:
        chat = chat_of(model, look)
        first = ids_of(await chat.say())
        second = ids_of(await chat.say())
    items = await chat.items()
    texts = [text_of(item) for item in items if item.type == "assistant_message"]
    assert texts == ["Let me see", "I saw", "Again"]
    assert len({*first, *second}) == 3
    assert FAKE not in {*first, *second}


async def test_a_refusal_streams_as_text() -> None:
    gate = Gate()
    async with scripted_model([Message(Refusal("I would ", "rather not.", gate))]) as model:
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'rather not.'")
        gate.open()
        await reader.task
    assert [word for word in reader.told if word.startswith("'")] == ["'I would '", "'rather not.'"]
    assert [text_of(item) for item in await chat.items()] == ["I would rather not."]


async def test_thoughts_of_a_provider_that_sends_them_become_a_workflow() -> None:
    async with scripted_model([Reasoning(Text("Hm, ", "yes")), Message(Text("Yes"))]) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert kinds(await chat.items()) == ["workflow", "assistant_message"]
    assert FAKE not in ids_of(events)
    assert "task 0 updated: Hm, yes" in outline(events)


async def test_a_client_tool_call_has_the_models_call_id_and_a_fresh_item_id() -> None:
    @function_tool
    async def locate(ctx: RunContextWrapper[AgentContext[Any]]) -> str:
        ctx.context.client_tool_call = ClientToolCall(name="locate", arguments={})
        return "asked"

    async with scripted_model(
        [Call("locate", call_id="call-1")],
        [Call("locate", call_id="call-2")],
        [Message(Text("Found"))],
    ) as model:
        stop = StopAtTools(stop_at_tool_names=["locate"])
        chat = chat_of(model, locate, tool_use_behavior=stop)
        await chat.say()
        await chat.hand_in("north")
        await chat.hand_in("south")
    calls = [item for item in await chat.items() if isinstance(item, ClientToolCallItem)]
    assert [(call.call_id, call.output) for call in calls] == [
        ("call-1", "north"),
        ("call-2", "south"),
    ]
    assert len({call.id for call in calls} | {FAKE}) == 3
    sent = str(model.asked[2].input)
    assert "north" in sent
    assert "south" in sent


@pytest.mark.parametrize("end", [Failure(), Break(clean=False)], ids=["error", "lost connection"])
async def test_what_was_shown_before_a_failure_is_kept(end: Failure | Break) -> None:
    gate = Gate()
    async with scripted_model([Message(Text("So far", gate, end))]) as model:
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'So far'")
        gate.open()
        await reader.task
    assert reader.told[-1] == "error stream.error"
    [item] = await chat.items()
    assert text_of(item) == "So far"
    assert item.id != FAKE


async def test_a_stop_keeps_the_text_under_the_id_that_the_user_saw() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate, "lo"))]) as model:
        tasks = Tasks()
        chat = chat_of(model)
        result = await chat.saying()
        seen = ""
        async for chunk in result.json_events:
            event = decode(chunk)
            if outline([event]) == ["'Hel'"]:
                seen = event["item_id"]
                break
        await result.json_events.aclose()
        await chat.aclose()
        assert await tasks.left() == []
    message, _ = await chat.items()
    assert (message.id, text_of(message)) == (seen, "Hel")


async def test_two_turns_at_once_do_not_share_ids() -> None:
    gates = [Gate(), Gate()]
    async with scripted_model(
        [Message(Text("A", gates[0]))], [Message(Text("B", gates[1]))]
    ) as model:
        chats = [chat_of(model), chat_of(model)]
        streams = [turn_events(await chat.saying()) for chat in chats]
        first = [await anext(stream) for stream in streams]
        for gate in gates:
            gate.open()
        ids = []
        for began, stream in zip(first, streams, strict=True):
            ids.append(ids_of([began, *[event async for event in stream]]))
    assert [len(one) for one in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert len(of_type(first, "thread.item.added")) == 2
