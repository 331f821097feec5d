"""``ObjectAttachmentStore``: what it makes of an object storage's few operations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any, BinaryIO

import pytest

from chatkit.errors import InvalidRequestError
from chatkit.objects import ObjectAttachmentStore
from chatkit.objects.keys import object_name
from chatkit.objects.store import MEBIBYTE
from chatkit.store import NotFoundError, StoreUnavailableError, UnusableAttachmentError
from chatkit.types import Attachment, AttachmentCreateParams, FileAttachment, ImageAttachment
from support.memory_objects import MemoryObjects
from support.memory_store import MemoryStore

ADA, BOB = {"user": "ada"}, {"user": "bob"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(3000)


class Setting:
    """A store over a dictionary."""

    def __init__(self, objects: MemoryObjects | None = None, **options: Any) -> None:
        self.objects = objects or MemoryObjects()
        self.records = MemoryStore()
        self.store: ObjectAttachmentStore[Any] = ObjectAttachmentStore(
            self.objects, store=self.records, owner=lambda context: context["user"], **options
        )

    async def announced(
        self, size: int = 3, mime_type: str = "text/plain", name: str = "a"
    ) -> Attachment:
        params = AttachmentCreateParams(name=name, size=size, mime_type=mime_type)
        return await self.store.create_attachment(params, ADA)

    async def uploaded(self, data: bytes, mime_type: str = "text/plain") -> Attachment:
        attachment = await self.announced(len(data), mime_type)
        self.objects.put(pending(attachment), data)
        return attachment

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.objects.objects if key.startswith(prefix)]


def pending(attachment: Attachment) -> str:
    return f"pending/{object_name('ada', attachment.id)}"


def kept(attachment: Attachment) -> str:
    return f"kept/{object_name('ada', attachment.id)}"


async def test_first_use_moves_the_bytes_to_where_no_link_writes() -> None:
    setting = Setting()
    attachment = await setting.uploaded(PNG, "image/png")
    used = await setting.store.keep_attachment(attachment, ADA)
    assert list(setting.objects.objects) == [kept(attachment)]
    setting.objects.put(pending(attachment), b"<html>" + PNG[6:])
    assert await setting.store.read(used, ADA) == PNG
    assert await setting.store.read(attachment, ADA) == PNG
    again = await setting.store.keep_attachment(used, ADA)
    assert again == used
    assert await setting.store.read(again, ADA) == PNG


async def test_a_second_use_asks_the_storage_nothing() -> None:
    setting = Setting()
    used = await setting.store.keep_attachment(await setting.uploaded(b"abc"), ADA)
    setting.objects.asked.clear()
    await setting.store.keep_attachment(used, ADA)
    assert setting.objects.asked == []


@pytest.mark.parametrize(
    ("mime_type", "announced", "arrived", "reason"),
    [
        ("text/plain", 3, None, "it has not been uploaded"),
        ("text/plain", 3, b"ab", "3 bytes were announced, 2 have arrived"),
        ("text/plain", 3, b"abcd", "3 bytes were announced, 4 have arrived"),
        ("image/png", 19, b"<html>not a picture", "its content is not of the type image/png"),
        ("image/png", 0, b"", "its content is not of the type image/png"),
        ("image/x-unknown", 6, b" <html", "its content is not of the type image/x-unknown"),
    ],
)
async def test_what_is_not_as_announced_cannot_be_used_and_leaves_nothing(
    mime_type: str, announced: int, arrived: bytes | None, reason: str
) -> None:
    setting = Setting()
    attachment = await setting.announced(announced, mime_type)
    if arrived is not None:
        setting.objects.put(pending(attachment), arrived)
    with pytest.raises(UnusableAttachmentError) as caught:
        await setting.store.keep_attachment(attachment, ADA)
    assert caught.value.reason == reason
    assert setting.objects.objects == {}


@pytest.mark.parametrize("arrived", [None, b"ab", b"abcd"])
async def test_what_has_not_arrived_as_announced_is_not_read(arrived: bytes | None) -> None:
    setting = Setting()
    attachment = await setting.announced(3)
    if arrived is not None:
        setting.objects.put(pending(attachment), arrived)
    with pytest.raises(NotFoundError, match="no bytes"):
        await setting.store.read(attachment, ADA)


async def test_a_use_that_broke_off_after_the_copy_is_finished_by_the_next() -> None:
    setting = Setting()
    attachment = await setting.uploaded(b"abc")
    setting.objects.put(kept(attachment), b"abc")
    setting.objects.objects.pop(pending(attachment))
    used = await setting.store.keep_attachment(attachment, ADA)
    assert await setting.store.read(used, ADA) == b"abc"


async def test_bytes_that_arrive_after_a_deletion_are_never_used() -> None:
    setting = Setting()
    attachment = await setting.uploaded(b"abc")
    await setting.store.delete_attachment(attachment.id, ADA)
    assert setting.objects.objects == {}
    setting.objects.put(pending(attachment), b"abc")
    with pytest.raises(NotFoundError):
        await setting.store.read(attachment, ADA)
    with pytest.raises(NotFoundError):
        await setting.store.keep_attachment(attachment, ADA)


async def test_a_deletion_removes_what_was_used_and_what_came_later() -> None:
    setting = Setting()
    used = await setting.store.keep_attachment(await setting.uploaded(b"abc"), ADA)
    setting.objects.put(pending(used), b"abc")
    await setting.store.delete_attachment(used.id, BOB)
    assert len(setting.objects.objects) == 2
    await setting.store.delete_attachment(used.id, ADA)
    assert setting.objects.objects == {}


async def test_previews_are_made_when_asked_for_and_only_for_ones_own_images() -> None:
    setting = Setting()
    image = await setting.uploaded(PNG, "image/png")
    assert isinstance(image, ImageAttachment)
    assert str(image.preview_url) == "about:blank"
    used = await setting.store.keep_attachment(image, ADA)
    file = FileAttachment(id="f", name="f", mime_type="text/plain")
    first, second, third = await setting.store.renew([image, used, file], ADA)
    assert isinstance(first, ImageAttachment)
    assert isinstance(second, ImageAttachment)
    assert pending(image) in str(first.preview_url)
    assert kept(image) in str(second.preview_url)
    assert third == file
    assert await setting.store.renew([used], BOB) == [used]
    with pytest.raises(NotFoundError):
        await setting.store.download_url(used, BOB)


async def test_no_text_of_a_users_is_in_a_key_or_on_the_way_to_one() -> None:
    setting = Setting(prefix="chat/files/")
    attachment = await setting.announced(name="../../x\r\ny" + "z" * 4096)
    url = str(attachment.upload_descriptor.url) if attachment.upload_descriptor else ""
    assert re.fullmatch(r"https://objects.example/chat/files/pending/[0-9a-f]{64}\?size=3", url)
    assert attachment.name == "../../x\r\ny" + "z" * 4096


def test_another_owner_has_another_key_for_every_id() -> None:
    names = {object_name("ab", "c"), object_name("a", "bc"), object_name("", "abc")}
    assert len(names) == 3
    assert re.fullmatch("[0-9a-f]{64}", object_name("\ud800", "\x00" * 5000))


async def test_the_sweep_deletes_old_pending_objects_page_by_page() -> None:
    setting = Setting()
    used = await setting.store.keep_attachment(await setting.uploaded(b"abc"), ADA)
    setting.objects.written[kept(used)] = 0
    for number in range(2345):
        setting.objects.put(f"pending/{number}", b"", age=7200)
    setting.objects.put("pending/new", b"")
    setting.objects.asked.clear()
    assert await setting.store.sweep(older_than=timedelta(hours=1)) == 2345
    assert setting.objects.asked == ["list", "delete"] * 3
    assert set(setting.objects.objects) == {kept(used), "pending/new"}
    with pytest.raises(ValueError, match="at least the 600 s"):
        await setting.store.sweep(older_than=timedelta(seconds=599))


async def chunks_of(size: int, number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * size


async def test_a_direct_upload_is_stored_up_to_the_limit() -> None:
    setting = Setting(max_bytes=5000)
    written = await setting.store.write("n.txt", "text/plain", chunks_of(1000, 5), ADA)
    assert written.upload_descriptor is None
    used = await setting.store.keep_attachment(written, ADA)
    assert await setting.store.read(used, ADA) == b"x" * 5000
    with pytest.raises(InvalidRequestError, match="from 0 to 5000 bytes"):
        await setting.store.write("n.txt", "text/plain", chunks_of(1000, 1000), ADA)
    assert list(setting.objects.objects) == [kept(used)]


@pytest.mark.parametrize(
    ("size", "mime_type", "says"),
    [
        (-1, "image/png", "params.size: the size must be from 0 to 10 bytes, got -1"),
        (11, "image/png", "params.size: the size must be from 0 to 10 bytes, got 11"),
        (1, "text/html", "one of image/*, application/pdf, got 'text/html'"),
        (1, "image/png\r\nX-Evil: 1", "is no type"),
        (1, "image", "is no type"),
        (1, "image/" + "x" * 195, "is no type"),
        (1, "", "is no type"),
    ],
)
async def test_what_is_not_allowed_is_refused_with_the_rule_and_the_value(
    size: int, mime_type: str, says: str
) -> None:
    setting = Setting(max_bytes=10, allowed_types=["image/*", "application/pdf"])
    with pytest.raises(InvalidRequestError, match=re.escape(says)):
        await setting.announced(size, mime_type)
    await setting.announced(10, "IMAGE/PNG; q=1")


async def test_a_storage_that_is_away_is_said_to_be() -> None:
    setting = Setting()
    attachment = await setting.uploaded(b"abc")
    setting.objects.broken = True
    with pytest.raises(StoreUnavailableError, match="memory: the storage is away"):
        await setting.store.keep_attachment(attachment, ADA)
    setting.objects.broken = False
    used = await setting.store.keep_attachment(attachment, ADA)
    assert await setting.store.read(used, ADA) == b"abc"


class SlowObjects(MemoryObjects):
    """Moves large objects as slowly as a storage may: four MiB in a second."""

    async def copy(self, source: str, target: str) -> None:
        await asyncio.sleep(len(self.objects[source]) / 4 / MEBIBYTE)
        await super().copy(source, target)

    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        await asyncio.sleep(size / 4 / MEBIBYTE)
        await super().write(key, file, size, mime_type)


async def test_moving_a_large_object_may_take_longer_than_the_timeout() -> None:
    setting = Setting(SlowObjects(), timeout=0.1)
    written = await setting.store.write("n", "text/plain", chunks_of(MEBIBYTE, 1), ADA)
    used = await setting.store.keep_attachment(written, ADA)
    assert len(await setting.store.read(used, ADA)) == MEBIBYTE


class SilentAfterAChunk(MemoryObjects):
    """Hands out the first chunk, and then nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.cleaned_up = 0

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        try:
            yield self.objects[key][start : start + 1]
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)  # as it takes to give a connection back
            self.cleaned_up += 1


