"""Attachments from their announcement to their deletion, as a client of the server sees them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chatkit.actions import Action
from chatkit.objects import ObjectAttachmentStore
from chatkit.objects.keys import object_name
from chatkit.owners import SINGLE_OWNER
from chatkit.store import NotFoundError
from chatkit.types import (
    Attachment,
    ImageAttachment,
    SyncCustomActionResponse,
    ThreadItemReplacedEvent,
    ThreadMetadata,
    UserMessageItem,
    WidgetItem,
)
from support.chat import CONTEXT, Chat, Events, Json, done, of_type, says, types, widget
from support.memory_objects import MemoryObjects
from support.memory_store import MemoryStore

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Files(ObjectAttachmentStore[Any]):
    """Counts the calls for links."""

    def __init__(self, objects: MemoryObjects, records: MemoryStore) -> None:
        super().__init__(objects, store=records, owner=SINGLE_OWNER)
        self.renewals: list[list[str]] = []

    async def renew(self, attachments: Sequence[Attachment], context: Any) -> list[Attachment]:
        self.renewals.append([attachment.id for attachment in attachments])
        return await super().renew(attachments, context)


class Album(Chat):
    """A chat whose files are in memory, and a client that uploads to it."""

    def __init__(self, *arguments: Any, records: MemoryStore | None = None, **more: Any) -> None:
        self.records = records or MemoryStore()
        self.objects = MemoryObjects()
        self.files = Files(self.objects, self.records)
        super().__init__(*arguments, store=self.records, attachment_store=self.files, **more)

    async def announced(self, size: int, mime_type: str = "image/png", name: str = "a") -> Json:
        return await self.ask("attachments.create", name=name, size=size, mime_type=mime_type)

    async def uploaded(self, data: bytes = PNG, mime_type: str = "image/png") -> str:
        created = await self.announced(len(data), mime_type)
        self.objects.put(f"pending/{name_of(created['id'])}", data)
        return str(created["id"])


def name_of(attachment_id: str) -> str:
    return object_name(SINGLE_OWNER.value, attachment_id)


def links(answer: Json) -> list[str]:
    """Every preview link anywhere in an answer."""
    if isinstance(answer, dict):
        own = [answer["preview_url"]] if "preview_url" in answer else []
        return own + [link for value in answer.values() for link in links(value)]
    return [link for value in answer for link in links(value)] if isinstance(answer, list) else []


async def test_a_link_is_made_for_the_answer_and_not_stored() -> None:
    album = Album()
    created = await album.announced(3)
    assert links(created)[0].startswith("https://objects.example/pending/")
    stored = album.records.attachments[created["id"]]
    assert isinstance(stored, ImageAttachment)
    assert str(stored.preview_url) == "about:blank"
    assert "metadata" not in created


async def test_every_page_and_event_has_links_that_work_now_made_in_one_call() -> None:
    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        assert message is not None
        yield ThreadItemReplacedEvent(item=message)

    album = Album(respond)
    ids = [await album.uploaded() for _ in range(3)]
    album.files.renewals.clear()
    events = await album.create(attachments=ids)
    thread_id = events[0]["thread"]["id"]
    expected = [f"https://objects.example/kept/{name_of(id)}" for id in ids]
    for event in (
        *of_type(events, "thread.item.done"),
        *of_type(events, "thread.item.replaced"),
        await album.ask("threads.get_by_id", thread_id=thread_id),
        await album.ask("items.list", thread_id=thread_id),
    ):
        assert [link.partition("?")[0] for link in links(event)] == expected
    assert album.files.renewals == [ids] * 4
    [item] = await album.stored(thread_id)
    assert "objects.example" not in item.model_dump_json()


async def test_what_a_synchronous_action_returns_has_links_that_work_now() -> None:
    class Acting(Album):
        async def sync_action(
            self,
            thread: ThreadMetadata,
            action: Action[str, Any],
            sender: WidgetItem | None,
            context: Any,
        ) -> SyncCustomActionResponse:
            [item] = await self.stored(thread.id)
            return SyncCustomActionResponse(updated_item=item)

    album = Acting()
    events = await album.create(attachments=[await album.uploaded()])
    thread_id = events[0]["thread"]["id"]
    answer = await album.ask(
        "threads.sync_custom_action", thread_id=thread_id, action={"type": "look", "payload": {}}
    )
    assert links(answer)[0].startswith("https://objects.example/kept/")


async def test_a_conversation_is_readable_while_no_links_can_be_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    album = Album()
    events = await album.create(attachments=[await album.uploaded()])
    album.objects.broken = True
    thread = await album.ask("threads.get_by_id", thread_id=events[0]["thread"]["id"])
    assert links(thread) == ["about:blank"]
    assert "could not be renewed" in caplog.text


async def test_a_message_without_attachments_asks_for_no_links() -> None:
    album = Album()
    events = await album.create()
    await album.ask("threads.get_by_id", thread_id=events[0]["thread"]["id"])
    assert album.files.renewals == []


@pytest.mark.parametrize("in_new_thread", [True, False])
async def test_a_file_that_cannot_be_used_is_left_out_and_named_and_nobody_answers(
    in_new_thread: bool,
) -> None:
    asked: list[UserMessageItem | None] = []

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        asked.append(message)
        yield done(widget(thread_id=thread.id))

    album = Album(respond)
    good = await album.uploaded()
    page = await album.uploaded(b"<html>")
    missing = (await album.announced(3, name="late" + "r" * 100))["id"]
    says_it = says("look", attachments=[page, good, missing])
    if in_new_thread:
        events = await album.events("threads.create", input=says_it)
        thread_id = events.pop(0)["thread"]["id"]
    else:
        thread_id = (await album.new_thread()).id
        events = await album.events("threads.add_user_message", thread_id=thread_id, input=says_it)
    assert types(events) == ["thread.item.done", "stream_options", "error"]
    assert [file["id"] for file in events[0]["item"]["attachments"]] == [good]
    error = events[-1]
    assert (error["code"], error["allow_retry"]) == ("custom", False)
    assert error["message"].splitlines() == [
        "a could not be attached: its content is not of the type image/png.",
        "later" + "r" * 74 + "… could not be attached: it has not been uploaded.",
    ]
    assert asked == []
    [item] = await album.stored(thread_id)
    assert isinstance(item, UserMessageItem)
    assert [file.id for file in item.attachments] == [good]
    assert album.records.attachments[page].thread_id is None


async def test_an_attachment_deleted_in_the_meantime_is_left_out() -> None:
    album = Album()
    attachment_id = await album.uploaded()
    stream = await album.stream("threads.create", input=says("x", attachments=[attachment_id]))
    await album.ask("attachments.delete", attachment_id=attachment_id)
    chunks = [json.loads(chunk[6:]) async for chunk in stream]
    assert types(chunks) == ["thread.created", "thread.item.done", "stream_options", "error"]
    assert chunks[-1]["message"] == "a could not be attached: it has been deleted."
    assert album.objects.objects == {}


async def test_an_unknown_attachment_is_refused_and_nothing_is_stored() -> None:
    album = Album()
    with pytest.raises(NotFoundError):
        await album.create(attachments=[await album.uploaded(), "unknown"])
    assert album.records.threads == {}
    assert [key.partition("/")[0] for key in album.objects.objects] == ["pending"]


async def test_an_attachment_survives_a_message_that_could_not_be_stored() -> None:
    class Failing(MemoryStore):
        failing = True

        async def add_thread_item(self, *arguments: Any) -> None:
            if self.failing:
                raise OSError("no room")
            await super().add_thread_item(*arguments)

    records = Failing()
    album = Album(records=records)
    attachment_id = await album.uploaded()
    assert types(await album.create(attachments=[attachment_id])) == ["error"]
    assert records.attachments[attachment_id].thread_id is None
    records.failing = False
    events = await album.create(attachments=[attachment_id])
    [file] = events[1]["item"]["attachments"]
    stored = records.attachments[attachment_id]
    assert await album.files.read(stored, CONTEXT) == PNG
    assert "/kept/" in file["preview_url"]


async def with_messages(album: Album, count: int, files: int) -> tuple[str, list[str]]:
    """A thread of so many messages with so many attachments each."""
    thread = await album.new_thread()
    ids: list[str] = []
    for number in range(count):
        attachments = [await album.uploaded() for _ in range(files)]
        ids += attachments
        message = says(str(number), attachments=attachments)
        await album.events("threads.add_user_message", thread_id=thread.id, input=message)
    return thread.id, ids


async def test_deleting_a_large_thread_leaves_nothing_of_its_attachments() -> None:
    album = Album()
    thread_id, _ = await with_messages(album, 250, 2)
    assert len(album.objects.objects) == 500
    await album.ask("threads.delete", thread_id=thread_id)
    assert album.objects.objects == {}
    assert album.records.attachments == {}
    assert album.records.threads == {}


async def test_a_deletion_that_broke_off_is_finished_by_the_next() -> None:
    album = Album()
    thread_id, _ = await with_messages(album, 30, 1)
    delete = album.objects.delete

    async def fails_after_a_while(keys: Sequence[str]) -> None:
        if len(album.objects.objects) <= 12:
            raise OSError("the storage is away")
        await delete(keys)

    album.objects.delete = fails_after_a_while  # type: ignore[method-assign]
    with pytest.raises(Exception, match="the storage is away"):
        await album.ask("threads.delete", thread_id=thread_id)
    assert thread_id in album.records.threads
    assert len(album.records.attachments) == len(album.objects.objects) == 12
    album.objects.delete = delete  # type: ignore[method-assign]
    await album.ask("threads.delete", thread_id=thread_id)
    assert album.objects.objects == {}
    assert album.records.attachments == {}
    assert album.records.threads == {}


async def test_a_retry_deletes_the_attachments_of_the_messages_that_it_deletes() -> None:
    album = Album()
    thread_id, ids = await with_messages(album, 3, 1)
    first, *_ = await album.stored(thread_id)
    await album.events("threads.retry_after_item", thread_id=thread_id, item_id=first.id)
    assert list(album.records.attachments) == ids[:1]
    assert list(album.objects.objects) == [f"kept/{name_of(ids[0])}"]


async def test_a_retry_leaves_the_attachments_that_earlier_messages_name_too() -> None:
    album = Album()
    thread_id, [first_id] = await with_messages(album, 1, 1)
    again = says("look once more", attachments=[first_id, await album.uploaded()])
    await album.events("threads.add_user_message", thread_id=thread_id, input=again)
    first, *_ = await album.stored(thread_id)
    await album.events("threads.retry_after_item", thread_id=thread_id, item_id=first.id)
    assert list(album.records.attachments) == [first_id]
    assert list(album.objects.objects) == [f"kept/{name_of(first_id)}"]
