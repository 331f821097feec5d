"""Messages of a run: texts, refusals and citations, as they stream and as they are kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, Runner
from openai.types.responses.response_output_text import AnnotationURLCitation

from chatkit.agents import ResponseStreamConverter, stream_agent_response
from chatkit.types import (
    Annotation,
    AssistantMessageItem,
    EntitySource,
    FileSource,
    ThreadItem,
    URLSource,
)
from support.agent_chat import MESSAGE, MESSAGE_END, QUIET, AgentChat, Reader, new_context, outline
from support.chat import Json, kinds, of_type, text_of
from support.scripted_model import (
    Citation,
    Gate,
    Message,
    Raw,
    Refusal,
    ScriptedModel,
    Text,
    scripted_model,
)


def chat_of(model: ScriptedModel, **options: Any) -> AgentChat:
    return AgentChat(Agent(name="Ada", model=model.responses()), **options)


def announced(events: list[Json]) -> list[Json]:
    """What was announced while it streamed."""
    updates = [event["update"] for event in of_type(events, "thread.item.updated")]
    return [update for update in updates if update["type"].endswith("annotation_added")]


async def test_a_text_streams_in_the_models_pieces_under_the_models_id() -> None:
    async with scripted_model([Message(Text("Hel", "lo"))]) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert outline(events) == [*MESSAGE, "'Hel'", "'lo'", *MESSAGE_END]
    assert {event.get("item_id") or event["item"]["id"] for event in events} == {"msg_1"}
    [item] = await chat.items()
    assert item.id == "msg_1"
    assert text_of(item) == "Hello"


async def test_parts_and_messages_keep_their_places() -> None:
    reply = [Message(Text("One"), Text("Two")), Message(Text("Three"))]
    async with scripted_model(reply) as model:
        chat = chat_of(model)
        events = await chat.say()
    deltas = [
        (event["item_id"], event["update"]["content_index"], event["update"]["delta"])
        for event in of_type(events, "thread.item.updated")
        if "delta" in event["update"]
    ]
    assert deltas == [("msg_1", 0, "One"), ("msg_1", 1, "Two"), ("msg_2", 0, "Three")]
    assert [text_of(item) for item in await chat.items()] == ["OneTwo", "Three"]


async def test_a_refusal_streams_as_text_as_it_grows() -> None:
    gate = Gate()
    async with scripted_model([Message(Refusal("I would ", "rather not.", gate))]) as model:
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'rather not.'")
        gate.open()
        await reader.task
    assert reader.told == [*MESSAGE, "'I would '", "'rather not.'", *MESSAGE_END]
    assert [text_of(item) for item in await chat.items()] == ["I would rather not."]


async def test_a_refusal_may_follow_a_text_in_one_message() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Well. "), Refusal("No.", gate))]) as model:
        chat = chat_of(model)
        reader = Reader(await chat.saying())
        await reader.hears("'No.'")
        gate.open()
        await reader.task
    assert reader.told[-1] == "=assistant_message"
    assert [text_of(item) for item in await chat.items()] == ["Well. No."]


@pytest.mark.parametrize("heard", ["+assistant_message", "'I would '", "=assistant_message"])
async def test_a_refusal_is_whole_however_much_of_it_was_read_before_the_run_ended(
    heard: str,
) -> None:
    """Newer SDKs raise when a response is a refusal, and drop what was not read until then."""
    refusal = [Message(Refusal("I would ", "rather not."))]
    async with scripted_model(refusal) as model:
        context = new_context()
        agent = Agent(name="Ada", model=model.responses())
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        events = []
        async for event in stream_agent_response(context, result):
            events.append(event.model_dump(mode="json"))
            if outline(events[-1:]) == [heard]:
                while not result.is_complete:
                    await asyncio.sleep(0)
    assert outline(events)[0] == "+assistant_message"
    assert outline(events)[-1] == "=assistant_message"
    assert outline(events).count("=assistant_message") == 1
    assert "".join(part["text"] for part in events[-1]["item"]["content"]) == "I would rather not."


# --- citations -----------------------------------------------------------------------------------

URL: Citation = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 2,
    "end_index": 9,
}
FILE: Citation = {"type": "file_citation", "file_id": "f", "filename": "plan.pdf", "index": 3}
IN_CONTAINER: Citation = {
    "type": "container_file_citation",
    "container_id": "c",
    "file_id": "f",
    "filename": "sum.csv",
    "start_index": 1,
    "end_index": 6,
}
NAMELESS: Citation = {"type": "file_citation", "file_id": "f", "filename": "", "index": 3}
NAMELESS_IN_CONTAINER: Citation = {**IN_CONTAINER, "filename": ""}
PATH: Citation = {"type": "file_path", "file_id": "f", "index": 0}


def cited(*citations: Citation) -> list[Message]:
    return [Message(Text("With proof", citations=citations))]


def places(item: ThreadItem) -> list[tuple[str, int | None]]:
    """What each kept citation leads to, and its place in the text."""
    assert isinstance(item, AssistantMessageItem)
    return [(target(one.source), one.index) for one in item.content[0].annotations]


def target(source: FileSource | URLSource | EntitySource) -> str:
    if isinstance(source, FileSource):
        return source.filename
    assert isinstance(source, URLSource)
    return source.url


async def test_citations_of_all_three_kinds_stream_and_are_kept() -> None:
    async with scripted_model(cited(FILE, IN_CONTAINER, URL)) as model:
        chat = chat_of(model)
        events = await chat.say()
    sources = [update["annotation"]["source"] for update in announced(events)]
    assert [source["type"] for source in sources] == ["file", "file", "url"]
    assert [update["annotation_index"] for update in announced(events)] == [0, 1, 2]
    [item] = await chat.items()
    assert places(item) == [("plan.pdf", 3), ("sum.csv", 6), ("https://a.example", 9)]


async def test_a_citation_without_a_file_name_is_dropped_and_not_counted() -> None:
    async with scripted_model(cited(NAMELESS, URL, NAMELESS_IN_CONTAINER, PATH, FILE)) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert [update["annotation_index"] for update in announced(events)] == [0, 1]
    [item] = await chat.items()
    assert places(item) == [("https://a.example", 9), ("plan.pdf", 3)]


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "url_citation"},
        {"type": "url_citation", "url": 7, "title": None, "start_index": "x", "end_index": {}},
        {"type": "moon_citation", "crater": 1},
        {"type": "file_citation", "filename": ["plan.pdf"], "index": None},
        {},
    ],
    ids=lambda odd: str(odd)[:40],
)
async def test_a_citation_that_cannot_be_read_is_passed_over(odd: Citation) -> None:
    async with scripted_model(cited(odd, URL)) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert outline(events)[-1] == "=assistant_message"
    assert [update["annotation_index"] for update in announced(events)] == [0]
    [item] = await chat.items()
    assert places(item) == [("https://a.example", 9)]
    assert text_of(item) == "With proof"


async def test_an_unreadable_citation_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with scripted_model(cited({"type": "url_citation"})) as model:
        await chat_of(model).say()
    assert [record.name for record in caplog.records if "citation" in record.getMessage()]


async def test_an_announcement_without_a_citation_is_passed_over() -> None:
    nothing = Raw(
        {
            "type": "response.output_text.annotation.added",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "annotation_index": 0,
            "annotation": None,
        }
    )
    async with scripted_model([Message(Text("Hel", nothing, "lo"))]) as model:
        chat = chat_of(model)
        events = await chat.say()
    assert outline(events) == [*MESSAGE, "'Hel'", "'lo'", *MESSAGE_END]


async def test_a_converter_may_change_or_drop_citations() -> None:
    class Picky(ResponseStreamConverter):
        async def url_citation_to_annotation(
            self, url_citation: AnnotationURLCitation
        ) -> Annotation | None:
            if "b.example" in url_citation.url:
                return None
            kept = await super().url_citation_to_annotation(url_citation)
            assert kept is not None
            kept.source.title = "Changed"
            return kept

    dropped = {**URL, "url": "https://b.example"}
    async with scripted_model(cited(dropped, URL)) as model:
        chat = chat_of(model, converter=Picky())
        [update] = announced(await chat.say())
    assert update["annotation_index"] == 0
    assert update["annotation"]["source"]["title"] == "Changed"
    [item] = await chat.items()
    assert kinds([item]) == ["assistant_message"]
    assert places(item) == [("https://a.example", 9)]
