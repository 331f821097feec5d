"""``ChatKitServer``: what an integrator overrides, and ``process``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime, timezone
from typing import Any, Generic, Literal

from typing_extensions import TypeVar

from chatkit.actions import Action
from chatkit.errors import ErrorCode
from chatkit.logger import logger
from chatkit.server.answers import answer
from chatkit.server.lookups import ActionFromOtherItemError
from chatkit.server.plans import plan
from chatkit.server.results import NonStreamingResult, StreamingResult
from chatkit.server.running import RunningTurns, thread_key
from chatkit.server.turn import Turn, has_text
from chatkit.server.wire import encode_event, parse_request
from chatkit.store import AttachmentStore, Store
from chatkit.types import (
    AssistantMessageItem,
    AudioInput,
    ClosedStatus,
    ErrorEvent,
    LockedStatus,
    SDKHiddenContextItem,
    StreamingReq,
    StreamOptions,
    SyncCustomActionResponse,
    ThreadItem,
    ThreadMetadata,
    ThreadsAddUserMessageReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    TranscriptionResult,
    UserMessageItem,
    WidgetItem,
    is_streaming_req,
)

TContext = TypeVar("TContext", default=Any)

DEFAULT_ERROR_MESSAGE = "An error occurred when generating a response."

CANCELLATION_NOTE = (
    "The user stopped the answer to their last message before it was complete. "
    "Do not continue it unless the user asks for that."
)

REFUSALS: dict[type, str] = {
    LockedStatus: "This conversation is locked.",
    ClosedStatus: "This conversation is closed.",
}


class ChatKitServer(ABC, Generic[TContext]):
    """The backend of a ChatKit web client: override ``respond``, pass requests to ``process``.

    Args:
        store: Keeps threads, items and attachments' metadata.
        attachment_store: Keeps attachments' bytes; without one, attachment requests fail.
    """

    def __init__(
        self,
        store: Store[TContext],
        attachment_store: AttachmentStore[TContext] | None = None,
    ) -> None:
        self.store = store
        self.attachment_store = attachment_store
        self.running_turns = RunningTurns()

    # --- to be overridden -------------------------------------------------------------------------

    @abstractmethod
    def respond(
        self,
        thread: ThreadMetadata,
        input_user_message: UserMessageItem | None,
        context: TContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answer in a thread: an async generator of events.

        Args:
            thread: Changes to its title, status, metadata or image domains are saved and sent.
            input_user_message: What the user wrote, already stored; ``None`` when the turn goes
                on after a client tool's result or a structured input's answers.
            context: As it was passed to ``process``.
        """

    def action(
        self,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        context: TContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answer a widget's or the client's own action: an async generator of events.

        ``sender`` is the widget that the action came from, if it came from one.
        """
        raise NotImplementedError(
            f"override {type(self).__name__}.action to handle the action {action.type!r}"
        )

    async def sync_action(
        self,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        context: TContext,
    ) -> SyncCustomActionResponse:
        """Answer an action that was sent with ``streaming=False``, at once."""
        raise NotImplementedError(
            f"override {type(self).__name__}.sync_action to handle the action {action.type!r}"
        )

    async def add_feedback(
        self,
        thread_id: str,
        item_ids: list[str],
        feedback: Literal["positive", "negative"],
        context: TContext,
    ) -> None:
        """Take note of the user's opinion of items, all of which exist. Default: nothing."""

    async def transcribe(self, audio_input: AudioInput, context: TContext) -> TranscriptionResult:
        """Turn speech into text for the composer."""
        raise NotImplementedError(f"override {type(self).__name__}.transcribe to take dictation")

    def get_stream_options(self, thread: ThreadMetadata, context: TContext) -> StreamOptions:
        """What the client may do while a turn streams. Default: the user can stop it."""
        return StreamOptions(allow_cancel=True)

    def accepts(self, thread: ThreadMetadata, request: StreamingReq, context: TContext) -> bool:
        """Whether the thread takes this request; refused ones end in an ``error`` event.

        Default: a thread that is locked or closed takes no new messages and no retries. Actions,
        answers and tool results go through, since the integration decides what they do.
        """
        asks_for_answer = isinstance(request, (ThreadsAddUserMessageReq, ThreadsRetryAfterItemReq))
        return thread.status.type == "active" or not asks_for_answer

    async def handle_stream_cancelled(
        self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: TContext
    ) -> None:
        """Keep what a stopped turn has shown.

        Is called after a stop, a disconnect or a takeover, in a task of its own that no
        cancellation reaches. Default: stores every open assistant message that has text, and a
        hidden note for the model.

        Args:
            pending_items: Items that had begun and were not done, as far as they had streamed.
        """
        for item in pending_items:
            if isinstance(item, AssistantMessageItem) and has_text(item):
                await self.store.add_thread_item(thread.id, item, context)
        note = SDKHiddenContextItem(
            id=self.store.generate_item_id("sdk_hidden_context", thread, context),
            thread_id=thread.id,
            created_at=datetime.now(timezone.utc),
            content=CANCELLATION_NOTE,
        )
        await self.store.add_thread_item(thread.id, note, context)

    # --- to be called -----------------------------------------------------------------------------

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

    async def stop_turns(self, thread_id: str, context: TContext, *, deleted: bool = False) -> None:
        """Stop the turns that run in a thread, in this process, as their users would.

        Returns when what they have shown is stored. With ``deleted`` nothing more is stored.
        """
        key = thread_key(self.store.owner_of(context), thread_id)
        await self.running_turns.stop(key, deleted=deleted)

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
