"""The door that all routes of a server share: which pages may call, and who is asking."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from chatkit.asgi.cors import Cors
from chatkit.asgi.failures import Failure, describe_refusal, send_failure
from chatkit.asgi.protocol import Headers, Send, send_answer
from chatkit.asgi.request import Request

TContext = TypeVar("TContext")


@dataclass(frozen=True)
class Caller(Generic[TContext]):
    """Who was let in."""

    context: TContext
    headers: Headers
    """What every answer to the request carries."""


class Door(Generic[TContext]):
    """Lets requests in that are a POST and of a page that may call, with their context.

    Args:
        context: From the request to the context; see ``ChatKitEndpoint``.
        allow_origins: Origins whose pages may call.

    Raises:
        TypeError: ``context`` is no function, or ``allow_origins`` no list of origins.
        ValueError: An origin is none.
    """

    def __init__(
        self,
        context: Callable[[Request], TContext | Awaitable[TContext]],
        allow_origins: Iterable[str] | Literal["*"],
    ) -> None:
        if not callable(context):
            raise TypeError(
                f"context= must be a function from the request to the context, not {context!r}"
            )
        self._find_context = context
        self._cors = Cors(allow_origins)

    async def let_in(self, request: Request, send: Send) -> Caller[TContext] | None:
        """Who is asking; ``None`` if the request was turned away or a preflight: then it has been
        answered.
        """
        headers = self._cors.headers(request)
        if self._cors.is_preflight(request):
            await self._answer_preflight(request, headers, send)
            return None
        if request.method != "POST":
            failure = Failure(405, "method_not_allowed", "only POST is served here")
            await send_failure(send, failure, [*headers, (b"allow", b"POST")])
            return None
        try:
            context = await self._context_of(request)
        except Exception as error:
            failure, own_headers = describe_refusal(error)
            await send_failure(send, failure, [*headers, *own_headers])
            return None
        return Caller(context, headers)

    async def _answer_preflight(self, request: Request, headers: Headers, send: Send) -> None:
        if self._cors.allows(request):
            headers = [*headers, *self._cors.preflight_headers(request)]
            await send_answer(send, 200, headers, b"")
        else:
            failure = Failure(403, "origin_not_allowed", "pages of this origin may not call")
            await send_failure(send, failure, headers)

    async def _context_of(self, request: Request) -> TContext:
        found: Any = self._find_context(request)
        if inspect.isawaitable(found):
            found = await found
        context: TContext = found
        return context
