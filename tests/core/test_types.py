"""Items, events and requests: what they hold, and that they survive a round trip as JSON."""

import json
import subprocess
import sys
import warnings
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import chatkit.types as types
import chatkit.widgets as widgets
from chatkit._models import build_models
from chatkit.types import (
    ActiveStatus,
    AssistantMessageContentPartTextDelta,
    AudioInput,
    ChatKitReq,
    EntitySource,
    ErrorEvent,
    LockedStatus,
    Page,
    ThreadItem,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadsCreateReq,
    ThreadsListReq,
    ThreadStreamEvent,
    is_streaming_req,
)

Json = dict[str, Any]

ITEM: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)
EVENT: TypeAdapter[ThreadStreamEvent] = TypeAdapter(ThreadStreamEvent)
REQUEST: TypeAdapter[ChatKitReq] = TypeAdapter(ChatKitReq)

FILE: Json = {"type": "file", "id": "atc_1", "name": "a.txt", "mime_type": "text/plain"}
IMAGE: Json = {
    "type": "image",
    "id": "atc_2",
    "name": "a.png",
    "mime_type": "image/png",
    "preview_url": "https://files.example/a.png",
    "upload_descriptor": {
        "url": "https://files.example/upload",
        "method": "PUT",
        "headers": {"x-token": "t"},
    },
}
SOURCES: list[Json] = [
    {"type": "url", "title": "Page", "url": "https://example.org", "attribution": "Example"},
    {"type": "file", "title": "File", "filename": "a.pdf", "group": "files"},
    {
        "type": "entity",
        "title": "Order",
        "id": "order-1",
        "icon": "lucide:package",
        "interactive": False,
        "data": {"total": None},
    },
]
TASKS: list[Json] = [
    {"type": "custom", "title": "Look", "icon": "search", "status_indicator": "loading"},
    {
        "type": "web_search",
        "title_query": "oslo",
        "queries": ["oslo weather"],
        "sources": [SOURCES[0]],
        "status_indicator": "none",
    },
    {"type": "thought", "content": "Hm.", "status_indicator": "complete"},
    {"type": "file", "sources": [SOURCES[1]], "status_indicator": "none"},
    {"type": "image", "title": "Draw", "status_indicator": "none"},
]
TEXT: Json = {
    "type": "output_text",
    "text": "Hi",
    "annotations": [{"type": "annotation", "source": source, "index": 2} for source in SOURCES],
}
QUESTIONS: list[Json] = [
    {
        "type": "multiple_choice",
        "id": "q1",
        "question": "Which?",
        "options": [{"value": "a"}, {"value": "b"}],
        "multiple": True,
        "answer": {"values": ["a"], "skipped": False},
    },
    {"type": "freeform", "id": "q2", "question": "Why?", "description": "In a few words"},
]
WIDGET: Json = {"type": "Card", "children": [{"type": "Text", "id": "line", "value": "Hi"}]}
USER_MESSAGE: Json = {
    "type": "user_message",
    "content": [
        {"type": "input_text", "text": "Hello"},
        {"type": "input_tag", "id": "t", "text": "Ada", "data": {"a": None}, "interactive": True},
    ],
    "attachments": [FILE, IMAGE],
    "quoted_text": "quoted",
    "inference_options": {"tool_choice": {"id": "search"}, "model": "small"},
}
ITEMS: list[Json] = [
    {**item, "id": "item_1", "thread_id": "thr_1", "created_at": "2024-05-06T07:08:09Z"}
    for item in [
        USER_MESSAGE,
        {"type": "assistant_message", "content": [TEXT]},
        {
            "type": "client_tool_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "locate",
            "arguments": {"deep": {"none": None}},
            "output": [1, None],
        },
        {"type": "widget", "widget": WIDGET, "copy_text": "Hi"},
        {"type": "generated_image", "image": {"id": "img", "url": "https://example.org/i.png"}},
        {"type": "structured_input", "status": "answered", "inputs": QUESTIONS},
        {
            "type": "workflow",
            "workflow": {
                "type": "reasoning",
                "tasks": TASKS,
                "summary": {"duration": 3},
                "expanded": True,
            },
        },
        {"type": "task", "task": TASKS[0]},
        {"type": "hidden_context_item", "content": {"any": ["thing", None]}},
        {"type": "sdk_hidden_context", "content": "note"},
        {"type": "end_of_turn"},
    ]
]
THREAD: Json = {
    "id": "thr_1",
    "title": "Oslo",
    "created_at": "2024-05-06T07:08:09Z",
    "status": {"type": "locked", "reason": "Busy"},
    "allowed_image_domains": ["example.org"],
    "metadata": {"none": None},
    "items": {"data": ITEMS, "has_more": True, "after": "item_1"},
}
UPDATES: list[Json] = [
    {"type": "assistant_message.content_part.added", "content_index": 0, "content": TEXT},
    {"type": "assistant_message.content_part.text_delta", "content_index": 0, "delta": "x"},
    {
        "type": "assistant_message.content_part.annotation_added",
        "content_index": 0,
        "annotation_index": 0,
        "annotation": TEXT["annotations"][0],
    },
    {"type": "assistant_message.content_part.done", "content_index": 0, "content": TEXT},
    {
        "type": "widget.streaming_text.value_delta",
        "component_id": "line",
        "delta": "x",
        "done": False,
    },
    {
        "type": "widget.component.updated",
        "component_id": "line",
        "component": {"type": "Hologram", "depth": 3},
    },
    {"type": "widget.root.updated", "widget": WIDGET},
    {"type": "workflow.task.added", "task_index": 0, "task": TASKS[1]},
    {"type": "workflow.task.updated", "task_index": 0, "task": TASKS[2]},
    {
        "type": "generated_image.updated",
        "image": {"id": "img", "url": "https://example.org/i.png"},
        "progress": 0.5,
    },
]
EVENTS: list[Json] = [
    {"type": "thread.created", "thread": THREAD},
    {"type": "thread.updated", "thread": THREAD},
    *({"type": "thread.item.added", "item": item} for item in ITEMS),
    *({"type": "thread.item.done", "item": item} for item in ITEMS),
    *({"type": "thread.item.replaced", "item": item} for item in ITEMS),
    *({"type": "thread.item.updated", "item_id": "i", "update": update} for update in UPDATES),
    {"type": "thread.item.removed", "item_id": "item_1"},
    {"type": "stream_options", "stream_options": {"allow_cancel": False}},
    {"type": "progress_update", "icon": "vendor:logo", "text": "Looking"},
    {"type": "client_effect", "name": "confetti", "data": {"none": None}},
    {"type": "error", "code": "stream.error", "allow_retry": True},
    {"type": "error", "code": "custom", "message": "No.", "allow_retry": False},
    {"type": "notice", "level": "warning", "message": "Careful", "title": "Note"},
]
INPUT: Json = {
    key: value for key, value in USER_MESSAGE.items() if key not in ("type", "attachments")
} | {"attachments": ["atc_1"]}
ACTION: Json = {"type": "order.open", "payload": {"id": 7, "none": None}}
LISTING: Json = {"limit": 3, "order": "asc", "after": "cursor"}
STREAMING: list[Json] = [
    {"type": "threads.create", "params": {"input": INPUT}},
    {"type": "threads.add_user_message", "params": {"thread_id": "t", "input": INPUT}},
    {"type": "threads.add_client_tool_output", "params": {"thread_id": "t", "result": [None]}},
    {
        "type": "threads.add_structured_input",
        "params": {
            "thread_id": "t",
            "item_id": "i",
            "input": {
                "answers": {"q1": {"values": ["a"], "skipped": False}},
                "status": "answered",
            },
        },
    },
    {"type": "threads.retry_after_item", "params": {"thread_id": "t", "item_id": "i"}},
    {
        "type": "threads.custom_action",
        "params": {"thread_id": "t", "item_id": "i", "action": ACTION},
    },
]
ANSWERED_AT_ONCE: list[Json] = [
    {"type": "threads.get_by_id", "params": {"thread_id": "t"}},
    {"type": "threads.list", "params": LISTING},
    {"type": "items.list", "params": {"thread_id": "t", **LISTING}},
    {
        "type": "items.feedback",
        "params": {"thread_id": "t", "item_ids": ["i"], "kind": "positive"},
    },
    {
        "type": "attachments.create",
        "params": {"name": "a.txt", "size": 3, "mime_type": "text/plain"},
    },
    {"type": "attachments.delete", "params": {"attachment_id": "a"}},
    {"type": "threads.update", "params": {"thread_id": "t", "title": "New"}},
    {"type": "threads.delete", "params": {"thread_id": "t"}},
    {"type": "input.transcribe", "params": {"audio_base64": "AA==", "mime_type": "audio/webm"}},
    {"type": "threads.sync_custom_action", "params": {"thread_id": "t", "action": ACTION}},
]


