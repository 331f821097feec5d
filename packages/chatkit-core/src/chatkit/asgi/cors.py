"""Which pages of other origins may call the endpoint (the CORS protocol of the Fetch standard)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from chatkit.asgi.protocol import Headers
from chatkit.asgi.request import Request

PREFLIGHT_MAX_AGE_S = 600
"""How long a browser may go without asking again; browsers cap it at 600 to 86400 s."""


class Cors:
    """The origins whose pages may read the answers, apart from the endpoint's own.

    Args:
        allow_origins: Origins such as ``"https://example.com"``, ``"null"``, or ``"*"`` for all.
        methods: What they may call.

    Raises:
        TypeError: A single origin was given where a list is wanted.
        ValueError: Something in the list is no origin.
    """

    def __init__(
        self, allow_origins: Iterable[str] | Literal["*"], methods: Sequence[str] = ("POST",)
    ) -> None:
        if isinstance(allow_origins, str) and allow_origins != "*":
            raise TypeError(
                f'allow_origins= must be a list of origins or "*", not {allow_origins!r}'
            )
        self._methods = ", ".join(methods).encode()
        self._origins = frozenset(_checked(origin) for origin in allow_origins)

    def headers(self, request: Request) -> Headers:
        """What every answer to ``request`` carries, whatever its status."""
        if "*" in self._origins:
            return [(b"access-control-allow-origin", b"*")]
        if not self._origins:
            return []
        origin = request.headers.get("origin")
        headers = [(b"vary", b"origin")]
        if origin in self._origins:
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        return headers

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser asks before it lets a page call."""
        return (
            bool(self._origins)
            and request.method == "OPTIONS"
            and "origin" in request.headers
            and "access-control-request-method" in request.headers
        )

    def allows(self, request: Request) -> bool:
        """Whether the page that sends ``request`` is of an allowed origin."""
        return "*" in self._origins or request.headers.get("origin") in self._origins

    def preflight_headers(self, request: Request) -> Headers:
        """What a preflight of an allowed origin is told, beside ``headers``."""
        headers = [
            (b"access-control-allow-methods", self._methods),
            (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
        ]
        asked_for = request.headers.get("access-control-request-headers")
        if asked_for:
            headers.append((b"access-control-allow-headers", asked_for.encode("latin-1")))
            headers.append((b"vary", b"access-control-request-headers"))
        return headers


def _checked(origin: str) -> str:
    if origin in ("*", "null"):
        return origin
    parts = urlsplit(origin)
    if not parts.scheme or origin != f"{parts.scheme}://{parts.netloc}" or not parts.netloc:
        raise ValueError(
            'allow_origins= takes origins such as "https://example.com", without a path or a '
            f"slash at the end, in lower case; got {origin!r}"
        )
    return origin
