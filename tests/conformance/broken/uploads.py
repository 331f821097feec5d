"""Attachment stores whose links, bytes or names are wrong."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
)
from chatkit_conformance.reference import ByteService, ReferenceAttachmentStore
from chatkit_conformance.reference_bytes import Upload
from conformance.broken.faults import caught_by


class Broken(ReferenceAttachmentStore[Any]):
    """One whose service may be another one."""

    Service: type[ByteService] = ByteService


def _with_descriptor(attachment: Attachment, **changes: Any) -> Attachment:
    descriptor = attachment.upload_descriptor
    assert descriptor is not None
    changed = AttachmentUploadDescriptor(**{**dict(descriptor), **changes})
    return attachment.model_copy(update={"upload_descriptor": changed})


@caught_by("AS1.an-image-or-a-file")
class EverythingIsAFile(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        made = await super().create_attachment(input, context)
        return FileAttachment(
            id=made.id,
            name=made.name,
            mime_type=made.mime_type,
            upload_descriptor=made.upload_descriptor,
        )


@caught_by("AS1.every-upload-has-a-fresh-id")
class TheIdIsMadeFromTheType(Broken):
    def generate_attachment_id(self, mime_type: str, context: Any) -> str:
        return "atc_" + hashlib.sha256(mime_type.encode()).hexdigest()[:16]


@caught_by("AS1.browsers-may-set-the-headers")
class TheSizeIsAmongTheHeaders(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        made = await super().create_attachment(input, context)
        headers = {"Content-Type": input.mime_type, "Content-Length": str(input.size)}
        return _with_descriptor(made, headers=headers)


@caught_by("AS1.a-plain-client-can-follow")
class TheMethodIsTheOtherOne(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        return _with_descriptor(await super().create_attachment(input, context), method="POST")


@caught_by("AS2.bytes-come-back")
class BytesAreTakenForText(Broken):
    class Service(ByteService):
        def put(self, path: str, content_type: str | None, data: bytes) -> int:
            status = super().put(path, content_type, data)
            upload = self._upload_at("PUT", path)
            if upload is not None and upload.data is not None:
                upload.data = upload.data.replace(b"\r\n", b"\n")
            return status


@caught_by("AS2.a-range-comes-back")
class TheEndOfARangeIsWithinIt(Broken):
    async def stream(
        self, attachment: Attachment, context: Any, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        whole = await self.read(attachment, context)
        yield whole[start : None if end is None else end + 1]


@caught_by("AS2.an-empty-file")
class AnEmptyFileIsNoFile(Broken):
    async def read(self, attachment: Attachment, context: Any) -> bytes:
        data = await super().read(attachment, context)
        if not data:
            raise NotFoundError(f"no bytes of attachment {attachment.id!r}")
        return data


@caught_by("AS3.another-size-is-refused")
class AnySizeGoes(Broken):
    class Service(ByteService):
        def put(self, path: str, content_type: str | None, data: bytes) -> int:
            upload = self._upload_at("PUT", path)
            if upload is not None:
                upload.size = len(data)
            return super().put(path, content_type, data)


@caught_by("AS3.another-type-is-refused")
class AnyTypeGoes(Broken):
    class Service(ByteService):
        def put(self, path: str, content_type: str | None, data: bytes) -> int:
            upload = self._upload_at("PUT", path)
            return super().put(path, upload.mime_type if upload else None, data)


@caught_by("AS3.an-altered-link-is-refused")
class OnlyTheBeginningOfALinkCounts(Broken):
    class Service(ByteService):
        def _upload_at(self, method: str, path: str) -> Upload | None:
            for token in self.links:
                if path[:16] == f"/{token}"[:16]:
                    return super()._upload_at(method, token)
            return None


@caught_by("AS3.an-expired-link-is-refused")
class LinksNeverExpire(Broken):
    class Service(ByteService):
        def __init__(self, *, link_seconds: float = 300.0) -> None:
            super().__init__(link_seconds=1_000_000)


@caught_by("AS4.a-preview-works-after-the-upload")
class APreviewWorksOnce(Broken):
    class Service(ByteService):
        def get(self, path: str) -> Upload | None:
            found = super().get(path)
            if found is not None:
                self.uploads = {id: one for id, one in self.uploads.items() if one is not found}
            return found


@caught_by("AS4.a-preview-works-after-the-upload")
class APreviewHasNoType(Broken):
    class Service(ByteService):
        def headers(self, upload: Upload) -> dict[str, str]:
            return {"Content-Type": "application/octet-stream"}


@caught_by("AS4.an-expired-preview-is-renewed")
class PreviewsAreMadeOnce(Broken):
    async def renew(self, attachments: Sequence[Attachment], context: Any) -> list[Attachment]:
        return await AttachmentStore.renew(self, attachments, context)


@caught_by("AS5.names-come-back-as-given")
class NamesAreCutAtSlashes(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        name = PurePosixPath(input.name).name
        return await super().create_attachment(input.model_copy(update={"name": name}), context)


@caught_by("AS5.names-never-become-headers")
class NamesAreHeadersAsTheyAre(Broken):
    class Service(ByteService):
        def headers(self, upload: Upload) -> dict[str, str]:
            name = upload.name.encode("latin-1", "ignore").decode("latin-1")
            return {**super().headers(upload), "Content-Disposition": f'filename="{name}"'}


@caught_by("AS6.another-owner-reads-nothing", "AS6.another-owner-deletes-nothing")
class BytesBelongToEverybody(Broken):
    def _own(self, attachment_id: str, context: Any) -> Upload | None:
        return self._service.uploads.get(attachment_id)


@caught_by("AS6.another-owner-reads-nothing")
class LinksAreRenewedForEverybody(Broken):
    async def renew(self, attachments: Sequence[Attachment], context: Any) -> list[Attachment]:
        return [
            one.model_copy(update={"preview_url": self._service.link("GET", one.id)})
            for one in attachments
        ]


@caught_by("AS6.another-owner-deletes-nothing")
class AnybodyDeletes(Broken):
    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        self._service.uploads.pop(attachment_id, None)


@caught_by("AS6.no-link-changes-bytes-later", "AS6.no-link-changes-what-was-used")
class AnUploadLinkWorksTwice(Broken):
    class Service(ByteService):
        def put(self, path: str, content_type: str | None, data: bytes) -> int:
            upload = self._upload_at("PUT", path)
            if upload is not None:
                upload.data = None
            return super().put(path, content_type, data)


@caught_by("AS6.deleted-bytes-are-gone")
class DeletingKeepsTheBytes(Broken):
    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        pass


@caught_by("AS6.deleted-bytes-are-gone")
class DeletingAgainRaises(Broken):
    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        if self._own(attachment_id, context) is None:
            raise NotFoundError(f"no attachment {attachment_id!r}")
        await super().delete_attachment(attachment_id, context)


@caught_by("AS7.a-size-below-zero-is-refused")
class ASizeBelowZeroIsTakenForZero(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        size = max(0, input.size)
        return await super().create_attachment(input.model_copy(update={"size": size}), context)


@caught_by("AS7.too-large-a-size-is-refused")
class TheLimitIsOnlyInTheDocumentation(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        self._max_bytes = 1 << 60
        return await super().create_attachment(input, context)


@caught_by("AS7.a-type-that-is-not-allowed-is-refused")
class AllTypesAreAllowed(Broken):
    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        self._mime_types = None
        return await super().create_attachment(input, context)
