"""An upload that somebody deletes while it is being copied."""

from __future__ import annotations

from typing import Any

import pytest

from chatkit.store import UnusableAttachmentError
from chatkit_s3 import copying
from s3.conftest import Bucket
from support.attachment_refusals import ADA, MEBIBYTE

SMALLEST_PART = 5 * MEBIBYTE


@pytest.mark.parametrize("size", [3, SMALLEST_PART + 1])
async def test_an_upload_that_goes_before_it_is_copied_is_said_to_be_missing(
    storage: Bucket, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART_BYTES", SMALLEST_PART)
    copy = copying.Copying.copy

    def too_late(self: copying.Copying, source: str, target: str, found: Any) -> None:
        storage.s3.delete_object(Bucket=storage.name, Key=source)
        copy(self, source, target, found)

    monkeypatch.setattr(copying.Copying, "copy", too_late)
    async with storage.store() as store:
        attachment = await storage.upload(store, bytes(size))
        with pytest.raises(UnusableAttachmentError, match="it has not been uploaded"):
            await store.keep_attachment(attachment, ADA)
    assert "Uploads" not in storage.s3.list_multipart_uploads(Bucket=storage.name)
    assert await storage.keys() == []
