"""What a signed link says, and whether it is one of ours.

A link ends in a *ticket*: JSON in base64url, a dot, and an HMAC-SHA256 of that in hexadecimal
digits. It cannot be made up or altered, and it tells nothing that its holder may not know.
"""

from __future__ import annotations

import base64
import hmac
import time
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatkit.objects.serving import Serving


class Ticket(BaseModel):
    """What the holder of a link may do.

    Attributes:
        method: ``PUT`` to upload, ``GET`` (and ``HEAD``) to download.
        key: Which file.
        expires: Until when, in seconds since 1970.
        mime_type: The content type of the upload, or with which the download is answered.
        size: The size of the upload.
        disposition: The ``Content-Disposition`` of the download.
    """

    model_config = ConfigDict(frozen=True)

    method: Literal["PUT", "GET"]
    key: str
    expires: float
    mime_type: str
    size: int = 0
    disposition: str = ""

    @property
    def serving(self) -> Serving:
        """The headers of the download."""
        return Serving(self.mime_type, self.disposition)


def seal(ticket: Ticket, secret: bytes) -> str:
    """The ticket as the last part of a link's path."""
    payload = base64.urlsafe_b64encode(ticket.model_dump_json().encode()).rstrip(b"=")
    return f"{payload.decode()}.{_signature(payload, secret)}"


def unseal(text: str, secret: bytes) -> Ticket | None:
    """The ticket, if it is ours and has not expired."""
    payload, _, signature = text.partition(".")
    raw = payload.encode("utf-8", "replace")
    if not hmac.compare_digest(
        _signature(raw, secret).encode(), signature.encode("utf-8", "replace")
    ):
        return None
    try:
        ticket = Ticket.model_validate_json(base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
    except (ValidationError, ValueError):
        return None
    return ticket if time.time() < ticket.expires else None


def _signature(payload: bytes, secret: bytes) -> str:
    return hmac.new(secret, b"chatkit link " + payload, sha256).hexdigest()
