"""A bucket of its own for each test, at a service that refuses what Google would refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit_gcs import GCSAttachmentStore
from support.attachment_refusals import Storage, user_of

if TYPE_CHECKING:
    from services.gcs import GCSService


PATIENCE = 40.0
"""The tests' server reads all of a large object to copy it, and machines are busy."""


@dataclass(kw_only=True)
class Bucket(Storage):
    """An empty bucket.

    Args:
        service: Where it is.
        name: Its name.
    """

    service: GCSService
    name: str

    def store(self, **options: Any) -> GCSAttachmentStore[Any]:
        own: dict[str, Any] = {
            "store": self.records(),
            "owner": user_of,
            "endpoint_url": self.service.url,
            "timeout": PATIENCE,
        }
        return GCSAttachmentStore(self.name, **{**own, **options})

    async def keys(self) -> list[str]:
        return await asyncio.to_thread(self.list)

    def list(self) -> list[str]:
        with self.service.client() as client:
            return [blob.name for blob in client.list_blobs(self.name)]


@pytest.fixture
async def bucket(gcs_server: GCSService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gcs_server.key_file)
    async with httpx.AsyncClient(timeout=60) as client:
        yield Bucket(client=client, service=gcs_server, name=gcs_server.new_bucket())


@pytest.fixture
def storage(bucket: Bucket) -> Bucket:
    return bucket
