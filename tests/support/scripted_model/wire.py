"""What goes out: one JSON body for each event, and what is done to the connection meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, TypeAlias

from support.scripted_model.script import Break, Gate

Json: TypeAlias = dict[str, Any]
Sent: TypeAlias = Json | Gate | Break
"""An event to send, a gate to wait at, or the point at which to hang up."""


class Ids:
    """``msg_1``, ``msg_2``, ``call_1``: the same in each run of a test."""

    def __init__(self) -> None:
        self._counters: dict[str, Iterator[int]] = {}

    def next(self, prefix: str) -> str:
        return f"{prefix}_{next(self._counters.setdefault(prefix, count(1)))}"


def sse(event: Json) -> bytes:
    """An event of a Responses stream, or a chunk of a chat-completions stream."""
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()
