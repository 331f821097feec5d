"""One running server, whichever the way it runs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from services.recipe import Recipe

START_S = 60.0
"""Seconds that a server may take to answer, on a machine that is busy with other tests."""


class CannotStartError(Exception):
    """The server cannot be had this way on this machine; says why."""


class Server(ABC):
    """A server and its data, from the first ``start`` to ``close``."""

    how: str
    """How it runs, as reports say it."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def start(self) -> None:
        """Start it, or start it again over the same data, and wait until it answers."""
        self.launch()
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.recipe.ready(self.recipe.port)
            except Exception as error:
                if not self.runs() or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{self.recipe.program} did not start: {error}\n{self.log()[-3000:]}"
                    ) from error
                time.sleep(0.02)
            else:
                return

    @abstractmethod
    def launch(self) -> None:
        """Start it; it need not answer yet."""

    @abstractmethod
    def runs(self) -> bool:
        """Whether it has not ended."""

    @abstractmethod
    def log(self) -> str:
        """What it has printed."""

    @abstractmethod
    def kill(self) -> None:
        """End it with SIGKILL; its data stays."""

    @abstractmethod
    def pause(self) -> None:
        """Make it hang: it accepts connections and does not answer."""

    @abstractmethod
    def resume(self) -> None:
        """Let it go on."""

    @abstractmethod
    def close(self) -> None:
        """End it, and remove its data."""
