"""I2: a stop reaches the run. No tool starts afterwards, no task is left, what was seen is kept."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from agents import Agent, FunctionTool, RunContextWrapper, Runner, function_tool

from chatkit.agents import AgentContext, stream_agent_response
from chatkit.types import ProgressUpdateEvent, ThreadStreamEvent
from support.agent_chat import QUIET, AgentChat, Reader, Tasks, new_context, outline
from support.chat import decode, kinds, text_of
from support.logged import logged_records
from support.scripted_model import (
    Call,
    Gate,
    Image,
    Message,
    Reasoning,
    Reply,
    ScriptedModel,
    Text,
    scripted_model,
)
from support.slow_store import SlowStore


@pytest.fixture(autouse=True)
def nothing_is_slow_to_stop(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What has to be given up after a while was not stopped."""
    yield
    assert [
        record.getMessage() for record in logged_records(caplog) if record.name == "chatkit"
    ] == []


Context = RunContextWrapper[AgentContext[Any]]


def chat_of(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> AgentChat:
    return AgentChat(Agent(name="Ada", model=model.responses(), tools=[*tools]), **options)


class Tools:
    """A tool that counts how often it was started."""

    def __init__(self) -> None:
        self.started = 0
        self.look = function_tool(self._look, name_override="look")

    async def _look(self, ctx: Context) -> str:
        self.started += 1
        await ctx.context.stream(ProgressUpdateEvent(text="looking"))
        return "seen"


async def close_the_stream(chat: AgentChat) -> None:
    async with aclosing((await chat.saying()).json_events) as chunks:
        async for chunk in chunks:
            if outline([decode(chunk)]) == ["'Hel'"]:
                return


async def drop_the_stream(chat: AgentChat) -> None:
    stream = await chat.saying()
    async for chunk in stream:
        if outline([decode(chunk)]) == ["'Hel'"]:
            break
    del stream
    gc.collect()
    dropped = asyncio.Event()
    asyncio.get_running_loop().call_soon(dropped.set)
    await dropped.wait()


async def cancel_the_scope(chat: AgentChat) -> None:
    """As Starlette does: every await inside is cancelled, again and again."""
    heard = asyncio.Event()

    async def read() -> None:
        async for chunk in await chat.saying():
            if outline([decode(chunk)]) == ["'Hel'"]:
                heard.set()

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await heard.wait()
        group.cancel_scope.cancel()


async def cancel_the_reader(chat: AgentChat) -> None:
    reader = Reader(await chat.saying())
    await reader.hears("'Hel'")
    await reader.stops()


async def close_the_server(chat: AgentChat) -> None:
    reader = Reader(await chat.saying())
    await reader.hears("'Hel'")
    await chat.aclose()
    await reader.task


STOPS = [
    close_the_stream,
    drop_the_stream,
    cancel_the_scope,
    cancel_the_reader,
    close_the_server,
]


@pytest.mark.parametrize("stop", STOPS)
async def test_a_slow_stream_that_the_user_stops_cancels_the_run(
    stop: Callable[[AgentChat], Awaitable[None]],
) -> None:
    tools, gate = Tools(), Gate()
    async with scripted_model([Message(Text("Hel", gate, "lo")), Call("look")]) as model:
        tasks = Tasks()
        chat = chat_of(model, tools.look, store=SlowStore())
        await stop(chat)
        await chat.aclose()
        gate.open()
        assert await tasks.left() == []
        assert chat.runs[0].is_complete
    assert tools.started == 0
    assert len(model.asked) == 1
    items = await chat.items()
    assert kinds(items) == ["assistant_message", "sdk_hidden_context"]
    assert text_of(items[0]) == "Hel"


async def test_the_connection_to_the_model_is_closed_by_a_stop() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate))]) as model:
        chat = chat_of(model)
        await cancel_the_reader(chat)
        await asyncio.wait_for(model.hung_up.wait(), 5)


async def test_a_stop_while_a_tool_works_cancels_the_tool() -> None:
    working, cancelled = asyncio.Event(), asyncio.Event()

    @function_tool
    async def work(ctx: Context) -> str:
        working.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    async with scripted_model([Call("work")], [Message(Text("never"))]) as model:
        tasks = Tasks()
        chat = chat_of(model, work)
        reader = Reader(await chat.saying())
        await working.wait()
        await reader.stops()
        await chat.aclose()
        assert await tasks.left() == []
    assert cancelled.is_set()
    assert len(model.asked) == 1
    assert kinds(await chat.items()) == ["sdk_hidden_context"]


async def test_a_new_message_stops_the_run_that_is_under_way() -> None:
    tools, gate = Tools(), Gate()
    script = [Message(Text("Hel", gate)), Call("look")]
    async with scripted_model(script, [Message(Text("Second"))]) as model:
        tasks = Tasks()
        chat = chat_of(model, tools.look)
        reader = Reader(await chat.saying("first"))
        await reader.hears("'Hel'")
        assert outline(await chat.say("second"))[-1] == "=assistant_message"
        await reader.task
        gate.open()
        assert await tasks.left() == []
    assert tools.started == 0
    texts = [text_of(item) for item in await chat.items() if item.type == "assistant_message"]
    assert texts == ["Hel", "Second"]


WHOLE: list[Reply] = [
    [Reasoning(Text("Hm", "m")), Message(Text("Let ", "me see")), Call("look"), Call("look")],
    [Image("QQ==", partial=["QQ=="]), Call("look")],
    [Message(Text("Se", "en"))],
]
EVENTS = 23


async def test_the_steps_below_are_all_there_are() -> None:
    tools = Tools()
    async with scripted_model(*WHOLE) as model:
        chat = chat_of(model, tools.look)
        events = await chat.say()
    assert len(events) == EVENTS, outline(events)
    assert tools.started == 3


@pytest.mark.parametrize("step", range(EVENTS))
async def test_after_a_stop_at_any_step_no_tool_starts_and_no_task_is_left(step: int) -> None:
    tools, context = Tools(), new_context()
    async with scripted_model(*WHOLE) as model:
        tasks = Tasks()
        agent = Agent(name="Ada", model=model.responses(), tools=[tools.look])
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        async with aclosing(_generator(stream_agent_response(context, result))) as events:
            for _ in range(step + 1):
                await anext(events)
        started = tools.started
        assert await tasks.left() == []
    assert tools.started == started
    assert result.is_complete


async def test_a_stream_that_is_dropped_at_its_first_step_leaves_no_task() -> None:
    gate, context = Gate(), new_context()
    async with scripted_model([gate]) as model:
        tasks = Tasks()
        agent = Agent(name="Ada", model=model.responses())
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        events = _generator(stream_agent_response(context, result))
        waiting = asyncio.ensure_future(anext(events))
        await gate.reached.wait()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert await tasks.left() == []
    assert waiting.cancelled()
    assert result.is_complete


async def test_a_run_that_ends_by_itself_leaves_no_task() -> None:
    tools = Tools()
    async with scripted_model(*WHOLE) as model:
        tasks = Tasks()
        chat = chat_of(model, tools.look)
        await chat.say()
        assert await tasks.left() == []


def _generator(events: Any) -> AsyncGenerator[ThreadStreamEvent, None]:
    assert isinstance(events, AsyncGenerator)
    return events


async def test_a_run_that_the_integration_cancels_itself_just_ends() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate))]) as model:
        tasks = Tasks()
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'Hel'")
        chat.runs[0].cancel()
        await reader.task
        assert await tasks.left() == []
    assert not [word for word in reader.told if word.startswith("error")]
