"""The user agent of a run's requests names both packages while a turn runs, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import agents
import pytest
from agents import Agent, Runner

import chatkit.agents
from chatkit.types import ProgressUpdateEvent, ThreadMetadata, ThreadStreamEvent, UserMessageItem
from chatkit.version import __version__
from support.agent_chat import QUIET, AgentChat, outline
from support.chat import Chat, says
from support.scripted_model import (
    Gate,
    Message,
    Reply,
    ScriptedModel,
    Status,
    Text,
    scripted_model,
)

HELLO: Reply = [Message(Text("Hello"))]


def agent_of(model: ScriptedModel, api: str = "responses") -> Agent[Any]:
    sdk_model = model.responses() if api == "responses" else model.chat_completions()
    return Agent(name="Ada", model=sdk_model)


async def outside(model: ScriptedModel, api: str = "responses") -> str:
    """The user agent of a run that is no turn."""
    result = Runner.run_streamed(agent_of(model, api), "go", run_config=QUIET)
    async for _ in result.stream_events():
        pass
    return model.asked[-1].user_agent


def names_both(user_agent: str) -> bool:
    lower = user_agent.lower()
    return all(word in lower for word in (agents.__version__, "chatkit", __version__))


@pytest.mark.parametrize("api", ["responses", "chat completions"])
async def test_requests_of_a_turn_name_both_packages_and_others_only_the_sdk(api: str) -> None:
    async with scripted_model(HELLO, HELLO, HELLO) as model:
        before = await outside(model, api)
        await AgentChat(agent_of(model, api)).say()
        after = await outside(model, api)
    assert names_both(model.asked[1].user_agent)
    assert before == after
    assert "chatkit" not in before.lower()


async def test_it_is_restored_when_the_run_fails() -> None:
    async with scripted_model(Status(500), HELLO) as model:
        assert outline(await AgentChat(agent_of(model)).say()) == ["error stream.error"]
        assert "chatkit" not in (await outside(model)).lower()
    assert names_both(model.asked[0].user_agent)


async def test_it_is_restored_when_the_turn_is_stopped() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate))], HELLO) as model:
        chat = AgentChat(agent_of(model))
        result = await chat.saying()
        async for _ in result.json_events:
            if gate.reached.is_set():
                break
        await result.json_events.aclose()
        await chat.aclose()
        assert "chatkit" not in (await outside(model)).lower()
    assert names_both(model.asked[0].user_agent)


async def test_a_run_outside_is_left_alone_while_a_turn_is_under_way() -> None:
    gate = Gate()
    async with scripted_model([gate, Message(Text("Hello"))], HELLO) as model:
        chat = AgentChat(agent_of(model))
        turn = asyncio.create_task(chat.say())
        await gate.reached.wait()
        assert "chatkit" not in (await outside(model)).lower()
        gate.open()
        await turn


async def test_a_turn_that_calls_no_helper_of_the_bridge_names_both_too() -> None:
    assert chatkit.agents is not None  # its import is all that it takes

    async with scripted_model(HELLO) as model:

        async def respond(
            thread: ThreadMetadata, message: UserMessageItem | None
        ) -> AsyncIterator[ThreadStreamEvent]:
            await outside(model)
            yield ProgressUpdateEvent(text="ran")

        await Chat(respond).events("threads.create", input=says("go"))
    assert names_both(model.asked[0].user_agent)
