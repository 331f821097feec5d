"""What is deleted: an attachment's bytes, and what no message ever used; nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from chatkit.objects import store as object_store
from chatkit.store import StoreUnavailableError
from gcs.conftest import Bucket
from support.attachment_refusals import ADA

DAY = timedelta(days=1)


@pytest.fixture
def two_days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the sweep, it is the day after tomorrow."""
    later = SimpleNamespace(time=lambda: time.time() + 2 * DAY.total_seconds())
    monkeypatch.setattr(object_store, "time", later)


def put_many(bucket: Bucket, folder: str, count: int) -> None:
    with bucket.service.client() as client, ThreadPoolExecutor(8) as threads:
        target = client.bucket(bucket.name)

        def put(number: int) -> None:
            target.blob(f"{folder}{number:04}").upload_from_string(b"x")

        list(threads.map(put, range(count)))


@pytest.mark.usefixtures("two_days_later")
async def test_the_sweep_removes_what_was_never_used_and_keeps_the_rest(bucket: Bucket) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, b"used"), ADA)
        await bucket.upload(store, b"unused")
        assert await store.sweep(older_than=3 * DAY) == 0
        assert await store.sweep(older_than=DAY) == 1
        assert await store.sweep(older_than=DAY) == 0
        assert await store.read(used, ADA) == b"used"
        assert len(await bucket.keys()) == 1


@pytest.mark.usefixtures("two_days_later")
async def test_the_sweep_lists_what_is_pending_alone_page_by_page(bucket: Bucket) -> None:
    put_many(bucket, "mine/pending/", 450)
    put_many(bucket, "mine/kept/", 5)
    put_many(bucket, "pending/", 5)
    async with bucket.store(prefix="mine/") as store:
        before = len(bucket.service.front.seen)
        assert await store.sweep(older_than=DAY) == 450
    asked = [
        parse_qs(request.query)
        for request in bucket.service.front.seen[before:]
        if request.method == "GET" and request.path.endswith("/o")
    ]
    assert [question["prefix"] for question in asked] == [["mine/pending/"]] * 3
    assert all(int(question["maxResults"][0]) <= 200 for question in asked)
    assert ["pageToken" in question for question in asked] == [False, True, True]
    assert [key.rpartition("/")[0] for key in await bucket.keys()] == ["mine/kept"] * 5 + [
        "pending"
    ] * 5


async def test_deleting_again_does_nothing(bucket: Bucket) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, b"x"), ADA)
        for _ in range(2):
            await store.delete_attachment(used.id, ADA)
        assert await bucket.keys() == []


async def test_a_deletion_that_is_refused_is_told_and_can_be_repeated(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, b"x"), ADA)
        with monkeypatch.context() as patch:
            patch.setattr(bucket.service.front, "forbidden", "prettyPrint")
            with pytest.raises(StoreUnavailableError, match="403 DELETE"):
                await store.delete_attachment(used.id, ADA)
        assert await store.read(used, ADA) == b"x"
        await store.delete_attachment(used.id, ADA)
        assert await bucket.keys() == []
