"""What the links to S3 allow, and what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatkit.store import NotFoundError
from s3.conftest import Bucket
from support.attachment_refusals import ADA, AttachmentRefusals


class TestS3(AttachmentRefusals):
    pass


async def test_an_upload_that_breaks_off_leaves_nothing(storage: Bucket) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(50_000)
        raise ConnectionAbortedError

    async with storage.store() as store:
        attachment = await storage.announce(store, 100_000)
        length = {"Content-Length": "100000"}
        with pytest.raises(ConnectionAbortedError):
            await storage.put(attachment, broken(), **length)
        with pytest.raises(NotFoundError):
            await store.read(attachment, ADA)
        assert (await storage.put(attachment, bytes(100_000))).is_success
