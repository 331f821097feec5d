"""The folder as an object storage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import BinaryIO

from pydantic import AnyUrl

from chatkit.objects import Listing, Objects
from chatkit.types import AttachmentUploadDescriptor
from chatkit_files.folder import Folder, Incoming
from chatkit_files.links import Ticket, seal, unseal

CHUNK_BYTES = 256 * 1024


class FolderObjects(Objects):
    """Files in a folder; its links lead to the application in ``app.py``.

    Args:
        folder: Where.
        url: The public URL of the application.
        secret: Signs links; ``None`` for the folder's own.
    """

    away = (OSError,)

    def __init__(self, folder: Folder, url: str, secret: bytes | None) -> None:
        self.name = str(folder.path)
        self.folder = folder
        self._url = url.rstrip("/")
        self._secret = secret
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        async with self._opening:
            await asyncio.to_thread(self.folder.prepare)
            if self._secret is None:
                self._secret = await asyncio.to_thread(self.folder.secret)

    async def close(self) -> None:
        """Nothing: no file stays open between two calls."""

    async def ticket(self, text: str) -> Ticket | None:
        """What the last part of a link's path allows, if it is ours and has not expired."""
        if self._secret is None:
            await self.open()  # in a process that has not made a link yet
        assert self._secret is not None  # noqa: S101 - for the type checkers
        return unseal(text, self._secret)

    async def is_there(self, key: str) -> bool:
        """Whether an upload to ``key`` has been completed, used or not."""
        name = key.rpartition("/")[2]
        sizes = [await self.size(f"{place}/{name}") for place in ("pending", "kept")]
        return any(size is not None for size in sizes)

    async def sign_upload(
        self, key: str, mime_type: str, size: int, seconds: int
    ) -> AttachmentUploadDescriptor:
        ticket = Ticket(
            method="PUT", key=key, expires=time.time() + seconds, mime_type=mime_type, size=size
        )
        return AttachmentUploadDescriptor(
            url=AnyUrl(self._link(ticket)), method="PUT", headers={"Content-Type": mime_type}
        )

    async def sign_download(
        self, key: str, content_type: str, disposition: str, seconds: int
    ) -> str:
        return self._link(
            Ticket(
                method="GET",
                key=key,
                expires=time.time() + seconds,
                mime_type=content_type,
                disposition=disposition,
            )
        )

    async def size(self, key: str) -> int | None:
        return await asyncio.to_thread(self.folder.size, key)

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        file = await asyncio.to_thread(self.folder.open, key, start)
        try:
            left = end - start
            while left and (chunk := await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk
        finally:
            file.close()

    async def copy(self, source: str, target: str) -> None:
        await asyncio.to_thread(self.folder.copy, source, target)

    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        await asyncio.to_thread(self._write, key, file)

    async def delete(self, keys: Sequence[str]) -> None:
        await asyncio.to_thread(self.folder.delete, list(keys))

    async def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        return await asyncio.to_thread(self.folder.list, prefix, next, limit)

    def _write(self, key: str, file: BinaryIO) -> None:
        incoming = Incoming(self.folder, key)
        try:
            while chunk := file.read(CHUNK_BYTES):
                incoming.write(chunk)
            incoming.finish()
        finally:
            incoming.close()

    def _link(self, ticket: Ticket) -> str:
        assert self._secret is not None  # noqa: S101 - open comes first
        return f"{self._url}/{seal(ticket, self._secret)}"
