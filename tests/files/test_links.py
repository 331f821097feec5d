"""What the folder store's links allow, and what they refuse."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest

from chatkit.store import NotFoundError, UnusableAttachmentError
from chatkit.types import Attachment, AttachmentCreateParams, ImageAttachment
from files.conftest import ADA, BOB, ORIGIN, Client
from support.peak_memory import peak_memory

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MEBIBYTE = 1024 * 1024


def link_of(attachment: Attachment) -> str:
    assert attachment.upload_descriptor is not None
    return str(attachment.upload_descriptor.url)


async def preview(served: Client, data: bytes, mime_type: str, name: str = "a") -> str:
    """The preview link of an image that a message has used."""
    store = served.store()
    used = await store.keep_attachment(await served.upload(store, data, mime_type, name), ADA)
    [renewed] = await store.renew([used], ADA)
    assert isinstance(renewed, ImageAttachment)
    return str(renewed.preview_url)


@pytest.mark.parametrize("size", [0, 1, 4 * MEBIBYTE])
async def test_sizes_up_to_the_limit_go_up_and_come_back(served: Client, size: int) -> None:
    store = served.store(max_bytes=4 * MEBIBYTE)
    data = os.urandom(size)
    used = await store.keep_attachment(await served.upload(store, data), ADA)
    assert await store.read(used, ADA) == data
    reply = await served.client.get(await store.download_url(used, ADA))
    assert (reply.status_code, reply.content) == (200, data)


async def test_a_size_above_the_limit_is_refused_when_it_is_announced(served: Client) -> None:
    params = AttachmentCreateParams(name="a", size=MEBIBYTE + 1, mime_type="text/plain")
    with pytest.raises(ValueError, match=f"from 0 to {MEBIBYTE} bytes, got {MEBIBYTE + 1}"):
        await served.store(max_bytes=MEBIBYTE).create_attachment(params, ADA)


async def test_a_body_that_goes_on_beyond_the_announced_size_is_cut_off(served: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)

    params = AttachmentCreateParams(name="a", size=1000, mime_type="text/plain")
    attachment = await served.store().create_attachment(params, ADA)
    try:
        reply = await served.put(attachment, endless())
    except (httpx.ReadError, httpx.WriteError):
        pass  # the server has hung up while the client was sending
    else:
        assert reply.status_code == 400
    assert served.files() == []


async def test_200_megabytes_go_up_and_come_back_with_flat_memory(served: Client) -> None:
    size = 200_000_000
    block = os.urandom(100_000)

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(size // len(block)):
            yield block

    store = served.store(max_bytes=size)
    params = AttachmentCreateParams(name="a", size=size, mime_type="video/x-any")
    attachment = await store.create_attachment(params, ADA)
    length = {"Content-Length": str(size)}
    received = 0
    with peak_memory() as memory:
        reply = await served.put(attachment, blocks(), **length)
        assert reply.status_code == 201
        used = await store.keep_attachment(attachment, ADA)
        async for chunk in store.stream(used, ADA):
            received += len(chunk)
        async with served.client.stream("GET", await store.download_url(used, ADA)) as download:
            async for chunk in download.aiter_raw():
                received += len(chunk)
    assert received == 2 * size
    assert memory.grown_mib < 40, f"server, store and client took {memory.grown_mib:.0f} MiB more"


async def test_a_link_with_another_signature_or_payload_takes_and_gives_nothing(
    served: Client,
) -> None:
    store = served.store()
    mine = await served.upload(store, b"abc")
    params = AttachmentCreateParams(name="b", size=3, mime_type="text/plain")
    other = await store.create_attachment(params, BOB)
    payload, _, signature = link_of(mine).rpartition("/")[2].partition(".")
    base = link_of(mine).rpartition("/")[0]
    theirs = link_of(other).rpartition("/")[2].partition(".")[0]
    for altered in (
        f"{payload}.{'0' * 64}",
        f"{payload}.",
        payload,
        f"{theirs}.{signature}",
        f"{payload}=.{signature}",
        f"{payload}.{signature}é",
        "",
        "..%2fsecret",
    ):
        for method in ("PUT", "GET"):
            reply = await served.client.request(method, f"{base}/{altered}", content=b"abc")
            assert reply.status_code == 403
    assert len(served.files()) == 1


async def test_an_upload_link_gives_nothing_and_a_download_link_takes_nothing(
    served: Client,
) -> None:
    store = served.store()
    attachment = await served.upload(store, b"abc")
    assert (await served.client.get(link_of(attachment))).status_code == 403
    url = await store.download_url(attachment, ADA)
    assert (await served.client.put(url, content=b"xyz")).status_code == 403
    assert (await served.client.delete(url)).status_code == 405
    assert (await served.client.get(url)).content == b"abc"


async def test_an_upload_link_works_once_before_and_after_the_first_use(served: Client) -> None:
    store = served.store()
    attachment = await served.upload(store, b"abc")
    assert (await served.put(attachment, b"xyz")).status_code == 409
    used = await store.keep_attachment(attachment, ADA)
    assert (await served.put(attachment, b"xyz")).status_code == 409
    assert await store.read(used, ADA) == b"abc"


async def test_one_of_two_uploads_at_once_wins_whole(served: Client) -> None:
    store = served.store()
    params = AttachmentCreateParams(name="a", size=MEBIBYTE, mime_type="text/plain")
    attachment = await store.create_attachment(params, ADA)
    bodies = [letter * MEBIBYTE for letter in (b"a", b"b", b"c")]
    replies = await asyncio.gather(*(served.put(attachment, body) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409]
    won = [body for body, reply in zip(bodies, replies, strict=True) if reply.status_code == 201]
    assert [await store.read(attachment, ADA)] == won
    assert len(served.files()) == 1


async def test_a_link_that_outlives_a_deletion_leads_nowhere(served: Client) -> None:
    store = served.store()
    used = await store.keep_attachment(await served.upload(store, PNG, "image/png"), ADA)
    url = await store.download_url(used, ADA)
    await store.delete_attachment(used.id, ADA)
    assert served.files() == []
    assert (await served.client.get(url)).status_code == 404
    with pytest.raises(NotFoundError):
        await store.read(used, ADA)


async def test_a_page_that_was_declared_an_image_cannot_be_used(served: Client) -> None:
    store = served.store()
    attachment = await served.upload(store, b"<html><script>1</script>", "image/png")
    with pytest.raises(UnusableAttachmentError, match="not of the type image/png"):
        await store.keep_attachment(attachment, ADA)
    assert served.files() == []


@pytest.mark.parametrize(
    ("data", "mime_type", "served_as", "kind"),
    [
        (PNG, "image/png", "image/png", "inline"),
        (SVG, "image/svg+xml", "image/svg+xml", "attachment"),
    ],
)
async def test_previews_cannot_run(
    served: Client, data: bytes, mime_type: str, served_as: str, kind: str
) -> None:
    reply = await served.client.get(await preview(served, data, mime_type))
    assert reply.content == data
    assert reply.headers["content-type"] == served_as
    assert reply.headers["content-disposition"].startswith(f"{kind}; ")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("mime_type", ["text/html", "application/javascript", "text/xml"])
async def test_what_a_browser_would_run_is_not_told_to_it(served: Client, mime_type: str) -> None:
    store = served.store()
    attachment = await served.upload(store, b"<html>", mime_type)
    reply = await served.client.get(await store.download_url(attachment, ADA))
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    "name", ["../../x", 'a"\r\nX-Injected: 1\r\n\r\n', "x" * 4096 + ".png", "ü😀.png", "\x00", ""]
)
async def test_no_name_becomes_a_path_or_a_header(served: Client, name: str) -> None:
    store = served.store()
    attachment = await served.upload(store, b"abc", name=name)
    assert attachment.name == name
    reply = await served.client.get(await store.download_url(attachment, ADA))
    assert reply.content == b"abc"
    assert "x-injected" not in reply.headers
    assert len(reply.headers["content-disposition"]) < 2000
    [file] = served.files()
    assert file.startswith("pending/")


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=10-", 206, 10, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=0-99999", 206, 0, None),
        ("bytes=-99999", 206, 0, None),
        ("bytes=5-2", 200, 0, None),
        ("bytes=0-1,4-5", 200, 0, None),
        ("pages=1", 200, 0, None),
    ],
)
async def test_a_download_may_ask_for_a_part(
    served: Client, asked: str, status: int, start: int, end: int | None
) -> None:
    url = await preview(served, PNG, "image/png")
    reply = await served.client.get(url, headers={"Range": asked})
    assert (reply.status_code, reply.content) == (status, PNG[start:end])
    head = await served.client.head(url, headers={"Range": asked})
    assert (head.status_code, head.content) == (status, b"")
    assert head.headers["content-length"] == reply.headers["content-length"]


async def test_a_part_beyond_the_end_is_refused_with_the_size(served: Client) -> None:
    url = await preview(served, PNG, "image/png")
    reply = await served.client.get(url, headers={"Range": "bytes=9999-"})
    assert (reply.status_code, reply.headers["content-range"]) == (416, f"bytes */{len(PNG)}")


async def test_pages_of_allowed_origins_may_upload(served: Client) -> None:
    store = served.store()
    params = AttachmentCreateParams(name="a", size=3, mime_type="text/plain")
    attachment = await store.create_attachment(params, ADA)
    asks = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    for origin, status in ((ORIGIN, 200), ("https://evil.example", 403)):
        headers = {"Origin": origin, **asks}
        reply = await served.client.options(link_of(attachment), headers=headers)
        assert reply.status_code == status
        assert ("access-control-allow-methods" in reply.headers) == (status == 200)
    reply = await served.put(attachment, b"abc", Origin=ORIGIN)
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (201, ORIGIN)
