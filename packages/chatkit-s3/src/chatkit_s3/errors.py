"""What S3 answers instead of doing what it was asked."""

from __future__ import annotations

from botocore.exceptions import ClientError

MISSING = ("404", "NoSuchKey", "NotFound")
"""The codes of: there is no such object. ``HEAD`` has no body, and so no more than the status."""


class NotDeletedError(Exception):
    """The service has refused to delete one of several objects."""


def code_of(error: ClientError) -> str:
    """The service's word for an error, such as ``NoSuchKey``."""
    return error.response.get("Error", {}).get("Code", "")
