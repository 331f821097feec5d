"""How the demo is served: the page at `/`, the protocol at `/chatkit`, files below `/files/`, and
who may ask.

The demo has one user and no login, so the browser is what has to be kept honest: another site
that is open in it must neither read nor write these conversations. Hence only requests for a
loopback host name are answered (a foreign name that was made to point here is not), and only
those that the demo's own page sends, or no page at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from chatkit.asgi import ChatKitEndpoint
from chatkit.server import ChatKitServer
from chatkit_files import FolderApp

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PAGE = Path(__file__).with_name("page.html")
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "[::1]"}


class DemoSite:
    """One ASGI application: the page, the endpoint around ``assistant``, and the users' files."""

    def __init__(self, assistant: ChatKitServer[None], files: FolderApp) -> None:
        self._endpoint = ChatKitEndpoint(assistant, context=lambda _: None)
        self._files = files
        self._page = PAGE.read_bytes()
        self._page_headers = page_headers(self._page.decode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # the endpoint closes the store at the end
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = why_refused(scope)
        if refusal:
            await send_text(send, 403, refusal)
        elif scope["path"] == "/chatkit":
            await self._endpoint(scope, receive, send)
        elif scope["path"].startswith("/files/"):
            await self._files(scope, receive, send)
        elif scope["path"] != "/":
            await send_text(send, 404, "There is nothing here; the demo is at /.")
        elif scope["method"] not in ("GET", "HEAD"):
            await send_text(send, 405, "The page can only be read.", [(b"allow", b"GET, HEAD")])
        else:
            body = self._page if scope["method"] == "GET" else b""
            await send_body(send, 200, body, self._page_headers)


def why_refused(scope: Scope) -> str | None:
    """Why this request is not answered, or ``None`` if it is."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if re.sub(r":\d+$", "", host) not in LOOPBACK_NAMES:
        return "This demo answers only under the name 127.0.0.1 or localhost."
    origin = headers.get(b"origin")
    if origin is not None and origin != f"http://{host}":
        return "This demo answers only its own page."
    return None


def page_headers(page: str) -> list[tuple[bytes, bytes]]:
    """Headers that hold the page to what it is: its own script and style, its own server."""
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {hashes_of('script', page)}",
            f"style-src {hashes_of('style', page)}",
            "img-src 'self' https: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page.encode())).encode()),
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-cache"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]


def hashes_of(tag: str, page: str) -> str:
    """What a content security policy calls the inline texts of ``tag``."""
    texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


async def send_text(
    send: Send, status: int, text: str, more: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with one plain sentence."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    await send_body(send, status, body, headers)


async def send_body(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    """Answer with these bytes."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
