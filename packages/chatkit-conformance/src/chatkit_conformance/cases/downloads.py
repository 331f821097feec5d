"""AS2, AS4, AS6, AS8: bytes come back, to their owner alone, and links work when they should."""

from __future__ import annotations

import asyncio
import secrets
import tracemalloc
from contextlib import suppress
from typing import Any

from chatkit.store import AttachmentStore
from chatkit.types import Attachment, ImageAttachment
from chatkit_conformance import expect
from chatkit_conformance.bench import AttachmentBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.http import Reply, send, upload
from chatkit_conformance.registry import attachment_case

TWO_PHASE = Capability.TWO_PHASE_UPLOAD


@attachment_case("AS2.bytes-come-back", TWO_PHASE)
async def bytes_come_back(bench: AttachmentBench) -> None:
    """Bytes that were uploaded are the bytes read back, a second time too."""
    async with bench.open() as store:
        data = secrets.token_bytes(bench.number(300_000, 100_000)) + b"\r\n\x00\x1a"
        attachment = await bench.uploaded(store, data, "application/octet-stream")
        for _ in range(2):
            got = await store.read(attachment, bench.context())
            expect.true(
                got == data, "read", expected=f"{len(data)} bytes", got=f"{len(got)} others"
            )
        chunks = [chunk async for chunk in store.stream(attachment, bench.context())]
        expect.true(b"".join(chunks) == data, "stream", expected="the bytes", got="others")


@attachment_case("AS2.a-range-comes-back", TWO_PHASE)
async def a_range_comes_back(bench: AttachmentBench) -> None:
    """A range that is asked for is what ``stream`` gives."""
    data = bytes(range(256)) * 40
    async with bench.open() as store:
        attachment = await bench.uploaded(store, data)
        ranges = [(0, 10), (5, 6), (1000, None), (len(data) - 1, None), (7, 7), (0, len(data))]
        for start, end in ranges:
            parts = store.stream(attachment, bench.context(), start, end)
            got = b"".join([part async for part in parts])
            expect.equal(got, data[start:end], f"the bytes from {start} to {end}")


@attachment_case("AS2.an-empty-file", TWO_PHASE)
async def an_empty_file(bench: AttachmentBench) -> None:
    """A file of no bytes is uploaded and read back."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"")
        got = await store.read(attachment, bench.context())
        expect.equal(got, b"", "the bytes of an empty file")


async def _preview(
    bench: AttachmentBench, store: AttachmentStore[Any], attachment: Attachment
) -> Reply:
    """What the preview link of an attachment gives, as it is handed to a client now."""
    (renewed,) = await store.renew([attachment], bench.context())
    expect.equal(renewed.id, attachment.id, "the attachment that renew returns")
    if not isinstance(renewed, ImageAttachment):
        expect.fail("renew of an image", expected="an ImageAttachment", got=renewed)
        raise AssertionError
    return await send("GET", str(renewed.preview_url))


@attachment_case("AS4.a-preview-works-after-the-upload", TWO_PHASE)
async def a_preview_works_after_the_upload(bench: AttachmentBench) -> None:
    """The preview link gives the image's bytes and type once the upload is complete."""
    async with bench.open() as store:
        data = b"\x89PNG" + secrets.token_bytes(500)
        attachment = await bench.uploaded(store, data, "image/png", "i.png")
        for _ in range(2):
            reply = await _preview(bench, store, attachment)
            expect.equal(reply.status, 200, "the status of a preview")
            expect.equal(reply.body, data, "the bytes of a preview")
            kind = reply.headers.get("content-type", "").partition(";")[0]
            expect.equal(kind, "image/png", "the content type of a preview")


