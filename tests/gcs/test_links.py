"""What the links allow, and what they refuse."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from chatkit.store import NotFoundError
from chatkit.types import Attachment
from gcs.conftest import Bucket
from support.attachment_refusals import ADA, BOB, MEBIBYTE, PNG, AttachmentRefusals, link_of


class TestGCS(AttachmentRefusals):
    pass


def key_of(attachment: Attachment) -> str:
    return link_of(attachment).partition("?")[0].split("/", 4)[4]


async def test_another_length_range_is_refused(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, 5)
        changed = {"x-goog-content-length-range": "0,1000"}
        assert (await bucket.put(attachment, b"hello, world", **changed)).status_code == 403
        assert await bucket.keys() == []


async def test_a_signature_of_another_account_is_refused(bucket: Bucket) -> None:
    from google.oauth2 import service_account

    from services.gcs_account import ServiceAccount

    driver: Any = service_account.Credentials
    stranger = driver.from_service_account_info(ServiceAccount().key_file("http://127.0.0.1:1"))
    with bucket.service.client() as client:
        lent = type(client)(
            project="x", credentials=stranger, client_options={"api_endpoint": bucket.service.url}
        )
        async with bucket.store(client=lent, endpoint_url=None) as store:
            reply = await bucket.put(await bucket.announce(store, 5), b"hello")
        lent.close()
    assert reply.status_code == 403
    assert await bucket.keys() == []


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
        assert await bucket.keys() == []


async def test_one_of_several_uploads_at_once_wins_whole(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.announce(store, MEBIBYTE)
        bodies = [letter * MEBIBYTE for letter in (b"a", b"b", b"c")]
        replies = await asyncio.gather(*(bucket.put(attachment, body) for body in bodies))
        assert sorted(reply.status_code for reply in replies) == [200, 412, 412]
        won = [b for b, reply in zip(bodies, replies, strict=True) if reply.status_code == 200]
        assert [await store.read(attachment, ADA)] == won


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


async def test_what_says_that_it_is_compressed_is_read_as_it_was_stored(bucket: Bucket) -> None:
    async with bucket.store() as store:
        data = gzip.compress(b"x" * 1000)
        attachment = await bucket.announce(store, len(data))
        with bucket.service.client() as client:  # the server unpacks what comes by a link
            blob = client.bucket(bucket.name).blob(key_of(attachment))
            blob.content_encoding = "gzip"
            blob.upload_from_string(data)
        assert await store.read(attachment, ADA) == data


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
