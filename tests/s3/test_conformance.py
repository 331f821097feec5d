"""``S3AttachmentStore`` keeps the clauses for attachment stores, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatkit_conformance import AttachmentStoreConformance, Capabilities
from chatkit_s3 import S3AttachmentStore
from s3.conftest import Bucket

LIMIT = 9_000_000
ALLOWED = ["image/*", "text/plain", "application/*"]


LINK_SECONDS = 3
"""Signatures count whole seconds, from the beginning of the one in which they are made."""


class TestS3(AttachmentStoreConformance):
    capabilities = Capabilities(
        house_rules=True,
        max_upload_bytes=LIMIT,
        refused_mime_type="text/html",
        link_seconds=LINK_SECONDS,
    )

    @pytest.fixture
    def open_store(self, bucket: Bucket) -> Callable[[], S3AttachmentStore[Any]]:
        return lambda: bucket.store(
            max_bytes=LIMIT, allowed_types=ALLOWED, link_seconds=LINK_SECONDS
        )
