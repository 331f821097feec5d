"""I5, I6: what a turn changes in its thread, beside what others change meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from chatkit.server.thread_changes import copy_to_compare
from chatkit.store import NotFoundError
from chatkit.types import (
    LockedStatus,
    Page,
    ProgressUpdateEvent,
    Thread,
    ThreadItem,
    ThreadMetadata,
    ThreadUpdatedEvent,
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
    hidden,
    kinds,
    now,
    of_type,
    says,
    types,
    user,
)
from support.memory_store import MemoryStore


class Recording(MemoryStore):
    """Remembers which fields were changed, and what kinds of thread were saved whole."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[dict[str, Any]] = []
        self.saved: list[type] = []

    async def save_thread(self, thread: ThreadMetadata, context: Any) -> None:
        self.saved.append(type(thread))
        await super().save_thread(thread, context)

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: Any
    ) -> ThreadMetadata:
        self.changes.append(dict(changes))
        return await super().update_thread(thread_id, changes, context)


async def test_a_turn_writes_only_the_fields_that_it_changed() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        thread.metadata["step"] = 1
        yield ProgressUpdateEvent(text="one")
        thread.status = LockedStatus(reason="full")
        thread.metadata["step"] = 2
        yield ProgressUpdateEvent(text="two")
        yield ProgressUpdateEvent(text="three")

    store = Recording()
    await Chat(respond, store=store).create()
    assert store.changes == [
        {"metadata": {"step": 1}},
        {"metadata": {"step": 2}, "status": LockedStatus(reason="full")},
    ]


async def test_a_change_inside_a_status_or_deep_in_metadata_is_noticed() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        thread.metadata["deep"]["list"].append(2)
        yield ProgressUpdateEvent(text="one")

    chat = Chat(respond)
    thread = await chat.new_thread(metadata={"deep": {"list": [1]}})
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert types(events)[-1] == "thread.updated"
    loaded = await chat.store.load_thread(thread.id, CONTEXT)
    assert loaded.metadata == {"deep": {"list": [1, 2]}}


async def test_a_title_set_elsewhere_during_a_turn_is_not_undone_by_it() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="thinking")
        await chat.ask("threads.update", thread_id=thread.id, title="The user's own title")
        thread.metadata["mood"] = "good"
        yield done(assistant("ok", thread_id=thread.id))

    chat = Chat(respond)
    events = await chat.create()
    updated = of_type(events, "thread.updated")
    assert [event["thread"]["title"] for event in updated] == ["The user's own title"]
    stored = await chat.store.load_thread(updated[0]["thread"]["id"], CONTEXT)
    assert (stored.title, stored.metadata) == ("The user's own title", {"mood": "good"})


async def test_renaming_a_thread_writes_only_its_title() -> None:
    store = Recording()
    chat = Chat(store=store)
    thread = await chat.new_thread(metadata={"plan": "free"})
    answer = await chat.ask("threads.update", thread_id=thread.id, title="New")
    assert answer["title"] == "New"
    assert answer["metadata"] == {}
    assert store.changes == [{"title": "New"}]


async def test_a_store_that_loads_threads_with_items_never_gets_them_back_to_save() -> None:
    class WithItems(Recording):
        async def load_thread(self, thread_id: str, context: Any) -> Thread:
            plain = await super().load_thread(thread_id, context)
            return Thread(**dict(plain), items=Page[ThreadItem]())

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        assert type(thread) is ThreadMetadata
        thread.title = "New"
        yield ProgressUpdateEvent(text="done")

    store = WithItems()
    chat = Chat(respond, store=store)
    thread = await chat.new_thread()
    await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    await chat.ask("threads.update", thread_id=thread.id, title="Newer")
    assert set(store.saved) == {ThreadMetadata}


async def test_a_changed_thread_is_saved_after_an_error_and_sent_after_its_event() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="working")
        thread.title = "Changed before failing"
        raise RuntimeError("no luck")

    events = await Chat(respond).create()
    assert types(events)[-2:] == ["error", "thread.updated"]
    assert events[-1]["thread"]["title"] == "Changed before failing"


