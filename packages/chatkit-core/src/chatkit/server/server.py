"""``ChatKitServer``: an integration, and ``process``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from typing_extensions import TypeVar

from chatkit.errors import ErrorCode
from chatkit.logger import logger
from chatkit.server.answers import answer
from chatkit.server.integration import Integration
from chatkit.server.lookups import ActionFromOtherItemError
from chatkit.server.plans import plan
from chatkit.server.results import NonStreamingResult, StreamingResult
from chatkit.server.turn import Turn
from chatkit.server.wire import encode_event, parse_request
from chatkit.types import (
    ClosedStatus,
    ErrorEvent,
    LockedStatus,
    ThreadMetadata,
    is_streaming_req,
)

TContext = TypeVar("TContext", default=Any)

DEFAULT_ERROR_MESSAGE = "An error occurred when generating a response."

REFUSALS: dict[type, str] = {
    LockedStatus: "This conversation is locked.",
    ClosedStatus: "This conversation is closed.",
}


class ChatKitServer(Integration[TContext]):
    """The backend of a ChatKit web client: override ``respond``, pass requests to ``process``.

    Args:
        store: Keeps threads, items and attachments' metadata.
        attachment_store: Keeps attachments' bytes; without one, attachment requests fail.
    """

    async def process(
        self, request: str | bytes | bytearray, context: TContext
    ) -> StreamingResult | NonStreamingResult:
        """Carry out one request of the client.

        Args:
            request: The body as it came, JSON.
            context: Whatever ``respond`` and the stores need to know of the caller; passed on.

        Returns:
            A ``StreamingResult``, to be sent as ``text/event-stream``, or a
            ``NonStreamingResult``, to be sent as ``application/json``.

        Raises:
            InvalidRequestError: The request is malformed, unknown or out of bounds.
            NotFoundError: Something that it names does not exist for the caller.
            RequestRefusedError: What it names does not allow it.
            NotImplementedError: It needs a method that is not overridden.

            Whatever is raised, nothing has been written. After a ``StreamingResult`` has been
            returned, failures are ``error`` events of its stream.
        """
        parsed = parse_request(request)
        if not is_streaming_req(parsed):
            return NonStreamingResult(await answer(self, parsed, context))
        try:
            intended = await plan(self, parsed, context)
        except ActionFromOtherItemError as error:
            logger.error("an action was refused: %s", error)
            return _only(ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=False))
        if not self.accepts(intended.thread, parsed, context):
            return _only(ErrorEvent(message=_refusal(intended.thread), allow_retry=False))
        return StreamingResult(Turn(self, intended).stream())

    async def aclose(self) -> None:
        """Stop all turns and wait until what they have shown is stored. Leaves the stores open."""
        await self.running_turns.stop_all()


def _refusal(thread: ThreadMetadata) -> str:
    """Why the thread takes no more, in words for the user."""
    reason = getattr(thread.status, "reason", None)
    return reason or REFUSALS.get(type(thread.status), "This conversation takes no messages.")


def _only(event: ErrorEvent) -> StreamingResult:
    """A stream of one event."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield encode_event(event)

    return StreamingResult(stream())
