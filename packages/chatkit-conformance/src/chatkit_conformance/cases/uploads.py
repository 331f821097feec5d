"""AS1, AS3, AS5, AS7: uploads are announced, followed as announced, and refused otherwise."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any

from chatkit.store import AttachmentStore
from chatkit.types import Attachment, AttachmentCreateParams, FileAttachment, ImageAttachment
from chatkit_conformance import expect
from chatkit_conformance.bench import AttachmentBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.http import send, upload
from chatkit_conformance.registry import attachment_case

TWO_PHASE = Capability.TWO_PHASE_UPLOAD

FORBIDDEN_HEADERS = {
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "date",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
}
"""What browsers forbid scripts to set: the Fetch standard's forbidden request-headers."""

AWKWARD_NAMES = [
    "../../x",
    "/etc/passwd",
    "..\\..\\x.txt",
    'a"b\r\nX-Injected: yes\r\n\r\n.txt',
    "'; --",
    "ü😀 مرحبا.pdf",
    "é" * 200 + ".txt",
    ".",
    "%2e%2e%2fx",
    "nul\x00.txt",
]


@attachment_case("AS1.an-image-or-a-file", TWO_PHASE)
async def an_image_or_a_file(bench: AttachmentBench) -> None:
    """``image/*`` becomes an image, all else a file, with the name and type that were given."""
    kinds = {
        "image/png": ImageAttachment,
        "image/svg+xml": ImageAttachment,
        "text/plain": FileAttachment,
        "application/pdf": FileAttachment,
        "application/image": FileAttachment,
    }
    async with bench.open() as store:
        for mime_type, kind in kinds.items():
            created = await bench.create(store, b"x", mime_type, "a name")
            what = f"create_attachment of {mime_type}"
            expect.equal(type(created).__name__, kind.__name__, what)
            expect.equal((created.name, created.mime_type), ("a name", mime_type), what)


@attachment_case("AS1.every-upload-has-a-fresh-id", TWO_PHASE)
async def every_upload_has_a_fresh_id(bench: AttachmentBench) -> None:
    """Two uploads that are announced alike have different ids."""
    async with bench.open() as store:
        ids = {(await bench.create(store, b"x")).id for _ in range(5)}
        expect.equal(len(ids), 5, "the number of ids of five uploads")


@attachment_case("AS1.browsers-may-set-the-headers", TWO_PHASE)
async def browsers_may_set_the_headers(bench: AttachmentBench) -> None:
    """The upload descriptor names no header that browsers forbid scripts to set."""
    async with bench.open() as store:
        for mime_type in ("text/plain", "image/png"):
            created = await bench.create(store, b"x", mime_type)
            descriptor = created.upload_descriptor
            if descriptor is None:
                expect.fail("create_attachment", expected="an upload_descriptor", got=created)
                return
            forbidden = sorted(
                name
                for name in descriptor.headers
                if name.lower() in FORBIDDEN_HEADERS or name.lower().startswith(("sec-", "proxy-"))
            )
            expect.equal(forbidden, [], "headers in the descriptor that browsers forbid")


@attachment_case("AS1.a-plain-client-can-follow", TWO_PHASE)
async def a_plain_client_can_follow(bench: AttachmentBench) -> None:
    """A plain HTTP client that does what the upload descriptor says has uploaded."""
    async with bench.open() as store:
        for mime_type in ("text/plain", "image/png"):
            data = secrets.token_bytes(1000)
            attachment = await bench.uploaded(store, data, mime_type)
            got = await store.read(attachment, bench.context())
            expect.equal(got, data, f"the bytes of an upload of {mime_type}")


async def _expect_no_bytes(
    bench: AttachmentBench, store: AttachmentStore[Any], attachment: Attachment, what: str
) -> None:
    """Reading raises: nothing was stored."""
    with expect.raises(Exception, f"read after {what}"):
        await store.read(attachment, bench.context())


@attachment_case("AS3.another-size-is-refused", TWO_PHASE)
async def another_size_is_refused(bench: AttachmentBench) -> None:
    """An upload larger or smaller than was declared is refused, and stores nothing."""
    async with bench.open() as store:
        for data in (b"x" * 101, b"x" * 99, b""):
            created = await bench.create(store, b"x" * 100)
            reply = await upload(created, data)
            what = f"an upload of {len(data)} bytes where 100 were declared"
            expect.true(not reply.ok, what, expected="a refusal", got=reply.status)
            await _expect_no_bytes(bench, store, created, what)


@attachment_case("AS3.another-type-is-refused", TWO_PHASE)
async def another_type_is_refused(bench: AttachmentBench) -> None:
    """An upload of another content type than was declared is refused, and stores nothing."""
    async with bench.open() as store:
        created = await bench.create(store, b"<b>", "text/plain")
        reply = await upload(created, b"<b>", mime_type="text/html")
        what = "an upload of text/html where text/plain was declared"
        expect.true(not reply.ok, what, expected="a refusal", got=reply.status)
        await _expect_no_bytes(bench, store, created, what)


