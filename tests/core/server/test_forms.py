"""Structured input: what a user's answers make of the questions."""

from __future__ import annotations

from typing import Any

import pytest

from chatkit.errors import RequestRefusedError
from chatkit.types import (
    StructuredInputFreeform,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    ThreadMetadata,
    UserMessageItem,
)
from support.chat import CONTEXT, NO_EVENTS, Chat, Events, now, types

YES_OR_NO = [StructuredInputMultipleChoiceOption(value=value) for value in ("yes", "no")]


def form() -> StructuredInputItem:
    return StructuredInputItem(
        id="form",
        thread_id="",
        created_at=now(),
        inputs=[
            StructuredInputMultipleChoice(id="one", question="One?", options=YES_OR_NO),
            StructuredInputMultipleChoice(
                id="many", question="Many?", options=YES_OR_NO, multiple=True
            ),
            StructuredInputFreeform(id="words", question="Words?"),
        ],
    )


async def submit(chat: Chat, thread: ThreadMetadata, **submission: Any) -> list[Any]:
    return await chat.events(
        "threads.add_structured_input", thread_id=thread.id, item_id="form", input=submission
    )


def given(*values: str) -> dict[str, Any]:
    return {"values": list(values), "skipped": False}


SKIPPED = {"values": [], "skipped": True}


@pytest.mark.parametrize(
    ("submission", "answers"),
    [
        (
            {"answers": {"one": given("yes"), "many": given("yes", "no"), "words": given("hi")}},
            [given("yes"), given("yes", "no"), given("hi")],
        ),
        ({"answers": {"one": given("no", "yes")}}, [given("no"), SKIPPED, SKIPPED]),
        (
            {"answers": {"one": given(), "words": {"values": ["hi"], "skipped": True}}},
            [SKIPPED, SKIPPED, SKIPPED],
        ),
        (
            {"answers": {"one": given("yes")}, "status": "skipped"},
            [SKIPPED, SKIPPED, SKIPPED],
        ),
    ],
    ids=["as given", "one choice, two values", "empty or skipped", "the whole form skipped"],
)
async def test_answers_are_stored_in_the_form_and_the_form_is_sent_again(
    submission: dict[str, Any], answers: list[dict[str, Any]]
) -> None:
    heard: list[UserMessageItem | None] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        heard.append(message)
        for event in NO_EVENTS:
            yield event

    chat = Chat(respond)
    thread = await chat.new_thread(form())
    events = await submit(chat, thread, **submission)
    assert types(events) == ["stream_options", "thread.item.replaced"]
    item = await chat.store.load_item(thread.id, "form", CONTEXT)
    assert isinstance(item, StructuredInputItem)
    assert item.status == submission.get("status", "answered")
    assert [question.answer and question.answer.model_dump() for question in item.inputs] == answers
    assert [question["answer"] for question in events[1]["item"]["inputs"]] == answers
    assert heard == [None]


async def test_an_answer_to_an_unknown_question_is_ignored_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chat = Chat()
    thread = await chat.new_thread(form())
    events = await submit(chat, thread, answers={"nobody asked": given("x"), "one": given("no")})
    assert "nobody asked" not in str(events)
    assert "nobody asked" in caplog.text


async def test_a_form_takes_answers_once() -> None:
    chat = Chat()
    thread = await chat.new_thread(form())
    await submit(chat, thread, answers={"one": given("yes")})
    with pytest.raises(RequestRefusedError):
        await submit(chat, thread, answers={"one": given("no")})
    item = await chat.store.load_item(thread.id, "form", CONTEXT)
    assert '"yes"' in item.model_dump_json(include={"inputs": {0: {"answer"}}})
