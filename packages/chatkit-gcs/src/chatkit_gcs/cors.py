"""The CORS rules with which a bucket lets pages of other origins follow the store's links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]

HEADERS = [
    "Content-Type",
    "x-goog-content-length-range",
    "x-goog-encryption-kms-key-name",
    "x-goog-if-generation-match",
]
"""What upload links want to be sent."""

MAX_AGE_S = 3600
"""How long a browser may go without asking again."""


def cors_rules(origins: Iterable[str]) -> list[dict[str, Any]]:
    """The rules for pages of these origins, as a bucket's ``cors`` setting has them.

    Args:
        origins: Such as ``"https://chat.example.com"``, or ``"*"``.

    Raises:
        TypeError: ``origins`` is a single string.
        ValueError: Something in it is no origin, or nothing is.
    """
    if isinstance(origins, str):
        raise TypeError(f"origins must be a list of origins, not {origins!r}")
    checked = [_checked(origin) for origin in origins]
    if not checked:
        raise ValueError("origins must name at least one origin")
    return [
        {
            "origin": checked,
            "method": ["GET", "HEAD", "PUT"],
            "responseHeader": HEADERS,
            "maxAgeSeconds": MAX_AGE_S,
        }
    ]


def apply_cors(bucket: storage.Bucket, origins: Iterable[str]) -> None:
    """Put the rules before those that the bucket has; a rule that is there already moves.

    Blocks. Needs the permissions ``storage.buckets.get`` and ``storage.buckets.update``, which the
    store itself does not.

    Args:
        bucket: A bucket of a client of yours.
        origins: As for ``cors_rules``.

    Raises:
        google.api_core.exceptions.GoogleAPIError: The service refuses or cannot be reached; the
            bucket is as it was.
    """
    rules = cors_rules(origins)
    driver: Any = bucket
    driver.reload()
    driver.cors = [*rules, *(rule for rule in driver.cors if rule not in rules)]
    driver.patch(if_metageneration_match=driver.metageneration)


def _checked(origin: str) -> str:
    parts = urlsplit(origin)
    if origin != "*" and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
        raise ValueError(f"an origin is a scheme and a host, such as https://a.com: {origin!r}")
    return origin
