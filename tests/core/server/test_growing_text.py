"""The fast path of text deltas says and keeps exactly what the plain path does."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.server.growing_text import GrowingText, growing_text
from chatkit.server.pending import PendingItems
from chatkit.server.wire import encode_event
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItem,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    UserMessageItem,
)
from support.chat import Chat, Events, assistant, begun, delta, done, hidden, says, types

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ODD_TEXTS = TEXTS | st.text(st.sampled_from('"\\/\b\t\n\f\r\x00\x1f\x7f\x80\u2028\u2029\ufffe😀<&'))


class Word(str, Enum):
    """Text that is more than text."""

    HELLO = "hello “world”\n"


def pending_message(id: str) -> PendingItems:
    pending = PendingItems()
    pending.add(assistant(id=id))
    return pending


def event(text: Any, id: str = "answer", index: Any = 0) -> ThreadItemUpdatedEvent:
    change = AssistantMessageContentPartTextDelta.model_construct(content_index=index, delta=text)
    return ThreadItemUpdatedEvent.model_construct(item_id=id, update=change)


def grown(pending: PendingItems, id: str = "answer", index: int = 0) -> GrowingText:
    """The text at the moment when the plain path has taken its first delta."""
    first = event("first ", id, index)
    pending.update(id, first.update)
    text = growing_text(first, pending)
    assert text is not None
    return text


@given(id=ODD_TEXTS, index=st.integers(0, 3), texts=st.lists(ODD_TEXTS, min_size=1))
def test_a_delta_becomes_the_same_bytes_as_by_the_general_encoder(
    id: str, index: int, texts: list[str]
) -> None:
    pending = pending_message(id)
    text = grown(pending, id, index)
    for each in texts:
        assert text.grown_by(event(each, id, index)) == encode_event(event(each, id, index))


@given(st.lists(ODD_TEXTS))
def test_deltas_are_kept_as_the_plain_path_keeps_them(texts: list[str]) -> None:
    fast, plain = pending_message("answer"), pending_message("answer")
    text = grown(fast)
    plain.update("answer", event("first ").update)
    for each in texts:
        assert text.grown_by(event(each)) is not None
        plain.update("answer", event(each).update)
    assert contents(fast.snapshot()) == contents(plain.snapshot())


def test_text_of_a_subclass_is_text() -> None:
    text = grown(pending_message("answer"))
    assert text.grown_by(event(Word.HELLO)) == encode_event(event(Word.HELLO))


def contents(items: list[ThreadItem]) -> dict[str, Any]:
    """What the messages among these items say, by id."""
    return {item.id: item.content for item in items if isinstance(item, AssistantMessageItem)}


class LoudDelta(AssistantMessageContentPartTextDelta):
    """Says more than its base."""

    volume: int = 11


@pytest.mark.parametrize(
    "other",
    [
        event("a", id="another"),
        event("a", index=1),
        event("a", index=False),
        event("a lone surrogate: \ud800"),
        event(17),
        event(None),
        ThreadItemUpdatedEvent.model_construct(
            item_id="answer", update=LoudDelta(content_index=0, delta="a")
        ),
        type("OwnEvent", (ThreadItemUpdatedEvent,), {})(item_id="answer", update=event("a").update),
        begun(assistant()),
    ],
    ids=lambda other: repr(other)[:60].encode("ascii", "replace").decode(),
)
def test_whatever_is_not_plainly_a_delta_of_the_text_is_left_to_the_plain_path(other: Any) -> None:
    pending = pending_message("answer")
    text = grown(pending)
    assert text.grown_by(other) is None
    [item] = pending.snapshot()
    assert item.model_dump()["content"][0]["text"] == "first "


def test_deltas_of_an_item_that_has_not_begun_are_left_to_the_plain_path() -> None:
    assert growing_text(event("a"), PendingItems()) is None


def test_a_snapshot_does_not_end_a_text() -> None:
    pending = pending_message("answer")
    text = grown(pending)
    pending.snapshot()
    text.grown_by(event("second"))
    [item] = pending.snapshot()
    assert item.model_dump()["content"][0]["text"] == "first second"


def update(change: ThreadItemUpdate) -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(item_id="answer", update=change)


async def test_other_events_between_deltas_have_their_effect() -> None:
    """Texts by turns, a part that is replaced, an item that becomes hidden and visible again."""
    whole = AssistantMessageContent(text="whole. ")

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant())
        yield begun(assistant(id="other"))
        for word in ("a", "b", "c"):
            yield delta(word)
            yield delta(word.upper(), id="other")
            yield delta(word, index=1)
        yield update(AssistantMessageContentPartDone(content_index=0, content=whole))
        yield delta("d")
        yield delta("e")
        yield update(AssistantMessageContentPartAdded(content_index=1, content=whole))
        yield delta("f", index=1)
        yield begun(hidden(id="answer"))
        yield delta("secret")
        yield delta("more secret")
        yield begun(assistant())
        yield delta("g")
        yield delta("h")
        raise RuntimeError("so that what is pending is stored")

    chat = Chat(respond)
    events = await chat.create()
    shown = [
        (sent["item_id"], sent["update"]["content_index"], sent["update"]["delta"])
        for sent in events
        if sent["type"] == "thread.item.updated" and "delta" in sent["update"]
    ]
    answer = [("answer", 0, word) for word in "abcdegh"]
    assert [each for each in shown if each[:2] == ("answer", 0)] == answer
    assert [each for each in shown if each[0] == "other"] == [("other", 0, word) for word in "ABC"]
    assert "secret" not in json.dumps(events)
    stored = contents(await chat.stored(events[0]["thread"]["id"]))
    assert stored == {
        "answer": [AssistantMessageContent(text="gh")],
        "other": [AssistantMessageContent(text="ABC")],
    }
    assert types(events)[-1] == "error"


async def test_a_message_in_many_deltas_is_whole_after_a_stop() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant())
        for number in range(1000):
            yield delta(f"{number} ")
        yield done(assistant(id="never"))

    chat = Chat(respond)
    thread = await chat.new_thread()
    stream = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("count"))
    async for chunk in stream.json_events:
        if b'"998 "' in chunk:
            break
    await stream.json_events.aclose()
    text = "".join(f"{number} " for number in range(999))
    assert contents(await chat.stored(thread.id)) == {
        "answer": [AssistantMessageContent(text=text)]
    }
