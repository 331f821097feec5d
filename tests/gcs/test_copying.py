"""The first use copies the bytes within the service: in steps, whole or not at all, never over
what is there."""

from __future__ import annotations

import asyncio

import pytest

from chatkit.store import StoreUnavailableError, UnusableAttachmentError
from gcs.conftest import Bucket
from support.attachment_refusals import ADA


def copies(bucket: Bucket) -> list[str]:
    """The queries of the steps that there were."""
    seen = bucket.service.front.seen
    return [r.query for r in seen if "/rewriteTo/" in r.path and bucket.name in r.path]


@pytest.fixture
def in_three_steps(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket.service.front, "rewrite_steps", 3)


@pytest.mark.usefixtures("in_three_steps")
async def test_a_copy_that_takes_several_steps_is_carried_to_its_end(bucket: Bucket) -> None:
    async with bucket.store() as store:
        used = await store.keep_attachment(await bucket.upload(store, b"hello"), ADA)
        assert await store.read(used, ADA) == b"hello"
    first, *later = copies(bucket)
    assert "rewriteToken" not in first
    assert ["rewriteToken=1" in later[0], "rewriteToken=2" in later[1]] == [True, True]


@pytest.mark.usefixtures("in_three_steps")
async def test_a_copy_that_is_broken_off_between_steps_leaves_nothing_and_can_be_repeated(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"hello")
        with monkeypatch.context() as patch:
            patch.setattr(bucket.service.front, "forbidden", "rewriteToken=2")
            with pytest.raises(StoreUnavailableError):
                await store.keep_attachment(attachment, ADA)
        [key] = await bucket.keys()
        assert key.startswith("pending/")
        used = await store.keep_attachment(attachment, ADA)
        assert await store.read(used, ADA) == b"hello"


async def test_first_uses_at_once_are_one(bucket: Bucket) -> None:
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"hello")
        uses = await asyncio.gather(*(store.keep_attachment(attachment, ADA) for _ in range(8)))
        assert {use.model_dump_json() for use in uses} == {uses[0].model_dump_json()}
        assert await store.read(uses[0], ADA) == b"hello"
        [key] = await bucket.keys()
        assert key.startswith("kept/")


async def test_a_first_use_whose_answer_was_lost_can_be_repeated(bucket: Bucket) -> None:
    """The bytes have moved, and the metadata does not say so."""
    async with bucket.store() as store:
        attachment = await bucket.upload(store, b"hello")
        await store.keep_attachment(attachment, ADA)
        await bucket.records().save_attachment(attachment, ADA)
        used = await store.keep_attachment(attachment, ADA)
        assert await store.read(used, ADA) == b"hello"


async def test_what_has_not_been_uploaded_cannot_be_used(bucket: Bucket) -> None:
    async with bucket.store() as store:
        with pytest.raises(UnusableAttachmentError, match="it has not been uploaded"):
            await store.keep_attachment(await bucket.announce(store, 5), ADA)
