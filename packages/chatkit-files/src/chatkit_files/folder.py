"""The files. Everything here blocks; ``objects.py`` and ``app.py`` call it in threads.

    <folder>/secret                      signs links, readable by its owner alone
    <folder>/pending/<name>              uploads that no message has used
    <folder>/pending/<name>.<…>.part     uploads that are under way, or that broke off
    <folder>/kept/<name>                 what messages use

A file appears under its name when all of it is on the disk, and never changes after that.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from heapq import nsmallest
from pathlib import Path
from typing import BinaryIO

from chatkit.objects import Listed, Listing, NoObjectError

_KEY = re.compile(r"(pending|kept)/[0-9a-f]{64}(\.[0-9a-f]{16}\.part)?")
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
SECRET_BYTES = 32


class Folder:
    """A folder of attachments' files.

    Args:
        path: Where; it is created at the first use, its parent is not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    def prepare(self) -> None:
        """Make what is missing. Raises ``NotADirectoryError`` for anything that is no folder."""
        for folder in (self.path, self.path / "pending", self.path / "kept"):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.path / "pending", self.path / "kept"):
            if folder.is_symlink():
                raise NotADirectoryError(f"{folder} must be a folder, not a symbolic link")

    def secret(self) -> bytes:
        """The secret of this folder, made at the first use; one, whoever comes first."""
        path = self.path / "secret"
        with suppress(FileNotFoundError):
            return _read_secret(path)
        part = self.path / f"secret.{secrets.token_hex(8)}.part"
        try:
            with _create(part) as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
                _to_disk(file)
            with suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
        _folder_to_disk(self.path)
        return _read_secret(path)

    def place(self, key: str) -> Path:
        """The path of a key. Raises ``ValueError`` for anything else than a key."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of an attachment")
        return self.path / key

    def size(self, key: str) -> int | None:
        """The size of the file, ``None`` if there is none."""
        try:
            found = os.lstat(self.place(key))
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def open(self, key: str, start: int = 0) -> BinaryIO:
        """The file, to be read from ``start``. Raises ``NoObjectError``."""
        try:
            # Buffered, so that closing it waits for a read in another thread.
            file = os.fdopen(os.open(self.place(key), os.O_RDONLY | _NO_LINKS), "rb")
        except FileNotFoundError:
            raise NoObjectError from None
        file.seek(start)
        return file

    def copy(self, source: str, target: str) -> None:
        """Give the file at ``source`` a second name; files do not change, so that is a copy."""
        try:
            os.link(self.place(source), self.place(target), follow_symlinks=False)
        except FileExistsError:
            return
        except FileNotFoundError:
            if self.size(target) is None:
                raise NoObjectError from None
        _folder_to_disk(self.place(target).parent)

    def delete(self, keys: list[str]) -> None:
        """Delete these files; those that do not exist are passed over."""
        for key in keys:
            self.place(key).unlink(missing_ok=True)

    def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        """A page of the files whose keys begin with ``prefix``, a folder's name and a slash."""
        after = next or ""
        found = nsmallest(limit + 1, (key for key in self._keys(prefix) if key > after))
        listed: list[Listed] = []
        for key in found[:limit]:
            with suppress(FileNotFoundError):  # deleted since it was seen
                listed.append(Listed(key, os.lstat(self.place(key)).st_mtime))
        return Listing(listed, found[limit - 1] if len(found) > limit else None)

    def _keys(self, prefix: str) -> Iterator[str]:
        with os.scandir(self.path / prefix.rstrip("/")) as entries:
            for entry in entries:
                key = f"{prefix}{entry.name}"
                if _KEY.fullmatch(key):  # and not what somebody else has put there
                    yield key


class Incoming:
    """A file on its way in: a temporary one, until all of it has come.

    Args:
        folder: Where it will be.
        key: Under which key.
    """

    def __init__(self, folder: Folder, key: str) -> None:
        self._target = folder.place(key)
        self._part = folder.place(f"{key}.{secrets.token_hex(8)}.part")
        self._file = _create(self._part)

    def write(self, chunk: bytes) -> None:
        """Add a chunk."""
        self._file.write(chunk)

    def finish(self) -> None:
        """All of it has come. Raises ``FileExistsError`` if there is a file already."""
        _to_disk(self._file)
        os.link(self._part, self._target)
        _folder_to_disk(self._target.parent)

    def close(self) -> None:
        """Let go of the temporary file; may be called more than once."""
        with suppress(OSError):
            self._file.close()  # fails when the disk is full: what was buffered is not wanted
        self._part.unlink(missing_ok=True)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600), "wb")


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _folder_to_disk(path: Path) -> None:
    """Make names in a folder survive a loss of power, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_secret(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINKS), "rb") as file:
        secret = file.read()
    if len(secret) != SECRET_BYTES:
        raise OSError(f"{path} is damaged: it must have {SECRET_BYTES} bytes, not {len(secret)}")
    return secret
