"""The bucket as an object storage, operation by operation, where the store does not lead."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest

from chatkit.objects import NoObjectError
from chatkit_gcs.driver import Driver
from chatkit_gcs.objects import READ_AT_ONCE, GCSObjects
from gcs.conftest import PATIENCE, Bucket


@pytest.fixture
async def objects(bucket: Bucket) -> AsyncIterator[GCSObjects]:
    driver = Driver(None, bucket.service.url, PATIENCE)
    objects = GCSObjects(bucket.name, driver, kms_key_name=None, service_account_email=None)
    await objects.open()
    yield objects
    await objects.close()


async def write(objects: GCSObjects, key: str, data: bytes) -> None:
    await objects.write(key, io.BytesIO(data), len(data), "text/plain")


async def read(objects: GCSObjects, key: str, start: int = 0, end: int = 1 << 40) -> list[bytes]:
    return [chunk async for chunk in objects.read(key, start, end)]


async def test_there_is_nothing_at_a_key_that_was_not_written(objects: GCSObjects) -> None:
    assert await objects.size("kept/a") is None
    with pytest.raises(NoObjectError):
        await read(objects, "kept/a")
    with pytest.raises(NoObjectError):
        await objects.copy("pending/a", "kept/a")
    await objects.delete(["kept/a", "pending/a"])


@pytest.mark.parametrize("size", [0, 1, READ_AT_ONCE, READ_AT_ONCE + 1])
async def test_reading_ends_where_the_object_ends(objects: GCSObjects, size: int) -> None:
    await write(objects, "a", b"x" * size)
    chunks = await read(objects, "a")
    assert b"".join(chunks) == b"x" * size
    assert all(0 < len(chunk) <= READ_AT_ONCE for chunk in chunks)
    assert await read(objects, "a", size, size + 1) == []


async def test_a_file_is_written_from_where_it_stands(objects: GCSObjects) -> None:
    file = io.BytesIO(b"head and body")
    file.seek(9)
    await objects.write("a", file, 4, "text/plain")
    assert await read(objects, "a") == [b"body"]
    assert await objects.size("a") == 4


async def test_what_is_there_is_written_over_neither_by_writing_nor_by_copying(
    objects: GCSObjects,
) -> None:
    await write(objects, "a", b"first")
    await write(objects, "a", b"again")
    await write(objects, "b", b"other")
    await objects.copy("b", "a")
    await objects.copy("missing", "a")
    assert await read(objects, "a") == [b"first"]


async def test_a_listing_goes_on_after_what_was_deleted(objects: GCSObjects) -> None:
    keys = [f"pending/{number:02}" for number in range(25)]
    for key in keys:
        await write(objects, key, b"")
    await write(objects, "kept/a", b"")
    seen: list[str] = []
    next: str | None = None
    while True:
        page = await objects.list("pending/", next, 10)
        assert len(page.objects) <= 10
        seen += [listed.key for listed in page.objects]
        await objects.delete([listed.key for listed in page.objects])
        next = page.next
        if next is None:
            break
    assert seen == keys
    assert await objects.size("kept/a") == 0
