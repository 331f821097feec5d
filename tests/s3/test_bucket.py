"""The calls to the bucket: copies, deletions, listings, reads that are given up."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatkit.objects import NoObjectError
from chatkit.objects import store as core_store
from chatkit.objects.keys import object_name
from chatkit.store import NotFoundError, StoreError, StoreUnavailableError
from chatkit.types import Attachment
from chatkit_s3 import bucket as bucket_module
from chatkit_s3 import copying
from chatkit_s3.encryption import Encryption
from s3.conftest import Bucket, only_allowed
from support.attachment_refusals import ADA, MEBIBYTE

SMALLEST_PART = 5 * MEBIBYTE
"""S3 takes no smaller ones, but for the last."""


PREFIX = "chat/files/"


def kept_key(attachment: Attachment) -> str:
    return f"kept/{object_name('ada', attachment.id)}"


def calls_of(storage: Bucket, *, create_only: bool = True) -> bucket_module.Bucket:
    """The calls to the bucket, without the store around them."""
    return bucket_module.Bucket(storage.s3, storage.name, Encryption(), create_only)


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [12 * MEBIBYTE, 10 * MEBIBYTE, SMALLEST_PART + 1])
async def test_a_large_object_is_copied_in_parts(
    storage: Bucket, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART_BYTES", SMALLEST_PART)
    data = os.urandom(size)
    async with storage.store() as store:
        used = await store.keep_attachment(await storage.upload(store, data), ADA)
        assert await store.read(used, ADA) == data
    found = storage.s3.head_object(Bucket=storage.name, Key=kept_key(used))
    parts = -(-size // SMALLEST_PART)
    assert found["ETag"].endswith(f'-{parts}"')
    assert found["ContentType"] == "text/plain"


async def test_a_small_object_is_copied_in_one_step(storage: Bucket) -> None:
    async with storage.store() as store:
        used = await store.keep_attachment(await storage.upload(store, b"abc"), ADA)
    assert "-" not in storage.s3.head_object(Bucket=storage.name, Key=kept_key(used))["ETag"]


@pytest.mark.usefixtures("own_server")
@pytest.mark.parametrize("part", [SMALLEST_PART, copying.PART_BYTES])
def test_the_service_itself_refuses_a_copy_over_an_object(
    bucket: Bucket, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART_BYTES", part)
    s3, name = bucket.s3, bucket.name
    s3.put_object(Bucket=name, Key="a", Body=bytes(SMALLEST_PART + 1))
    s3.put_object(Bucket=name, Key="b", Body=b"earlier")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        copying.Copying(s3, name, {}, {"IfNoneMatch": "*"}).copy(
            "a", "b", s3.head_object(Bucket=name, Key="a")
        )
    assert s3.get_object(Bucket=name, Key="b")["Body"].read() == b"earlier"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)


@pytest.mark.parametrize("create_only", [True, False])
def test_a_copy_leaves_what_is_there_and_needs_no_source_then(
    bucket: Bucket, create_only: bool
) -> None:
    calls = calls_of(bucket, create_only=create_only)
    bucket.s3.put_object(Bucket=bucket.name, Key="b", Body=b"earlier")
    calls.copy("nowhere", "b")
    bucket.s3.put_object(Bucket=bucket.name, Key="a", Body=b"later")
    calls.copy("a", "b")
    assert bucket.s3.get_object(Bucket=bucket.name, Key="b")["Body"].read() == b"earlier"
    with pytest.raises(NoObjectError):
        calls.copy("nowhere", "c")


def test_a_copy_that_is_overtaken_by_another_is_no_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has copied, and deleted the source, between two steps of this one."""
    s3, name = bucket.s3, bucket.name
    s3.put_object(Bucket=name, Key="a", Body=b"abc")
    copy = copying.Copying.copy

    def overtaken(*args: Any) -> None:
        copy(*args)
        s3.delete_object(Bucket=name, Key="a")
        copy(*args)

    monkeypatch.setattr(copying.Copying, "copy", overtaken)
    calls_of(bucket).copy("a", "b")
    assert bucket.list() == ["b"]


async def test_uses_of_one_attachment_at_once_all_succeed(storage: Bucket) -> None:
    async with storage.store() as store:
        attachment = await storage.upload(store, b"abc")
        used = await asyncio.gather(*(store.keep_attachment(attachment, ADA) for _ in range(8)))
        assert {await store.read(each, ADA) for each in used} == {b"abc"}
    assert await storage.keys() == [kept_key(attachment)]


async def test_a_server_without_conditions_takes_uploads_until_the_first_use(
    storage: Bucket,
) -> None:
    async with storage.store(create_only=False) as store:
        attachment = await storage.upload(store, b"abc")
        assert attachment.upload_descriptor is not None
        assert attachment.upload_descriptor.headers == {"Content-Type": "text/plain"}
        assert (await storage.put(attachment, b"def")).is_success
        used = await store.keep_attachment(attachment, ADA)
        assert (await storage.put(attachment, b"ghi")).is_success
        assert await store.read(used, ADA) == b"def"
        again = await store.keep_attachment(attachment, ADA)
        assert await store.read(again, ADA) == b"def"


# --- deletions and listings -----------------------------------------------------------------------