def name_of(value: object) -> str:
    """A test id that says which kind it is."""
    if not isinstance(value, dict):
        return str(value)
    inner = value.get("item") or value.get("update") or {}
    return "-".join(filter(None, [value["type"], inner.get("type")]))


def as_sent(adapter: TypeAdapter[Any], value: object) -> Any:
    return json.loads(adapter.dump_json(value, by_alias=True, exclude_none=True))


@pytest.mark.parametrize("item", ITEMS, ids=name_of)
def test_every_kind_of_item_survives_a_round_trip(item: Json) -> None:
    assert as_sent(ITEM, ITEM.validate_json(json.dumps(item))) == item


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_every_event_survives_a_round_trip(event: Json) -> None:
    assert as_sent(EVENT, EVENT.validate_json(json.dumps(event))) == event


@pytest.mark.parametrize("request_", [*STREAMING, *ANSWERED_AT_ONCE], ids=name_of)
def test_every_request_survives_a_round_trip(request_: Json) -> None:
    back = as_sent(REQUEST, REQUEST.validate_json(json.dumps(request_)))
    assert back == {**request_, "metadata": {}}


@pytest.mark.parametrize("request_", STREAMING, ids=name_of)
def test_a_request_for_a_turn_streams(request_: Json) -> None:
    assert is_streaming_req(REQUEST.validate_python(request_))


