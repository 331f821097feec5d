"""A store over a bucket of its own, at a Google Cloud Storage that checks what Google checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit.types import Attachment, AttachmentCreateParams
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_gcs import GCSAttachmentStore

if TYPE_CHECKING:
    from services.gcs import GCSService


def user_of(context: Any) -> str:
    return str(context["user_id"])


ADA, BOB = {"user_id": "ada"}, {"user_id": "bob"}


@dataclass
class Bucket:
    """A bucket, the metadata of what is in it, and a browser."""

    service: GCSService
    name: str
    client: httpx.AsyncClient
    memory: Memory = field(default_factory=Memory)

    def store(self, **options: Any) -> GCSAttachmentStore[Any]:
        """A new store over the same bucket."""
        records = ReferenceStore[Any](self.memory, owner=user_of)
        options = {"endpoint": self.service.url, **options}
        return GCSAttachmentStore(self.name, store=records, owner=user_of, **options)

    async def announce(
        self,
        store: GCSAttachmentStore[Any],
        size: int,
        mime_type: str = "text/plain",
        name: str = "a.txt",
        context: Any = ADA,
    ) -> Attachment:
        """Announce an upload."""
        params = AttachmentCreateParams(name=name, size=size, mime_type=mime_type)
        return await store.create_attachment(params, context)

    async def upload(
        self,
        store: GCSAttachmentStore[Any],
        data: bytes,
        mime_type: str = "text/plain",
        name: str = "a.txt",
        context: Any = ADA,
    ) -> Attachment:
        """Announce an upload, and make it."""
        attachment = await self.announce(store, len(data), mime_type, name, context)
        reply = await self.put(attachment, data)
        assert reply.status_code == 200, reply.text
        return attachment

    async def put(self, attachment: Attachment, data: Any, **headers: str) -> httpx.Response:
        """Follow the attachment's upload link."""
        descriptor = attachment.upload_descriptor
        assert descriptor is not None
        sent = {**descriptor.headers, **headers}
        return await self.client.put(str(descriptor.url), content=data, headers=sent)

    def keys(self) -> list[str]:
        """The keys of everything in the bucket."""
        with self.service.client() as client:
            return sorted(blob.name for blob in client.list_blobs(self.name))


@pytest.fixture
async def bucket(gcs_server: GCSService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gcs_server.key_file)
    async with httpx.AsyncClient(timeout=60) as client:
        yield Bucket(gcs_server, gcs_server.new_bucket(), client)
