"""What a storage supplies to ``ObjectAttachmentStore``: the few operations of ``Objects``.

An object is bytes at a key. Keys come from ``keys.py``: letters, digits and ``/-_.`` only, at most
a few hundred of them, never a user's own text.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import Any, BinaryIO, NamedTuple

from chatkit.types import AttachmentUploadDescriptor


class NoObjectError(Exception):
    """There is no object at the key that an operation reads from."""


class Listed(NamedTuple):
    """An object in a listing."""

    key: str
    written: float
    """When it was last written, in seconds since 1970, by the storage's clock."""


class Listing(NamedTuple):
    """A page of a listing."""

    objects: Sequence[Listed]
    next: str | None
    """What to ask the next page with; ``None`` after the last one."""


class Objects(ABC):
    """A storage's object operations. None of them blocks the event loop.

    They raise the driver's own errors; ``ObjectAttachmentStore`` turns those that ``away`` names
    into ``StoreUnavailableError``, and ends a call after its timeout, by ``give_up``. A
    cancelled operation must be done, whole, or not done, and leave the others unharmed.
    """

    name: str
    """What error messages call this storage, such as the bucket; no secrets."""

    away: tuple[type[Exception], ...]
    """The driver's errors that mean: the storage cannot be reached or cannot be used now."""

    lost: tuple[type[Exception], ...] = ()
    """Those of ``away`` after which ``close`` and ``open`` must come before the next operation."""

    @abstractmethod
    async def open(self) -> None:
        """Build the client; runs once, before the first operation. Building this does no I/O."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything that ``open`` took."""

    def give_up(self, operation: asyncio.Task[Any]) -> bool:
        """Nobody waits for this operation's task any more: its caller was cancelled, or its time
        is over. Cancels it, and says so.

        A storage may instead let it go on, return ``False``, and see in ``close`` to its end.
        """
        return operation.cancel()

    @abstractmethod
    async def sign_upload(
        self, key: str, mime_type: str, size: int, seconds: int
    ) -> AttachmentUploadDescriptor:
        """A link that takes one upload to ``key``, without asking the storage if that can be.

        It works for ``seconds``, for a body of exactly ``size`` bytes (0 is possible) with the
        content type ``mime_type``, and, where the storage can refuse that, only while there is
        no object at ``key``. The descriptor's headers are those that the client must send;
        none that browsers forbid scripts to set.
        """

    @abstractmethod
    async def sign_download(
        self, key: str, content_type: str, disposition: str, seconds: int
    ) -> str:
        """A link that gives the object for ``seconds``, without asking the storage if that can be.

        Whatever type the upload had, the answer has exactly this content type and
        ``Content-Disposition``; both are safe as header values.
        """

    @abstractmethod
    async def size(self, key: str) -> int | None:
        """The number of bytes of the object at ``key``, ``None`` if there is none."""

    @abstractmethod
    def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from ``start`` up to, not including, ``end``, in chunks of at most some MiB.

        ``start < end`` always; if the object is shorter, what there is. Memory stays flat.
        ``aclose`` in the middle of it gives the connection back. Raises ``NoObjectError``.
        """

    @abstractmethod
    async def copy(self, source: str, target: str) -> None:
        """Copy an object within the storage, whole or not at all.

        An object that is at ``target`` already stays as it is, and that is no error: create-only
        where the storage can, otherwise after a look. Raises ``NoObjectError`` if there is
        nothing at ``source`` (and nothing at ``target``).
        """

    @abstractmethod
    async def write(self, key: str, file: BinaryIO, size: int, mime_type: str) -> None:
        """Store the ``size`` bytes of a file on this machine, from its current position.

        For direct uploads, which pass through the server. Memory stays flat; nothing can be
        read at ``key`` before all of it is there.
        """

    @abstractmethod
    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects, up to 1000; those that do not exist are passed over."""

    @abstractmethod
    async def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        """A page of up to ``limit`` (at most 1000) objects whose keys begin with ``prefix``.

        ``next`` is that of the page before, ``None`` for the first one. The objects of earlier
        pages may have been deleted in the meantime.
        """