@attachment_case("AS4.an-expired-preview-is-renewed", TWO_PHASE, Capability.LINK_LIFETIME)
async def an_expired_preview_is_renewed(bench: AttachmentBench) -> None:
    """A preview link that has expired is renewed when the attachment is handed out again."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"image", "image/png", "i.png")
        await asyncio.sleep((bench.capabilities.link_seconds or 0) * 1.2)
        reply = await _preview(bench, store, attachment)
        expect.equal((reply.status, reply.body), (200, b"image"), "a preview that was renewed")


@attachment_case("AS6.another-owner-reads-nothing", TWO_PHASE, Capability.SEVERAL_OWNERS)
async def another_owner_reads_nothing(bench: AttachmentBench) -> None:
    """Another owner can neither read the bytes nor renew their links."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"mine", "image/png")
        bob = bench.context("bob")
        with expect.raises(Exception, "read by another owner"):
            await store.read(attachment, bob)
        with expect.raises(Exception, "stream by another owner"):
            [part async for part in store.stream(attachment, bob)]
        renewed = attachment
        with suppress(Exception):
            (renewed,) = await store.renew([attachment], bob)
        same = renewed.model_dump() == attachment.model_dump()
        expect.true(same, "renew by another owner", expected="no new link", got=renewed)


@attachment_case("AS6.another-owner-deletes-nothing", TWO_PHASE, Capability.SEVERAL_OWNERS)
async def another_owner_deletes_nothing(bench: AttachmentBench) -> None:
    """``delete_attachment`` by another owner leaves the bytes."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"mine")
        with suppress(Exception):
            await store.delete_attachment(attachment.id, bench.context("bob"))
        got = await store.read(attachment, bench.context())
        expect.equal(got, b"mine", "the bytes after another owner's delete_attachment")


@attachment_case("AS6.no-link-changes-bytes-later", TWO_PHASE)
async def no_link_changes_bytes_later(bench: AttachmentBench) -> None:
    """Once an attachment has been read and handed out, its upload link changes nothing."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"first")
        await store.renew([attachment], bench.context())
        expect.equal(await store.read(attachment, bench.context()), b"first", "the bytes")
        await upload(attachment, b"other")
        got = await store.read(attachment, bench.context())
        expect.equal(got, b"first", "the bytes after a second upload to the same link")


@attachment_case("AS6.no-link-changes-what-was-used", TWO_PHASE)
async def no_link_changes_what_was_used(bench: AttachmentBench) -> None:
    """Once an attachment has been used in a message, its upload link changes no byte."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"first")
        used = await store.keep_attachment(attachment, bench.context())
        await upload(attachment, b"other")
        for each in (used, attachment, await store.keep_attachment(used, bench.context())):
            got = await store.read(each, bench.context())
            expect.equal(got, b"first", "the bytes after an upload to the link of a used one")


@attachment_case("AS6.deleted-bytes-are-gone", TWO_PHASE)
async def deleted_bytes_are_gone(bench: AttachmentBench) -> None:
    """After ``delete_attachment``, reading, the preview link and the old upload link fail."""
    async with bench.open() as store:
        attachment = await bench.uploaded(store, b"image", "image/png")
        (renewed,) = await store.renew([attachment], bench.context())
        for _ in range(2):
            await store.delete_attachment(attachment.id, bench.context())
        await store.delete_attachment(bench.id("never was"), bench.context())
        with expect.raises(Exception, "read after delete_attachment"):
            await store.read(attachment, bench.context())
        if isinstance(renewed, ImageAttachment):
            reply = await send("GET", str(renewed.preview_url))
            expect.true(not reply.ok, "the preview after it", expected="a refusal", got=reply)
        await upload(attachment, b"again")
        with expect.raises(Exception, "read after an upload to the old link"):
            await store.read(attachment, bench.context())


SMALL, LARGE = 1 << 20, 8 << 20


@attachment_case("AS8.memory-stays-flat", TWO_PHASE, quick=False, patience=4)
async def memory_stays_flat(bench: AttachmentBench) -> None:
    """How much memory of this process reading takes, whatever the size; a measurement."""
    most = bench.capabilities.max_upload_bytes or LARGE
    peaks: list[str] = []
    async with bench.open() as store:
        for size in (SMALL, LARGE):
            if size <= most:
                attachment = await bench.uploaded(store, b"x" * size)
                peak = await _peak_while_streaming(bench, store, attachment)
                peaks.append(f"{peak / 1024:.0f} KiB for {size >> 20} MiB")
    bench.measurements["AS8"] = f"streaming takes at most {', '.join(peaks)}"


async def _peak_while_streaming(
    bench: AttachmentBench, store: AttachmentStore[Any], attachment: Attachment
) -> int:
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        async for _ in store.stream(attachment, bench.context()):
            pass
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()
