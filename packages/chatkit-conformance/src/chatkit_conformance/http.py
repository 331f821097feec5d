"""A plain HTTP client, for links that attachment stores hand out."""

from __future__ import annotations

import asyncio
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatkit.types import Attachment
from chatkit_conformance import expect

TIMEOUT = 20.0


@dataclass(frozen=True)
class Reply:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300


async def send(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Send a request, in a thread, and return whatever was answered."""
    return await asyncio.to_thread(_send, method, url, body, headers or {})


def _send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
    if not url.startswith(("http://", "https://")):
        expect.fail("a link", expected=expect.Words("an http or https URL"), got=url)
    request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return _reply(answer.status, answer)
    except urllib.error.HTTPError as error:
        with error:
            return _reply(error.code, error)


def _reply(status: int, answer: Any) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(status, headers, answer.read())


async def upload(attachment: Attachment, data: bytes, **other: str) -> Reply:
    """Follow the attachment's upload descriptor, as a browser would.

    Args:
        attachment: What ``create_attachment`` returned.
        data: The bytes.
        other: ``url`` and ``mime_type`` in place of the right ones.
    """
    descriptor = attachment.upload_descriptor
    if descriptor is None:
        expect.fail("create_attachment", expected="an upload_descriptor", got=attachment)
        raise AssertionError
    url = other.get("url", str(descriptor.url))
    mime_type = other.get("mime_type", attachment.mime_type)
    headers = dict(descriptor.headers)
    if descriptor.method == "PUT":
        named = [name for name in headers if name.lower() == "content-type"]
        headers[named[0] if named else "Content-Type"] = mime_type
        return await send("PUT", url, data, headers)
    boundary = secrets.token_hex(16)
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    return await send("POST", url, _form(boundary, mime_type, data), headers)


def _form(boundary: str, mime_type: str, data: bytes) -> bytes:
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="file"\r\n'
        f"Content-Type: {mime_type}\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