@pytest.mark.usefixtures("own_server")
async def test_one_object_that_cannot_be_deleted_makes_the_deletion_raise(storage: Bucket) -> None:
    async with storage.store() as store:
        used = await store.keep_attachment(await storage.upload(store, b"abc"), ADA)
    bucket = f"arn:aws:s3:::{storage.name}"
    policy = [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": bucket},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": f"{bucket}/pending/*"},
    ]
    with only_allowed(policy, storage.url):
        async with storage.store() as store:
            with pytest.raises(StoreUnavailableError) as raised:
                await store.delete_attachment(used.id, ADA)
            assert f"1 of 2 objects were not deleted, the first {kept_key(used)}: AccessDenied" in (
                str(raised.value)
            )
            assert await store.read(used, ADA) == b"abc"
    async with storage.store() as store:
        await store.delete_attachment(used.id, ADA)
        with pytest.raises(NotFoundError):
            await store.read(used, ADA)
    assert await storage.keys() == []


async def test_the_sweep_lists_what_was_never_used_alone_and_page_by_page(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_store, "LISTED_AT_ONCE", 2)
    asked: list[str] = []
    list_page = bucket_module.Bucket.list

    def noted(self: bucket_module.Bucket, prefix: str, next: str | None, limit: int) -> Any:
        asked.append(prefix)
        return list_page(self, prefix, next, limit)

    monkeypatch.setattr(bucket_module.Bucket, "list", noted)
    async with storage.store(prefix=PREFIX) as store:
        used = [
            await store.keep_attachment(await storage.upload(store, b"abc"), ADA) for _ in range(3)
        ]
        for _ in range(5):
            await storage.upload(store, b"abc")
    storage.s3.put_object(Bucket=storage.name, Key="pending/of-somebody-else", Body=b"x")
    async with storage.store(prefix=PREFIX, link_seconds=1) as store:
        assert await store.sweep(older_than=timedelta(minutes=1)) == 0
        assert asked == [f"{PREFIX}pending/"] * 3
        deleted = 0
        while deleted < 5:  # they are a second old soon
            deleted += await store.sweep(older_than=timedelta(seconds=1))
    assert await storage.keys() == [
        *sorted(f"{PREFIX}{kept_key(each)}" for each in used),
        "pending/of-somebody-else",
    ]


# --- reads ----------------------------------------------------------------------------------------


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_reads_that_are_given_up_leave_no_connection_open(storage: Bucket) -> None:
    async with storage.store() as store:
        attachment = await storage.upload(store, bytes(8 * MEBIBYTE))
        before = open_files()
        for _ in range(20):
            chunks = store.stream(attachment, ADA)
            assert await anext(aiter(chunks))
            await chunks.aclose()  # type: ignore[attr-defined]  # it is an async generator
        while open_files() > before + 1:
            await asyncio.sleep(0)
        assert len(await store.read(attachment, ADA)) == 8 * MEBIBYTE


async def test_a_read_that_outlives_its_store_ends_in_peace(storage: Bucket) -> None:
    before = open_files()
    store = storage.store()
    attachment = await storage.upload(store, bytes(8 * MEBIBYTE))
    chunks = store.stream(attachment, ADA)
    assert await anext(aiter(chunks))
    await store.aclose()
    with pytest.raises(RuntimeError, match="this store is closed"):
        await anext(aiter(chunks))
    while open_files() > before + 1:  # the one is the client's of the upload
        await asyncio.sleep(0)


async def test_cancelled_reads_do_no_harm_to_others(storage: Bucket) -> None:
    async with storage.store() as store:
        attachment = await storage.upload(store, bytes(4 * MEBIBYTE))
        reads = [asyncio.ensure_future(store.read(attachment, ADA)) for _ in range(40)]
        for read in reads[::2]:
            await asyncio.sleep(0)
            read.cancel()
        done = await asyncio.gather(*reads, return_exceptions=True)
        assert [len(each) for each in done if isinstance(each, bytes)] == [4 * MEBIBYTE] * 20
        assert len(await store.read(attachment, ADA)) == 4 * MEBIBYTE


async def test_bytes_that_somebody_else_has_deleted_are_not_found(storage: Bucket) -> None:
    async with storage.store() as store:
        used = await store.keep_attachment(await storage.upload(store, b"abc"), ADA)
        storage.s3.delete_object(Bucket=storage.name, Key=kept_key(used))
        with pytest.raises(NotFoundError):
            await store.read(used, ADA)


@pytest.mark.parametrize("left", [b"a", b""])
async def test_bytes_that_somebody_else_has_cut_off_are_not_passed_off_as_all(
    storage: Bucket, left: bytes
) -> None:
    async with storage.store() as store:
        used = await store.keep_attachment(await storage.upload(store, b"abc"), ADA)
        storage.s3.put_object(Bucket=storage.name, Key=kept_key(used), Body=left)
        with pytest.raises(StoreError, match=r"ended \d bytes too early"):
            await store.read(used, ADA)


async def test_a_bucket_that_does_not_exist_is_said_to_be_unavailable(storage: Bucket) -> None:
    name = f"{storage.name}-none"
    other = Bucket(client=storage.client, name=name, url=storage.url, s3=storage.s3)
    async with other.store() as store:
        with pytest.raises(StoreUnavailableError, match=f"{name}.*NoSuchBucket"):
            await store.sweep(older_than=timedelta(days=1))
        attachment = await other.announce(store, 3)
        with pytest.raises(StoreUnavailableError, match=f"{name}.*404"):
            await store.keep_attachment(attachment, ADA)
