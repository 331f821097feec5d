"""One turn of the demo: who it is for, and the few moves that every scene is made of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from chatkit.server import stream_widget
from chatkit.store import AttachmentStore, Store, StoreItemType
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    Attachment,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from chatkit.widgets import DynamicWidgetRoot


@dataclass(frozen=True)
class Turn:
    """What a scene needs to know.

    Args:
        thread: Where it plays; a change to its title or status is stored and sent.
        message: What the user said, if that is what started the turn.
        store: For ids, and for what was said before.
        files: For what is in the files that the user has attached.
        pace: Seconds between two words.
    """

    thread: ThreadMetadata
    message: UserMessageItem | None
    store: Store[None]
    files: AttachmentStore[None]
    pace: float

    @property
    def words(self) -> str:
        """What the user typed, or nothing."""
        parts = self.message.content if self.message else []
        return " ".join(part.text for part in parts).strip()

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The files that came with what the user said."""
        return self.message.attachments if self.message else []

    @property
    def names(self) -> str:
        """The names of these files."""
        return ", ".join(attachment.name for attachment in self.attachments)

    def new_id(self, kind: StoreItemType = "message") -> str:
        """An id for a new item of the thread."""
        return self.store.generate_item_id(kind, self.thread, None)

    async def pause(self, beats: int = 1) -> None:
        """Wait for as long as it takes to say so many words."""
        await asyncio.sleep(self.pace * beats)

    async def say(
        self, text: str, *, sources: Sequence[Annotation] = (), item_id: str | None = None
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Stream a message word by word, as a model would, with its sources after the text."""
        item = AssistantMessageItem(
            id=item_id or self.new_id(), thread_id=self.thread.id, created_at=now(), content=[]
        )
        whole = AssistantMessageContent(text=text, annotations=list(sources))
        yield ThreadItemAddedEvent(item=item)
        for update in [
            AssistantMessageContentPartAdded(
                content_index=0, content=AssistantMessageContent(text="")
            ),
            *(
                AssistantMessageContentPartTextDelta(content_index=0, delta=word)
                for word in words_of(text)
            ),
            *(
                AssistantMessageContentPartAnnotationAdded(
                    content_index=0, annotation_index=index, annotation=source
                )
                for index, source in enumerate(sources)
            ),
            AssistantMessageContentPartDone(content_index=0, content=whole),
        ]:
            yield ThreadItemUpdatedEvent(item_id=item.id, update=update)
            await self.pause()
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [whole]}))

    def show(
        self,
        widget: DynamicWidgetRoot | AsyncGenerator[DynamicWidgetRoot, None],
        copy_text: str,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Show a widget, or one that grows; ``copy_text`` is what the copy button gives."""
        return stream_widget(self.thread, widget, copy_text, generate_id=self.new_id)


def words_of(text: str) -> list[str]:
    """The text in pieces that end with white space, so that joined they are the text."""
    return re.findall(r"\s*\S+\s*", text)


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(timezone.utc)
