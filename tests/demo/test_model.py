"""The demo with a key: a model answers, with tools, a card and the browser's own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from support.demo_process import Demo, demo_running, done, said, thread_of
from support.scripted_model import Call, Message, Reply, ScriptedModel, Text, scripted_model


def settings(model: ScriptedModel) -> dict[str, str]:
    """What points the demo to the scripted model."""
    url = str(model.client.base_url)
    return {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": url, "NO_PROXY": "127.0.0.1"}


async def test_a_key_makes_a_model_answer_and_the_demo_says_so(tmp_path: Path) -> None:
    def use(demo: Demo) -> None:
        assert demo.process.stdout is not None
        told = demo.process.stdout.readline()
        assert str(model.client.base_url) in told
        assert "sk-none" not in demo.greeting + told
        events = demo.say("Hi there")
        assert said(events) == "Hello from a model."
        assert demo.threads()[0]["title"] == "Hi there"

    async with scripted_model([Message(Text("Hello ", "from a model."))]) as model:
        await asyncio.to_thread(run, tmp_path, settings(model), use)
    assert model.asked[0].user_agent.count("chatkit-core/") == 1


async def test_its_tools_show_a_task_and_a_card(tmp_path: Path) -> None:
    def use(demo: Demo) -> None:
        events = demo.say("roll and tell")
        [card] = done(events, "widget")
        assert "Oslo" in str(card["widget"])
        [steps] = done(events, "workflow")
        assert steps["workflow"]["tasks"][0]["title"] == "Rolled 2d6"
        assert said(events) == "There."

    script: list[Reply] = [
        [Call("roll_dice", {"count": 2, "sides": 6})],
        [Call("show_card", {"title": "Oslo", "facts": ["in Norway"]})],
        [Message(Text("There."))],
    ]
    async with scripted_model(*script) as model:
        await asyncio.to_thread(run, tmp_path, settings(model), use)


async def test_it_asks_the_browser_for_the_time_and_goes_on_with_it(tmp_path: Path) -> None:
    def use(demo: Demo) -> None:
        events = demo.say("what time is it?")
        [call] = done(events, "client_tool_call")
        assert call["name"] == "get_local_time"
        told = demo.events(
            "threads.add_client_tool_output",
            thread_id=thread_of(events),
            result={"time": "12:34", "timezone": "Europe/Oslo"},
        )
        assert said(told) == "It is 12:34."

    script: list[Reply] = [[Call("get_local_time")], [Message(Text("It is 12:34."))]]
    async with scripted_model(*script) as model:
        await asyncio.to_thread(run, tmp_path, settings(model), use)
    assert "Europe/Oslo" in str(model.asked[1].input)


def run(folder: Path, environment: dict[str, str], use: Callable[[Demo], None]) -> None:
    """Use a demo of its own."""
    with demo_running(folder, **environment) as demo:
        use(demo)
