"""How to start one server, the same for a process and a container."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"

# A cluster's nodes, and SeaweedFS, also use port + 10000. Both are below the ports that the system
# hands out by itself, from 32768 on.
_PORTS = range(20_000, 22_700)
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
    """A port that nobody listens on, nor on the one that is used beside it, and that no other call
    has given, in whichever process of the tests.
    """
    while True:
        port = random.choice(_PORTS)
        if _claim(port) and _is_free(port) and _is_free(port + _BUS):
            return port


def _claim(port: int) -> bool:
    """Take the port's name, so to speak: it is ours in UDP, which no server of the tests uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        try:
            claim.bind((HOST, port))
        except OSError:
            return False
        claim.detach()  # held until this process ends
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind((HOST, port))
        except OSError:
            return False
    return True
