"""What an integrator overrides, and what the rest of the server knows of an integration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any, Generic, Literal

from typing_extensions import TypeVar

from chatkit._models import build_models
from chatkit.actions import Action
from chatkit.server.pending import has_text
from chatkit.server.running import RunningTurns
from chatkit.store import AttachmentStore, Store
from chatkit.types import (
    AssistantMessageItem,
    AudioInput,
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
)

TContext = TypeVar("TContext", default=Any)

CANCELLATION_NOTE = (
    "The user stopped the answer to their last message before it was complete. "
    "Do not continue it unless the user asks for that."
)


class Integration(ABC, Generic[TContext]):
    """The base of ``ChatKitServer``: its stores, its running turns, and the methods to override.

    Args:
        store: Keeps threads, items and attachments' metadata.
        attachment_store: Keeps attachments' bytes; without one, attachment requests fail.
    """

    def __init__(
        self,
        store: Store[TContext],
        attachment_store: AttachmentStore[TContext] | None = None,
    ) -> None:
        build_models()
        self.store = store
        self.attachment_store = attachment_store
        self.running_turns = RunningTurns()

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