async def test_a_storage_that_falls_silent_amid_the_bytes_is_said_to_be_away() -> None:
    objects = SilentAfterAChunk()
    setting = Setting(objects, timeout=0.05)
    attachment = await setting.uploaded(b"abc")
    with pytest.raises(StoreUnavailableError, match="no answer within"):
        await setting.store.read(attachment, ADA)
    await setting.store.aclose()
    assert objects.cleaned_up == 1


async def test_a_reader_that_is_cancelled_amid_the_bytes_is_cancelled_and_no_more() -> None:
    objects = SilentAfterAChunk()
    setting = Setting(objects)
    attachment = await setting.uploaded(b"abc")
    chunks = aiter(setting.store.stream(attachment, ADA))
    assert await anext(chunks) == b"a"
    reader = asyncio.ensure_future(anext(chunks))
    for _ in range(10):
        await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await setting.store.aclose()
    assert objects.cleaned_up == 1


async def test_ranges_are_those_of_the_bytes() -> None:
    setting = Setting()
    data = bytes(range(256)) * 20
    used = await setting.store.keep_attachment(await setting.uploaded(data), ADA)
    for start, end in [(0, None), (10, 20), (5119, None), (5120, None), (7, 7), (0, 999_999)]:
        got = b"".join([part async for part in setting.store.stream(used, ADA, start, end)])
        assert got == data[start:end]
    with pytest.raises(ValueError, match="must not be negative"):
        [part async for part in setting.store.stream(used, ADA, -1)]


@pytest.mark.parametrize(
    "option",
    [
        {"max_bytes": 0},
        {"link_seconds": 0},
        {"link_seconds": 604_801},
        {"prefix": "a"},
        {"prefix": "../"},
        {"prefix": "/"},
        {"allowed_types": ["image"]},
    ],
)
def test_a_setting_out_of_range_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(option))}="):
        Setting(**option)
