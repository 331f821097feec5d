"""Exceptions that a server raises or sends, apart from those of stores (``chatkit.store``).

Exception
├── BaseStreamError          raised by an integration: becomes the stream's ``error`` event
│   ├── StreamError              a known code, the client has the words
│   └── CustomStreamError        the integration's own words, shown to the user
└── ValueError
    ├── InvalidRequestError      the request is malformed or of an unknown type
    └── RequestRefusedError      the request is well-formed, but what it names does not allow it
"""

from __future__ import annotations

from abc import ABC
from enum import Enum


class ErrorCode(str, Enum):
    """Codes for which the ChatKit web client has words of its own."""

    STREAM_ERROR = "stream.error"


DEFAULT_STATUS: dict[ErrorCode, int] = {ErrorCode.STREAM_ERROR: 500}
"""The HTTP status that describes each code."""

DEFAULT_ALLOW_RETRY: dict[ErrorCode, bool] = {ErrorCode.STREAM_ERROR: True}
"""Whether the client offers a retry for each code, unless the error says otherwise."""


class BaseStreamError(ABC, Exception):
    """What an integration raises to end its turn with an ``error`` event of its choice."""

    allow_retry: bool


class StreamError(BaseStreamError):
    """End the turn with one of the known codes; the client shows its own words for it.

    Args:
        code: Which one.
        allow_retry: Whether the client offers a retry; by default as ``DEFAULT_ALLOW_RETRY`` says.
    """

    code: ErrorCode

    def __init__(self, code: ErrorCode, *, allow_retry: bool | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.allow_retry = DEFAULT_ALLOW_RETRY[code] if allow_retry is None else allow_retry


class CustomStreamError(BaseStreamError):
    """End the turn with a message that the client shows to the user as it is.

    Args:
        message: What the user reads.
        allow_retry: Whether the client offers a retry.
    """

    message: str

    def __init__(self, message: str, *, allow_retry: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.allow_retry = allow_retry


class InvalidRequestError(ValueError):
    """A request that cannot be understood or breaks a limit; nothing has been done for it.

    Args:
        message: What is wrong, fit for the developer of the client.
        field: Where, as a dotted path into the request (``params.input.content.0.text``), or
            ``None`` when the body as a whole is at fault.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field


class RequestRefusedError(ValueError):
    """A well-formed request that the state of the thread or item does not allow.

    For example a tool result when no call is pending, a retry after something that is no user
    message, or a synchronous action sent by something that is no widget.
    """
