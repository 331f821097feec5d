"""The metadata of attachments is for stores and integrations, never for a client."""

from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import AnyUrl, BaseModel, TypeAdapter

from chatkit.types import (
    Attachment,
    FileAttachment,
    ImageAttachment,
    InferenceOptions,
    Page,
    SyncCustomActionResponse,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    UserMessageItem,
)
from chatkit.types.attachments import WIRE_CONTEXT

NOW = datetime(2024, 5, 6, tzinfo=timezone.utc)
FILE = FileAttachment(
    id="atc_1", name="a.txt", mime_type="text/plain", metadata={"path": "/secret"}
)
IMAGE = ImageAttachment(
    id="atc_2",
    name="a.png",
    mime_type="image/png",
    preview_url=AnyUrl("https://files.example/a.png"),
    metadata={"path": "/secret"},
)
MESSAGE = UserMessageItem(
    id="msg_1",
    thread_id="thr_1",
    created_at=NOW,
    content=[],
    attachments=[FILE, IMAGE],
    inference_options=InferenceOptions(),
)
PAGE = Page[ThreadItem](data=[MESSAGE])
THREAD = Thread(id="thr_1", created_at=NOW, items=PAGE)

CARRIERS: list[BaseModel] = [
    FILE,
    IMAGE,
    MESSAGE,
    PAGE,
    THREAD,
    ThreadCreatedEvent(thread=THREAD),
    ThreadItemDoneEvent(item=MESSAGE),
    SyncCustomActionResponse(updated_item=MESSAGE),
]


def name_of(model: BaseModel) -> str:
    return type(model).__name__


@pytest.mark.parametrize("carrier", CARRIERS, ids=name_of)
def test_attachment_metadata_never_reaches_the_wire_however_deep_it_lies(
    carrier: BaseModel,
) -> None:
    assert "secret" not in carrier.model_dump_json(context=WIRE_CONTEXT)
    assert "secret" not in repr(carrier.model_dump(context=WIRE_CONTEXT))


@pytest.mark.parametrize("carrier", CARRIERS, ids=name_of)
@pytest.mark.parametrize("context", [None, {}, {"wire": False}, "of another kind"], ids=repr)
def test_every_other_dump_has_attachment_metadata(carrier: BaseModel, context: Any) -> None:
    assert "secret" in carrier.model_dump_json(context=context)
    assert "secret" in repr(carrier.model_dump(context=context))


def test_the_metadata_of_an_attachment_comes_back_from_a_store() -> None:
    back = UserMessageItem.model_validate_json(MESSAGE.model_dump_json())
    assert back == MESSAGE


def test_on_the_wire_only_the_metadata_of_an_attachment_is_missing() -> None:
    plain, wire = FILE.model_dump(), FILE.model_dump(context=WIRE_CONTEXT)
    assert {**wire, "metadata": FILE.metadata} == plain


def test_the_schema_of_attachments_is_the_same_for_reading_and_writing() -> None:
    adapter: TypeAdapter[Attachment] = TypeAdapter(Attachment)
    reading, writing = (adapter.json_schema(mode=mode) for mode in ("validation", "serialization"))
    assert reading == writing
    assert "metadata" in writing["$defs"]["FileAttachment"]["properties"]
