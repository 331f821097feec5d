"""What the links allow, and what they refuse."""

from __future__ import annotations

import asyncio
import gzip
import os
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from chatkit.store import NotFoundError, UnusableAttachmentError
from chatkit.types import Attachment, ImageAttachment
from gcs.conftest import ADA, BOB, Bucket

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MEBIBYTE = 1024 * 1024


def link_of(attachment: Attachment) -> str:
    assert attachment.upload_descriptor is not None
    return str(attachment.upload_descriptor.url)


def key_of(attachment: Attachment) -> str:
    return link_of(attachment).partition("?")[0].split("/", 4)[4]


@pytest.mark.parametrize("size", [0, 1, 4 * MEBIBYTE])
async def test_sizes_up_to_the_limit_go_up_and_come_back(bucket: Bucket, size: int) -> None:
    async with bucket.store(max_bytes=4 * MEBIBYTE) as store:
        data = os.urandom(size)
        used = await store.keep_attachment(await bucket.upload(store, data), ADA)
        assert await store.read(used, ADA) == data
        reply = await bucket.client.get(await store.download_url(used, ADA))
        assert (reply.status_code, reply.content) == (200, data)


async def test_a_size_above_the_limit_is_refused_when_it_is_announced(bucket: Bucket) -> None:
    async with bucket.store(max_bytes=MEBIBYTE) as store:
        with pytest.raises(ValueError, match=f"from 0 to {MEBIBYTE} bytes, got {MEBIBYTE + 1}"):
            await bucket.announce(store, MEBIBYTE + 1)


@pytest.mark.parametrize("change", [b"", b"x", b"x" * 100_000])
async def test_another_length_is_refused(bucket: Bucket, change: bytes) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, 5)
        reply = await bucket.put(attachment, b"hello" + change if change else b"hell")
        assert reply.status_code == 400
        assert bucket.keys() == []
        assert (await bucket.put(attachment, b"hello")).status_code == 200


async def test_another_length_range_is_refused(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, 5)
        changed = {"x-goog-content-length-range": "0,1000"}
        assert (await bucket.put(attachment, b"hello, world", **changed)).status_code == 403
        assert bucket.keys() == []


async def test_another_type_is_refused(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, 5, "image/png")
        reply = await bucket.put(attachment, b"hello", **{"Content-Type": "text/html"})
        assert reply.status_code == 403
        assert bucket.keys() == []


async def test_another_signature_is_refused(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, 5)
        link, signature = link_of(attachment).rsplit("=", 1)
        assert attachment.upload_descriptor is not None
        for altered in (signature[:-2] + f"{int(signature[-2:], 16) ^ 1:02x}", "0" * 512, ""):
            reply = await bucket.client.put(
                f"{link}={altered}",
                content=b"hello",
                headers=attachment.upload_descriptor.headers,
            )
            assert reply.status_code in (400, 403)
        assert bucket.keys() == []


async def test_a_signature_of_another_account_is_refused(bucket: Bucket) -> None:
    from google.oauth2 import service_account

    from services.gcs_account import ServiceAccount

    driver: Any = service_account.Credentials
    stranger = driver.from_service_account_info(ServiceAccount().key_file("http://127.0.0.1:1"))
    with bucket.service.client() as client:
        lent = type(client)(
            project="x", credentials=stranger, client_options={"api_endpoint": bucket.service.url}
        )
        async with bucket.store(client=lent, endpoint=None) as store:
            reply = await bucket.put(await bucket.announce(store, 5), b"hello")
        lent.close()
    assert reply.status_code == 403
    assert bucket.keys() == []


async def test_a_link_leads_to_no_other_key(bucket: Bucket) -> None:
    async with bucket.store() as store:
        mine = await bucket.announce(store, 5)
        other = await bucket.announce(store, 5, context=BOB)
        path, _, query = link_of(mine).partition("?")
        theirs = link_of(other).partition("?")[0]
        assert mine.upload_descriptor is not None
        for changed in (theirs, path.replace("/pending/", "/kept/"), f"{path}x", f"{path}/../x"):
            reply = await bucket.client.put(
                f"{changed}?{query}", content=b"hello", headers=mine.upload_descriptor.headers
            )
            assert reply.status_code == 403
        assert bucket.keys() == []


async def test_a_link_expires(bucket: Bucket) -> None:
    async with bucket.store(link_seconds=1) as store:
        mine = await bucket.upload(store, b"hello")
        late = await bucket.announce(store, 5)
        url = await store.download_url(mine, ADA)
        await asyncio.sleep(1.1)  # time is what this is about
        assert (await bucket.put(late, b"hello")).status_code == 400
        assert (await bucket.client.get(url)).status_code == 400


async def test_a_link_takes_one_upload(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"first")
        assert (await bucket.put(attachment, b"other")).status_code == 412
        assert await store.read(attachment, ADA) == b"first"


async def test_one_of_several_uploads_at_once_wins_whole(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, MEBIBYTE)
        bodies = [letter * MEBIBYTE for letter in (b"a", b"b", b"c")]
        replies = await asyncio.gather(*(bucket.put(attachment, body) for body in bodies))
        assert sorted(reply.status_code for reply in replies) == [200, 412, 412]
        won = [b for b, reply in zip(bodies, replies, strict=True) if reply.status_code == 200]
        assert [await store.read(attachment, ADA)] == won


