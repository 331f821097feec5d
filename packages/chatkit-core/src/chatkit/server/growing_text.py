"""The fast path of text deltas, of which streams mostly consist."""

from __future__ import annotations

from json.encoder import encode_basestring

from chatkit.server.pending import PendingItems
from chatkit.server.wire import encode_event
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

EMPTY_DELTA = '""}}\n\n'
"""How the chunk of an empty delta ends."""


class GrowingText:
    """A text of an open message, while nothing but its deltas is streamed.

    Of one delta's chunk and the next, only the text differs, so the rest is kept. Both JSON
    encoders, pydantic's and the standard library's, escape the same characters in the same way.
    """

    def __init__(self, item_id: str, content_index: int, head: str, pieces: list[str]) -> None:
        self._item_id = item_id
        self._content_index = content_index
        self._head = head
        self._pieces = pieces

    def grown_by(self, event: ThreadStreamEvent) -> bytes | None:
        """Keep a delta of this text as pending, and return its chunk, as ``encode_event`` does.

        ``None``, with nothing kept, for any event that is not plainly such a delta.
        """
        if type(event) is not ThreadItemUpdatedEvent:
            return None
        update = event.update
        if (
            type(update) is not AssistantMessageContentPartTextDelta
            or event.item_id != self._item_id
            or update.content_index is not self._content_index  # not `!=`, since `True == 1`
        ):
            return None
        delta = update.delta
        try:
            chunk = f"{self._head}{encode_basestring(delta)}}}}}\n\n".encode()
        except (UnicodeEncodeError, TypeError):  # a lone surrogate, or no text at all
            return None
        self._pieces.append(delta)
        return chunk


def growing_text(event: ThreadStreamEvent, pending: PendingItems) -> GrowingText | None:
    """The text that a delta has just been added to, the plain way; ``None`` if it is no delta."""
    if type(event) is not ThreadItemUpdatedEvent:
        return None
    update = event.update
    if type(update) is not AssistantMessageContentPartTextDelta:
        return None
    pieces = pending.pieces(event.item_id, update.content_index)
    if pieces is None:
        return None
    empty = event.model_copy(update={"update": update.model_copy(update={"delta": ""})})
    head = encode_event(empty).decode().removesuffix(EMPTY_DELTA)
    return GrowingText(event.item_id, update.content_index, head, pieces)
