"""From what a user sends to a user message: its attachments are found, checked and claimed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from chatkit.errors import CustomStreamError, InvalidRequestError
from chatkit.server.integration import Integration
from chatkit.store import NotFoundError, Store, UnusableAttachmentError
from chatkit.types import (
    Attachment,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageInput,
    UserMessageItem,
)

TContext = TypeVar("TContext")

LONGEST_NAME_SHOWN = 80


class IncomingMessage(Generic[TContext]):
    """A user message that has been checked and is not stored yet.

    Attributes:
        item: The message; once it is saved, as it was stored.
        refused: Why files were left out when it was saved, in words for the user.
    """

    def __init__(
        self,
        item: UserMessageItem,
        named: Sequence[Attachment],
        server: Integration[TContext],
        context: TContext,
    ) -> None:
        self.item = item
        self.refused: list[str] = []
        self._named = named
        self._claimed: list[Attachment] = []
        self._server = server
        self._context = context

    async def save(self) -> None:
        """Claim the attachments for the thread and add the message; if that fails, neither.

        Attachments whose bytes cannot be used are left out. The message's time is that of storing
        it: after what a turn that it stopped has left behind.
        """
        store = self._server.store
        kept = await self._keep_attachments()
        self.item = self.item.model_copy(
            update={
                "created_at": datetime.now(timezone.utc),
                "attachments": [_claimed(attachment, self.item) for attachment in kept],
            }
        )
        try:
            for former, attachment in zip(kept, self.item.attachments, strict=True):
                self._claimed.append(former)
                await store.save_attachment(attachment, self._context)
            await store.add_thread_item(self.item.thread_id, self.item, self._context)
        except Exception:
            await self.release_attachments()
            raise

    async def release_attachments(self) -> None:
        """Give the attachments back that were claimed, as they were."""
        for attachment in self._claimed:
            await self._server.store.save_attachment(attachment, self._context)

    async def refuse(self) -> AsyncIterator[ThreadStreamEvent]:
        """In place of the integration's answer: the reasons, as one ``error`` event."""
        raise CustomStreamError("\n".join(self.refused))
        yield  # pragma: no cover - makes this a generator

    async def _keep_attachments(self) -> list[Attachment]:
        """Those that can be used; the others go to ``refused``."""
        outcomes = await asyncio.gather(*map(self._keep, self._named), return_exceptions=True)
        kept: list[Attachment] = []
        for attachment, outcome in zip(self._named, outcomes, strict=True):
            if isinstance(outcome, UnusableAttachmentError):
                self.refused.append(_refusal(attachment, outcome.reason))
            elif isinstance(outcome, NotFoundError):
                self.refused.append(_refusal(attachment, "it has been deleted"))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                kept.append(outcome)
        return kept

    async def _keep(self, attachment: Attachment) -> Attachment:
        attachments = self._server.attachment_store
        if attachments is None:
            return attachment
        return await attachments.keep_attachment(attachment, self._context)


async def check_message(
    server: Integration[TContext],
    thread: ThreadMetadata,
    given: UserMessageInput,
    context: TContext,
) -> IncomingMessage[TContext]:
    """Build the message that a user sent. Writes nothing.

    Raises:
        NotFoundError: An attachment does not exist.
        InvalidRequestError: An attachment belongs to another thread.
    """
    attachments = [
        await _find_attachment(server.store, thread, attachment_id, context)
        for attachment_id in dict.fromkeys(given.attachments)
    ]
    item = UserMessageItem(
        id=server.store.generate_item_id("message", thread, context),
        thread_id=thread.id,
        created_at=datetime.now(timezone.utc),
        content=given.content,
        quoted_text=given.quoted_text,
        inference_options=given.inference_options,
    )
    return IncomingMessage(item, attachments, server, context)


async def _find_attachment(
    store: Store[Any], thread: ThreadMetadata, attachment_id: str, context: Any
) -> Attachment:
    attachment = await store.load_attachment(attachment_id, context)
    if attachment.thread_id not in (None, thread.id):
        raise InvalidRequestError(
            f"attachment {attachment_id!r} belongs to another thread",
            field="params.input.attachments",
        )
    return attachment


def _claimed(attachment: Attachment, message: UserMessageItem) -> Attachment:
    """The attachment as part of the thread; the upload is over, so its description goes."""
    return attachment.model_copy(
        update={"thread_id": message.thread_id, "upload_descriptor": None}, deep=True
    )


def _refusal(attachment: Attachment, reason: str) -> str:
    name = attachment.name
    if len(name) > LONGEST_NAME_SHOWN:
        name = name[: LONGEST_NAME_SHOWN - 1] + "…"
    return f"{name} could not be attached: {reason}."
