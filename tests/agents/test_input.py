"""A thread's items as model input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import AnyUrl

from chatkit.agents import ThreadItemConverter, simple_to_agent_input
from chatkit.types import (
    Attachment,
    CustomTask,
    EndOfTurnItem,
    FileAttachment,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    ImageAttachment,
    SDKHiddenContextItem,
    SearchTask,
    TaskItem,
    ThoughtTask,
    ThreadItem,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from support.chat import assistant, hidden, now, tool_call, user, widget

HERE: dict[str, Any] = {"id": "item", "thread_id": "thread"}


def here() -> dict[str, Any]:
    return {**HERE, "created_at": now()}


async def converted(*items: ThreadItem, converter: ThreadItemConverter | None = None) -> list[Any]:
    if converter is not None:
        return list(await converter.to_agent_input(list(items)))
    return list(await simple_to_agent_input(list(items)))


def words(model_input: list[Any]) -> list[str]:
    """All texts, in order."""
    return [
        part["text"]
        for item in model_input
        for part in item.get("content", [])
        if isinstance(part, dict) and "text" in part
    ]


async def test_a_conversation_keeps_its_roles_and_its_order() -> None:
    given = await converted(user("Hi", id="1"), assistant("Hello", id="2"), user("Bye", id="3"))
    assert [item["role"] for item in given] == ["user", "assistant", "user"]
    assert words(given) == ["Hi", "Hello", "Bye"]
    assert given[1]["content"][0]["type"] == "output_text"
    assert given[0]["content"][0]["type"] == "input_text"


async def test_one_item_need_not_be_a_list() -> None:
    assert words(list(await simple_to_agent_input(user("Hi")))) == ["Hi"]
    assert await simple_to_agent_input([]) == []


async def test_a_finished_client_tool_call_is_the_call_and_its_output() -> None:
    done = tool_call(status="completed", output={"lat": 59.9, "alt": None})
    call, output = await converted(done)
    assert (call["type"], output["type"]) == ("function_call", "function_call_output")
    assert call["call_id"] == output["call_id"] == "call-call"
    assert json.loads(call["arguments"]) == {}
    assert json.loads(output["output"]) == {"lat": 59.9, "alt": None}


@pytest.mark.parametrize(
    "left_out",
    [
        tool_call(),
        EndOfTurnItem(**HERE, created_at=now()),
        GeneratedImageItem(**HERE, created_at=now()),
        TaskItem(**HERE, created_at=now(), task=CustomTask()),
        TaskItem(**HERE, created_at=now(), task=ThoughtTask(content="private")),
    ],
    ids=["pending call", "end of turn", "image to come", "empty task", "thought"],
)
async def test_what_the_model_must_not_get_is_left_out(left_out: ThreadItem) -> None:
    assert words(await converted(user("Hi"), left_out)) == ["Hi"]
    assert await converted(left_out) == []


async def test_a_generated_image_is_shown_to_the_model() -> None:
    image = GeneratedImage(id="pic", url="https://img.example/1.png")
    [item] = await converted(GeneratedImageItem(**here(), image=image))
    urls = [part.get("image_url") for part in item["content"]]
    assert "https://img.example/1.png" in urls


async def test_tasks_and_workflows_are_told_without_the_thoughts() -> None:
    tasks = [
        CustomTask(title="Look up", content="Oslo"),
        ThoughtTask(content="private"),
        SearchTask(title="Search"),
    ]
    item = WorkflowItem(**here(), workflow=Workflow(type="custom", tasks=[*tasks]))
    told = " ".join(words(await converted(item)))
    assert "Look up" in told
    assert "Oslo" in told
    assert "private" not in told


async def test_hidden_text_and_the_servers_own_notes_reach_the_model() -> None:
    note = SDKHiddenContextItem(**here(), content="The user has stopped the reply.")
    told = words(await converted(hidden("the secret"), note))
    assert any("the secret" in text for text in told)
    assert any("The user has stopped the reply." in text for text in told)


async def test_a_widget_is_told_as_json() -> None:
    [text] = words(await converted(widget("Oslo")))
    assert "Oslo" in text
    assert json.JSONDecoder().raw_decode(text[text.index('{"') :])[0]["type"] == "Card"


# --- user messages -------------------------------------------------------------------------------


class Tagging(ThreadItemConverter):
    async def tag_to_message_content(self, tag: UserMessageTagContent) -> Any:
        return {"type": "input_text", "text": f"tag {tag.text} is {tag.id}"}

    async def attachment_to_message_content(self, attachment: Attachment) -> Any:
        return {"type": "input_file", "file_id": attachment.id}


def tag(id: str, text: str) -> UserMessageTagContent:
    return UserMessageTagContent(id=id, text=text, data={})


def with_tags() -> UserMessageItem:
    message = user("Ask ")
    message.content += [tag("1", "Ada"), UserMessageTextContent(text=" or "), tag("2", "Bo")]
    message.content += [UserMessageTextContent(text=", not "), tag("3", "Ada")]
    return message


async def test_tags_stand_in_the_text_and_are_explained_once_each() -> None:
    message, context = await converted(with_tags(), converter=Tagging())
    assert words([message]) == ["Ask @Ada or @Bo, not @Ada"]
    told = [text for text in words([context]) if text.startswith("tag ")]
    assert told == ["tag Ada is 1", "tag Bo is 2"]


async def test_attachments_come_with_the_message() -> None:
    message = user("See")
    message.attachments = [
        FileAttachment(id="f-1", name="a.txt", mime_type="text/plain"),
        ImageAttachment(
            id="f-2",
            name="b.png",
            mime_type="image/png",
            preview_url=AnyUrl("https://p.example/b"),
        ),
    ]
    [item] = await converted(message, converter=Tagging())
    files = [part["file_id"] for part in item["content"] if part["type"] == "input_file"]
    assert files == ["f-1", "f-2"]


def quoting(text: str, quoted: str, id: str = "quoting") -> UserMessageItem:
    message = user(text, id=id)
    message.quoted_text = quoted
    return message


async def test_the_last_user_messages_quotation_reaches_the_model() -> None:
    told = words(await converted(user("Hi", id="1"), quoting("This?", "the quoted line")))
    assert any("the quoted line" in text for text in told)


@pytest.mark.parametrize(
    "after",
    [
        tool_call(status="completed", output="here"),
        assistant("Let me see"),
        hidden("psst"),
        EndOfTurnItem(**HERE, created_at=now()),
    ],
    ids=["a tool's result", "an answer", "a hidden note", "an end of turn"],
)
async def test_a_quotation_reaches_the_model_when_other_items_follow(after: ThreadItem) -> None:
    """I23: as in the turn after a client tool's result."""
    told = words(await converted(quoting("This?", "the quoted line"), after))
    assert any("the quoted line" in text for text in told)


