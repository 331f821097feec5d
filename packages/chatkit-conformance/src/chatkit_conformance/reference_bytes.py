"""``ReferenceAttachmentStore``: bytes in memory, behind HTTP links on 127.0.0.1.

A link is an unguessable token that the service knows, with what may be done there and until when.
So a link can be neither altered nor made up, and forgetting it is revoking it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import quote

from pydantic import AnyUrl

from chatkit.owners import Owner, check_owner_setting, find_owner
from chatkit.store import AttachmentStore, NotFoundError, TContext
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
    ImageAttachment,
)


@dataclass
class Upload:
    """An attachment's bytes, and what was declared of them before they came."""

    owner: str
    name: str
    mime_type: str
    size: int
    data: bytes | None = None


@dataclass(frozen=True)
class Link:
    """What a token stands for."""

    method: str
    attachment_id: str
    expires: float
    """In seconds of ``time.monotonic``."""


class ByteService:
    """Keeps bytes, and takes and hands them out over HTTP. It listens from the first link on.

    Args:
        link_seconds: How long a link works.
    """

    def __init__(self, *, link_seconds: float = 300.0) -> None:
        self.link_seconds = link_seconds
        self.uploads: dict[str, Upload] = {}
        self.links: dict[str, Link] = {}
        self._server: ThreadingHTTPServer | None = None

    def link(self, method: str, attachment_id: str) -> str:
        """A new URL at which ``method`` works for the attachment's bytes."""
        token = secrets.token_urlsafe(24)
        self.links[token] = Link(method, attachment_id, time.monotonic() + self.link_seconds)
        return f"http://127.0.0.1:{self._listening().server_port}/{token}"

    def put(self, path: str, content_type: str | None, data: bytes) -> int:
        """The status of an upload; only that of 200 has stored anything."""
        upload = self._upload_at("PUT", path)
        if upload is None or upload.data is not None:
            return 403
        if (content_type, len(data)) != (upload.mime_type, upload.size):
            return 400
        upload.data = data
        return 200

    def get(self, path: str) -> Upload | None:
        """What a download gives, ``None`` if nothing."""
        upload = self._upload_at("GET", path)
        return upload if upload is not None and upload.data is not None else None

    def headers(self, upload: Upload) -> dict[str, str]:
        """The headers of a download."""
        name = quote(upload.name, safe="")
        return {
            "Content-Type": upload.mime_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        }

    def close(self) -> None:
        """Stop listening; the bytes stay."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _upload_at(self, method: str, path: str) -> Upload | None:
        link = self.links.get(path.removeprefix("/"))
        if link is None or link.method != method or link.expires < time.monotonic():
            return None
        return self.uploads.get(link.attachment_id)

    def _listening(self) -> ThreadingHTTPServer:
        if self._server is None:
            self._server = _Server(self)
            serve = self._server.serve_forever
            threading.Thread(target=serve, args=(0.01,), daemon=True).start()
        return self._server


class ReferenceAttachmentStore(AttachmentStore[TContext]):
    """An attachment store over a ``ByteService``.

    Args:
        service: The backend.
        owner: How to find the owner of a context, or ``chatkit.owners.SINGLE_OWNER``.
        max_bytes: The largest upload.
        mime_types: The allowed types, ``None`` for all.
    """

    def __init__(
        self,
        service: ByteService,
        *,
        owner: Owner[TContext],
        max_bytes: int = 10_000_000,
        mime_types: Sequence[str] | None = None,
    ) -> None:
        check_owner_setting(owner)
        self._service = service
        self._owner = owner
        self._max_bytes = max_bytes
        self._mime_types = mime_types

    async def create_attachment(
        self, input: AttachmentCreateParams, context: TContext
    ) -> Attachment:
        """Announce an upload. Raises ``ValueError`` for a size or type that is not allowed."""
        owner = find_owner(self._owner, context)
        if not 0 <= input.size <= self._max_bytes:
            raise ValueError(f"size must be from 0 to {self._max_bytes}, got {input.size}")
        if self._mime_types is not None and input.mime_type not in self._mime_types:
            allowed = ", ".join(self._mime_types)
            raise ValueError(f"mime_type must be one of {allowed}, got {input.mime_type!r}")
        id = self.generate_attachment_id(input.mime_type, context)
        self._service.uploads[id] = Upload(owner, input.name, input.mime_type, input.size)
        descriptor = AttachmentUploadDescriptor(
            url=AnyUrl(self._service.link("PUT", id)),
            method="PUT",
            headers={"Content-Type": input.mime_type},
        )
        if not input.mime_type.startswith("image/"):
            return FileAttachment(
                id=id, name=input.name, mime_type=input.mime_type, upload_descriptor=descriptor
            )
        return ImageAttachment(
            id=id,
            name=input.name,
            mime_type=input.mime_type,
            upload_descriptor=descriptor,
            preview_url=AnyUrl(self._service.link("GET", id)),
        )

    async def read(self, attachment: Attachment, context: TContext) -> bytes:
        """All bytes. Raises ``NotFoundError``."""
        upload = self._own(attachment.id, context)
        if upload is None or upload.data is None:
            raise NotFoundError(f"no bytes of attachment {attachment.id!r}")
        return upload.data

    async def renew(self, attachments: Sequence[Attachment], context: TContext) -> list[Attachment]:
        """The same attachments; the caller's own images have previews that work now."""
        return [self._renewed(attachment, context) for attachment in attachments]

    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete the bytes, if they are there and the caller's own; the links to them fail."""
        if self._own(attachment_id, context) is not None:
            del self._service.uploads[attachment_id]

    def _renewed(self, attachment: Attachment, context: TContext) -> Attachment:
        if attachment.type == "file" or self._own(attachment.id, context) is None:
            return attachment
        url = AnyUrl(self._service.link("GET", attachment.id))
        return attachment.model_copy(update={"preview_url": url})

    def _own(self, attachment_id: str, context: TContext) -> Upload | None:
        upload = self._service.uploads.get(attachment_id)
        owner = find_owner(self._owner, context)
        return upload if upload is not None and upload.owner == owner else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: ByteService) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def service(self) -> ByteService:
        return cast("_Server", self.server).service

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status = self.service.put(self.path, self.headers.get("Content-Type"), data)
        self._answer(status, b"")

    def do_GET(self) -> None:
        upload = self.service.get(self.path)
        if upload is None:
            self._answer(404, b"")
            return
        assert upload.data is not None  # noqa: S101 - for the type checkers
        start, end = _range(self.headers.get("Range"), len(upload.data))
        body = upload.data[start:end]
        headers = self.service.headers(upload)
        if len(body) < len(upload.data):
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(upload.data)}"
        self._answer(206 if len(body) < len(upload.data) else 200, body, headers)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # so that no thread stays for a client that left
        self.end_headers()
        self.wfile.write(body)


def _range(header: str | None, size: int) -> tuple[int, int]:
    """From which byte up to which one, not included, a ``Range`` like ``bytes=0-9`` asks."""
    first, dash, last = (header or "").removeprefix("bytes=").partition("-")
    if not dash or not first.isdigit() or int(first) >= size:
        return 0, size
    return int(first), min(int(last) + 1 if last.isdigit() else size, size)
