"""``GCSAttachmentStore`` keeps the clauses for attachment stores, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from chatkit_conformance import AttachmentStoreConformance, Capabilities
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_gcs import GCSAttachmentStore
from support.attachment_refusals import user_of

if TYPE_CHECKING:
    from services.gcs import GCSService

LIMIT = 9_000_000
LINK_SECONDS = 3  # dates in links have whole seconds, so that links may end a second early
ALLOWED = ["image/*", "text/plain", "application/*"]


class TestGCS(AttachmentStoreConformance):
    capabilities = Capabilities(
        house_rules=True,
        max_upload_bytes=LIMIT,
        refused_mime_type="text/html",
        link_seconds=LINK_SECONDS,
    )

    @pytest.fixture
    def open_store(
        self, gcs_server: GCSService, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], GCSAttachmentStore[Any]]:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gcs_server.key_file)
        bucket, memory = gcs_server.new_bucket(), Memory()
        return lambda: GCSAttachmentStore(
            bucket,
            store=ReferenceStore[Any](memory, owner=user_of),
            owner=user_of,
            endpoint_url=gcs_server.url,
            max_bytes=LIMIT,
            allowed_types=ALLOWED,
            link_seconds=LINK_SECONDS,
        )
