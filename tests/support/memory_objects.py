"""``MemoryObjects``: an object storage in a dictionary. Its links are names; nobody serves them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import BinaryIO

from pydantic import AnyUrl

from chatkit.objects import Listed, Listing, NoObjectError, Objects
from chatkit.types import AttachmentUploadDescriptor

CHUNK = 1000


class MemoryObjects(Objects):
    """Remembers what it was asked; ``broken`` makes every operation fail."""

    name = "memory"
    away = (OSError,)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, float] = {}
        self.asked: list[str] = []
        self.broken = False

    def put(self, key: str, data: bytes, *, age: float = 0) -> None:
        """What an upload does."""
        self.objects[key] = data
        self.written[key] = time.time() - age

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def sign_upload(
        self, key: str, mime_type: str, size: int, seconds: int
    ) -> AttachmentUploadDescriptor:
        self.note("sign_upload")
        url = AnyUrl(f"https://objects.example/{key}?size={size}")
        headers = {"Content-Type": mime_type}
        return AttachmentUploadDescriptor(url=url, method="PUT", headers=headers)

    async def sign_download(
        self, key: str, content_type: str, disposition: str, seconds: int
    ) -> str:
        self.note("sign_download")
        return f"https://objects.example/{key}?type={content_type}&as={disposition.split(';')[0]}"

    async def size(self, key: str) -> int | None:
        self.note("size")
        return len(self.objects[key]) if key in self.objects else None

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        self.note("read")
        if key not in self.objects:
            raise NoObjectError
        data = self.objects[key][start:end]
        for place in range(0, len(data), CHUNK):
            yield data[place : place + CHUNK]

    async def copy(self, source: str, target: str) -> None:
        self.note("copy")
        if target not in self.objects:
            if source not in self.objects:
                raise NoObjectError
            self.put(target, self.objects[source])

    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        self.note("write")
        self.put(key, file.read(size))

    async def delete(self, keys: Sequence[str]) -> None:
        self.note("delete")
        for key in keys:
            self.objects.pop(key, None)

    async def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        self.note("list")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > (next or ""))
        page = [Listed(key, self.written[key]) for key in keys[:limit]]
        return Listing(page, page[-1].key if len(keys) > limit else None)

    def note(self, operation: str) -> None:
        self.asked.append(operation)
        if self.broken:
            raise OSError("the storage is away")
