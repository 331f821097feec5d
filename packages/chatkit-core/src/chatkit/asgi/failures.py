"""Which exception becomes which status, and which words of it the client gets to see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from chatkit.asgi.body import BodyStalledError, BodyTooLargeError
from chatkit.asgi.protocol import Headers, Send, send_answer
from chatkit.errors import (
    BaseStreamError,
    CustomStreamError,
    InvalidRequestError,
    RequestRefusedError,
)
from chatkit.logger import logger
from chatkit.store import NotFoundError, RecordTooLargeError, StoreUnavailableError

JSON_HEADERS: Headers = [(b"content-type", b"application/json")]


@dataclass(frozen=True)
class Failure:
    """The answer to a request that failed: its status and its JSON body's parts."""

    status: int
    """The HTTP status."""
    type: str
    """What kind of failure, for programs: ``"not_found"``."""
    message: str
    """What went wrong, for the developer of the client; for the user where an integration
    raised ``CustomStreamError``."""
    field: str | None = None
    """Where in the request, as a dotted path, if one field is at fault."""

    @property
    def json(self) -> bytes:
        """The body: ``{"error": {"type": …, "message": …, "field": …}}``."""
        error = {"type": self.type, "message": self.message, "field": self.field}
        return json.dumps({"error": error}).encode()


@dataclass(frozen=True)
class _Rule:
    status: int
    type: str
    message: str | None
    """What the client reads; ``None`` for the exception's own words."""
    log: bool = False


_RULES: tuple[tuple[type[Exception], _Rule], ...] = (
    (InvalidRequestError, _Rule(400, "invalid_request", None)),
    (NotFoundError, _Rule(404, "not_found", None)),
    (BodyStalledError, _Rule(408, "timeout", None)),
    (RequestRefusedError, _Rule(409, "refused", None)),
    (CustomStreamError, _Rule(409, "refused", None)),
    (BaseStreamError, _Rule(409, "refused", "the request was refused")),
    (BodyTooLargeError, _Rule(413, "too_large", None)),
    (RecordTooLargeError, _Rule(413, "too_large", None)),
    (NotImplementedError, _Rule(501, "not_implemented", "this server does not do that", log=True)),
    (StoreUnavailableError, _Rule(503, "unavailable", "try again in a moment", log=True)),
    (Exception, _Rule(500, "internal", "the server failed; its log says why", log=True)),
)
"""The first row whose class fits decides."""


def describe_failure(error: Exception) -> Failure:
    """How to answer a request for which ``ChatKitServer.process`` has raised ``error``.

    For endpoints written by hand, so that they answer as ``ChatKitEndpoint`` does. What the
    client is not told (the cause of a 500, 501 or 503) goes to the ``chatkit`` logger.
    """
    rule = next(rule for kind, rule in _RULES if isinstance(error, kind))
    if rule.log:
        logger.error("a request failed, answered with status %d", rule.status, exc_info=error)
    own_words = error.message if isinstance(error, InvalidRequestError) else str(error)
    return Failure(
        status=rule.status,
        type=rule.type,
        message=own_words if rule.message is None else rule.message,
        field=error.field if isinstance(error, InvalidRequestError) else None,
    )


def describe_refusal(error: Exception) -> tuple[Failure, Headers]:
    """How to answer a request for which the context function has raised ``error``.

    An exception that carries a status, as web frameworks' do, is the function's answer to the
    client, with its ``detail`` and ``headers``. Anything else is a fault of the function, and none
    of its words are shown.
    """
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not 400 <= status <= 599:
        logger.error("the context function failed", exc_info=error)
        return Failure(500, "internal", "the server failed; its log says why"), []
    phrase = _phrase(status)
    detail = getattr(error, "detail", None)
    failure = Failure(
        status=status,
        type=phrase.lower().replace(" ", "_").replace("-", "_"),
        message=detail if isinstance(detail, str) and detail else phrase,
    )
    return failure, _headers(getattr(error, "headers", None))


async def send_failure(send: Send, failure: Failure, headers: Headers) -> None:
    """Answer a request that failed."""
    await send_answer(send, failure.status, [*JSON_HEADERS, *headers], failure.json)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _headers(headers: object) -> Headers:
    if not isinstance(headers, Mapping):
        return []
    items = cast("Mapping[object, object]", headers).items()
    return [
        (str(name).lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in items
        if str(name).lower() not in ("content-type", "content-length")  # those of our own body
    ]
