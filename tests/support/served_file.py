"""Serves a Python file's ``app`` from a process of its own, as its reader would."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import serve_example

LIMIT_S = 30


@contextmanager
def served(code: str, folder: Path) -> Iterator[str]:
    """Serve a file with that code from a process of its own; yields the URL."""
    file = folder / "example_app.py"
    file.write_text(code, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, serve_example.__file__, str(file), str(listener.fileno())],
            cwd=folder,
            pass_fds=[listener.fileno()],
        )
    try:
        yield url
    finally:
        process.terminate()
        process.wait(timeout=LIMIT_S)
