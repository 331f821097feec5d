"""The rule of a bucket that lets pages of your site upload to it and download from it (CORS)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatkit.objects.origins import checked_origins
from chatkit_gcs.driver import new_client

HEADERS = [
    "Content-Type",
    "x-goog-content-length-range",
    "x-goog-encryption-kms-key-name",
    "x-goog-if-generation-match",
]
"""What upload links want to be sent."""


def cors_rule(origins: Iterable[str]) -> dict[str, Any]:
    """What browsers need to follow the links of a ``GCSAttachmentStore``, for these origins.

    Args:
        origins: Those of your pages, such as ``"https://example.com"``, or ``"*"``.

    Raises:
        TypeError: ``origins`` is a single string.
        ValueError: There is none, or one of them is no origin.
    """
    return {
        "origin": checked_origins(origins),
        "method": ["PUT", "GET", "HEAD"],
        "responseHeader": HEADERS,
        "maxAgeSeconds": 3600,
    }


def apply_cors(bucket: str, origins: Iterable[str], *, endpoint_url: str | None = None) -> None:
    """Give a bucket that rule, in place of an earlier one; other rules of the bucket stay.

    It blocks. Credentials are found where Google's libraries find them; they need the permissions
    ``storage.buckets.get`` and ``storage.buckets.update``.

    Args:
        bucket: Its name.
        origins: As for ``cors_rule``.
        endpoint_url: Where a service other than Google's is.

    Raises:
        google.api_core.exceptions.GoogleAPIError: The service refuses.
        google.auth.exceptions.GoogleAuthError: There are no credentials, or they are refused.
        OSError: It cannot be reached.
        TypeError, ValueError: An argument is wrong.
    """
    rule = cors_rule(origins)
    client = new_client(endpoint_url)
    try:
        found = client.get_bucket(bucket)
        # Before the others, as the first one that applies to a request decides.
        found.cors = [rule, *(other for other in found.cors if not _is_ours(other))]
        found.patch(if_metageneration_match=found.metageneration)
    finally:
        client.close()


def _is_ours(rule: dict[str, Any]) -> bool:
    return rule.get("responseHeader") == HEADERS
