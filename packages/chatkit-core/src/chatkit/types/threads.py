"""Threads and their status."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.types.items import ThreadItem
from chatkit.types.pages import Page


class ActiveStatus(Model):
    """The thread takes messages."""

    type: Literal["active"] = Field(default="active", frozen=True)


class LockedStatus(Model):
    """The thread takes no messages for now; the user sees ``reason``."""

    type: Literal["locked"] = Field(default="locked", frozen=True)
    reason: str | None = None


class ClosedStatus(Model):
    """The thread takes no messages any more; the user sees ``reason``."""

    type: Literal["closed"] = Field(default="closed", frozen=True)
    reason: str | None = None


ThreadStatus: TypeAlias = Annotated[
    ActiveStatus | LockedStatus | ClosedStatus, Field(discriminator="type")
]


class ThreadMetadata(Model):
    """A thread without its items, as stores keep it.

    ``metadata`` is the integration's own; no client ever sees it. ``allowed_image_domains`` are
    the hosts from which the client shows images in this thread.
    """

    title: str | None = None
    id: str
    created_at: datetime
    status: ThreadStatus = Field(default_factory=lambda: ActiveStatus())
    allowed_image_domains: list[str] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class Thread(ThreadMetadata):
    """A thread as the client gets it, with a page of its items."""

    items: Page[ThreadItem]
