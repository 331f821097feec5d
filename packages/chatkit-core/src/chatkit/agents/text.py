"""``accumulate_text``: a run's text as the states of a text widget."""
# pyright: reportDeprecated=false
# Widgets that grow are addressed by these classes, deprecated for building by hand as they are.

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar, cast

from agents import RawResponsesStreamEvent, StreamEvent
from openai.types.responses import ResponseRefusalDeltaEvent, ResponseTextDeltaEvent

from chatkit.widgets import Markdown, Text

TWidget = TypeVar("TWidget", bound=Markdown | Text)


async def accumulate_text(
    events: AsyncIterator[StreamEvent], base_widget: TWidget
) -> AsyncIterator[TWidget]:
    """The widget, then one with the text so far for each piece of it, then one that stands still.

    Put the states into a root, and that into ``stream_widget``.

    Args:
        events: A run's ``stream_events()``.
        base_widget: What the text goes into; give it an ``id``. It is not changed.
    """
    text, latest = "", _with(base_widget)
    yield latest
    async for event in events:
        if isinstance(event, RawResponsesStreamEvent) and isinstance(
            event.data, (ResponseTextDeltaEvent, ResponseRefusalDeltaEvent)
        ):
            text += event.data.delta
            latest = _with(latest, value=text)
            yield latest
    yield _with(latest, streaming=False)


def _with(widget: TWidget, **changes: object) -> TWidget:
    # the checkers take the copy of a bound union for the union
    return cast("TWidget", widget.model_copy(update=changes))
