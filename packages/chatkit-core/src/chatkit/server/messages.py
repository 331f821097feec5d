"""From what a user sends to a user message: its attachments are found, checked and claimed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from chatkit.errors import InvalidRequestError
from chatkit.store import Store
from chatkit.types import Attachment, ThreadMetadata, UserMessageInput, UserMessageItem

TContext = TypeVar("TContext")


class IncomingMessage:
    """A user message that has been checked and is not stored yet."""

    def __init__(
        self, item: UserMessageItem, former: Sequence[Attachment], store: Store[Any], context: Any
    ) -> None:
        self.item = item
        self._former = former
        self._store = store
        self._context = context

    async def save(self) -> None:
        """Claim the attachments for the thread and add the message; if that fails, neither.

        Its time is that of storing it: after what a turn that it stopped has left behind.
        """
        self.item = self.item.model_copy(update={"created_at": datetime.now(timezone.utc)})
        try:
            for attachment in self.item.attachments:
                await self._store.save_attachment(attachment, self._context)
            await self._store.add_thread_item(self.item.thread_id, self.item, self._context)
        except Exception:
            await self.release_attachments()
            raise

    async def release_attachments(self) -> None:
        """Give the attachments back, as they were."""
        for attachment in self._former:
            await self._store.save_attachment(attachment, self._context)


async def check_message(
    store: Store[TContext], thread: ThreadMetadata, given: UserMessageInput, context: TContext
) -> IncomingMessage:
    """Build the message that a user sent. Writes nothing.

    Raises:
        NotFoundError: An attachment does not exist.
        InvalidRequestError: An attachment belongs to another thread.
    """
    attachments = [
        await _find_attachment(store, thread, attachment_id, context)
        for attachment_id in dict.fromkeys(given.attachments)
    ]
    item = UserMessageItem(
        id=store.generate_item_id("message", thread, context),
        thread_id=thread.id,
        created_at=datetime.now(timezone.utc),
        content=given.content,
        attachments=[_claimed(attachment, thread) for attachment in attachments],
        quoted_text=given.quoted_text,
        inference_options=given.inference_options,
    )
    return IncomingMessage(item, attachments, store, context)


async def _find_attachment(
    store: Store[TContext], thread: ThreadMetadata, attachment_id: str, context: TContext
) -> Attachment:
    attachment = await store.load_attachment(attachment_id, context)
    if attachment.thread_id not in (None, thread.id):
        raise InvalidRequestError(
            f"attachment {attachment_id!r} belongs to another thread",
            field="params.input.attachments",
        )
    return attachment


def _claimed(attachment: Attachment, thread: ThreadMetadata) -> Attachment:
    """The attachment as part of the thread; the upload is over, so its description goes."""
    return attachment.model_copy(
        update={"thread_id": thread.id, "upload_descriptor": None}, deep=True
    )
