"""The bucket as an object storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO

from pydantic import AnyUrl

from chatkit.objects import Listed, Listing, NoObjectError, Objects
from chatkit.store import StoreError
from chatkit.types import AttachmentUploadDescriptor
from chatkit_gcs.driver import Driver, driver_errors
from chatkit_gcs.signing import Signer, find_signer

MEBIBYTE = 1024 * 1024
READ_AT_ONCE = 2 * MEBIBYTE
WRITTEN_AT_ONCE = 8 * MEBIBYTE  # what is smaller, the driver sends in one request
LISTED_AT_ONCE = 200
"""So few that a whole page of them can be deleted within a timeout."""

CREATE_ONLY = 0
"""The generation that stands for: there is no object. With it, requests can be repeated, too."""


class GCSObjects(Objects):
    """Objects in a Google Cloud Storage bucket.

    Args:
        bucket: Its name.
        driver: How it is reached.
        kms_key_name: The Cloud KMS key that encrypts objects; ``None`` for the bucket's own.
        service_account_email: In whose name IAM signs links, if the credentials cannot sign.
    """

    away: tuple[type[Exception], ...] = (OSError,)
    """The driver's own are added when it has been imported."""

    def __init__(
        self,
        bucket: str,
        driver: Driver,
        *,
        kms_key_name: str | None,
        service_account_email: str | None,
    ) -> None:
        self.name = f"Google Cloud Storage bucket {bucket}"
        self._bucket_name = bucket
        self._driver = driver
        self._kms_key_name = kms_key_name
        self._service_account_email = service_account_email

    async def open(self) -> None:
        self.away = await asyncio.to_thread(driver_errors)
        await self._driver.open()
        try:
            self._signer: Signer = await self._driver.run(
                find_signer,
                self._driver.client,
                self._service_account_email,
                self._driver.limits["timeout"],
            )
        except BaseException:
            self._driver.close()
            raise
        self._bucket = self._driver.client.bucket(self._bucket_name)

    async def close(self) -> None:
        self._driver.close()

    # Links

    async def sign_upload(
        self, key: str, mime_type: str, size: int, seconds: int
    ) -> AttachmentUploadDescriptor:
        headers = {
            "x-goog-content-length-range": f"{size},{size}",
            "x-goog-if-generation-match": str(CREATE_ONLY),
        }
        if self._kms_key_name is not None:
            headers["x-goog-encryption-kms-key-name"] = self._kms_key_name
        url = await self._sign(
            key, seconds, method="PUT", content_type=mime_type, headers=dict(headers)
        )
        return AttachmentUploadDescriptor(
            url=AnyUrl(url), method="PUT", headers={"Content-Type": mime_type, **headers}
        )

    async def sign_download(
        self, key: str, content_type: str, disposition: str, seconds: int
    ) -> str:
        return await self._sign(
            key,
            seconds,
            method="GET",
            response_type=content_type,
            response_disposition=disposition,
        )

    async def _sign(self, key: str, seconds: int, **request: Any) -> str:
        credentials, local, kind = self._signer
        if credentials is None:
            raise StoreError(
                f"{self.name}: credentials of this kind ({kind}) cannot sign links: use those of a "
                "service account, or name one in service_account_email= for which they may call "
                "IAM's signBlob (role roles/iam.serviceAccountTokenCreator)"
            )
        sign: partial[str] = partial(
            self._bucket.blob(key).generate_signed_url,
            version="v4",
            expiration=timedelta(seconds=seconds),
            credentials=credentials,
            **request,
        )
        return sign() if local else await self._driver.run(sign)

    # Bytes

    async def size(self, key: str) -> int | None:
        blob = await self._driver.run(self._bucket.get_blob, key, **self._driver.limits)
        return None if blob is None else int(blob.size)

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        while start < end:
            wanted = min(READ_AT_ONCE, end - start)
            chunk = await self._driver.run(self._read, key, start, start + wanted)
            if chunk:
                yield chunk
            if len(chunk) < wanted:
                return
            start += wanted

    def _read(self, key: str, start: int, end: int) -> bytes:
        from google.api_core.exceptions import NotFound, RequestRangeNotSatisfiable

        blob = self._bucket.blob(key)
        try:
            # Raw, as stored: an upload may have said that it is compressed.
            data: bytes = blob.download_as_bytes(
                start=start, end=end - 1, raw_download=True, checksum=None, **self._driver.limits
            )
        except NotFound:
            raise NoObjectError from None
        except RequestRangeNotSatisfiable:
            return b""  # the object ends before
        return data

    async def copy(self, source: str, target: str) -> None:
        token: str | None = None
        while True:
            # One step of a rewrite; a large object, or one that is encrypted anew, takes several.
            token = await self._driver.run(self._rewrite, source, target, token)
            if token is None:
                return

    def _rewrite(self, source: str, target: str, token: str | None) -> str | None:
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._new_blob(target)
        try:
            token, _, _ = blob.rewrite(
                self._bucket.blob(source),
                token=token,
                if_generation_match=CREATE_ONLY,
                **self._driver.limits,
            )
        except PreconditionFailed:
            return None  # it is there
        except NotFound:
            if blob.exists(**self._driver.limits):
                return None
            raise NoObjectError from None
        return token

    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        await self._driver.run(self._write, key, file, size, mime_type)

    def _write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        from google.api_core.exceptions import PreconditionFailed

        blob = self._new_blob(key)
        blob.chunk_size = WRITTEN_AT_ONCE
        try:
            blob.upload_from_file(
                file,
                size=size,
                content_type=mime_type,
                if_generation_match=CREATE_ONLY,
                **self._driver.limits,
            )
        except PreconditionFailed:
            return  # keys are not used twice: an attempt has written it whose answer was lost
        except self.away as error:
            if "upload_id=" in str(error):  # with that, anybody could go on with the upload
                raise ConnectionError(f"the upload broke off ({type(error).__name__})") from None
            raise

    def _new_blob(self, key: str) -> Any:
        blob = self._bucket.blob(key)
        if self._kms_key_name is not None:
            blob.kms_key_name = self._kms_key_name
        return blob

    async def delete(self, keys: Sequence[str]) -> None:
        await asyncio.gather(*(self._driver.run(self._delete, key) for key in keys))

    def _delete(self, key: str) -> None:
        from google.api_core.exceptions import NotFound

        with suppress(NotFound):
            self._bucket.delete_blob(key, **self._driver.limits)

    async def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        return await self._driver.run(self._list, prefix, next, min(limit, LISTED_AT_ONCE))

    def _list(self, prefix: str, token: str | None, limit: int) -> Listing:
        found = self._bucket.list_blobs(
            prefix=prefix,
            page_token=token,
            page_size=limit,
            fields="items(name,timeCreated),nextPageToken",
            **self._driver.limits,
        )
        page: Any = next(found.pages, ())
        objects = [Listed(blob.name, blob.time_created.timestamp()) for blob in page]
        return Listing(objects, found.next_page_token)
