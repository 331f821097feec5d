"""``FolderAttachmentStore`` keeps the clauses for attachment stores, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatkit_conformance import AttachmentStoreConformance, Capabilities
from chatkit_files import FolderAttachmentStore
from files.conftest import Served

LIMIT = 9_000_000
ALLOWED = ["image/*", "text/plain", "application/*"]


class TestFolder(AttachmentStoreConformance):
    capabilities = Capabilities(
        house_rules=True, max_upload_bytes=LIMIT, refused_mime_type="text/html", link_seconds=2
    )

    @pytest.fixture
    def open_store(self, folder_server: Served) -> Callable[[], FolderAttachmentStore[Any]]:
        return lambda: folder_server.store(max_bytes=LIMIT, allowed_types=ALLOWED, link_seconds=2)
