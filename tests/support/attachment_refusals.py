"""What links to an object storage take and give, and what they refuse, over real HTTP.

A storage's tests derive a class from ``AttachmentRefusals`` and give it a fixture ``storage``.
"""

from __future__ import annotations

import asyncio
import os
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chatkit.errors import InvalidRequestError
from chatkit.objects import ObjectAttachmentStore
from chatkit.objects.keys import object_name
from chatkit.store import NotFoundError, UnusableAttachmentError
from chatkit.types import Attachment, AttachmentCreateParams, ImageAttachment
from chatkit_conformance.reference import Memory, ReferenceStore
from support.peak_memory import peak_memory

ADA, BOB = {"user_id": "ada"}, {"user_id": "bob"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MEBIBYTE = 1024 * 1024
LARGE = 200_000_000
FLAT_MIB = 60
"""What 200 MB may take: buffers of the server's and of the client's, whatever the size."""


def user_of(context: Any) -> str:
    return str(context["user_id"])


def link_of(attachment: Attachment) -> str:
    assert attachment.upload_descriptor is not None
    return str(attachment.upload_descriptor.url)


async def blocks(size: int) -> AsyncIterator[bytes]:
    """So many bytes, in blocks."""
    block = os.urandom(100_000)
    for _ in range(size // len(block)):
        yield block


@dataclass
class Storage(ABC):
    """An empty place in an object storage, a client of its links, and the metadata beside it."""

    client: httpx.AsyncClient
    memory: Memory = field(default_factory=Memory)

    @abstractmethod
    def store(self, **options: Any) -> ObjectAttachmentStore[Any]:
        """A new attachment store over the same objects and ``records()``."""

    @abstractmethod
    async def keys(self) -> list[str]:
        """The keys of all objects that there are, by the storage's own client."""

    def records(self) -> ReferenceStore[Any]:
        """A new store over the same metadata."""
        return ReferenceStore[Any](self.memory, owner=user_of)

    async def announce(
        self,
        store: ObjectAttachmentStore[Any],
        size: int,
        mime_type: str = "text/plain",
        name: str = "a.txt",
        context: Any = ADA,
    ) -> Attachment:
        """Announce an upload."""
        params = AttachmentCreateParams(name=name, size=size, mime_type=mime_type)
        return await store.create_attachment(params, context)

    async def upload(
        self,
        store: ObjectAttachmentStore[Any],
        data: bytes,
        mime_type: str = "text/plain",
        name: str = "a.txt",
    ) -> Attachment:
        """Announce ada's upload, and make it."""
        attachment = await self.announce(store, len(data), mime_type, name)
        reply = await self.put(attachment, data)
        assert reply.is_success, reply.text
        return attachment

    async def put(
        self, attachment: Attachment, data: Any, url: str | None = None, **headers: str
    ) -> httpx.Response:
        """Follow the attachment's upload descriptor, but for a link or headers that are given."""
        descriptor = attachment.upload_descriptor
        assert descriptor is not None
        return await self.client.put(
            url or str(descriptor.url), content=data, headers={**descriptor.headers, **headers}
        )


class AttachmentRefusals:
    """Tests of any storage whose links are signed, with the key in their path."""

    # --- what goes up and comes back ---------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1, 4 * MEBIBYTE])
    async def test_sizes_up_to_the_limit_go_up_and_come_back(
        self, storage: Storage, size: int
    ) -> None:
        data = os.urandom(size)
        async with storage.store(max_bytes=4 * MEBIBYTE) as store:
            used = await store.keep_attachment(await storage.upload(store, data), ADA)
            assert await store.read(used, ADA) == data
            reply = await storage.client.get(await store.download_url(used, ADA))
        assert (reply.status_code, reply.content) == (200, data)

    @pytest.mark.parametrize(
        "mime_type", ["text/plain; charset=utf-8", 'application/x-a; b="c  d,e"', "TEXT/Plain"]
    )
    async def test_a_type_goes_up_as_it_was_announced(
        self, storage: Storage, mime_type: str
    ) -> None:
        async with storage.store() as store:
            used = await store.keep_attachment(await storage.upload(store, b"abc", mime_type), ADA)
            assert await store.read(used, ADA) == b"abc"

    async def test_one_of_several_uploads_at_once_wins_whole(self, storage: Storage) -> None:
        async with storage.store() as store:
            attachment = await storage.announce(store, MEBIBYTE)
            bodies = [letter * MEBIBYTE for letter in (b"a", b"b", b"c")]
            replies = await asyncio.gather(*(storage.put(attachment, body) for body in bodies))
            won = [b for b, reply in zip(bodies, replies, strict=True) if reply.is_success]
            assert [await store.read(attachment, ADA)] == won

    async def test_a_size_above_the_limit_is_refused_when_it_is_announced(
        self, storage: Storage
    ) -> None:
        async with storage.store(max_bytes=MEBIBYTE) as store:
            with pytest.raises(
                InvalidRequestError, match=f"from 0 to {MEBIBYTE} bytes, got {MEBIBYTE + 1}"
            ):
                await storage.announce(store, MEBIBYTE + 1)

    async def test_200_megabytes_go_up_by_a_link_and_come_back_with_flat_memory(
        self, storage: Storage
    ) -> None:
        async with storage.store(max_bytes=LARGE) as store:
            attachment = await storage.announce(store, LARGE, "video/x-any")
            length = {"Content-Length": str(LARGE)}
            reply = await storage.put(attachment, blocks(LARGE), **length)
            assert reply.is_success, reply.text
            received = 0
            with peak_memory() as memory:
                used = await store.keep_attachment(attachment, ADA)
                async for chunk in store.stream(used, ADA):
                    received += len(chunk)
        assert received == LARGE
        assert memory.grown_mib < FLAT_MIB, f"{memory.grown_mib:.0f} MiB more"

    async def test_200_megabytes_are_written_by_the_server_with_flat_memory(
        self, storage: Storage
    ) -> None:
        async with storage.store(max_bytes=LARGE) as store:
            with peak_memory() as memory:
                written = await store.write("a", "video/x-any", blocks(LARGE), ADA)
            used = await store.keep_attachment(written, ADA)
            head = await anext(aiter(store.stream(used, ADA, LARGE - 10)))
        assert len(head) == 10
        assert memory.grown_mib < FLAT_MIB, f"{memory.grown_mib:.0f} MiB more"

    @pytest.mark.parametrize(
        ("data", "mime_type", "served_as", "kind"),
        [
            (PNG, "image/png", "image/png", "inline"),
            (SVG, "image/svg+xml", "image/svg+xml", "attachment"),
        ],
    )
    async def test_previews_cannot_run(
        self, storage: Storage, data: bytes, mime_type: str, served_as: str, kind: str
    ) -> None:
        async with storage.store() as store:
            used = await store.keep_attachment(await storage.upload(store, data, mime_type), ADA)
            [renewed] = await store.renew([used], ADA)
            assert isinstance(renewed, ImageAttachment)
            reply = await storage.client.get(str(renewed.preview_url))
        assert reply.content == data
        assert reply.headers["content-type"] == served_as
        assert reply.headers["content-disposition"].startswith(f"{kind}; ")

    @pytest.mark.parametrize("mime_type", ["text/html", "application/javascript", "text/xml"])
    async def test_what_a_browser_would_run_is_not_told_to_it(
        self, storage: Storage, mime_type: str
    ) -> None:
        async with storage.store() as store:
            attachment = await storage.upload(store, b"<html>", mime_type)
            reply = await storage.client.get(await store.download_url(attachment, ADA))
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment; ")

    # --- what is refused ---------------------------------------------------------------------

    async def test_a_link_with_another_signature_takes_and_gives_nothing(
        self, storage: Storage
    ) -> None:
        async with storage.store() as store:
            attachment = await storage.announce(store, 3)
            for altered in altered_signatures(link_of(attachment)):
                assert (await storage.put(attachment, b"abc", altered)).is_client_error
            assert await storage.keys() == []
            uploaded = await storage.upload(store, b"abc")
            for altered in altered_signatures(await store.download_url(uploaded, ADA)):
                assert (await storage.client.get(altered)).is_client_error

    async def test_a_link_turned_to_another_owners_key_takes_and_gives_nothing(
        self, storage: Storage
    ) -> None:
        async with storage.store() as store:
            mine = await storage.upload(store, b"abc")
            theirs = await storage.announce(store, 3, context=BOB)
            assert (await storage.put(theirs, b"xyz")).is_success
            keys = object_name("ada", mine.id), object_name("bob", theirs.id)
            for key in keys:
                assert key in "".join(await storage.keys())
            upload, download = link_of(mine), await store.download_url(mine, ADA)
            for link in (upload, download):
                assert keys[0] in link
            turned = upload.replace(*keys)
            assert (await storage.put(mine, b"abc", turned)).status_code == 403
            reply = await storage.client.get(download.replace(*keys))
            assert reply.status_code == 403
            assert await store.read(theirs, BOB) == b"xyz"

    async def test_a_link_used_again_after_the_first_use_changes_no_byte(
        self, storage: Storage
    ) -> None:
        async with storage.store() as store:
            attachment = await storage.upload(store, b"abc")
            used = await store.keep_attachment(attachment, ADA)
            await storage.put(attachment, b"xyz")
            assert await store.read(used, ADA) == b"abc"
            again = await store.keep_attachment(used, ADA)
            assert await store.read(again, ADA) == b"abc"

    async def test_a_link_used_again_before_the_first_use_is_refused(
        self, storage: Storage
    ) -> None:
        async with storage.store() as store:
            attachment = await storage.upload(store, b"abc")
            assert (await storage.put(attachment, b"xyz")).status_code == 412
            assert await store.read(attachment, ADA) == b"abc"

    async def test_an_expired_link_takes_and_gives_nothing(self, storage: Storage) -> None:
        async with storage.store() as store, storage.store(link_seconds=1) as brief:
            uploaded = await storage.upload(store, b"abc")
            attachment = await storage.announce(brief, 3)
            download = await brief.download_url(uploaded, ADA)
            await asyncio.sleep(2.1)  # what is waited for is the clock: links count whole seconds
            assert (await storage.put(attachment, b"abc")).is_client_error
            assert (await storage.client.get(download)).is_client_error
        assert len(await storage.keys()) == 1

    async def test_another_type_is_refused(self, storage: Storage) -> None:
        async with storage.store() as store:
            attachment = await storage.announce(store, 3)
            for mime_type in ("text/html", "text/plain; charset=utf-8", ""):
                reply = await storage.put(attachment, b"abc", **{"Content-Type": mime_type})
                assert reply.is_client_error
        assert await storage.keys() == []

    async def test_another_length_is_refused_and_so_is_one_that_is_not_told(
        self, storage: Storage
    ) -> None:
        async with storage.store() as store:
            attachment = await storage.announce(store, 100_000)
            for data in (b"", bytes(99_999), bytes(100_001), blocks(100_000)):
                assert (await storage.put(attachment, data)).is_client_error
        assert await storage.keys() == []

    @pytest.mark.parametrize(
        "name",
        ["../../x", 'a"\r\nX-Injected: 1\r\n\r\n', "x" * 4096 + ".png", "ü😀.png", "\x00", ""],
    )
    async def test_no_name_becomes_a_path_or_a_header(self, storage: Storage, name: str) -> None:
        async with storage.store() as store:
            attachment = await storage.upload(store, b"abc", name=name)
            assert attachment.name == name
            reply = await storage.client.get(await store.download_url(attachment, ADA))
        assert reply.content == b"abc"
        assert "x-injected" not in reply.headers
        assert len(reply.headers["content-disposition"]) < 2000
        [key] = await storage.keys()
        assert key.endswith(f"pending/{object_name('ada', attachment.id)}")

    async def test_a_page_that_was_declared_an_image_cannot_be_used(self, storage: Storage) -> None:
        async with storage.store() as store:
            attachment = await storage.upload(store, b"<html><script>1</script>", "image/png")
            with pytest.raises(UnusableAttachmentError, match="not of the type image/png"):
                await store.keep_attachment(attachment, ADA)
        assert await storage.keys() == []

    async def test_another_owner_deletes_nothing(self, storage: Storage) -> None:
        async with storage.store() as store:
            used = await store.keep_attachment(await storage.upload(store, b"abc"), ADA)
            await store.delete_attachment(used.id, BOB)
            assert await store.read(used, ADA) == b"abc"

    async def test_a_link_that_outlives_a_deletion_leads_nowhere(self, storage: Storage) -> None:
        async with storage.store(link_seconds=60) as store:
            attachment = await storage.upload(store, PNG, "image/png")
            used = await store.keep_attachment(attachment, ADA)
            download = await store.download_url(used, ADA)
            await store.delete_attachment(used.id, ADA)
            assert await storage.keys() == []
            assert (await storage.client.get(download)).status_code == 404
            await storage.put(attachment, PNG)  # the storage may take that
            for operation in (store.read, store.keep_attachment):
                with pytest.raises(NotFoundError):
                    await operation(attachment, ADA)
            assert await store.sweep(older_than=timedelta(minutes=1)) == 0  # not old enough
            assert (await storage.client.get(download)).status_code == 404


def altered_signatures(link: str) -> list[str]:
    """The link with another signature, with part of it, and with none."""
    found = re.search(r"(?<=Signature=)[0-9a-f]+", link)
    assert found is not None
    other = found[0][:-1] + ("0" if found[0][-1] != "0" else "1")
    return [link.replace(found[0], changed) for changed in (other, found[0][:-2], "")]
