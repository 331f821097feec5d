"""A widget, ready or growing, as the events that show it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime, timezone

from chatkit.store import StoreItemType, default_generate_id
from chatkit.types import (
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    WidgetItem,
)
from chatkit.widgets import WidgetRoot
from chatkit.widgets.diff import diff_widget


async def stream_widget(
    thread: ThreadMetadata,
    widget: WidgetRoot | AsyncGenerator[WidgetRoot, None],
    copy_text: str | None = None,
    generate_id: Callable[[StoreItemType], str] = default_generate_id,
) -> AsyncIterator[ThreadStreamEvent]:
    """The events that show a widget; yield them from ``respond`` or ``action``.

    Args:
        thread: The thread that gets the widget.
        widget: A root that is ready, or a generator of its successive states. Of a generator the
            first state opens the item, the last one is stored; one without states gives no item.
        copy_text: What the client copies when the user copies the widget.
        generate_id: Makes the item's id; is called with ``"message"``.
    """

    def item(root: WidgetRoot) -> WidgetItem:
        return WidgetItem(
            id=item_id,
            thread_id=thread.id,
            created_at=created_at,
            widget=root,
            copy_text=copy_text,
        )

    item_id = generate_id("message")
    created_at = datetime.now(timezone.utc)
    if not isinstance(widget, AsyncGenerator):
        yield ThreadItemDoneEvent(item=item(widget))
        return
    shown: WidgetRoot | None = None
    async with aclosing(widget) as states:
        async for state in states:
            if shown is None:
                yield ThreadItemAddedEvent(item=item(state))
            else:
                for update in diff_widget(shown, state):
                    yield ThreadItemUpdatedEvent(item_id=item_id, update=update)
            shown = state
    if shown is not None:
        yield ThreadItemDoneEvent(item=item(shown))
