"""What happens to an attachment while a message is using it for the first time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from chatkit.objects import NoObjectError, ObjectAttachmentStore
from chatkit.objects.keys import object_name
from chatkit.store import NotFoundError, UnusableAttachmentError
from chatkit.types import Attachment, AttachmentCreateParams
from support.memory_objects import MemoryObjects
from support.memory_store import MemoryStore

ADA = {"user": "ada"}
Step = Callable[[], Awaitable[None]]


class Meddling(MemoryObjects):
    """Does something else after a copy or a look at a size, before anybody hears of them."""

    def __init__(self) -> None:
        super().__init__()
        self.after_copy: Step | None = None
        self.after_size: Step | None = None

    async def copy(self, source: str, target: str) -> None:
        await super().copy(source, target)
        if self.after_copy is not None:
            await self.after_copy()

    async def size(self, key: str) -> int | None:
        found = await super().size(key)
        if self.after_size is not None:
            await self.after_size()
        return found


class Setting:
    """A store over a dictionary, and an upload that no message has used."""

    def __init__(self, objects: MemoryObjects) -> None:
        self.objects = objects
        self.records = MemoryStore()
        self.store: ObjectAttachmentStore[Any] = ObjectAttachmentStore(
            self.objects, store=self.records, owner=lambda context: context["user"]
        )

    async def uploaded(self, data: bytes = b"abc") -> Attachment:
        params = AttachmentCreateParams(name="a", size=len(data), mime_type="text/plain")
        attachment = await self.store.create_attachment(params, ADA)
        self.objects.put(f"pending/{object_name('ada', attachment.id)}", data)
        return attachment


async def test_a_deletion_during_the_copy_is_not_undone() -> None:
    objects = Meddling()
    setting = Setting(objects)
    attachment = await setting.uploaded()
    key = f"kept/{object_name('ada', attachment.id)}"

    async def delete() -> None:
        # The copy was on its way when the bytes were deleted, and arrives after that.
        data = setting.objects.objects[key]
        await setting.store.delete_attachment(attachment.id, ADA)
        setting.objects.put(key, data)

    objects.after_copy = delete
    with pytest.raises(NotFoundError):
        await setting.store.keep_attachment(attachment, ADA)
    with pytest.raises(NotFoundError):
        await setting.records.load_attachment(attachment.id, ADA)
    assert setting.objects.objects == {}


async def test_what_another_message_has_made_of_the_metadata_stays() -> None:
    objects = Meddling()
    setting = Setting(objects)
    attachment = await setting.uploaded()

    async def claim() -> None:
        stored = await setting.records.load_attachment(attachment.id, ADA)
        claimed = stored.model_copy(update={"thread_id": "t"})
        await setting.records.save_attachment(claimed, ADA)

    objects.after_copy = claim
    await setting.store.keep_attachment(attachment, ADA)
    assert (await setting.records.load_attachment(attachment.id, ADA)).thread_id == "t"


async def test_bytes_that_go_while_they_are_checked_have_not_arrived() -> None:
    objects = Meddling()
    setting = Setting(objects)
    attachment = await setting.uploaded()

    async def lose() -> None:
        setting.objects.objects.clear()

    objects.after_size = lose
    with pytest.raises(UnusableAttachmentError, match="it has not been uploaded"):
        await setting.store.keep_attachment(attachment, ADA)


async def test_of_an_empty_file_nothing_is_read() -> None:
    setting = Setting(MemoryObjects())
    used = await setting.store.keep_attachment(await setting.uploaded(b""), ADA)
    assert await setting.store.read(used, ADA) == b""
    assert "read" not in setting.objects.asked


class OneByOne(MemoryObjects):
    """Deletes one object after the other, and a first use makes its copy in between."""

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            await super().delete([key])
            name = key.rpartition("/")[2]
            with suppress(NoObjectError):
                await self.copy(f"pending/{name}", f"kept/{name}")


async def test_a_copy_that_is_made_amid_a_deletion_does_not_outlive_it() -> None:
    setting = Setting(OneByOne())
    attachment = await setting.uploaded()
    await setting.store.delete_attachment(attachment.id, ADA)
    assert setting.objects.objects == {}