@attachment_case("AS3.an-altered-link-is-refused", TWO_PHASE)
async def an_altered_link_is_refused(bench: AttachmentBench) -> None:
    """A link with a changed signature takes nothing."""
    async with bench.open() as store:
        created = await bench.create(store, b"x")
        url = str(created.upload_descriptor.url) if created.upload_descriptor else ""
        for other in altered(url):
            with suppress(OSError):
                reply = await upload(created, b"x", url=other)
                expect.true(not reply.ok, "an altered link", expected="a refusal", got=reply.status)
            await _expect_no_bytes(bench, store, created, "an upload to an altered link")


def altered(url: str) -> list[str]:
    """The link with other characters in its signature, and with fewer."""
    middle = len(url) - 6
    last, within = ("b" if url[place] in "aA" else "a" for place in (-1, middle))
    return [url[:-1] + last, url[:middle] + within + url[middle + 1 :], url[:-4]]


@attachment_case("AS3.an-expired-link-is-refused", TWO_PHASE, Capability.LINK_LIFETIME)
async def an_expired_link_is_refused(bench: AttachmentBench) -> None:
    """A link that has expired takes nothing."""
    async with bench.open() as store:
        created = await bench.create(store, b"x")
        await asyncio.sleep((bench.capabilities.link_seconds or 0) * 1.2)
        reply = await upload(created, b"x")
        expect.true(not reply.ok, "an expired link", expected="a refusal", got=reply.status)
        await _expect_no_bytes(bench, store, created, "an upload to an expired link")


@attachment_case("AS5.names-come-back-as-given", TWO_PHASE)
async def names_come_back_as_given(bench: AttachmentBench) -> None:
    """Names that look like paths or headers come back as given, and their bytes too."""
    async with bench.open() as store:
        for name in AWKWARD_NAMES:
            data = name.encode()
            attachment = await bench.uploaded(store, data, name=name)
            expect.equal(attachment.name, name, "the name of an attachment")
            got = await store.read(attachment, bench.context())
            expect.equal(got, data, f"the bytes of {name!r}")


@attachment_case("AS5.names-never-become-headers", TWO_PHASE)
async def names_never_become_headers(bench: AttachmentBench) -> None:
    """What is downloaded has no header that a name has smuggled in."""
    async with bench.open() as store:
        for name in AWKWARD_NAMES:
            attachment = await bench.uploaded(store, b"image", "image/png", name)
            (attachment,) = await store.renew([attachment], bench.context())
            if isinstance(attachment, ImageAttachment):
                reply = await send("GET", str(attachment.preview_url))
                what = f"the preview of {name!r}"
                expect.equal(reply.body, b"image", what)
                expect.true("x-injected" not in reply.headers, what, expected="-", got=reply)


@attachment_case("AS7.a-size-below-zero-is-refused", TWO_PHASE)
async def a_size_below_zero_is_refused(bench: AttachmentBench) -> None:
    """A size below zero is refused when it is announced; the error names it."""
    async with bench.open() as store:
        with expect.raises(Exception, "create_attachment of size -7", naming="-7"):
            await _announce(bench, store, size=-7)


@attachment_case("AS7.too-large-a-size-is-refused", TWO_PHASE, Capability.UPLOAD_LIMIT)
async def too_large_a_size_is_refused(bench: AttachmentBench) -> None:
    """A size above the limit is refused when it is announced; the error names both."""
    limit = bench.capabilities.max_upload_bytes or 0
    async with bench.open() as store:
        for naming in (str(limit), str(limit + 1)):
            with expect.raises(Exception, "create_attachment above the limit", naming=naming):
                await _announce(bench, store, size=limit + 1)
        await _announce(bench, store, size=limit)


@attachment_case("AS7.a-type-that-is-not-allowed-is-refused", TWO_PHASE, Capability.REFUSED_TYPE)
async def a_type_that_is_not_allowed_is_refused(bench: AttachmentBench) -> None:
    """A type that is not allowed is refused when it is announced; the error names it."""
    mime_type = bench.capabilities.refused_mime_type or ""
    async with bench.open() as store:
        with expect.raises(Exception, f"create_attachment of {mime_type}", naming=mime_type):
            await _announce(bench, store, mime_type=mime_type)


async def _announce(
    bench: AttachmentBench,
    store: AttachmentStore[Any],
    size: int = 1,
    mime_type: str = "text/plain",
) -> None:
    params = AttachmentCreateParams(name="n", size=size, mime_type=mime_type)
    await store.create_attachment(params, bench.context())
