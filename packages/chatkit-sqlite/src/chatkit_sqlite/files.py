"""The file of a store, and whether it is still the one that was opened."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MEMORY = ":memory:"


class FileLostError(OSError):
    """The file at the path is no longer the one that was opened."""


class Seen(NamedTuple):
    """Which files were found: device and number of each. All three are the database."""

    main: tuple[int, int] | None
    wal: tuple[int, int] | None
    shm: tuple[int, int] | None


@dataclass
class File:
    """The file of a store.

    Args:
        path: Where it is, absolute, or ``:memory:``.
    """

    path: str
    _opened: Seen | None = field(default=None, init=False)

    @property
    def in_memory(self) -> bool:
        return self.path == MEMORY

    def uri(self) -> str:
        """What to connect to.

        A file that was open before is not created again: an empty one in its place would look
        like a store that has lost everything.

        Raises:
            FileLostError: It was removed, or replaced by a file to which its log does not belong.
        """
        if self.in_memory:
            return MEMORY
        mode = "rwc"
        if self._opened is not None:
            mode = "rw"
            self._check_replacement(self._opened, self._look())
        return f"{Path(self.path).as_uri()}?mode={mode}"

    def remember(self) -> None:
        """The files that are at the path now are the ones that are open."""
        if not self.in_memory:
            self._opened = self._look()

    def check(self) -> None:
        """Raise ``FileLostError`` if what is written now would be found by nobody."""
        if self.in_memory:
            return
        found = self._look()
        if found == self._opened:
            return
        for suffix, number in zip(("", "-wal", "-shm"), found, strict=True):
            if number is None:
                raise FileLostError(f"{self.path}{suffix} was removed while it was open")
        raise FileLostError("the file was replaced while it was open")

    def _look(self) -> Seen:
        return Seen(_number(self.path), _number(self.path + "-wal"), _number(self.path + "-shm"))

    def _check_replacement(self, before: Seen, now: Seen) -> None:
        if now.main is None:
            raise FileLostError("the file was removed")
        if now.main != before.main and now.wal is not None and now.wal == before.wal:
            # SQLite would write the old file's log into the new file.
            raise FileLostError(
                f"the file was replaced, but the log of the old one was left; remove "
                f"{self.path}-wal and {self.path}-shm"
            )


def _number(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - before every read, and five times as fast as Path
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
