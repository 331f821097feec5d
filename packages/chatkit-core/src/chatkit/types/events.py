"""The events of a stream: all that a server says while it works."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.errors import ErrorCode
from chatkit.icons import IconName
from chatkit.types.items import ThreadItem
from chatkit.types.threads import Thread
from chatkit.types.updates import ThreadItemUpdate


class StreamOptions(Model):
    """What the client may do with this stream."""

    allow_cancel: bool


class StreamOptionsEvent(Model):
    """Says what the client may do with this stream."""

    type: Literal["stream_options"] = "stream_options"
    stream_options: StreamOptions


class ThreadCreatedEvent(Model):
    """A thread begins."""

    type: Literal["thread.created"] = "thread.created"
    thread: Thread


class ThreadUpdatedEvent(Model):
    """A thread's title, status or image domains have changed."""

    type: Literal["thread.updated"] = "thread.updated"
    thread: Thread


class ThreadItemAddedEvent(Model):
    """An item begins; updates follow, and at last ``thread.item.done``."""

    type: Literal["thread.item.added"] = "thread.item.added"
    item: ThreadItem


class ThreadItemUpdatedEvent(Model):
    """An item that has begun changes."""

    type: Literal["thread.item.updated"] = "thread.item.updated"
    item_id: str
    update: ThreadItemUpdate


ThreadItemUpdated: TypeAlias = ThreadItemUpdatedEvent


class ThreadItemDoneEvent(Model):
    """An item is complete."""

    type: Literal["thread.item.done"] = "thread.item.done"
    item: ThreadItem


class ThreadItemRemovedEvent(Model):
    """An item is gone."""

    type: Literal["thread.item.removed"] = "thread.item.removed"
    item_id: str


class ThreadItemReplacedEvent(Model):
    """A complete item has changed."""

    type: Literal["thread.item.replaced"] = "thread.item.replaced"
    item: ThreadItem


class ProgressUpdateEvent(Model):
    """What the assistant is doing, until the next item or the end."""

    type: Literal["progress_update"] = "progress_update"
    icon: IconName | None = None
    text: str


class ClientEffectEvent(Model):
    """Asks the page around the chat to do something, without waiting for a result."""

    type: Literal["client_effect"] = "client_effect"
    name: str
    data: dict[str, Any] = Field(default_factory=dict)


class ErrorEvent(Model):
    """Something went wrong. The client has words for known codes; ``custom`` brings its own."""

    type: Literal["error"] = "error"
    code: ErrorCode | Literal["custom"] = Field(default="custom")
    message: str | None = None
    allow_retry: bool = False


class NoticeEvent(Model):
    """A note to the user beside the conversation. ``message`` may be Markdown."""

    type: Literal["notice"] = "notice"
    level: Literal["info", "warning", "danger"]
    message: str
    title: str | None = None


ThreadStreamEvent: TypeAlias = Annotated[
    ThreadCreatedEvent
    | ThreadUpdatedEvent
    | ThreadItemDoneEvent
    | ThreadItemAddedEvent
    | ThreadItemUpdatedEvent
    | ThreadItemRemovedEvent
    | ThreadItemReplacedEvent
    | StreamOptionsEvent
    | ProgressUpdateEvent
    | ClientEffectEvent
    | ErrorEvent
    | NoticeEvent,
    Field(discriminator="type"),
]
