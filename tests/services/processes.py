"""Servers as plain processes on free ports, their data in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from services.programs import find_program
from services.recipe import Recipe
from services.server import Server

_MEMORY = Path("/dev/shm")


def make_folder() -> str:
    """A new folder for a server's data, in memory where there is such a place."""
    return tempfile.mkdtemp(prefix="chatkit-", dir=_MEMORY if _MEMORY.is_dir() else None)


class ServerProcess(Server):
    """A server as a process.

    Raises:
        CannotStartError: This machine does not have the program.
    """

    how = "process"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._program = find_program(recipe.program)
        self._folder = make_folder()
        self._data = Path(self._folder) / "data"
        self._data.mkdir()
        recipe.write_files(self._data)
        self._log = Path(self._folder) / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *self.recipe.arguments(str(self._data))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C stops the tests first
            )

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        self._send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        self._send(signal.SIGSTOP)
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)  # until it really stands still

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
