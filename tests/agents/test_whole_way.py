"""The whole way: socket, endpoint, turn, run, SQLite, and the model's input in the next turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from agents import Agent, RunContextWrapper, StopAtTools, function_tool

from chatkit.agents import AgentContext, ClientToolCall
from chatkit.asgi import ChatKitEndpoint, Request
from chatkit.types import CustomTask
from chatkit_sqlite import SQLiteStore
from support.agent_chat import AgentChat, Tasks, outline
from support.chat import Json, card
from support.chat_http import assistant_texts, create_thread, events_in, user_input
from support.live_server import client_of
from support.scripted_model import (
    Call,
    Failure,
    Gate,
    Image,
    Message,
    Reasoning,
    Reply,
    ScriptedModel,
    Text,
    scripted_model,
)

Context = RunContextWrapper[AgentContext[dict[str, str]]]


@function_tool
async def show(ctx: Context, city: str) -> str:
    """Show a card."""
    await ctx.context.add_workflow_task(CustomTask(title=f"Find {city}"))
    await ctx.context.stream_widget(card(f"Card of {city}"))
    ctx.context.thread.title = city
    return f"showed {city}"


@function_tool
async def locate(ctx: Context) -> str:
    """Ask the browser where it is."""
    ctx.context.client_tool_call = ClientToolCall(name="locate", arguments={})
    return "asked"


@asynccontextmanager
async def serving(model: ScriptedModel, file: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server on that file, and a browser of Ada's."""
    agent = Agent[Any](
        name="Guide",
        model=model.responses(),
        tools=[show, locate],
        tool_use_behavior=StopAtTools(stop_at_tool_names=["locate"]),
    )
    store = SQLiteStore[dict[str, str]](file, owner=lambda context: context["user"])
    chat = AgentChat(agent, store=store)
    app = ChatKitEndpoint(chat, context=user_of)
    async with client_of(app) as client:
        client.headers["x-user"] = "ada"
        yield client


def user_of(request: Request) -> dict[str, str]:
    return {"user": request.headers["x-user"]}


async def post(client: httpx.AsyncClient, kind: str, **params: Json) -> httpx.Response:
    response = await client.post("/", json={"type": kind, "params": params})
    assert response.status_code == 200, response.text
    return response


def texts_in(model_input: list[Json]) -> list[str]:
    """All that the model was told, in order."""
    return [
        part["text"] if isinstance(part, dict) else str(part)
        for item in model_input
        for part in (item.get("content") or [item.get("output")])
        if not isinstance(part, dict) or "text" in part
    ]


async def test_a_thread_of_every_kind_of_answer_reaches_the_model_again(tmp_path: Path) -> None:
    file = tmp_path / "chat.sqlite"
    script: list[Reply] = [
        [Reasoning(Text("Hm")), Call("show", {"city": "Oslo"})],
        [Image("QQ==", partial=["QQ=="]), Message(Text("Here is ", "Oslo.")), Call("locate")],
        [Message(Text("You are in Turin."))],
        [Message(Text("Bye."))],
    ]
    async with scripted_model(*script) as model:
        async with serving(model, file) as client:
            created = events_in((await client.post("/", json=create_thread("Oslo?"))).content)
            thread_id = created[0]["thread"]["id"]
            assert outline(created)[-1] == "=client_tool_call"
            answered = await post(
                client,
                "threads.add_client_tool_output",
                thread_id=thread_id,
                result={"city": "Turin"},
            )
            assert assistant_texts(events_in(answered.content)) == ["You are in Turin."]
        async with serving(model, file) as client:  # another process, as it were
            await post(
                client,
                "threads.add_user_message",
                thread_id=thread_id,
                input=user_input("Thanks"),
            )
            history = (await post(client, "threads.get_by_id", thread_id=thread_id)).json()

    kinds = [item["type"] for item in history["items"]["data"]]
    assert kinds == [
        "user_message",
        "workflow",
        "widget",
        "generated_image",
        "assistant_message",
        "client_tool_call",
        "assistant_message",
        "user_message",
        "assistant_message",
    ]
    assert history["title"] == "Oslo"

    given = model.asked[-1].input
    told = texts_in(given)
    assert told[0] == "Oslo?"
    assert told[-1] == "Thanks"
    everything = json.dumps(given)
    for word in ("Find Oslo", "Card of Oslo", "Here is Oslo.", "Turin", "You are in Turin."):
        assert word in everything, word
    assert "Hm" not in told
    calls = [(item["type"], item["call_id"]) for item in given if "call_id" in item]
    assert [kind for kind, _ in calls] == ["function_call", "function_call_output"]
    assert len({call_id for _, call_id in calls}) == 1


