"""The conformance suite's samples of records, under short ids of one thread, ``t``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatkit.types import Attachment, ThreadItem, ThreadMetadata
from chatkit_conformance import samples
from chatkit_conformance.samples import HOSTILE_TEXTS, NOON, nested, reloaded

__all__ = [
    "HOSTILE_TEXTS",
    "NOON",
    "attachments_of_every_kind",
    "item",
    "items_of_every_kind",
    "nested",
    "reloaded",
    "thread",
    "threads_of_every_kind",
]


def thread(id: str = "t", at: datetime = NOON, **fields: Any) -> ThreadMetadata:
    return samples.thread(id, at, **fields)


def item(id: str, at: datetime = NOON, content: Any = "", thread_id: str = "t") -> ThreadItem:
    return samples.item(id, thread_id, at, content)


def threads_of_every_kind() -> list[ThreadMetadata]:
    return samples.threads_of_every_kind(str)


def items_of_every_kind() -> list[ThreadItem]:
    return samples.items_of_every_kind(str, "t")


def attachments_of_every_kind() -> list[Attachment]:
    return samples.attachments_of_every_kind(str, "t")
