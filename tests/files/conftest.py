"""A folder store, served over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatkit.types import Attachment, AttachmentCreateParams
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_files import FolderAttachmentStore
from support.app_thread import listening, served_on


def user_of(context: Any) -> str:
    return str(context["user_id"])


ADA, BOB = {"user_id": "ada"}, {"user_id": "bob"}
ORIGIN = "https://page.example"


@dataclass
class Served:
    """A folder and the URL of its application."""

    folder: Path
    url: str
    memory: Memory

    def store(self, **options: Any) -> FolderAttachmentStore[Any]:
        """A new store over the same folder."""
        records = ReferenceStore[Any](self.memory, owner=user_of)
        return FolderAttachmentStore(
            self.folder, store=records, owner=user_of, url=f"{self.url}/files", **options
        )


@dataclass
class Client(Served):
    """The same, and a client of it."""

    client: httpx.AsyncClient

    async def upload(
        self,
        store: FolderAttachmentStore[Any],
        data: bytes,
        mime_type: str = "text/plain",
        name: str = "a.txt",
    ) -> Attachment:
        """Announce ada's upload, and make it."""
        params = AttachmentCreateParams(name=name, size=len(data), mime_type=mime_type)
        attachment = await store.create_attachment(params, ADA)
        reply = await self.put(attachment, data)
        assert reply.status_code == 201, reply.text
        return attachment

    async def put(self, attachment: Attachment, data: Any, **headers: str) -> httpx.Response:
        """Follow the attachment's upload link."""
        descriptor = attachment.upload_descriptor
        assert descriptor is not None
        return await self.client.put(
            str(descriptor.url), content=data, headers={**descriptor.headers, **headers}
        )

    def files(self) -> list[str]:
        """The files in the folder, apart from the secret."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return sorted(str(path) for path in found if path.name not in ("secret", "pending", "kept"))


@pytest.fixture
def folder_server(tmp_path: Path) -> Iterator[Served]:
    with listening() as (listener, url):
        found = Served(tmp_path / "files", url, Memory())
        with served_on(listener, found.store(allow_origins=[ORIGIN]).app):
            yield found


@pytest.fixture
async def served(folder_server: Served) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield Client(folder_server.folder, folder_server.url, folder_server.memory, client)
