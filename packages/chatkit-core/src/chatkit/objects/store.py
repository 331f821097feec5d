"""``ObjectAttachmentStore``: the clauses on attachments' bytes, kept once over any object storage.

An upload has two phases. Its link writes under ``pending/``. The first message that uses the
attachment copies the bytes to ``kept/``, where no link can write, and checks the copy, so that
nobody can exchange what has been checked. What no message ever used stays under ``pending/`` until
it is swept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from pydantic import AnyUrl
from typing_extensions import Self

from chatkit.objects.keys import Keys, object_name
from chatkit.objects.limits import DEFAULT_MAX_BYTES, Limits, essence
from chatkit.objects.seam import NoObjectError, Objects
from chatkit.objects.serving import serving
from chatkit.objects.signatures import HEAD_BYTES, fits
from chatkit.objects.uploads import Upload, upload_of, with_upload
from chatkit.owners import Owner, check_owner_setting, find_owner
from chatkit.records.calls import Calls
from chatkit.store import (
    AttachmentStore,
    NotFoundError,
    Store,
    StoreError,
    TContext,
    UnusableAttachmentError,
)
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
    ImageAttachment,
)

DEFAULT_LINK_SECONDS = 600
LONGEST_LINK_SECONDS = 7 * 24 * 3600
"""The signature schemes of S3 and Google Cloud Storage allow no more."""

NO_PREVIEW = AnyUrl("about:blank")
"""The ``preview_url`` of an image in the ``Store``: links are made when it is handed out."""

MEBIBYTE = 1024 * 1024
SLOWEST = MEBIBYTE
"""Copying and writing may take a second for each so many bytes, beyond the timeout."""

LISTED_AT_ONCE = 1000


class ObjectAttachmentStore(AttachmentStore[TContext]):
    """An attachment store over an object storage's ``Objects``.

    It opens at the first call, or in ``async with``, and belongs to the event loop of that call.

    Args:
        objects: The storage's operations. They belong to this store, which closes them.
        store: The server's own ``Store``, which keeps attachments' metadata. It says which
            attachments there are: one whose metadata is not in it is neither read nor used, so
            that a link which outlives a deletion leads nowhere. It is not closed here.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        max_bytes: The largest upload.
        allowed_types: Types that may be uploaded, such as ``"application/pdf"`` or ``"image/*"``;
            all by default.
        link_seconds: How long a link works: 1 second to 7 days.
        prefix: What all keys begin with: nothing, or names that each end in a slash.
        timeout: Seconds within which each call to the storage returns or raises
            ``StoreUnavailableError``; copying and writing get a second more for each MiB.

    Raises:
        TypeError: ``owner`` is neither, or ``allowed_types`` a single string.
        ValueError: Another argument is out of range.
    """

    # The names of private attributes and methods begin with two underscores, so that no
    # subclass overrides one by accident.

    def __init__(
        self,
        objects: Objects,
        *,
        store: Store[TContext],
        owner: Owner[TContext],
        max_bytes: int = DEFAULT_MAX_BYTES,
        allowed_types: Iterable[str] | None = None,
        link_seconds: int = DEFAULT_LINK_SECONDS,
        prefix: str = "",
        timeout: float = 10.0,
    ) -> None:
        check_owner_setting(owner)
        if not 1 <= link_seconds <= LONGEST_LINK_SECONDS:
            raise ValueError(
                f"link_seconds= must be from 1 to {LONGEST_LINK_SECONDS}, got {link_seconds!r}"
            )
        self.__objects = objects
        self.__store = store
        self.__owner = owner
        self.__limits = Limits(max_bytes, allowed_types)
        self.__link_seconds = int(link_seconds)
        self.__keys = Keys(prefix)
        self.__calls = Calls(objects, timeout)

    async def __aenter__(self) -> Self:
        await self.__calls.open()
        return self

    async def aclose(self) -> None:
        """Close the storage's client once the running calls have ended; later calls raise."""
        await self.__calls.close()

    # Uploading

    async def create_attachment(
        self, input: AttachmentCreateParams, context: TContext
    ) -> Attachment:
        """Announce an upload.

        An image's ``preview_url`` is empty (``about:blank``) until ``renew`` makes a link.

        Raises:
            InvalidRequestError: The size or the type is not allowed.
        """
        self.__limits.check_size(input.size, "params.size")
        self.__limits.check_type(input.mime_type, "params.mime_type")
        id = self.generate_attachment_id(input.mime_type, context)
        upload = Upload(object=self.__object_name(id, context), size=input.size)
        descriptor = await self.__calls.run(
            self.__objects.sign_upload,
            self.__keys.pending(upload.object),
            input.mime_type,
            input.size,
            self.__link_seconds,
        )
        attachment = _attachment(id, input.name, input.mime_type, upload, descriptor)
        await self.__store.save_attachment(attachment, context)
        return attachment

    async def write(
        self, name: str, mime_type: str, chunks: AsyncIterator[bytes], context: TContext
    ) -> Attachment:
        """Store the bytes of a direct upload, by way of a temporary file.

        Raises:
            InvalidRequestError: The size or the type is not allowed; nothing was stored.
        """
        self.__limits.check_type(mime_type, "mime_type")
        id = self.generate_attachment_id(mime_type, context)
        with SpooledTemporaryFile[bytes](max_size=MEBIBYTE) as file:
            size = await self.__spool(chunks, cast("BinaryIO", file))
            upload = Upload(object=self.__object_name(id, context), size=size)
            await self.__calls.run_longer(
                size / SLOWEST,
                self.__objects.write,
                self.__keys.pending(upload.object),
                cast("BinaryIO", file),
                size,
                mime_type,
            )
        attachment = _attachment(id, name, mime_type, upload)
        await self.__store.save_attachment(attachment, context)
        return attachment

    async def __spool(self, chunks: AsyncIterator[bytes], file: BinaryIO) -> int:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            self.__limits.check_size(size, "size")
            await asyncio.to_thread(file.write, chunk)
        file.seek(0)
        return size

    # First use

    async def keep_attachment(self, attachment: Attachment, context: TContext) -> Attachment:
        """Copy the bytes to where no link can write, and check them there.

        Raises:
            UnusableAttachmentError: They have not arrived, or are not of the declared size, or
                cannot be of the declared type.
            NotFoundError: The attachment has been deleted.
        """
        stored = await self.__store.load_attachment(attachment.id, context)
        upload = self.__own_upload(stored, context)
        if upload is None:
            raise UnusableAttachmentError(attachment.id, "it was not uploaded here")
        kept = upload.model_copy(update={"kept": True})
        if not upload.kept:
            await self.__copy_and_check(stored, upload)
            await self.__save_kept(attachment.id, kept, context)
            # Only now that the store says where the bytes are.
            await self.__delete([self.__keys.pending(upload.object)])
        return with_upload(attachment, kept)

    async def __copy_and_check(self, attachment: Attachment, upload: Upload) -> None:
        pending, kept = self.__keys.pending(upload.object), self.__keys.kept(upload.object)
        try:
            await self.__calls.run_longer(upload.size / SLOWEST, self.__objects.copy, pending, kept)
            wrong = await self.__what_is_wrong(attachment.mime_type, upload.size, kept)
        except NoObjectError:
            raise UnusableAttachmentError(attachment.id, "it has not been uploaded") from None
        if wrong is not None:
            await self.__delete([pending, kept])
            raise UnusableAttachmentError(attachment.id, wrong)

    async def __save_kept(self, attachment_id: str, upload: Upload, context: TContext) -> None:
        # Read anew: while the bytes were copied, which can take long, the attachment may have been
        # deleted, or another message may have changed its metadata.
        try:
            stored = await self.__store.load_attachment(attachment_id, context)
        except NotFoundError:
            await self.__delete([self.__keys.kept(upload.object)])
            raise
        await self.__store.save_attachment(with_upload(stored, upload), context)

    async def __what_is_wrong(self, mime_type: str, size: int, key: str) -> str | None:
        found = await self.__calls.run(self.__objects.size, key)
        if found != size:
            return f"{size} bytes were announced, {found or 0} have arrived"
        chunks = self.__bytes(key, 0, min(size, HEAD_BYTES))
        head = b"".join([chunk async for chunk in chunks])
        return None if fits(mime_type, head) else f"its content is not of the type {mime_type}"

    # Reading

    async def stream(
        self, attachment: Attachment, context: TContext, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end`` (or the last), in chunks.

        Raises:
            NotFoundError: The attachment does not exist, or its upload is not complete.
            ValueError: ``start`` or ``end`` is negative.
        """
        if start < 0 or (end is not None and end < 0):
            raise ValueError(f"start and end must not be negative, got {start} and {end}")
        key, size = await self.__find_bytes(attachment.id, context)
        end = size if end is None else min(end, size)
        try:
            async with aclosing(self.__bytes(key, start, end)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except NoObjectError:
            raise _no_bytes(attachment.id) from None

    async def __find_bytes(self, attachment_id: str, context: TContext) -> tuple[str, int]:
        """The key of the bytes, and how many there are."""
        upload = self.__own_upload(
            await self.__store.load_attachment(attachment_id, context), context
        )
        if upload is None:
            raise _no_bytes(attachment_id)
        if upload.kept:
            return self.__keys.kept(upload.object), upload.size
        key = self.__keys.pending(upload.object)
        if await self.__calls.run(self.__objects.size, key) != upload.size:
            raise _no_bytes(attachment_id)
        return key, upload.size

    async def __bytes(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """All of that range; each chunk has a timeout of its own."""
        if start >= end:
            return
        missing = end - start
        async with aclosing(_Steps(self.__objects.read(key, start, end))) as steps:
            while chunk := await self.__calls.run(steps.next):
                missing -= len(chunk)
                yield chunk
        if missing:
            raise StoreError(f"{self.__objects.name}: an object ended {missing} bytes too early")

    # Links

    async def renew(self, attachments: Sequence[Attachment], context: TContext) -> list[Attachment]:
        """The same attachments; the caller's own images have previews that work now."""
        owner = self.__owner_of(context)
        return await self.__calls.run(self.__renew, attachments, owner)

    async def download_url(self, attachment: Attachment, context: TContext) -> str:
        """A link that saves the file under its name; for whoever may read the attachment.

        Raises:
            NotFoundError: The attachment is not the caller's own.
        """
        upload = self.__own_upload(attachment, context)
        if upload is None:
            raise _no_bytes(attachment.id)
        return await self.__calls.run(self.__sign_download, attachment, upload, inline=False)

    async def __renew(self, attachments: Sequence[Attachment], owner: str) -> list[Attachment]:
        # At once, for storages whose links are signed elsewhere.
        renewed = (self.__renewed(attachment, owner) for attachment in attachments)
        return await asyncio.gather(*renewed)

    async def __renewed(self, attachment: Attachment, owner: str) -> Attachment:
        upload = _upload_of_owner(attachment, owner)
        if upload is None or not isinstance(attachment, ImageAttachment):
            return attachment
        url = AnyUrl(await self.__sign_download(attachment, upload, inline=True))
        return attachment.model_copy(update={"preview_url": url})

    async def __sign_download(self, attachment: Attachment, upload: Upload, inline: bool) -> str:
        place = self.__keys.kept if upload.kept else self.__keys.pending
        content_type, disposition = serving(attachment.mime_type, attachment.name, inline=inline)
        return await self.__objects.sign_download(
            place(upload.object), content_type, disposition, self.__link_seconds
        )

    # Deleting

    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete the bytes, used or not, and then the metadata; does nothing if there are none."""
        name = self.__object_name(attachment_id, context)
        # The source of copies first, so that a first use at this moment leaves none.
        await self.__delete([self.__keys.pending(name), self.__keys.kept(name)])
        await self.__store.delete_attachment(attachment_id, context)

    async def sweep(self, *, older_than: timedelta) -> int:
        """Delete uploads of all owners that no message has used, page by page.

        Run it from time to time, in one process. Looks under ``pending/`` alone, so that its cost
        does not grow with what is kept. The metadata of what it deletes stays in the ``Store``.

        Args:
            older_than: How long ago their bytes arrived; at least as long as links work.

        Returns:
            How many objects were deleted.

        Raises:
            ValueError: ``older_than`` is shorter than links work.
        """
        if older_than.total_seconds() < self.__link_seconds:
            raise ValueError(
                f"older_than= must be at least the {self.__link_seconds} s for which links work, "
                f"got {older_than.total_seconds():g} s"
            )
        written_before = time.time() - older_than.total_seconds()
        deleted = 0
        next: str | None = None
        while True:
            page = await self.__calls.run(
                self.__objects.list, self.__keys.all_pending, next, LISTED_AT_ONCE
            )
            old = [listed.key for listed in page.objects if listed.written < written_before]
            await self.__delete(old)
            deleted += len(old)
            if page.next is None:
                return deleted
            next = page.next

    async def __delete(self, keys: Sequence[str]) -> None:
        if keys:
            await self.__calls.run(self.__objects.delete, keys)

    # Whose bytes

    def __owner_of(self, context: TContext) -> str:
        return find_owner(self.__owner, context)

    def __object_name(self, attachment_id: str, context: TContext) -> str:
        return object_name(self.__owner_of(context), attachment_id)

    def __own_upload(self, attachment: Attachment, context: TContext) -> Upload | None:
        return _upload_of_owner(attachment, self.__owner_of(context))


def _upload_of_owner(attachment: Attachment, owner: str) -> Upload | None:
    """What the metadata says of the bytes, if they are the owner's."""
    upload = upload_of(attachment)
    mine = upload is not None and upload.object == object_name(owner, attachment.id)
    return upload if mine else None


def _attachment(
    id: str,
    name: str,
    mime_type: str,
    upload: Upload,
    descriptor: AttachmentUploadDescriptor | None = None,
) -> Attachment:
    file = FileAttachment(id=id, name=name, mime_type=mime_type, upload_descriptor=descriptor)
    attachment: Attachment = file
    if essence(mime_type).startswith("image/"):
        attachment = ImageAttachment(**file.model_dump(exclude={"type"}), preview_url=NO_PREVIEW)
    return with_upload(attachment, upload)


class _Steps:
    """An operation in steps, each of which may be given up while it is under way."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        self._under_way = False

    async def next(self) -> bytes | None:
        """The next chunk that is not empty; ``None`` at the end."""
        self._under_way = True
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        finally:
            self._under_way = False
        return None

    async def aclose(self) -> None:
        """End the operation; a step that was given up is ending it."""
        if not self._under_way:
            await self._chunks.aclose()


def _no_bytes(attachment_id: str) -> NotFoundError:
    return NotFoundError(f"no bytes of attachment {attachment_id!r}")