@pytest.mark.parametrize("request_", ANSWERED_AT_ONCE, ids=name_of)
def test_any_other_request_is_answered_at_once(request_: Json) -> None:
    assert not is_streaming_req(REQUEST.validate_python(request_))


@pytest.mark.parametrize("kind", ["thread", "thread.item.exploded", None])
def test_an_event_of_an_unknown_type_is_refused(kind: str | None) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_python({"type": kind})


def test_a_list_request_has_no_limit_and_newest_first_unless_it_says_otherwise() -> None:
    request = REQUEST.validate_json('{"type": "threads.list", "params": {}}')
    assert isinstance(request, ThreadsListReq)
    assert request.params.limit is None
    assert request.params.order == "desc"
    assert request.params.after is None


def test_a_request_says_what_is_missing_and_where() -> None:
    with pytest.raises(ValidationError) as refused:
        REQUEST.validate_json('{"type": "threads.create", "params": {"input": {}}}')
    places = {".".join(map(str, error["loc"])) for error in refused.value.errors()}
    assert "threads.create.params.input.content" in places


@pytest.mark.parametrize(
    "created_at",
    [datetime(2024, 5, 6, 7, 8, 9, 123456), datetime(2024, 5, 6, tzinfo=timezone.utc)],
    ids=["naive", "aware"],
)
def test_a_time_stays_naive_or_aware_as_it_was_given(created_at: datetime) -> None:
    thread = ThreadMetadata(id="thr_1", created_at=created_at)
    back = ThreadMetadata.model_validate_json(thread.model_dump_json())
    assert back.created_at == created_at
    assert back.created_at.tzinfo == created_at.tzinfo


def test_a_new_thread_is_active_and_shares_nothing_with_another() -> None:
    one, two = (ThreadMetadata(id=id, created_at=datetime(2024, 5, 6)) for id in "ab")
    assert one.status == ActiveStatus()
    one.metadata["seen"] = True
    assert two.metadata == {}


def test_the_kind_of_a_status_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        LockedStatus().type = "closed"  # type: ignore[assignment, misc]  # what is tested


def test_pages_share_no_list() -> None:
    one, two = Page[str](), Page[str]()
    one.data.append("x")
    assert two.data == []


def test_an_error_event_without_a_code_is_a_custom_one_without_retry() -> None:
    assert ErrorEvent(message="No.").model_dump(mode="json") == {
        "type": "error",
        "code": "custom",
        "message": "No.",
        "allow_retry": False,
    }


@pytest.mark.parametrize(
    ("mime_type", "media_type"),
    [("audio/webm;codecs=opus", "audio/webm"), ("audio/mp4 ; x=1", "audio/mp4"), ("a/b", "a/b")],
)
def test_the_media_type_of_a_recording_has_no_parameters(mime_type: str, media_type: str) -> None:
    assert AudioInput(data=b"", mime_type=mime_type).media_type == media_type


def test_using_the_deprecated_preview_of_a_source_warns() -> None:
    source = EntitySource(id="e", title="E", preview="lazy")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        assert source.preview == "lazy"


def test_sources_do_not_warn_of_the_preview_that_nobody_asked_for() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = EntitySource(id="e", title="E")
        back = EntitySource.model_validate_json(source.model_dump_json())
        assert back == source.model_copy(deep=True)
        assert "title='E'" in repr(source)


def test_an_update_is_kept_as_the_class_it_was_made_of() -> None:
    delta = AssistantMessageContentPartTextDelta(content_index=0, delta="x")
    assert ThreadItemUpdatedEvent(item_id="i", update=delta).update is delta


def test_every_public_name_is_there_and_documented_names_come_from_one_place() -> None:
    missing = [name for name in types.__all__ if not hasattr(types, name)]
    assert missing == []
    for name in ("Action", "ErrorCode", "IconName", "WidgetComponent", "WidgetRoot"):
        assert name in types.__all__


def test_every_model_has_json_schemas_for_reading_and_writing() -> None:
    for name in types.__all__:
        found = getattr(types, name)
        if isinstance(found, type) and issubclass(found, BaseModel):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                reading = found.model_json_schema(mode="validation")
                writing = found.model_json_schema(mode="serialization")
            assert reading.get("properties") == writing.get("properties"), name


def test_a_server_leaves_no_model_for_the_first_request_to_build() -> None:
    build_models()  # as each server does
    models = [getattr(module, name) for module in (types, widgets) for name in module.__all__]
    unfinished = [
        model.__name__
        for model in models
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and not model.__pydantic_complete__
    ]
    assert unfinished == []


def test_a_request_from_python_is_the_same_as_from_json() -> None:
    request = REQUEST.validate_python(STREAMING[0])
    assert isinstance(request, ThreadsCreateReq)
    assert request == REQUEST.validate_json(json.dumps(STREAMING[0]))


def test_types_know_nothing_of_stores_servers_or_templates() -> None:
    script = (
        "import sys, chatkit.types; "
        "print({'chatkit.store', 'chatkit.server', 'jinja2', 'agents'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "set()"
