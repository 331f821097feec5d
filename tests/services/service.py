"""What tests are given: where a service is, and the servers behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.server import Server


def _not() -> None:
    pass


@dataclass(frozen=True)
class Service:
    """A service that answers at its URL.

    Args:
        name: What reports call it.
        url: Where it is, password included.
        version: What the server says of itself.
        servers: Those behind it; none if it was there already.
        wait: Returns when its servers, which answer, work together.
    """

    name: str
    url: str
    version: str
    servers: Sequence[Server] = ()
    wait: Callable[[], object] = _not

    @property
    def how(self) -> str:
        """How it runs, as reports say it."""
        return self.servers[0].how if self.servers else "given by URL"

    @property
    def port(self) -> int:
        """The port of its first server, on this machine."""
        return self.servers[0].recipe.port if self.servers else urlsplit(self.url).port or 0

    def kill(self) -> None:
        """End all its servers with SIGKILL; their data stays."""
        for server in self.servers:
            server.kill()

    def start(self) -> None:
        """Start them again, and wait until they work."""
        for server in self.servers:
            server.start()
        self.wait()

    def pause(self) -> None:
        """Make them hang."""
        for server in self.servers:
            server.pause()

    def resume(self) -> None:
        """Let them go on, and wait until they work."""
        for server in self.servers:
            server.resume()
        self.wait()
