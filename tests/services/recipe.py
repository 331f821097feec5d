"""How to start one server, the same for a process and a container."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"

# Below the ports that the system hands out by itself; a cluster's nodes also use port + 10000.
_PORTS = range(20_000, 32_000)
_BUS = 10_000


@dataclass(frozen=True)
class Recipe:
    """How to start one server.

    Args:
        program: The program's name, as on the PATH.
        image: The container image that has it.
        port: The port that the server is to listen on, on this machine only.
        arguments: The program's arguments, given the folder for its data.
        ready: Raises as long as the server at the port does not answer.
        files: What must be in the folder for its data before it starts, by name.
    """

    program: str
    image: str
    port: int
    arguments: Callable[[str], Sequence[str]]
    ready: Callable[[int], None]
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    def write_files(self, folder: Path) -> None:
        """Put ``files`` into the folder."""
        for name, text in self.files.items():
            (folder / name).write_text(text)


def free_port() -> int:
    """A port that nobody listens on, nor on the one a cluster's node would use beside it."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as one, socket.socket() as bus:
            try:
                one.bind((HOST, port))
                bus.bind((HOST, port + _BUS))
            except OSError:
                continue
        return port
