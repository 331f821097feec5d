"""Reasoning summaries as workflows, and pictures that the model makes itself."""

from __future__ import annotations

from typing import Any

from agents import Agent

from chatkit.agents import ResponseStreamConverter
from chatkit.types import DurationSummary, GeneratedImageItem, ThoughtTask, WorkflowItem
from support.agent_chat import MESSAGE, MESSAGE_END, AgentChat, outline
from support.chat import kinds, of_type
from support.scripted_model import Image, Message, Reasoning, ScriptedModel, Text, scripted_model


def chat_of(model: ScriptedModel, **options: Any) -> AgentChat:
    return AgentChat(Agent(name="Ada", model=model.responses()), **options)


async def test_the_first_thought_streams_and_later_ones_come_whole() -> None:
    reply = [
        Reasoning(Text("First ", "thought"), Text("Second ", "one")),
        Reasoning(Text("Third")),
        Message(Text("Answer")),
    ]
    async with scripted_model(reply) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert outline(events) == [
        "+workflow",
        "task 0 added: First ",
        "task 0 updated: First thought",
        "task 0 updated: First thought",
        "task 1 added: Second one",
        "task 2 added: Third",
        "=workflow",
        *MESSAGE,
        "'Answer'",
        *MESSAGE_END,
    ]
    workflow, _ = await chat.items()
    assert isinstance(workflow, WorkflowItem)
    assert workflow.workflow.type == "reasoning"
    assert isinstance(workflow.workflow.summary, DurationSummary)
    assert workflow.workflow.summary.duration >= 0
    assert not workflow.workflow.expanded
    thoughts = [task.content for task in workflow.workflow.tasks if isinstance(task, ThoughtTask)]
    assert thoughts == ["First thought", "Second one", "Third"]


async def test_thoughts_after_a_message_open_a_workflow_of_their_own() -> None:
    reply = [
        Reasoning(Text("One")),
        Message(Text("A")),
        Reasoning(Text("Two")),
        Message(Text("B")),
    ]
    async with scripted_model(reply) as model:
        chat = chat_of(model)
        await chat.say()
    items = await chat.items()
    assert kinds(items) == ["workflow", "assistant_message"] * 2
    assert len({item.id for item in items}) == 4


async def test_a_workflow_that_the_run_leaves_open_is_stored_when_it_ends() -> None:
    async with scripted_model([Message(Text("A")), Reasoning(Text("Hm"))]) as model:
        chat = chat_of(model)
        await chat.say()
    assert kinds(await chat.items()) == ["assistant_message", "workflow"]


async def test_a_picture_is_an_item_at_once_and_grows() -> None:
    reply = [Image("Qw==", partial=["QQ==", "Qg=="]), Message(Text("There"))]
    async with scripted_model(reply) as model:
        chat = chat_of(model, converter=ResponseStreamConverter(partial_images=2))
        events = await chat.say()
    assert outline(events)[:4] == [
        "+generated_image",
        "generated image.updated",
        "generated image.updated",
        "=generated_image",
    ]
    updates = [event["update"] for event in of_type(events, "thread.item.updated")][:2]
    assert [update["progress"] for update in updates] == [0.0, 0.5]
    urls = [update["image"]["url"] for update in updates]
    assert urls == ["data:image/png;base64,QQ==", "data:image/png;base64,Qg=="]
    picture, _ = await chat.items()
    assert isinstance(picture, GeneratedImageItem)
    assert picture.image is not None
    assert (picture.image.id, picture.image.url) == ("ig_1", "data:image/png;base64,Qw==")


async def test_two_pictures_in_one_turn_are_two_items() -> None:
    async with scripted_model(
        [Image("QQ==", partial=["QQ=="]), Image("Qg=="), Message(Text("There"))]
    ) as model:
        chat = chat_of(model)
        events = await chat.say()
    first, second, _ = await chat.items()
    assert isinstance(first, GeneratedImageItem)
    assert isinstance(second, GeneratedImageItem)
    assert first.id != second.id
    assert first.image is not None
    assert second.image is not None
    assert (first.image.url[-4:], second.image.url[-4:]) == ("QQ==", "Qg==")
    pictures = [
        event["item_id"]
        for event in of_type(events, "thread.item.updated")
        if event["update"]["type"] == "generated_image.updated"
    ]
    assert pictures == [first.id]


async def test_a_converter_may_keep_pictures_elsewhere() -> None:
    class Uploading(ResponseStreamConverter):
        async def base64_image_to_url(
            self, image_id: str, base64_image: str, partial_image_index: int | None = None
        ) -> str:
            return f"https://img.example/{image_id}/{base64_image}/{partial_image_index}"

    async with scripted_model([Image("B", partial=["A"]), Message(Text("There"))]) as model:
        chat = chat_of(model, converter=Uploading())
        update, *_ = of_type(await chat.say(), "thread.item.updated")
    assert update["update"]["image"]["url"] == "https://img.example/ig_1/A/0"
    picture, _ = await chat.items()
    assert isinstance(picture, GeneratedImageItem)
    assert picture.image is not None
    assert picture.image.url == "https://img.example/ig_1/B/None"


async def test_a_picture_of_the_runs_own_leaves_the_thoughts_open() -> None:
    reply = [
        Reasoning(Text("Draw it")),
        Image("QQ=="),
        Reasoning(Text("Drawn")),
        Message(Text("There")),
    ]
    async with scripted_model(reply) as model:
        chat = chat_of(model)
        told = outline(await chat.say())
    assert [word for word in told if word[0] in "+="] == [
        "+workflow",
        "+generated_image",
        "=generated_image",
        "=workflow",
        "+assistant_message",
        "=assistant_message",
    ]
    assert "task 1 added: Drawn" in told
