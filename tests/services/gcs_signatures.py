"""Whether Google Cloud Storage would take a request with a signed URL, by Google's published
scheme ("V4 signing process", algorithm GOOG4-RSA-SHA256)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from urllib.parse import parse_qsl, quote

from services.gcs_account import ServiceAccount
from services.relay import Request

ALGORITHM = "GOOG4-RSA-SHA256"
LONGEST = 7 * 24 * 3600
CLOCKS_DIFFER = timedelta(minutes=15)


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """What the storage answers instead of doing it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code


def is_signed(request: Request) -> bool:
    """Whether the request says that it is signed."""
    return "x-goog-signature=" in request.query.lower()


def check_signed(request: Request, account: ServiceAccount, now: datetime) -> None:
    """Raise ``Refused`` unless the account has signed exactly this request, and for now."""
    said = {name.lower(): value for name, value in parse_qsl(request.query)}
    try:
        signature = bytes.fromhex(said["x-goog-signature"])
        date = datetime.strptime(said["x-goog-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        lifetime = int(said["x-goog-expires"])
        email, scope = said["x-goog-credential"].split("/", 1)
        signed_headers = said["x-goog-signedheaders"].split(";")
    except (KeyError, ValueError):
        raise Refused(400, "InvalidArgument") from None
    if (
        said.get("x-goog-algorithm") != ALGORITHM
        or scope != f"{date:%Y%m%d}/auto/storage/goog4_request"
        or email != account.email
        or not 1 <= lifetime <= LONGEST
        or date > now + CLOCKS_DIFFER
    ):
        raise Refused(400, "AuthorizationQueryParametersError")
    if "host" not in signed_headers or not _own_headers(request) <= set(signed_headers):
        raise Refused(403, "AccessDenied")
    to_sign = "\n".join(
        [ALGORITHM, said["x-goog-date"], scope, _digest(_canonical(request, signed_headers))]
    )
    if not account.has_signed(to_sign.encode(), signature):
        raise Refused(403, "SignatureDoesNotMatch")
    if now > date + timedelta(seconds=lifetime):
        raise Refused(400, "ExpiredToken")


def check_length(request: Request) -> None:
    """Raise ``Refused`` for a body that is not as long as ``x-goog-content-length-range`` says."""
    allowed = request.headers.get("x-goog-content-length-range")
    if request.method != "PUT" or allowed is None:
        return
    if "content-length" not in request.headers:
        raise Refused(411, "MissingContentLength")
    least, most = (int(bound) for bound in allowed.split(","))
    length = int(request.headers["content-length"])
    if length > most:
        raise Refused(400, "EntityTooLarge")
    if length < least:
        raise Refused(400, "EntityTooSmall")


def _own_headers(request: Request) -> set[str]:
    """Those that a client may send only if they were signed."""
    return {name for name in request.headers if name.startswith("x-goog-")}


def _canonical(request: Request, signed_headers: list[str]) -> str:
    """The canonical request."""
    query = sorted(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in parse_qsl(request.query, keep_blank_values=True)
        if name.lower() != "x-goog-signature"
    )
    headers = [
        f"{name}:{re.sub(' +', ' ', request.headers.get(name, '').strip())}\n"
        for name in signed_headers
    ]
    payload = request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
    return "\n".join(
        [
            request.method,
            request.path,
            "&".join(query),
            "".join(headers),
            ";".join(signed_headers),
            payload,
        ]
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
