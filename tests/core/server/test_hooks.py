"""What an integrator's methods are given, and what happens where they are not overridden."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from chatkit.actions import Action
from chatkit.errors import InvalidRequestError
from chatkit.server import stream_widget
from chatkit.types import (
    AudioInput,
    StreamOptions,
    ThreadMetadata,
    TranscriptionResult,
    UserMessageItem,
    WidgetItem,
)
from support.chat import CONTEXT, NO_EVENTS, Chat, Events, says, types, user, widget
from support.vault import Vault

UPLOAD = {"name": "a.txt", "size": 1, "mime_type": "text/plain"}


async def test_respond_hears_all_that_the_user_sent() -> None:
    heard: list[UserMessageItem | None] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        heard.append(message)
        for event in NO_EVENTS:
            yield event

    options = {"model": "small", "tool_choice": {"id": "search"}}
    message = {**says("hi"), "quoted_text": "as you said", "inference_options": options}
    await Chat(respond).events("threads.create", input=message)
    [item] = heard
    assert item is not None
    sent = item.model_dump()
    assert sent["content"] == [{"type": "input_text", "text": "hi"}]
    assert sent["quoted_text"] == "as you said"
    assert sent["inference_options"] == options


async def test_stream_options_are_those_of_the_integrator() -> None:
    class Unstoppable(Chat):
        def get_stream_options(self, thread: ThreadMetadata, context: Any) -> StreamOptions:
            assert context is CONTEXT
            return StreamOptions(allow_cancel=False)

    events = await Unstoppable().create()
    assert events[-1] == {"type": "stream_options", "stream_options": {"allow_cancel": False}}


async def test_an_action_is_given_the_widget_that_it_came_from() -> None:
    seen: list[Any] = []

    async def act(
        thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None
    ) -> Events:
        seen.append((action.type, action.payload, sender and sender.id))
        for event in NO_EVENTS:
            yield event

    chat = Chat(action=act)
    thread = await chat.new_thread(widget())
    press = {"thread_id": thread.id, "action": {"type": "go", "payload": {"n": 1}}}
    await chat.events("threads.custom_action", item_id="widget", **press)
    await chat.events("threads.custom_action", **press)
    assert seen == [("go", {"n": 1}, "widget"), ("go", {"n": 1}, None)]


async def test_an_action_from_an_item_that_is_no_widget_ends_in_an_error_without_retry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chat = Chat()
    thread = await chat.new_thread(user())
    events = await chat.events(
        "threads.custom_action", thread_id=thread.id, item_id="user-1", action={"type": "go"}
    )
    assert events == [{"type": "error", "code": "stream.error", "allow_retry": False}]
    assert len(caplog.records) == 1


async def test_an_action_that_nobody_handles_ends_in_an_error_with_retry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chat = Chat()
    thread = await chat.new_thread()
    events = await chat.events("threads.custom_action", thread_id=thread.id, action={"type": "go"})
    assert events[1:] == [{"type": "error", "code": "stream.error", "allow_retry": True}]
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "override Chat.action" in caplog.text


async def test_what_is_not_overridden_says_what_to_override() -> None:
    chat = Chat()
    thread = await chat.new_thread()
    with pytest.raises(NotImplementedError, match=r"Chat\.sync_action"):
        await chat.ask("threads.sync_custom_action", thread_id=thread.id, action={"type": "go"})
    with pytest.raises(NotImplementedError, match=r"Chat\.transcribe"):
        await chat.ask("input.transcribe", audio_base64="", mime_type="audio/webm")


async def test_a_recording_is_decoded_for_the_integrator() -> None:
    class Scribe(Chat):
        async def transcribe(self, audio_input: AudioInput, context: Any) -> TranscriptionResult:
            assert context is CONTEXT
            return TranscriptionResult(
                text=f"{audio_input.media_type}: {audio_input.data.decode()}"
            )

    recording = base64.b64encode(b"la la").decode()
    mime_type = "audio/webm;codecs=opus"
    answer = await Scribe().ask("input.transcribe", audio_base64=recording, mime_type=mime_type)
    assert answer == {"text": "audio/webm: la la"}
    for broken in ("!!!!", "YQ", "é"):
        with pytest.raises(InvalidRequestError) as caught:
            await Scribe().ask("input.transcribe", audio_base64=broken, mime_type=mime_type)
        assert caught.value.field == "params.audio_base64"


async def test_an_upload_is_announced_and_its_metadata_kept() -> None:
    chat = Chat(attachment_store=Vault())
    announced = await chat.ask("attachments.create", **UPLOAD)
    kept = await chat.store.load_attachment(announced["id"], CONTEXT)
    assert (kept.name, kept.mime_type) == ("a.txt", "text/plain")
    assert announced["upload_descriptor"]["method"] == "PUT"


async def test_attachments_need_an_attachment_store() -> None:
    with pytest.raises(RuntimeError, match="attachment_store="):
        await Chat().ask("attachments.create", **UPLOAD)
    with pytest.raises(RuntimeError, match="attachment_store="):
        await Chat().ask("attachments.delete", attachment_id="a")


async def test_a_widget_that_is_ready_is_one_event() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        async for event in stream_widget(thread, widget().widget, "plain words"):
            yield event

    events = await Chat(respond).create()
    assert types(events)[3:] == ["thread.item.done"]
    assert events[3]["item"]["copy_text"] == "plain words"
