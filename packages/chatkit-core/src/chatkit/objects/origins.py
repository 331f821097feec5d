"""Which pages may use a bucket's links: the origins that an adapter puts into the bucket's rule."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit


def checked_origins(origins: Iterable[str]) -> list[str]:
    """The origins of web pages, such as ``"https://example.com"``, or ``"*"`` for all.

    Raises:
        TypeError: ``origins`` is a single string.
        ValueError: There is none, or one of them is no origin.
    """
    if isinstance(origins, str):
        raise TypeError(f"origins must be a list of origins, not {origins!r}")
    checked = [_checked(origin) for origin in origins]
    if not checked:
        raise ValueError("origins must name at least one origin")
    return checked


def _checked(origin: str) -> str:
    if origin == "*":
        return origin
    parts = urlsplit(origin)
    web = parts.scheme in ("http", "https") and parts.hostname
    if not web or f"{parts.scheme}://{parts.netloc}" != origin:
        raise ValueError(f"an origin is such as 'https://example.com', got {origin!r}")
    return origin