async def test_an_earlier_messages_quotation_is_left_out() -> None:
    told = words(await converted(quoting("This?", "the quoted line"), user("Bye", id="2")))
    assert not any("the quoted line" in text for text in told)


@pytest.mark.parametrize(
    "item",
    [
        with_tags(),
        HiddenContextItem(**HERE, created_at=now(), content={"n": 1}),
        user("See").model_copy(
            update={"attachments": [FileAttachment(id="f", name="a", mime_type="text/plain")]}
        ),
    ],
    ids=["tags", "hidden context that is no text", "attachments"],
)
async def test_what_needs_an_override_says_so(item: ThreadItem) -> None:
    with pytest.raises(NotImplementedError, match=r"\w+_to_\w+"):
        await converted(item)


# --- overrides -----------------------------------------------------------------------------------


async def test_an_override_may_give_one_item_several_or_none() -> None:
    def spoken(text: str) -> Any:
        content = [{"type": "input_text", "text": text}]
        return {"type": "message", "role": "user", "content": content}

    class Own(ThreadItemConverter):
        async def hidden_context_to_input(self, item: HiddenContextItem) -> Any:
            return spoken(f"hidden {item.content}")

        async def widget_to_input(self, item: WidgetItem) -> Any:
            return [spoken("a"), spoken("widget")]

        async def assistant_message_to_input(self, item: Any) -> Any:
            return None

        async def user_message_to_input(
            self, item: UserMessageItem, is_last_message: bool = True
        ) -> Any:
            return spoken("last" if is_last_message else "earlier")

    items = [user(id="1"), hidden({"n": 1}), widget(), assistant("no"), user(id="2")]
    told = words(await converted(*items, converter=Own()))
    assert told == ["earlier", "hidden {'n': 1}", "a", "widget", "last"]


async def test_conversion_leaves_the_items_as_they_are() -> None:
    items: list[ThreadItem] = [with_tags(), widget(), tool_call(status="completed", output=1)]
    before = [item.model_dump_json() for item in items]
    await converted(*items, converter=Tagging())
    assert [item.model_dump_json() for item in items] == before
