"""I3, I17: what goes wrong, before and during a turn, and what the client gets to see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chatkit.errors import (
    CustomStreamError,
    ErrorCode,
    InvalidRequestError,
    RequestRefusedError,
    StreamError,
)
from chatkit.store import NotFoundError, StoreUnavailableError
from chatkit.types import (
    ClientEffectEvent,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadMetadata,
    UserMessageItem,
)
from support.chat import (
    CONTEXT,
    Chat,
    Events,
    assistant,
    begun,
    delta,
    done,
    kinds,
    says,
    silence,
    text_of,
    tool_call,
    types,
    user,
    widget,
)
from support.memory_store import MemoryStore


async def test_text_shown_before_an_error_is_stored_before_the_error_event_is_sent() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("half a sent")
        raise RuntimeError("the model is gone")

    chat = Chat(respond)
    thread = await chat.new_thread()
    stream = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async for chunk in stream:
        if b'"type":"error"' in chunk:
            items = await chat.stored(thread.id)
            assert kinds(items) == ["user_message", "assistant_message"]
            assert text_of(items[1]) == "half a sent"
            return
    pytest.fail("no error event")


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (StreamError(ErrorCode.STREAM_ERROR), {"code": "stream.error", "allow_retry": True}),
        (
            StreamError(ErrorCode.STREAM_ERROR, allow_retry=False),
            {"code": "stream.error", "allow_retry": False},
        ),
        (
            CustomStreamError("Out of credits"),
            {"code": "custom", "message": "Out of credits", "allow_retry": False},
        ),
        (KeyError("secret detail"), {"code": "stream.error", "allow_retry": True}),
        (NotFoundError("secret detail"), {"code": "stream.error", "allow_retry": True}),
    ],
)
async def test_an_error_of_the_integration_becomes_one_error_event(
    error: Exception, event: dict[str, object]
) -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="about to fail")
        raise error

    events = await Chat(respond).create()
    assert events[-1] == {"type": "error", **event}
    assert types(events).count("error") == 1
    assert "secret detail" not in json.dumps(events)


async def test_an_unexpected_error_is_logged_once_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="about to fail")
        raise KeyError("boom")

    await Chat(respond).create()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


async def test_a_chosen_error_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="about to fail")
        raise CustomStreamError("no")

    await Chat(respond).create()
    assert not caplog.records


async def test_respond_that_is_no_generator_ends_in_an_error_event() -> None:
    def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        raise TypeError("called wrongly")

    assert types(await Chat(respond).create())[-1] == "error"


async def test_an_event_that_cannot_be_written_as_json_ends_in_an_error_event() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ClientEffectEvent(name="odd", data={"it": object()})

    assert types(await Chat(respond).create())[-1] == "error"


class Failing(MemoryStore):
    """Cannot add items once it is told so."""

    broken = False

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: object) -> None:
        if self.broken:
            raise StoreUnavailableError("no connection")
        await super().add_thread_item(thread_id, item, context)


async def test_a_store_that_fails_in_mid_turn_ends_in_an_error_event_that_allows_a_retry() -> None:
    store = Failing()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        store.broken = True
        yield done(assistant("never stored", thread_id=thread.id))
        yield ProgressUpdateEvent(text="never reached")

    events = await Chat(respond, store=store).create()
    assert events[-1] == {"type": "error", "code": "stream.error", "allow_retry": True}
    assert "never stored" not in json.dumps(events)
    assert "progress_update" not in types(events)


async def test_a_thread_that_cannot_be_saved_is_logged_once_and_keeps_the_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Stubborn(MemoryStore):
        async def update_thread(
            self, thread_id: str, changes: Mapping[str, Any], context: Any
        ) -> ThreadMetadata:
            raise StoreUnavailableError("secret detail")

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        thread.title = "New"
        yield delta("shown")

    chat = Chat(respond, store=Stubborn())
    events = await chat.create()
    assert types(events)[-1] == "error"
    assert kinds(await chat.stored(events[0]["thread"]["id"]))[1:] == ["assistant_message"]
    [record] = caplog.records
    assert record.exc_info is not None


async def test_the_integration_is_closed_when_the_store_fails() -> None:
    store = Failing()
    closed: list[bool] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        try:
            store.broken = True
            yield done(assistant("never stored", thread_id=thread.id))
        finally:
            closed.append(True)

    await Chat(respond, store=store).create()
    assert closed == [True]


# --- before the stream ---------------------------------------------------------------------------


def first_message(part: str) -> str:
    given = f'{{"content": [{part}], "attachments": [], "inference_options": {{}}}}'
    return f'{{"type": "threads.create", "params": {{"input": {given}}}}}'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", None),
        ("not json", None),
        ("[]", None),
        ("null", None),
        ("{}", "type"),
        ('{"type": "threads.explode", "params": {}}', "type"),
        ('{"type": 7, "params": {}}', "type"),
        ('{"type": "threads.list"}', "params"),
        ('{"type": "threads.list", "params": {"limit": "many"}}', "params.limit"),
        ('{"type": "threads.list", "params": {"limit": -1}}', "params.limit"),
        ('{"type": "items.list", "params": {"thread_id": "t", "limit": -5}}', "params.limit"),
        ('{"type": "items.list", "params": {"thread_id": "t", "order": "up"}}', "params.order"),
        ('{"type": "threads.get_by_id", "params": {}}', "params.thread_id"),
        (
            first_message('{"type": "input_text"}'),
            "params.input.content.0.text",
        ),
        (
            first_message('{"type": "odd"}'),
            "params.input.content.0.type",
        ),
        (
            '{"type": "input.transcribe", "params": {"audio_base64": "%%", "mime_type": "a/b"}}',
            "params.audio_base64",
        ),
        (b"\xff\xfe", None),
        ('{"type": "\ud800"}', None),
        ("[" * 100_000, None),
        ('{"type": ' + "[" * 5_000 + "]" * 5_000 + "}", None),
    ],
)
async def test_a_malformed_request_is_refused_and_says_where(
    body: str | bytes, field: str | None
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await Chat().process(body, CONTEXT)
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)
    assert caught.value.message
    assert len(str(caught.value)) < 500


async def test_a_negative_size_is_refused() -> None:
    from support.vault import Vault

    with pytest.raises(InvalidRequestError) as caught:
        await Chat(attachment_store=Vault()).ask(
            "attachments.create", name="a", size=-1, mime_type="text/plain"
        )
    assert caught.value.field == "params.size"


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("threads.get_by_id", {"thread_id": "gone"}),
        ("threads.update", {"thread_id": "gone", "title": "x"}),
        ("threads.add_user_message", {"thread_id": "gone", "input": says("hi")}),
        ("threads.retry_after_item", {"thread_id": "gone", "item_id": "x"}),
        ("threads.retry_after_item", {"thread_id": "T", "item_id": "gone"}),
        ("threads.add_client_tool_output", {"thread_id": "gone", "result": 1}),
        ("threads.add_structured_input", {"thread_id": "T", "item_id": "gone", "input": {}}),
        ("threads.custom_action", {"thread_id": "gone", "action": {"type": "go"}}),
        ("threads.custom_action", {"thread_id": "T", "item_id": "x", "action": {"type": "go"}}),
        ("threads.sync_custom_action", {"thread_id": "gone", "action": {"type": "go"}}),
        ("threads.create", {"input": says("hi", attachments=["gone"])}),
        ("items.feedback", {"thread_id": "gone", "item_ids": [], "kind": "positive"}),
        ("items.feedback", {"thread_id": "T", "item_ids": ["x"], "kind": "positive"}),
    ],
)
async def test_what_does_not_exist_is_an_error_of_process_and_nothing_is_written(
    kind: str, params: dict[str, object]
) -> None:
    chat = Chat()
    thread = await chat.new_thread(user())
    if params.get("thread_id") == "T":
        params = {**params, "thread_id": thread.id}
    with pytest.raises(NotFoundError):
        await chat.process(json.dumps({"type": kind, "params": params}), CONTEXT)
    assert kinds(await chat.stored(thread.id)) == ["user_message"]
    assert len((await chat.ask("threads.list"))["data"]) == 1


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("threads.add_client_tool_output", {"result": 1}),
        ("threads.retry_after_item", {"item_id": "widget"}),
        ("threads.add_structured_input", {"item_id": "widget", "input": {}}),
        ("threads.sync_custom_action", {"item_id": "user-1", "action": {"type": "go"}}),
    ],
)
async def test_what_the_thread_does_not_allow_is_refused_by_process(
    kind: str, params: dict[str, object]
) -> None:
    chat = Chat()
    thread = await chat.new_thread(user(), widget(), tool_call(status="completed"))
    request = {"type": kind, "params": {"thread_id": thread.id, **params}}
    with pytest.raises(RequestRefusedError):
        await chat.process(json.dumps(request), CONTEXT)
    assert kinds(await chat.stored(thread.id)) == ["user_message", "widget", "client_tool_call"]


async def test_a_failure_after_process_has_returned_is_an_error_event() -> None:
    store = Failing()
    chat = Chat(silence, store=store)
    thread = await chat.new_thread()
    stream = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    store.broken = True
    chunks = [chunk async for chunk in stream]
    assert len(chunks) == 1
    assert b'"error"' in chunks[0]
