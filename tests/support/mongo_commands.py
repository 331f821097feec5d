"""Sees what a MongoDB client sends."""

from __future__ import annotations

from typing import Any

from pymongo.monitoring import CommandListener


class Commands(CommandListener):
    """To be given to a client as one of its ``event_listeners``."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @property
    def names(self) -> list[str]:
        """What each command is called."""
        return [next(iter(command)) for command in self.seen]

    def started(self, event: Any) -> None:
        self.seen.append(event.command)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass
