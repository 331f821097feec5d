"""The demo's assistant: a ``ChatKitServer`` that answers from a script.

This is the file to copy from: what an integration overrides is all here. To answer with a model,
replace the body of ``respond``; the scenes that it plays instead are in scenes.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from typing_extensions import override

from chatkit.actions import Action
from chatkit.errors import CustomStreamError
from chatkit.logger import logger
from chatkit.server import ChatKitServer
from chatkit.store import AttachmentStore, Store
from chatkit.types import (
    FeedbackKind,
    HiddenContextItem,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    WidgetItem,
)
from deeds import DEEDS
from scenes import continue_after_input, pick_scene
from turn import Turn, now

TITLE_LENGTH = 48


class DemoAssistant(ChatKitServer[None]):
    """Plays the scene that the user's message names.

    Args:
        store: Where conversations are kept.
        files: Where attached files are kept.
        pace: Seconds between two words of a reply.
    """

    def __init__(self, store: Store[None], files: AttachmentStore[None], *, pace: float) -> None:
        super().__init__(store, files)
        self._files = files
        self._pace = pace

    @override
    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Answer a message, or go on after an answered question or a client tool's result."""
        turn = Turn(thread, input_user_message, self.store, self._files, self._pace)
        if input_user_message is None:
            events = continue_after_input(turn)
        else:
            thread.title = thread.title or title_from(turn.words or turn.names)
            events = pick_scene(turn)(turn)
        async for event in events:
            yield event

    @override
    async def action(
        self,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        context: None,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Do what a button or form of a widget asks for."""
        deed = DEEDS.get(action.type)
        if deed is None or sender is None:
            raise CustomStreamError("This demo does not know that button.")
        turn = Turn(thread, None, self.store, self._files, self._pace)
        async for event in deed(turn, sender, action.payload):
            yield event

    @override
    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: None
    ) -> None:
        """Keep a thumb up or down beside the reply, where a later turn can read it.

        Hidden items never leave the server. An id made from the reply's id means that who
        thinks again replaces the earlier verdict.
        """
        for item_id in item_ids:
            verdict = HiddenContextItem(
                id=f"feedback_{item_id}",
                thread_id=thread_id,
                created_at=now(),
                content={"about": item_id, "feedback": feedback},
            )
            await self.store.save_item(thread_id, verdict, context)
        logger.info("feedback in %s: %s for %s", thread_id, feedback, ", ".join(item_ids))


def title_from(words: str) -> str:
    """The first line of a message, short enough for a list."""
    line = words.partition("\n")[0].strip() or "New chat"
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
