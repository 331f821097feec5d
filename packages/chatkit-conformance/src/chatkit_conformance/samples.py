"""Threads, items and attachments of every kind, with everything that is hard to keep.

For cases, and for whoever tests a store further.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias, TypeVar

from pydantic import TypeAdapter

from chatkit.types import (
    Attachment,
    FileAttachment,
    HiddenContextItem,
    ImageAttachment,
    ThreadItem,
    ThreadMetadata,
)

T = TypeVar("T")

Name: TypeAlias = Callable[[str], str]
"""Makes an id from a name, such as ``bench.id``."""

NOON = datetime(2024, 5, 17, 12, 0, 0, 123457, tzinfo=timezone.utc)

HOSTILE_TEXTS = [
    "😀 👩‍👩‍👧‍👦",
    "שלום \u202e עולם",
    "e\u0301 \u200d",
    "nul \x00 inside",
    "\x00",
    "line\u2028and\u2029separators\r\n\t",
    "quotes ' \" ` \\",
    "'; DROP TABLE thread; --",
    "redis.call('FLUSHALL')",
    '{"$ne": null}',
    "a:b{c}d/e..%f*g?h[i]",
    "../../etc/passwd",
    "%00%2F%%",
    "x" * 250,
    " ",
    "null",
    "0",
    "\ufeffbom",
]

_ITEMS: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
_ATTACHMENTS: TypeAdapter[Attachment] = TypeAdapter(Attachment)

PAYLOAD: dict[str, Any] = {
    "$set": {"a.b": None, "": ""},
    "big": 2**200,
    "small": -(2**70),
    "float": 0.1 + 0.2,
    "tiny": 5e-324,
    "list": [[], {}, [None], "", False, 0],
    "text": HOSTILE_TEXTS,
}


def nested(depth: int) -> Any:
    """A payload that is so many levels deep."""
    value: Any = "bottom"
    for level in range(depth):
        value = {"in": value} if level % 2 else [value]
    return value


def thread(id: str, at: datetime = NOON, **fields: Any) -> ThreadMetadata:
    """A plain thread."""
    return ThreadMetadata(id=id, created_at=at, **fields)


def item(id: str, thread_id: str, at: datetime = NOON, content: Any = "") -> HiddenContextItem:
    """A small item."""
    return HiddenContextItem(id=id, thread_id=thread_id, created_at=at, content=content)


def reloaded(model: T, type_: Any = None) -> T:
    """What the model's own JSON gives back: what a store must give back."""
    adapter: TypeAdapter[T] = TypeAdapter(type_ or type(model))
    return adapter.validate_json(adapter.dump_json(model))


def threads_of_every_kind(name: Name) -> list[ThreadMetadata]:
    """Threads with every kind of status, time and field; ``name`` makes their ids."""
    naive = datetime(2024, 1, 31, 23, 59, 59, 999999)
    far_east = timezone(timedelta(hours=13, minutes=45))
    return [
        thread(name("plain")),
        thread(name("naive"), naive),
        thread(name("far east"), datetime(1969, 7, 20, 1, 2, 3, 4, tzinfo=far_east)),
        thread(name("titled"), title="", metadata={}, allowed_image_domains=[]),
        thread(name("full"), title="😀\x00", metadata=PAYLOAD, allowed_image_domains=["a.b"]),
        thread(name("active"), status={"type": "active"}),
        thread(name("locked"), status={"type": "locked", "reason": "later"}),
        thread(name("closed"), status={"type": "closed", "reason": ""}),
        thread(name("silent"), status={"type": "closed", "reason": None}),
    ]


