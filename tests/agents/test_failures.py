"""Runs that fail: what was shown is kept, what tools have queued is delivered, then the error."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    FunctionTool,
    RunContextWrapper,
    Runner,
    UserError,
    function_tool,
)
from openai import InternalServerError

from chatkit.agents import AgentContext, stream_agent_response
from chatkit.types import CustomTask, ProgressUpdateEvent
from support.agent_chat import (
    MESSAGE,
    MESSAGE_END,
    QUIET,
    AgentChat,
    Reader,
    Tasks,
    new_context,
    outline,
)
from support.chat import kinds, text_of
from support.scripted_model import (
    Break,
    Call,
    Failure,
    Gate,
    Message,
    Reply,
    ScriptedModel,
    Status,
    Text,
    scripted_model,
)

Context = RunContextWrapper[AgentContext[Any]]


def chat_of(model: ScriptedModel, *tools: FunctionTool) -> AgentChat:
    return AgentChat(Agent(name="Ada", model=model.responses(), tools=[*tools]))


@pytest.mark.parametrize(
    "end",
    [Failure(), Failure(how="failed"), Break(), Break(clean=False)],
    ids=["an error event", "a failed response", "an early end", "a lost connection"],
)
async def test_text_that_was_shown_before_the_model_failed_is_kept(end: Failure | Break) -> None:
    gate = Gate()
    async with scripted_model([Message(Text("So far ", "so good", gate, end))]) as model:
        tasks = Tasks()
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'so good'")
        gate.open()
        await reader.task
        assert await tasks.left() == []
    assert reader.told == [*MESSAGE, "'So far '", "'so good'", "error stream.error"]
    assert [text_of(item) for item in await chat.items()] == ["So far so good"]


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_model_that_refuses_the_request_ends_the_turn_with_an_error(status: int) -> None:
    async with scripted_model(Status(status), [Message(Text("Better"))]) as model:
        chat = chat_of(model)
        assert outline(await chat.say()) == ["error stream.error"]
        assert outline(await chat.say())[-1] == "=assistant_message"


async def test_finished_messages_stay_when_a_later_response_fails() -> None:
    @function_tool
    def look() -> str:
        return "seen"

    async with scripted_model([Message(Text("One")), Call("look")], Status(500)) as model:
        chat = chat_of(model, look)
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'One'", *MESSAGE_END, "error stream.error"]
    assert [text_of(item) for item in await chat.items()] == ["One"]


async def test_what_a_tool_queued_before_it_raised_is_delivered_before_the_error() -> None:
    @function_tool(failure_error_function=None)
    async def burn(ctx: Context) -> str:
        for number in range(3):
            await ctx.context.stream(ProgressUpdateEvent(text=str(number)))
        raise RuntimeError("burnt")

    async with scripted_model([Message(Text("Let me see")), Call("burn")]) as model:
        tasks = Tasks()
        chat = chat_of(model, burn)
        told = outline(await chat.say())
        assert await tasks.left() == []
    assert told == [
        *(*MESSAGE, "'Let me see'", *MESSAGE_END),
        *("progress_update 0", "progress_update 1", "progress_update 2"),
        "error stream.error",
    ]


async def test_what_tools_queued_is_delivered_when_the_run_failed_before_it_was_read() -> None:
    @function_tool(failure_error_function=None)
    async def burn(ctx: Context) -> str:
        for number in range(5):
            await ctx.context.stream(ProgressUpdateEvent(text=str(number)))
        raise RuntimeError("burnt")

    context = new_context()
    async with scripted_model([Call("burn")]) as model:
        agent = Agent[Any](name="Ada", model=model.responses(), tools=[burn])
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        events = aiter(stream_agent_response(context, result))
        assert await anext(events) == ProgressUpdateEvent(text="0")
        while not result.is_complete:
            await asyncio.sleep(0)
        for _ in range(100):  # until the bridge knows of it, too
            await asyncio.sleep(0)

        rest: list[Any] = []

        async def read_on() -> None:
            async for event in events:
                rest.append(event)

        with pytest.raises(UserError):
            await read_on()
    assert rest == [ProgressUpdateEvent(text=str(number)) for number in range(1, 5)]


async def test_what_was_put_before_a_run_that_fails_at_once_is_delivered() -> None:
    context = new_context()
    await context.stream(ProgressUpdateEvent(text="early"))
    async with scripted_model(Status(500)) as model:
        agent = Agent(name="Ada", model=model.responses())
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        events = aiter(stream_agent_response(context, result))
        assert await anext(events) == ProgressUpdateEvent(text="early")
        with pytest.raises(InternalServerError):
            await anext(events)


async def test_one_tool_that_raises_takes_the_others_with_it() -> None:
    cancelled = asyncio.Event()
    started = asyncio.Event()

    @function_tool
    async def wait(ctx: Context) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    @function_tool(failure_error_function=None)
    async def burn(ctx: Context) -> str:
        await started.wait()
        raise RuntimeError("burnt")

    async with scripted_model([Call("wait"), Call("burn")]) as model:
        tasks = Tasks()
        chat = chat_of(model, wait, burn)
        assert outline(await chat.say()) == ["error stream.error"]
        assert await tasks.left() == []
    assert cancelled.is_set()


async def test_too_many_turns_of_the_run_end_with_an_error() -> None:
    @function_tool
    def look() -> str:
        return "seen"

    script: list[Reply] = [[Call("look")]] * 20
    async with scripted_model(*script) as model:
        chat = chat_of(model, look)
        assert outline(await chat.say()) == ["error stream.error"]
    assert len(model.asked) == 10


async def test_a_workflow_of_a_run_that_fails_is_ended_and_kept() -> None:
    @function_tool(failure_error_function=None)
    async def burn(ctx: Context) -> str:
        await ctx.context.add_workflow_task(CustomTask(title="Burn"))
        raise RuntimeError("burnt")

    async with scripted_model([Call("burn")]) as model:
        chat = chat_of(model, burn)
        assert outline(await chat.say()) == ["+workflow", "=workflow", "error stream.error"]
    assert kinds(await chat.items()) == ["workflow"]
