"""What requests of both kinds look up before anything else."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypeVar

from chatkit.errors import RequestRefusedError
from chatkit.store import Store, metadata_of
from chatkit.types import ThreadMetadata, WidgetItem

TContext = TypeVar("TContext", default=Any)


class ActionFromOtherItemError(RequestRefusedError):
    """An action names as its sender an item that is no widget."""


async def load_thread(store: Store[TContext], thread_id: str, context: TContext) -> ThreadMetadata:
    """The thread as the integration gets it: without items."""
    return metadata_of(await store.load_thread(thread_id, context))


async def load_sender(
    store: Store[TContext], thread_id: str, item_id: str | None, context: TContext
) -> WidgetItem | None:
    """The widget that an action came from, if it names one."""
    if not item_id:
        return None
    item = await store.load_item(thread_id, item_id, context)
    if not isinstance(item, WidgetItem):
        raise ActionFromOtherItemError(f"item {item_id!r} is not a widget")
    return item