def items_of_every_kind(name: Name, thread_id: str) -> list[ThreadItem]:
    """At least one of each of the eleven kinds; ``name`` makes their ids."""
    sources: list[dict[str, Any]] = [
        {"type": "url", "url": "https://a.b/c?d=e#f", "title": "", "description": None},
        {"type": "file", "filename": "../../x\r\n\"'.txt", "title": "t"},
        {"type": "entity", "id": "e", "title": "t", "data": PAYLOAD, "interactive": True},
    ]
    file = {"type": "file", "id": "f", "name": "n", "mime_type": "m", "metadata": PAYLOAD}
    bodies: list[dict[str, Any]] = [
        {
            "type": "user_message",
            "content": [
                {"type": "input_text", "text": ""},
                *({"type": "input_text", "text": text} for text in HOSTILE_TEXTS),
                {"type": "input_tag", "id": "", "text": "@me", "data": PAYLOAD, "group": None},
            ],
            "attachments": [file],
            "quoted_text": "",
            "inference_options": {"tool_choice": {"id": "x"}, "model": None},
        },
        {
            "type": "assistant_message",
            "content": [
                {
                    "type": "output_text",
                    "text": "…",
                    "annotations": [
                        {"type": "annotation", "source": source, "index": index}
                        for source, index in zip(sources, (0, None, 3), strict=True)
                    ],
                }
            ],
        },
        {"type": "assistant_message", "content": []},
        {
            "type": "client_tool_call",
            "call_id": "",
            "name": "n",
            "arguments": PAYLOAD,
            "output": None,
        },
        {
            "type": "client_tool_call",
            "status": "completed",
            "call_id": "c",
            "name": "n",
            "arguments": {},
            "output": [PAYLOAD, None, "", nested(90)],
        },
        {
            "type": "widget",
            "copy_text": "",
            "widget": {
                "type": "Card",
                "id": "card",
                "brandNew": {"x": [1, "2", {"deep": True}]},
                "children": [
                    {"type": "Text", "id": "t", "value": "v", "streaming": False, "glow": 3},
                    {
                        "type": "Button",
                        "label": "go",
                        "onClickAction": {"type": "a", "payload": {"k": [1]}},
                    },
                ],
            },
        },
        {"type": "generated_image", "image": None},
        {"type": "generated_image", "image": {"id": "i", "url": "data:image/png;base64,AA=="}},
        {
            "type": "structured_input",
            "status": "answered",
            "inputs": [
                {
                    "type": "multiple_choice",
                    "id": "q",
                    "question": "?",
                    "multiple": True,
                    "options": [{"value": "a"}, {"value": ""}],
                    "answer": {"values": ["a", ""], "skipped": False},
                },
                {"type": "freeform", "id": "r", "question": "", "answer": None},
            ],
        },
        {
            "type": "workflow",
            "workflow": {
                "type": "reasoning",
                "expanded": True,
                "summary": {"duration": 7},
                "tasks": [
                    {"type": "thought", "content": "", "status_indicator": "loading"},
                    {"type": "custom", "title": None, "icon": "bolt"},
                    {"type": "web_search", "queries": [""], "sources": sources[:1]},
                    {"type": "file", "sources": sources[1:2]},
                    {"type": "image", "title": "i"},
                ],
            },
        },
        {"type": "task", "task": {"type": "thought", "title": "", "content": "c"}},
        {"type": "hidden_context_item", "content": PAYLOAD},
        {"type": "hidden_context_item", "content": nested(100)},
        {"type": "hidden_context_item", "content": None},
        {"type": "sdk_hidden_context", "content": "\x00"},
        {"type": "end_of_turn"},
    ]
    return [
        _ITEMS.validate_python(
            {
                "id": name(f"item {number}"),
                "thread_id": thread_id,
                "created_at": NOON + timedelta(seconds=number),
                **body,
            }
        )
        for number, body in enumerate(bodies)
    ]


def attachments_of_every_kind(name: Name, thread_id: str) -> list[Attachment]:
    """Both kinds, bare and full; ``name`` makes their ids."""
    upload = {"url": "https://up.load/x?y=%2F", "method": "PUT", "headers": {"X-A": "b"}}
    return [
        FileAttachment(id=name("bare"), name="", mime_type="text/plain"),
        _ATTACHMENTS.validate_python(
            {
                "type": "file",
                "id": name("file"),
                "name": "../../x\r\n😀",
                "mime_type": "application/pdf",
                "upload_descriptor": upload,
                "thread_id": thread_id,
                "metadata": PAYLOAD,
            }
        ),
        ImageAttachment.model_validate(
            {
                "id": name("image"),
                "name": "i.png",
                "mime_type": "image/png",
                "preview_url": "https://pre.view/x",
                "upload_descriptor": {**upload, "method": "POST"},
                "metadata": {},
            }
        ),
    ]
