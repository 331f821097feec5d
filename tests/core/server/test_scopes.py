"""What other parts of the package put around an integration's steps, and end with its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from chatkit.server import scopes
from chatkit.server.scopes import Scope, register_scope, when_turn_ends
from chatkit.types import ProgressUpdateEvent, ThreadMetadata, UserMessageItem
from support.chat import Chat, Events, of_type, says, types

voice: ContextVar[str] = ContextVar("voice", default="quiet")


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Integrations speak louder than whatever surrounds them."""
    monkeypatch.setattr(scopes, "_scopes", list(scopes._scopes))
    register_scope(Scope(voice, lambda before: f"{before}, then loud"))
    return iter(())


def tells() -> ProgressUpdateEvent:
    return ProgressUpdateEvent(text=voice.get())


async def test_every_step_of_an_integration_has_the_variable_and_its_reader_has_not() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield tells()
        await asyncio.sleep(0)
        yield tells()

    heard: list[str] = []
    async for _ in await Chat(respond).stream("threads.create", input=says("go")):
        heard.append(voice.get())
    assert set(heard) == {"quiet"}
    told = of_type(await Chat(respond).create(), "progress_update")
    assert [event["text"] for event in told] == ["quiet, then loud"] * 2


async def test_each_step_may_run_in_a_task_of_its_own() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        for _ in range(3):
            yield tells()

    stream = await Chat(respond).stream("threads.create", input=says("go"))
    chunks = aiter(stream)
    told: list[bytes] = []
    while True:
        try:
            told.append(await asyncio.create_task(_next(chunks)))
        except StopAsyncIteration:
            break
    assert sum(b"quiet, then loud" in chunk for chunk in told) == 3
    assert voice.get() == "quiet"


async def _next(chunks: Any) -> bytes:
    try:
        chunk: bytes = await anext(chunks)
    finally:
        assert voice.get() == "quiet"
    return chunk


async def test_it_is_restored_after_an_error_and_after_a_stop() -> None:
    async def fails(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield tells()
        raise RuntimeError("broken")

    async def waits(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield tells()
        await asyncio.Event().wait()

    assert types(await Chat(fails).create())[-1] == "error"
    assert voice.get() == "quiet"
    stream = await Chat(waits).stream("threads.create", input=says("go"))
    chunks: Any = aiter(stream)
    async for chunk in chunks:
        if b"loud" in chunk:
            break
    await chunks.aclose()
    assert voice.get() == "quiet"


@pytest.mark.parametrize("way", ["to the end", "an error", "a break", "a stop"])
async def test_what_an_integration_started_is_ended_with_its_turn(way: str) -> None:
    ended: list[str] = []

    async def end() -> None:
        ended.append(voice.get())

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        when_turn_ends(end)
        for _ in range(2):
            yield tells()
            if way == "an error":
                raise RuntimeError("broken")
            if way == "a break":
                return

    stream = await Chat(respond).stream("threads.create", input=says("go"))
    chunks: Any = aiter(stream)
    async for chunk in chunks:
        if way == "a stop" and b"loud" in chunk:
            break
    await chunks.aclose()
    assert ended == ["quiet, then loud"]


async def test_what_cannot_be_ended_does_not_keep_the_rest_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def end() -> None:
        ended.append("first")

    async def fail() -> None:
        raise RuntimeError("stuck")

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        when_turn_ends(end)
        when_turn_ends(fail)
        yield tells()

    assert "error" not in types(await Chat(respond).create())
    assert ended == ["first"]
    assert "could not be ended" in caplog.text


async def test_outside_of_a_turn_nothing_is_ended() -> None:
    async def end() -> None:
        raise AssertionError

    when_turn_ends(end)