async def test_a_link_changes_nothing_once_a_message_has_used_the_attachment(
    bucket: Bucket,
) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"first")
        used = await store.keep_attachment(attachment, ADA)
        assert (await bucket.put(attachment, b"other")).status_code == 200  # to where nobody looks
        assert await store.read(used, ADA) == b"first"
        reply = await bucket.client.get(await store.download_url(used, ADA))
        assert reply.content == b"first"
        again = await store.keep_attachment(attachment, ADA)
        assert await store.read(again, ADA) == b"first"


async def test_a_link_that_outlives_a_deletion_leads_nowhere(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, PNG, "image/png")
        used = await store.keep_attachment(attachment, ADA)
        url = await store.download_url(used, ADA)
        await store.delete_attachment(used.id, ADA)
        assert bucket.keys() == []
        assert (await bucket.client.get(url)).status_code == 404
        await bucket.put(attachment, PNG)
        for action in (store.read, store.keep_attachment):
            with pytest.raises(NotFoundError):
                await action(attachment, ADA)
        assert (await bucket.client.get(url)).status_code == 404


async def test_another_owner_deletes_nothing(bucket: Bucket) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, b"mine"), ADA)
        unused = await bucket.upload(store, b"mine, too")
        before = bucket.keys()
        for attachment in (used, unused):
            await store.delete_attachment(attachment.id, BOB)
        assert bucket.keys() == before
        assert await store.read(used, ADA) == b"mine"
        assert await store.read(unused, ADA) == b"mine, too"


async def test_another_owner_gets_no_link(bucket: Bucket) -> None:
    async with bucket.store() as store:
        mine = await store.keep_attachment(await bucket.upload(store, PNG, "image/png"), ADA)
        with pytest.raises(NotFoundError):
            await store.download_url(mine, BOB)
        assert await store.renew([mine], BOB) == [mine]


async def test_an_upload_link_gives_nothing_and_a_download_link_takes_nothing(
    bucket: Bucket,
) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"hello")
        assert (await bucket.client.get(link_of(attachment))).status_code == 403
        url = await store.download_url(attachment, ADA)
        for method in ("PUT", "DELETE"):
            assert (await bucket.client.request(method, url, content=b"x")).status_code == 403
        assert await store.read(attachment, ADA) == b"hello"


async def test_a_page_that_was_declared_an_image_cannot_be_used(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"<html><script>1</script>", "image/png")
        with pytest.raises(UnusableAttachmentError, match="not of the type image/png"):
            await store.keep_attachment(attachment, ADA)
    assert bucket.keys() == []


async def test_what_has_not_been_uploaded_cannot_be_used(bucket: Bucket) -> None:
    async with bucket.store() as store:
        with pytest.raises(UnusableAttachmentError, match="it has not been uploaded"):
            await store.keep_attachment(await bucket.announce(store, 5), ADA)


async def test_what_says_that_it_is_compressed_is_read_as_it_was_stored(bucket: Bucket) -> None:
    async with bucket.store() as store:
        data = gzip.compress(b"x" * 1000)
        attachment = await bucket.announce(store, len(data))
        with bucket.service.client() as client:  # the server unpacks what comes by a link
            blob = client.bucket(bucket.name).blob(key_of(attachment))
            blob.content_encoding = "gzip"
            blob.upload_from_string(data)
        assert await store.read(attachment, ADA) == data


@pytest.mark.parametrize(
    ("data", "mime_type", "served_as", "kind"),
    [
        (PNG, "image/png", "image/png", "inline"),
        (SVG, "image/svg+xml", "image/svg+xml", "attachment"),
    ],
)
async def test_previews_cannot_run(
    bucket: Bucket, data: bytes, mime_type: str, served_as: str, kind: str
) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, data, mime_type), ADA)
        [renewed] = await store.renew([used], ADA)
        assert isinstance(renewed, ImageAttachment)
        reply = await bucket.client.get(str(renewed.preview_url))
        assert reply.content == data
        assert reply.headers["content-type"] == served_as
        assert reply.headers["content-disposition"].startswith(f"{kind}; ")


async def test_a_download_link_cannot_be_made_to_show_a_page(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"<html>", "text/html")
        url = await store.download_url(attachment, ADA)
        reply = await bucket.client.get(url)
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment; ")
        path, _, query = url.partition("?")
        changed = {**dict(parse_qsl(query)), "response-content-type": "text/html"}
        assert (await bucket.client.get(f"{path}?{urlencode(changed)}")).status_code == 403


@pytest.mark.parametrize(
    "name", ["../../x", 'a"\r\nX-Injected: 1\r\n\r\n', "x" * 4096 + ".png", "ü😀.png", "\x00", ""]
)
async def test_no_name_becomes_a_path_or_a_header(bucket: Bucket, name: str) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"abc", name=name)
        assert attachment.name == name
        reply = await bucket.client.get(await store.download_url(attachment, ADA))
        assert reply.content == b"abc"
        assert "x-injected" not in reply.headers
        assert len(reply.headers["content-disposition"]) < 2000
        [key] = bucket.keys()
        assert key.startswith("pending/")
        assert len(key) == len("pending/") + 64
