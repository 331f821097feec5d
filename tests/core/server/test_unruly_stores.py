"""I1, I15, I17: stores that fail at the worst moment, and stores written for the public SDK."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from chatkit.store import NotFoundError, StoreUnavailableError
from chatkit.types import Page, ThreadItem, ThreadMetadata, UserMessageItem
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
    types,
    user,
)
from support.memory_store import MemoryStore


async def test_a_new_thread_on_a_store_that_is_away_ends_in_an_error_event() -> None:
    class Away(MemoryStore):
        async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
            raise StoreUnavailableError("no connection")

        async def delete_thread(self, thread_id: str, context: Any) -> None:
            raise StoreUnavailableError("no connection")

    assert types(await Chat(store=Away()).create()) == ["error"]


async def test_a_store_that_cancels_its_own_write_ends_the_turn_in_an_error_and_keeps_text() -> (
    None
):
    """As a pool that is closing does to those who wait for a connection."""

    class Closing(MemoryStore):
        async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
            if item.id == "done":
                raise asyncio.CancelledError
            await super().add_thread_item(thread_id, item, context)

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("seen")
        yield done(assistant(id="done", thread_id=thread.id))

    chat = Chat(respond, store=Closing())
    thread = await chat.new_thread()
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert types(events)[-1] == "error"
    assert kinds(await chat.stored(thread.id)) == ["user_message", "assistant_message"]


class Tenants(MemoryStore):
    """Shows each user their own threads, and knows nothing of ``owner_of``."""

    async def load_thread(self, thread_id: str, context: Any) -> ThreadMetadata:
        thread = await super().load_thread(thread_id, context)
        if thread.metadata.get("user", CONTEXT["user"]) != context["user"]:
            raise NotFoundError(f"no thread {thread_id!r}")
        return thread

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: Any
    ) -> Page[ThreadItem]:
        if context != CONTEXT:
            return Page[ThreadItem]()
        return await super().load_thread_items(thread_id, after, limit, order, context)

    async def delete_thread(self, thread_id: str, context: Any) -> None:
        if context == CONTEXT:
            await super().delete_thread(thread_id, context)


async def test_deleting_somebody_elses_thread_does_not_stop_the_turn_in_it() -> None:
    hanging, go_on = asyncio.Event(), asyncio.Event()

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        hanging.set()
        await go_on.wait()
        yield done(assistant("whole", thread_id=thread.id))

    chat = Chat(respond, store=Tenants())
    thread = await chat.new_thread()
    reader = asyncio.create_task(
        chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    )
    await hanging.wait()
    assert await chat.ask("threads.delete", {"user": "mallory"}, thread_id=thread.id) == {}
    go_on.set()
    assert types(await reader)[-1] == "thread.item.done"


@pytest.mark.timeout(10)
async def test_no_request_loops_for_ever_on_a_store_whose_cursors_go_round() -> None:
    class Round(MemoryStore):
        async def load_thread_items(
            self, thread_id: str, after: str | None, limit: int, order: str, context: Any
        ) -> Page[ThreadItem]:
            await asyncio.sleep(0)
            return Page[ThreadItem](data=[], has_more=True, after="b" if after == "a" else "a")

    chat = Chat(store=Round())
    thread = await chat.new_thread(user())
    assert await chat.ask("threads.delete", thread_id=thread.id) == {}


async def test_what_a_stopped_turn_stores_is_stored_in_the_context_of_its_own_request() -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    writers: set[str] = set()

    class Noting(MemoryStore):
        async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
            if item.type != "user_message":
                writers.add(tenant.get())
            await super().add_thread_item(thread_id, item, context)

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("seen")

    chat = Chat(respond, store=Noting())
    tenant.set("ada")
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async for chunk in result.json_events:
        if b"seen" in chunk:
            break
    tenant.set("operator")
    await chat.aclose()
    assert writers == {"ada"}


async def test_closing_waits_for_all_turns_at_once() -> None:
    """Turns that are slow to be stored do not queue up behind each other."""
    most = 0
    storing = 0

    class Hooked(Chat):
        async def handle_stream_cancelled(self, *args: Any) -> None:
            nonlocal most, storing
            storing += 1
            most = max(most, storing)
            for _ in range(20):
                await asyncio.sleep(0)
            storing -= 1

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        started.release()
        yield begun(assistant(thread_id=thread.id))
        await asyncio.Event().wait()

    started = asyncio.Semaphore(0)
    chat = Hooked(respond)
    readers = [asyncio.create_task(chat.create()) for _ in range(5)]
    for _ in readers:
        await started.acquire()
    await chat.aclose()
    await asyncio.gather(*readers)
    assert most == 5
