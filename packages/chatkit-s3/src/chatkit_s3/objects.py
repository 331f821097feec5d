"""The bucket as an object storage: its calls in threads of their own, links made in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AnyUrl
from typing_extensions import ParamSpec

from chatkit.objects import Listing, Objects
from chatkit.types import AttachmentUploadDescriptor
from chatkit_s3.bucket import Bucket
from chatkit_s3.client import MOST_CONNECTIONS, Connection, Credentials, must_be_fetched
from chatkit_s3.encryption import Encryption
from chatkit_s3.errors import NotDeletedError

if TYPE_CHECKING:
    from botocore.response import StreamingBody

P = ParamSpec("P")
T = TypeVar("T")

CHUNK_BYTES = 1024 * 1024


class S3Objects(Objects):
    """Objects in a bucket.

    Args:
        bucket: Its name.
        connection: Where the service is.
        encryption: How to encrypt what is written.
        create_only: Whether the service knows ``If-None-Match: *`` for writes.
    """

    away = (BotoCoreError, ClientError, NotDeletedError, OSError)

    def __init__(
        self, bucket: str, connection: Connection, encryption: Encryption, create_only: bool
    ) -> None:
        where = f" at {connection.endpoint_url}" if connection.endpoint_url else ""
        self.name = f"S3 bucket {bucket}{where}"
        self._bucket_name = bucket
        self._connection = connection
        self._encryption = encryption
        self._create_only = create_only
        # Threads of its own: when the service hangs, nothing else waits for one.
        self._threads = ThreadPoolExecutor(MOST_CONNECTIONS, "chatkit-s3")
        self._bucket: Bucket
        self._credentials: Credentials | None

    async def open(self) -> None:
        client, self._credentials = await self._run(self._connection.connect)
        self._bucket = Bucket(client, self._bucket_name, self._encryption, self._create_only)

    async def close(self) -> None:
        self._bucket.close()
        self._threads.shutdown(wait=False)

    async def sign_upload(
        self, key: str, mime_type: str, size: int, seconds: int
    ) -> AttachmentUploadDescriptor:
        headers = {"Content-Type": mime_type, **self._encryption.headers}
        if self._create_only:
            headers["If-None-Match"] = "*"
        url = await self._sign(self._bucket.sign_upload, key, mime_type, size, seconds)
        return AttachmentUploadDescriptor(url=AnyUrl(url), method="PUT", headers=headers)

    async def sign_download(
        self, key: str, content_type: str, disposition: str, seconds: int
    ) -> str:
        sign = self._bucket.sign_download
        return await self._sign(sign, key, content_type, disposition, seconds)

    async def size(self, key: str) -> int | None:
        return await self._run(self._bucket.size, key)

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        opening = self._threads.submit(self._bucket.open, key, start, end)
        try:
            body = await asyncio.wrap_future(opening)
            while body is not None and (chunk := await self._run(body.read, CHUNK_BYTES)):
                yield chunk
        finally:
            self._close_soon(opening)

    async def copy(self, source: str, target: str) -> None:
        await self._run(self._bucket.copy, source, target)

    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        await self._run(self._bucket.write, key, file, mime_type)

    async def delete(self, keys: Sequence[str]) -> None:
        await self._run(self._bucket.delete, keys)

    async def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        return await self._run(self._bucket.list, prefix, next, limit)

    def _close_soon(self, opening: Future[StreamingBody | None]) -> None:
        """In a thread, and not waited for: one that still reads holds the body."""
        try:
            self._threads.submit(_close, opening)
        except RuntimeError:  # the store has been closed, and so nobody reads any more
            _close(opening)

    async def _sign(self, sign: Callable[P, str], *args: P.args, **kwargs: P.kwargs) -> str:
        """Sign in the loop, where it takes a fraction of a millisecond, if that asks nobody."""
        if must_be_fetched(self._credentials):
            return await self._run(sign, *args, **kwargs)
        return sign(*args, **kwargs)

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._threads.submit(call, *args, **kwargs))


def _close(opening: Future[StreamingBody | None]) -> None:
    """Give the connection back, once it has been opened."""
    with suppress(CancelledError, Exception):  # which the reader has been told
        body = opening.result()
        if body is not None:
            body.close()