async def test_a_changed_thread_is_saved_after_a_stop() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ProgressUpdateEvent(text="working")
        thread.title = "Changed before the stop"
        yield begun(assistant(thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async for chunk in result.json_events:
        if b"thread.item.added" in chunk:
            break
    await result.json_events.aclose()
    assert (await chat.store.load_thread(thread.id, CONTEXT)).title == "Changed before the stop"


async def test_a_thread_deleted_in_mid_turn_ends_the_turn_with_one_error_and_nothing_stored() -> (
    None
):
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("shown")
        await chat.store.delete_thread(thread.id, CONTEXT)  # as another process would
        yield done(assistant("shown and done", thread_id=thread.id))
        yield ProgressUpdateEvent(text="never reached")

    store = MemoryStore()
    chat = Chat(respond, store=store)
    thread = await chat.new_thread()
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert types(events)[-2:] == ["thread.item.updated", "error"]
    assert events[-1]["allow_retry"] is False
    assert thread.id not in store.threads
    assert await chat.stored(thread.id) == []


async def test_a_thread_deleted_before_a_stop_gets_no_cancellation_note() -> None:
    class Lax(MemoryStore):
        """Adds items to threads that do not exist, as some stores do."""

        async def add_thread_item(self, thread_id: str, item: ThreadItem, context: Any) -> None:
            self.items.setdefault(thread_id, {})
            if thread_id not in self.threads:
                leftovers.append(item)
            else:
                await super().add_thread_item(thread_id, item, context)

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("shown")

    leftovers: list[ThreadItem] = []
    chat = Chat(respond, store=Lax())
    thread = await chat.new_thread()
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    async for chunk in result.json_events:
        if b"shown" in chunk:
            break
    await chat.store.delete_thread(thread.id, CONTEXT)
    await result.json_events.aclose()
    assert leftovers == []


async def test_deleting_a_thread_tells_whoever_reads_its_turn_and_stores_nothing_more() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(assistant(thread_id=thread.id))
        yield delta("shown")
        await asyncio.Event().wait()

    chat = Chat(respond)
    thread = await chat.new_thread(user())
    result = await chat.stream("threads.add_user_message", thread_id=thread.id, input=says("go"))
    shown = asyncio.Event()
    chunks: list[bytes] = []

    async def read() -> None:
        async for chunk in result:
            chunks.append(chunk)
            if b"shown" in chunk:
                shown.set()

    reader = asyncio.create_task(read())
    await shown.wait()
    assert await chat.ask("threads.delete", thread_id=thread.id) == {}
    await reader
    assert b'"type":"error"' in chunks[-1]
    assert b'"allow_retry":false' in chunks[-1]
    assert await chat.stored(thread.id) == []
    try:
        await chat.store.load_thread(thread.id, CONTEXT)
    except NotFoundError:
        return
    raise AssertionError("the thread came back")


async def test_a_thread_event_of_the_integration_itself_goes_out_without_metadata() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield ThreadUpdatedEvent(
            thread=Thread(**dict(thread), items=Page[ThreadItem](data=[hidden()]))
        )

    chat = Chat(respond)
    thread = await chat.new_thread(metadata={"private": True})
    events = await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert events[-1]["thread"]["metadata"] == {}
    assert events[-1]["thread"]["items"]["data"] == []


async def test_the_stored_items_of_a_turn_are_all_there_in_order() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        for number in range(3):
            yield done(assistant(str(number), id=f"a-{number}", thread_id=thread.id))

    chat = Chat(respond)
    thread = await chat.new_thread()
    await chat.events("threads.add_user_message", thread_id=thread.id, input=says("go"))
    assert kinds(await chat.stored(thread.id)) == ["user_message"] + ["assistant_message"] * 3


CHANGES: list[Callable[[ThreadMetadata], object]] = [
    lambda thread: setattr(thread, "title", "another"),
    lambda thread: setattr(thread, "title", "".join(["fir", "st"])),  # equal, another object
    lambda thread: setattr(thread, "created_at", thread.created_at + timedelta(days=1)),
    lambda thread: setattr(thread, "status", LockedStatus(reason="later")),
    lambda thread: setattr(thread.status, "__dict__", {"type": "locked", "reason": "now"}),
    lambda thread: setattr(thread, "metadata", {}),
    lambda thread: setattr(thread, "metadata", deepcopy(thread.metadata)),
    lambda thread: thread.metadata.update(step=2),
    lambda thread: thread.metadata["nested"]["list"].append(3),
    lambda thread: thread.metadata["nested"].clear(),
    lambda thread: (thread.allowed_image_domains or []).append("example.org"),
    lambda thread: setattr(thread, "allowed_image_domains", None),
    lambda thread: None,
]


@pytest.mark.parametrize("first", CHANGES)
@pytest.mark.parametrize("second", CHANGES)
def test_the_copy_that_shares_what_cannot_change_tells_changes_as_a_whole_copy_does(
    first: Callable[[ThreadMetadata], object], second: Callable[[ThreadMetadata], object]
) -> None:
    thread = ThreadMetadata(
        id="thread",
        title="first",
        created_at=now(),
        status=LockedStatus(),
        allowed_image_domains=["example.com"],
        metadata={"step": 1, "nested": {"list": [1, 2]}},
    )
    whole, compared = thread.model_copy(deep=True), copy_to_compare(thread)
    for change in (first, second):
        with suppress(KeyError):  # what the first change has taken away
            change(thread)
        assert (thread.__dict__ != compared.__dict__) == (thread != whole)
    assert compared == whole
