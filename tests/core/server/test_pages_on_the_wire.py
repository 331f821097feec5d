"""A page of items is encoded item by item, and comes out as it does in one piece."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from chatkit.server.wire import ITEM_TYPES, PAGE_OF_ITEMS, encode, encode_plainly
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageItem,
    ClientToolCallItem,
    CustomTask,
    EndOfTurnItem,
    FileAttachment,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    InferenceOptions,
    SDKHiddenContextItem,
    StructuredInputItem,
    TaskItem,
    ThreadItem,
    URLSource,
    UserMessageItem,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from support.chat import card

COMMON: dict[str, Any] = {
    "thread_id": "thr_1",
    "created_at": datetime(2026, 5, 17, 12, 30, 0, 5, tzinfo=timezone.utc),
}
PAGE = Annotation(source=URLSource(title="“Page”", url="https://example.com"))
FILE = FileAttachment(id="atc", name="ü.txt", mime_type="text/plain", metadata={"path": "/secret"})
ITEMS: list[ThreadItem] = [
    UserMessageItem(
        id="user",
        **COMMON,
        content=[UserMessageTextContent(text="Hello\n“you”")],
        attachments=[FILE],
        inference_options=InferenceOptions(model="m"),
    ),
    AssistantMessageItem(
        id="assistant",
        **COMMON,
        content=[AssistantMessageContent(text="\x00 & <b>", annotations=[PAGE])],
    ),
    ClientToolCallItem(
        id="call", **COMMON, call_id="c", name="n", arguments={"a": None, "b": [1.5]}, output=None
    ),
    WidgetItem(id="widget", **COMMON, widget=card("text")),
    GeneratedImageItem(id="image", **COMMON, image=GeneratedImage(id="i", url="https://x/y")),
    StructuredInputItem(id="form", **COMMON, inputs=[]),
    WorkflowItem(
        id="flow", **COMMON, workflow=Workflow(type="custom", tasks=[CustomTask(title="t")])
    ),
    TaskItem(id="task", **COMMON, task=CustomTask(title="t")),
    HiddenContextItem(id="hidden", **COMMON, content={"a": None}),
    SDKHiddenContextItem(id="note", **COMMON, content="c"),
    EndOfTurnItem(id="end", **COMMON),
]


class OwnItem(AssistantMessageItem):
    """An integration's own kind of message, whose field no client knows."""

    mood: str = "good"


def test_the_samples_are_of_every_kind() -> None:
    assert {type(item) for item in ITEMS} == ITEM_TYPES


@pytest.mark.parametrize("after", [None, "“last”"])
@pytest.mark.parametrize("items", [[], ITEMS[:1], ITEMS], ids=len)
def test_a_page_is_the_same_bytes_item_by_item(items: list[ThreadItem], after: str | None) -> None:
    page = PAGE_OF_ITEMS(data=items, has_more=after is not None, after=after)
    assert encode(page) == encode_plainly(page)
    assert b"secret" not in encode(page)


def test_an_item_of_an_integrations_own_class_shows_no_more_than_what_it_is_derived_from() -> None:
    own = OwnItem(id="own", **COMMON, content=[])
    page = PAGE_OF_ITEMS.model_construct(data=[*ITEMS, own], has_more=False, after=None)
    assert encode(page) == encode_plainly(page)
    assert b'"own"' in encode(page)
    assert b"mood" not in encode(page)
