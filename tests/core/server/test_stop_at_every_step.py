"""I1, I4: a stop at every step of a turn leaves one copy of everything that was shown."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from chatkit.server import StreamingResult
from chatkit.server.running import thread_key
from chatkit.store import StoreUnavailableError
from chatkit.types import ThreadItem, ThreadMetadata, UserMessageItem
from support.chat import (
    CONTEXT,
    Chat,
    Events,
    Json,
    assistant,
    begun,
    decode,
    delta,
    done,
    hidden,
    says,
    text_of,
)
from support.memory_store import MemoryStore


class Stepping(MemoryStore):
    """Each write takes two steps of the loop before it takes effect and two after."""

    fails = False

    def __init__(self) -> None:
        super().__init__()
        self.adds: Counter[str] = Counter()

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
        await steps(2)
        if self.fails and item.id == "second":
            raise StoreUnavailableError("no connection")
        self.adds[item.id] += 1
        await super().add_thread_item(thread_id, item, context)
        await steps(2)

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        await steps(2)
        await super().save_thread(thread, context)
        await steps(2)


class Failing(Stepping):
    fails = True


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
    """Two messages, one of them done, something hidden, a title, and a slow end."""
    try:
        yield done(hidden(thread_id=thread.id))
        yield begun(assistant(id="first", thread_id=thread.id))
        yield delta("one ", id="first")
        await steps(1)
        yield delta("two", id="first")
        yield done(assistant("one two", id="first", thread_id=thread.id))
        thread.title = "Counting"
        yield begun(assistant(id="second", thread_id=thread.id))
        yield delta("three", id="second")
        await steps(1)
        yield done(assistant("three", id="second", thread_id=thread.id))
    finally:
        await steps(2)


@dataclass
class Reading:
    """A turn that is being read in a task of its own, and what the reader has seen."""

    chat: Chat
    thread: ThreadMetadata
    result: StreamingResult
    seen: list[Json] = field(default_factory=list)

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.read())

    async def read(self) -> None:
        async for chunk in self.result:
            self.seen.append(decode(chunk))
            await steps(1)


Stop = Callable[[Reading, int], Awaitable[None]]


async def cancel(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    reader.cancel()
    await asyncio.wait({reader})


async def cancel_twice(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    reader.cancel()
    await steps(1)
    reader.cancel()
    await asyncio.wait({reader})


async def cancel_the_scope(reading: Reading, after: int) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(reading.read)
        await steps(after)
        group.cancel_scope.cancel()


async def close(reading: Reading, after: int) -> None:
    stream = reading.result.json_events
    for _ in range(after):
        try:
            reading.seen.append(decode(await anext(stream)))
        except StopAsyncIteration:
            break
    await stream.aclose()


async def drop(reading: Reading, after: int) -> None:
    for _ in range(after):
        try:
            reading.seen.append(decode(await anext(reading.result.json_events)))
        except StopAsyncIteration:
            break
    del reading.result
    gc.collect(0)
    await steps(3)


async def take_over(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    await reading.chat.running_turns.stop(thread_key("", reading.thread.id))
    await reader


async def take_over_and_cancel(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    stopping = asyncio.create_task(
        reading.chat.running_turns.stop(thread_key("", reading.thread.id))
    )
    await steps(1)
    reader.cancel()
    await asyncio.wait({reader, stopping})


async def delete(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    await reading.chat.ask("threads.delete", thread_id=reading.thread.id)
    await reader
    assert str(reading.seen).count("has been deleted") <= 1


async def close_the_server(reading: Reading, after: int) -> None:
    reader = reading.start()
    await steps(after)
    await reading.chat.aclose()
    await reader


STOPS: list[Stop] = [
    cancel,
    cancel_twice,
    cancel_the_scope,
    close,
    drop,
    take_over,
    take_over_and_cancel,
    delete,
    close_the_server,
]
LAST_STEP = 60


@pytest.mark.parametrize("store_type", [Stepping, Failing])
@pytest.mark.parametrize("stop", STOPS)
async def test_a_stop_at_every_step_of_a_turn_leaves_one_copy_of_everything_shown(
    stop: Stop, store_type: type[Stepping]
) -> None:
    complaints: list[Json] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    for step in range(LAST_STEP):
        store = store_type()
        chat = Chat(respond, store=store)
        thread = await chat.new_thread()
        result = await chat.stream(
            "threads.add_user_message", thread_id=thread.id, input=says("count")
        )
        reading = Reading(chat, thread, result)
        del result
        await stop(reading, step)
        await chat.aclose()
        await steps(1)

        assert max(store.adds.values(), default=1) == 1, step
        assert not chat.running_turns._turns, step
        assert asyncio.all_tasks() == {asyncio.current_task()}, step
        assert "secret" not in str(reading.seen)
        stored = {item.id: item for item in await chat.stored(thread.id)}
        if stop is delete:
            assert stored == {}
            continue
        for name in ("first", "second"):
            if store.fails and name == "second":
                continue
            shown = "".join(
                event["update"]["delta"]
                for event in reading.seen
                if event["type"] == "thread.item.updated" and event["item_id"] == name
            )
            if shown:
                assert text_of(stored[name]).startswith(shown), step
        if any(event["type"] == "thread.updated" for event in reading.seen):
            assert (await store.load_thread(thread.id, CONTEXT)).title == "Counting"
    gc.collect()
    assert complaints == []
