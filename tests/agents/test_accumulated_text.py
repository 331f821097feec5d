"""``accumulate_text``: a run's text as the states of one widget."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from agents import Agent, Runner

from chatkit.agents import accumulate_text
from chatkit.server import stream_widget
from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem, WidgetItem
from chatkit.widgets import DynamicWidgetRoot, Markdown, WidgetRoot
from chatkit.widgets import Text as TextWidget
from support.agent_chat import QUIET
from support.chat import Chat, of_type, says
from support.scripted_model import Message, ScriptedModel, Text, scripted_model


def events_of(model: ScriptedModel) -> AsyncIterator[Any]:
    agent = Agent(name="Ada", model=model.responses())
    return Runner.run_streamed(agent, "go", run_config=QUIET).stream_events()


async def test_each_delta_gives_the_text_so_far_and_the_last_state_stands() -> None:
    base = Markdown.model_validate({"id": "md", "value": "", "streaming": True})
    async with scripted_model([Message(Text("One ", "two"))]) as model:
        states = [state async for state in accumulate_text(events_of(model), base)]
    assert [(state.value, state.streaming) for state in states] == [
        ("", True),
        ("One ", True),
        ("One two", True),
        ("One two", False),
    ]
    assert (base.value, base.streaming) == ("", True)


async def test_a_run_without_text_gives_the_widget_and_its_end() -> None:
    base = TextWidget.model_validate({"id": "t", "value": "old", "streaming": True})
    async with scripted_model([Message()]) as model:
        states = [state async for state in accumulate_text(events_of(model), base)]
    assert [state.streaming for state in states] == [True, False]


async def test_accumulated_text_streams_into_a_thread_as_a_widget() -> None:
    async with scripted_model([Message(Text("Lorem", " ipsum"))]) as model:

        async def states() -> AsyncGenerator[WidgetRoot, None]:
            base = TextWidget.model_validate({"id": "body", "value": "", "streaming": True})
            async for text in accumulate_text(events_of(model), base):
                yield DynamicWidgetRoot.model_validate(
                    {"type": "Card", "children": [text.model_dump()]}
                )

        async def respond(
            thread: ThreadMetadata, message: UserMessageItem | None
        ) -> AsyncIterator[ThreadStreamEvent]:
            async for event in stream_widget(thread, states()):
                yield event

        chat = Chat(respond)
        events = await chat.events("threads.create", input=says("write"))
    updates = [event["update"] for event in of_type(events, "thread.item.updated")]
    assert [update.get("delta") for update in updates][:2] == ["Lorem", " ipsum"]
    item = (await chat.stored(events[0]["thread"]["id"]))[-1]
    assert isinstance(item, WidgetItem)
    assert "Lorem ipsum" in item.model_dump_json()
