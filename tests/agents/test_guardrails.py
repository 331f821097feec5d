"""Guardrails: all that the run has produced is taken back, and the exception goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
    function_tool,
)

from chatkit.agents import AgentContext
from chatkit.types import (
    NoticeEvent,
    ProgressUpdateEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from support.agent_chat import AgentChat, Tasks, outline, turn_events
from support.chat import card, kinds, of_type
from support.scripted_model import Call, Gate, Image, Message, Reasoning, Text, scripted_model

TRIPPED = GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)
FINE = GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)


async def trips_at_once(ctx: Any, agent: Any, input_or_output: Any) -> GuardrailFunctionOutput:
    return TRIPPED


async def is_content(ctx: Any, agent: Any, input_or_output: Any) -> GuardrailFunctionOutput:
    return FINE


async def test_a_guardrail_that_trips_before_any_output_shows_only_the_error() -> None:
    async with scripted_model([Message(Text("Something rash"))]) as model:
        tasks = Tasks()
        chat = AgentChat(
            Agent(
                name="Ada",
                model=model.responses(),
                input_guardrails=[InputGuardrail(guardrail_function=trips_at_once)],
            )
        )
        told = outline(await chat.say())
        assert told == ["error stream.error"]
        assert await chat.items() == []
        assert await tasks.left() == []


async def test_an_input_guardrail_that_trips_after_some_output_takes_it_back() -> None:
    seen = asyncio.Event()

    async def trips_late(ctx: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        await seen.wait()
        gate.open()  # the SDK looks at its guardrails when the model's next event comes
        return TRIPPED

    gate = Gate()
    reply = [
        Reasoning(Text("Hm")),
        Message(Text("One")),
        Image("QQ=="),
        Message(Text("Two", gate, "never")),
    ]
    async with scripted_model(reply) as model:
        tasks = Tasks()
        chat = AgentChat(
            Agent(
                name="Ada",
                model=model.responses(),
                input_guardrails=[InputGuardrail(guardrail_function=trips_late)],
            )
        )
        events = []
        async for event in turn_events(await chat.saying()):
            events.append(event)
            if outline([event]) == ["'Two'"]:
                seen.set()
        assert await tasks.left() == []
    began = {event["item"]["id"] for event in of_type(events, "thread.item.added")}
    removed = [event["item_id"] for event in of_type(events, "thread.item.removed")]
    assert len(began) == 4
    assert sorted(removed) == sorted(began)
    assert outline(events)[-1] == "error stream.error"
    assert await chat.items() == []


async def test_an_output_guardrail_takes_back_what_tools_have_shown_too() -> None:
    seen = asyncio.Event()

    async def trips_when_seen(ctx: Any, agent: Any, output: Any) -> GuardrailFunctionOutput:
        await seen.wait()
        return TRIPPED

    @function_tool
    async def show(ctx: RunContextWrapper[AgentContext[Any]]) -> str:
        await ctx.context.stream(ProgressUpdateEvent(text="showing"))
        await ctx.context.stream_widget(card("made by a tool"))
        return "ok"

    async with scripted_model([Call("show")], [Message(Text("Something rash"))]) as model:
        chat = AgentChat(
            Agent(
                name="Ada",
                model=model.responses(),
                tools=[show],
                output_guardrails=[OutputGuardrail(guardrail_function=trips_when_seen)],
            )
        )
        events = []
        async for event in turn_events(await chat.saying()):
            events.append(event)
            if outline([event]) == ["=assistant_message"]:
                seen.set()
    done = [event["item"]["id"] for event in of_type(events, "thread.item.done")]
    removed = [event["item_id"] for event in of_type(events, "thread.item.removed")]
    assert len(done) == 2
    assert sorted(removed) == sorted(done)
    assert outline(events)[-1] == "error stream.error"
    assert await chat.items() == []


@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_tools_guardrail_takes_everything_back_too(side: str) -> None:
    async def trips(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        return ToolGuardrailFunctionOutput.raise_exception()

    @function_tool
    async def look(ctx: RunContextWrapper[AgentContext[Any]]) -> str:
        return "seen"

    if side == "input":
        look.tool_input_guardrails = [ToolInputGuardrail(guardrail_function=trips)]
    else:
        look.tool_output_guardrails = [ToolOutputGuardrail(guardrail_function=trips)]
    async with scripted_model([Message(Text("Let me see")), Call("look")]) as model:
        chat = AgentChat(Agent(name="Ada", model=model.responses(), tools=[look]))
        events = await chat.say()
    assert outline(events)[-1] == "error stream.error"
    done = {event["item"]["id"] for event in of_type(events, "thread.item.added")}
    assert {event["item_id"] for event in of_type(events, "thread.item.removed")} == done
    assert await chat.items() == []


async def test_what_earlier_turns_have_shown_stays() -> None:
    async with scripted_model([Message(Text("Fine"))], [Message(Text("Rash"))]) as model:
        agent = Agent(name="Ada", model=model.responses())
        chat = AgentChat(agent)
        await chat.say()
        agent.output_guardrails.append(OutputGuardrail(guardrail_function=trips_at_once))
        await chat.say()
    assert kinds(await chat.items()) == ["assistant_message", "user_message"]


async def test_guardrails_that_are_content_change_nothing() -> None:
    async with scripted_model([Message(Text("Fine"))]) as model:
        chat = AgentChat(
            Agent(
                name="Ada",
                model=model.responses(),
                input_guardrails=[InputGuardrail(guardrail_function=is_content)],
                output_guardrails=[OutputGuardrail(guardrail_function=is_content)],
            )
        )
        told = outline(await chat.say())
    assert told[-1] == "=assistant_message"
    assert kinds(await chat.items()) == ["assistant_message"]


@pytest.mark.parametrize("side", ["input", "output"])
async def test_the_integration_may_answer_a_tripwire_itself(side: str) -> None:
    class Kind(AgentChat):
        async def respond(
            self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
        ) -> AsyncIterator[ThreadStreamEvent]:
            try:
                async for event in super().respond(thread, input_user_message, context):
                    yield event
            except (InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered):
                yield NoticeEvent(level="info", message="Let us talk of something else.")

    async with scripted_model([Message(Text("Rash"))]) as model:
        agent = Agent(name="Ada", model=model.responses())
        if side == "input":
            agent.input_guardrails.append(InputGuardrail(guardrail_function=trips_at_once))
        else:
            agent.output_guardrails.append(OutputGuardrail(guardrail_function=trips_at_once))
        chat = Kind(agent)
        told = outline(await chat.say())
    assert told[-1] == "notice Let us talk of something else."
    assert await chat.items() == []
