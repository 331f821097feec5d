"""What is asked of S3's encryption is asked for uploads by link, for writes and for copies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from chatkit_s3 import copying
from chatkit_s3.encryption import ALGORITHM_HEADER, KEY_HEADER
from s3.conftest import Bucket
from services.s3 import KMS_KEY
from services.service import Service
from support.attachment_refusals import ADA, MEBIBYTE, link_of

OPTIONS = {
    "SSE-S3": {"encryption": "AES256"},
    "SSE-KMS": {"encryption": "aws:kms", "kms_key_id": KMS_KEY},
}
HEADERS = {
    "SSE-S3": {"x-amz-server-side-encryption": "AES256"},
    "SSE-KMS": {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY,
    },
}


@pytest.fixture(params=list(OPTIONS))
def kind(request: pytest.FixtureRequest, own_server: Service) -> str:
    return str(request.param)


def encryption_of(storage: Bucket, key: str) -> dict[str, str]:
    """How the server says that an object is encrypted, as headers."""
    answer = storage.s3.head_object(Bucket=storage.name, Key=key)
    found = answer["ResponseMetadata"]["HTTPHeaders"]
    return {name: found[name] for name in (ALGORITHM_HEADER, KEY_HEADER) if name in found}


async def upload_and_use(storage: Bucket, kind: str, data: bytes) -> None:
    """Upload by link, and use it in a message; it is encrypted before and after that."""
    async with storage.store(**OPTIONS[kind]) as store:
        attachment = await storage.upload(store, data)
        [pending] = await storage.keys()
        assert encryption_of(storage, pending) == HEADERS[kind]
        used = await store.keep_attachment(attachment, ADA)
        assert await store.read(used, ADA) == data
        reply = await storage.client.get(await store.download_url(used, ADA))
        assert reply.content == data
        [kept] = await storage.keys()
        assert encryption_of(storage, kept) == HEADERS[kind]


async def test_a_link_signs_the_headers_which_the_client_must_send(
    storage: Bucket, kind: str
) -> None:
    async with storage.store(**OPTIONS[kind]) as store:
        attachment = await storage.announce(store, 3)
    descriptor = attachment.upload_descriptor
    assert descriptor is not None
    assert descriptor.headers == {
        "Content-Type": "text/plain",
        "If-None-Match": "*",
        **HEADERS[kind],
    }
    signed = re.search(r"X-Amz-SignedHeaders=([^&]+)", link_of(attachment))
    assert signed is not None
    names = signed[1].split("%3B")
    assert set(HEADERS[kind]) <= set(names)
    assert {"content-length", "content-type", "host", "if-none-match"} <= set(names)


async def test_an_upload_without_encryption_or_with_another_is_refused(
    storage: Bucket, kind: str
) -> None:
    async with storage.store(**OPTIONS[kind]) as store:
        attachment = await storage.announce(store, 3)
    plain = {"Content-Type": "text/plain", "If-None-Match": "*"}
    for headers in (plain, {**plain, "x-amz-server-side-encryption": "aws:kms:dsse"}):
        reply = await storage.client.put(link_of(attachment), content=b"abc", headers=headers)
        assert reply.status_code == 403
    assert await storage.keys() == []


async def test_uploads_and_their_copies_are_encrypted(storage: Bucket, kind: str) -> None:
    await upload_and_use(storage, kind, b"abc")


async def test_copies_in_parts_are_encrypted(
    storage: Bucket, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART_BYTES", 5 * MEBIBYTE)
    await upload_and_use(storage, kind, bytes(range(256)) * 24_000)


@pytest.mark.parametrize("size", [3, 9 * MEBIBYTE])
async def test_what_the_server_writes_itself_is_encrypted(
    storage: Bucket, kind: str, size: int
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(size)

    async with storage.store(**OPTIONS[kind]) as store:
        written = await store.write("a", "text/plain", chunks(), ADA)
        [pending] = await storage.keys()
        assert encryption_of(storage, pending) == HEADERS[kind]
        assert await store.read(written, ADA) == bytes(size)


async def test_without_a_setting_the_bucket_decides(storage: Bucket) -> None:
    async with storage.store() as store:
        attachment = await storage.upload(store, b"abc")
    assert attachment.upload_descriptor is not None
    assert set(attachment.upload_descriptor.headers) == {"Content-Type", "If-None-Match"}