async def test_a_browser_that_goes_away_stops_the_run_and_finds_what_it_saw(
    tmp_path: Path,
) -> None:
    gate = Gate()
    script = [[Message(Text("Hel", gate, "lo"))], [Message(Text("Again"))]]
    async with scripted_model(*script) as model:
        tasks = Tasks()
        async with serving(model, tmp_path / "chat.sqlite") as client:
            thread_id = ""
            async with client.stream("POST", "/", json=create_thread()) as response:
                async for line in response.aiter_lines():
                    if '"thread.created"' in line:
                        thread_id = json.loads(line.removeprefix("data: "))["thread"]["id"]
                    if '"Hel"' in line:
                        break
            await model.hung_up.wait()
            gate.open()
            await post(
                client, "threads.add_user_message", thread_id=thread_id, input=user_input("And?")
            )
            history = (await post(client, "threads.get_by_id", thread_id=thread_id)).json()
        assert await tasks.left() == []
    texts = [
        item["content"][0]["text"]
        for item in history["items"]["data"]
        if item["type"] == "assistant_message"
    ]
    assert texts == ["Hel", "Again"]
    told = texts_in(model.asked[-1].input)
    assert "Hel" in told
    assert told[-1] == "And?"
    assert len(told) == 4, "the note that the user has stopped the answer is missing"


async def test_two_users_of_one_server_do_not_hear_of_each_other(tmp_path: Path) -> None:
    gate = Gate()
    script = [[Message(Text("For Ada", gate))], [Message(Text("For Bo"))]]
    async with (
        scripted_model(*script) as model,
        serving(model, tmp_path / "chat.sqlite") as client,
    ):
        ada = asyncio.create_task(client.post("/", json=create_thread("I am Ada")))
        await gate.reached.wait()
        bo = await client.post("/", json=create_thread("I am Bo"), headers={"x-user": "bo"})
        gate.open()
        assert assistant_texts(events_in((await ada).content)) == ["For Ada"]
        assert assistant_texts(events_in(bo.content)) == ["For Bo"]
        threads = (await post(client, "threads.list")).json()
    assert len(threads["data"]) == 1
    assert texts_in(model.asked[1].input) == ["I am Bo"]


async def test_a_model_that_fails_leaves_a_thread_that_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    script = [[Message(Text("So far", gate, Failure()))], [Message(Text("Better"))]]
    async with (
        scripted_model(*script) as model,
        serving(model, tmp_path / "chat.sqlite") as client,
    ):
        lines: list[str] = []
        async with client.stream("POST", "/", json=create_thread()) as response:
            async for line in response.aiter_lines():
                lines.append(line)
                if '"So far"' in line:
                    gate.open()
        created = events_in("\n".join(lines).encode())
        assert created[-1]["type"] == "error"
        thread_id = created[0]["thread"]["id"]
        await post(
            client, "threads.add_user_message", thread_id=thread_id, input=user_input("Go on")
        )
        history = (await post(client, "threads.get_by_id", thread_id=thread_id)).json()
    kinds = [item["type"] for item in history["items"]["data"]]
    assert kinds == ["user_message", "assistant_message"] * 2
    assert texts_in(model.asked[-1].input) == ["Hello", "So far", "Go on"]
