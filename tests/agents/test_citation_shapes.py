"""Citations in whatever shape the installed SDKs hand them on: openai 2.x has dictionaries.

The real runner reads the real stream; between the two, the model's citations change their shape.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from agents import Agent, OpenAIResponsesModel
from openai.types.responses import response_output_text
from pydantic import BaseModel, ConfigDict

from support.agent_chat import AgentChat
from support.chat import of_type
from support.scripted_model import Citation, Message, Text, scripted_model

CITATIONS: list[Citation] = [
    {"type": "file_citation", "file_id": "f", "filename": "plan.pdf", "index": 3},
    {
        "type": "container_file_citation",
        "container_id": "c",
        "file_id": "f",
        "filename": "sum.csv",
        "start_index": 1,
        "end_index": 6,
    },
    {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "start_index": 2,
        "end_index": 9,
    },
]

ITEM_CLASSES = {
    "file_citation": response_output_text.AnnotationFileCitation,
    "container_file_citation": response_output_text.AnnotationContainerFileCitation,
    "url_citation": response_output_text.AnnotationURLCitation,
}


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def as_item_class(citation: Citation) -> object:
    return ITEM_CLASSES[citation["type"]](**citation)


SHAPES: list[Callable[[Citation], object]] = [
    dict,
    as_item_class,
    lambda citation: Anything(**citation),
    lambda citation: SimpleNamespace(**citation),
]


class Reshaping(OpenAIResponsesModel):
    """The SDK's model, but streamed citations come in another shape."""

    shape: Callable[[Citation], object]

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async for event in super().stream_response(*args, **kwargs):
            if event.type == "response.output_text.annotation.added":
                citation = CITATIONS[event.annotation_index]
                yield event.model_copy(update={"annotation": self.shape(citation)})
            else:
                yield event


@pytest.mark.parametrize("shape", SHAPES, ids=["dict", "item class", "open model", "plain object"])
async def test_streamed_citations_are_read_in_any_shape(
    shape: Callable[[Citation], object],
) -> None:
    async with scripted_model([Message(Text("With proof", citations=CITATIONS))]) as model:
        reshaping = Reshaping("scripted", model.client)
        reshaping.shape = shape
        chat = AgentChat(Agent(name="Ada", model=reshaping))
        events = await chat.say()
    updates = [event["update"] for event in of_type(events, "thread.item.updated")]
    added = [update for update in updates if update["type"].endswith("annotation_added")]
    assert [(one["annotation_index"], one["annotation"]["index"]) for one in added] == [
        (0, 3),
        (1, 6),
        (2, 9),
    ]
    sources = [one["annotation"]["source"] for one in added]
    assert [source.get("filename") or source["url"] for source in sources] == [
        "plan.pdf",
        "sum.csv",
        "https://a.example",
    ]
