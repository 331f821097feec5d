"""I8, I9, I12: what is hidden stays hidden, and nobody touches what is another's."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from chatkit.actions import Action
from chatkit.store import NotFoundError
from chatkit.types import (
    CustomTask,
    FileAttachment,
    SDKHiddenContextItem,
    SyncCustomActionResponse,
    ThreadItem,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    UserMessageItem,
    WidgetItem,
    WorkflowTaskAdded,
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
    says,
    user,
    widget,
)
from support.memory_store import MemoryStore
from support.vault import Vault

SECRET = "the hidden word"


async def test_a_hidden_item_never_reaches_the_wire_in_any_event() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(hidden(SECRET, id="h-1", thread_id=thread.id))
        task = CustomTask(title=SECRET)
        yield ThreadItemUpdatedEvent(
            item_id="h-1", update=WorkflowTaskAdded(task=task, task_index=0)
        )
        yield done(hidden(SECRET, id="h-1", thread_id=thread.id))
        yield ThreadItemReplacedEvent(item=hidden(SECRET + "!", id="h-1", thread_id=thread.id))
        yield done(hidden(SECRET, id="h-2", thread_id=thread.id))
        yield ThreadItemRemovedEvent(item_id="h-2")
        yield done(sdk_hidden("h-3", thread.id))
        yield done(assistant("visible", thread_id=thread.id))

    chat = Chat(respond)
    events = await chat.create()
    wire = json.dumps(events)
    assert SECRET not in wire
    assert '"h-' not in wire
    stored = await chat.stored(events[0]["thread"]["id"])
    assert [item.id for item in stored][1:] == ["h-1", "h-3", "answer"]


def sdk_hidden(id: str, thread_id: str) -> ThreadItem:
    base = hidden(id=id, thread_id=thread_id)
    return SDKHiddenContextItem(
        id=id, thread_id=thread_id, created_at=base.created_at, content=SECRET
    )


async def test_pages_leave_hidden_items_out_and_go_on_from_them() -> None:
    chat = Chat()
    thread = await chat.new_thread(
        user("one", id="u-1"), hidden(SECRET, id="h-1"), user("two", id="u-2")
    )
    ids: list[str] = []
    after = None
    for _ in range(3):
        params = {"thread_id": thread.id, "limit": 1, "order": "asc"}
        page = await chat.ask("items.list", **params, **({"after": after} if after else {}))
        ids += [item["id"] for item in page["data"]]
        after = page.get("after")
    assert ids == ["u-1", "u-2"]
    whole = await chat.ask("threads.get_by_id", thread_id=thread.id)
    assert [item["id"] for item in whole["items"]["data"]] == ["u-1", "u-2"]


async def test_a_sync_action_cannot_answer_with_a_hidden_item() -> None:
    class Leaky(Chat):
        async def sync_action(
            self,
            thread: ThreadMetadata,
            action: Action[str, Any],
            sender: WidgetItem | None,
            context: Any,
        ) -> SyncCustomActionResponse:
            return SyncCustomActionResponse(updated_item=hidden(SECRET, thread_id=thread.id))

    chat = Leaky()
    thread = await chat.new_thread(widget())
    answer = await chat.ask(
        "threads.sync_custom_action", thread_id=thread.id, action={"type": "go"}
    )
    assert answer == {}


async def test_the_metadata_of_threads_and_attachments_is_never_sent() -> None:
    chat = Chat(attachment_store=Vault())
    created = await chat.ask("attachments.create", name="a", size=1, mime_type="a/b")
    assert "metadata" not in created
    thread = await chat.new_thread(metadata={"private": SECRET})
    events = await chat.events(
        "threads.add_user_message",
        thread_id=thread.id,
        input=says("hi", attachments=[created["id"]]),
    )
    answers = [
        await chat.ask("threads.get_by_id", thread_id=thread.id),
        await chat.ask("threads.list"),
        await chat.ask("items.list", thread_id=thread.id),
        await chat.ask("threads.update", thread_id=thread.id, title="t"),
        events,
    ]
    assert SECRET not in json.dumps(answers)
    assert "bucket" not in json.dumps(answers)


# --- other users -----------------------------------------------------------------------------


class Owned(MemoryStore):
    """Attachments that exist for the store but not for this caller."""

    async def load_attachment(self, attachment_id: str, context: Any) -> Any:
        if attachment_id.startswith("other's"):
            raise NotFoundError(f"no attachment {attachment_id!r}")
        return await super().load_attachment(attachment_id, context)


@pytest.mark.parametrize("attachment_id", ["other's", "never was"])
async def test_bytes_are_deleted_only_after_the_callers_own_metadata_was_found(
    attachment_id: str,
) -> None:
    vault = Vault()
    chat = Chat(store=Owned(), attachment_store=vault)
    assert await chat.ask("attachments.delete", attachment_id=attachment_id) == {}
    assert vault.deleted == []


async def test_feedback_with_one_unknown_item_does_not_reach_the_hook() -> None:
    given: list[Any] = []

    class Listening(Chat):
        async def add_feedback(
            self,
            thread_id: str,
            item_ids: list[str],
            feedback: Literal["positive", "negative"],
            context: Any,
        ) -> None:
            given.append((thread_id, item_ids, feedback, context))

    chat = Listening()
    thread = await chat.new_thread(assistant("one", id="a-1"))
    other = await chat.new_thread(assistant("two", id="a-2"))
    params = {"thread_id": thread.id, "kind": "positive"}
    with pytest.raises(NotFoundError):
        await chat.ask("items.feedback", **params, item_ids=["a-1", "a-2"])
    assert given == []
    assert await chat.ask("items.feedback", **params, item_ids=["a-1"]) == {}
    assert given == [(thread.id, ["a-1"], "positive", CONTEXT)]
    assert other.id != thread.id


# --- deletion --------------------------------------------------------------------------------


async def with_attachments(chat: Chat, count: int) -> tuple[str, list[str]]:
    ids = [
        (await chat.ask("attachments.create", name="a", size=1, mime_type="a/b"))["id"]
        for _ in range(count)
    ]
    events = await chat.create(attachments=ids)
    return events[0]["thread"]["id"], ids


async def test_deleting_a_thread_deletes_its_attachments_bytes_and_metadata() -> None:
    vault, store = Vault(), MemoryStore()
    chat = Chat(store=store, attachment_store=vault)
    thread_id, ids = await with_attachments(chat, 3)
    assert await chat.ask("threads.delete", thread_id=thread_id) == {}
    assert sorted(vault.deleted) == sorted(ids)
    assert store.attachments == {}
    assert store.threads == {}


async def test_a_deletion_that_fails_half_way_is_finished_by_the_next_one() -> None:
    vault, store = Vault(), MemoryStore()
    chat = Chat(store=store, attachment_store=vault)
    thread_id, ids = await with_attachments(chat, 2)
    vault.broken = True
    with pytest.raises(OSError, match="bucket is away"):
        await chat.ask("threads.delete", thread_id=thread_id)
    assert thread_id in store.threads
    vault.broken = False
    await chat.ask("threads.delete", thread_id=thread_id)
    assert sorted(vault.deleted) == sorted(ids)
    assert store.threads == {}


async def test_deleting_a_thread_leaves_attachments_of_other_threads_alone() -> None:
    vault, store = Vault(), MemoryStore()
    chat = Chat(store=store, attachment_store=vault)
    other_thread, [attachment_id] = await with_attachments(chat, 1)
    quoted = FileAttachment(id=attachment_id, name="a", mime_type="a/b", thread_id=other_thread)
    forged = user().model_copy(update={"attachments": [quoted]})
    thread = await chat.new_thread(forged)
    await chat.ask("threads.delete", thread_id=thread.id)
    assert vault.deleted == []
    assert attachment_id in store.attachments


async def test_deleting_a_thread_without_an_attachment_store_deletes_the_metadata() -> None:
    store = MemoryStore()
    thread_id, _ = await with_attachments(Chat(store=store, attachment_store=Vault()), 1)
    await Chat(store=store).ask("threads.delete", thread_id=thread_id)
    assert store.attachments == {}


async def test_deleting_an_unknown_thread_answers_as_deleting_a_known_one() -> None:
    assert await Chat().ask("threads.delete", thread_id="never was") == {}


async def test_an_update_of_an_item_that_is_not_hidden_is_sent() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(hidden(id="x", thread_id=thread.id))
        yield begun(assistant(id="x", thread_id=thread.id))
        yield delta("now visible", id="x")

    assert "now visible" in json.dumps(await Chat(respond).create())
