"""Setups in which every capability is declared, for any subclass of the reference."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatkit_conformance.bench import Setup
from chatkit_conformance.capabilities import Capabilities, Target
from chatkit_conformance.processes import imported
from chatkit_conformance.reference import (
    ByteService,
    Memory,
    ReferenceAttachmentStore,
    ReferenceStore,
    Table,
)

MOST_BYTES = 3_000_000
LINK_SECONDS = 0.5
STORE_CAPABILITIES = Capabilities(house_rules=True, max_record_bytes=MOST_BYTES, call_timeout=1.0)
UPLOAD_CAPABILITIES = Capabilities(
    max_upload_bytes=MOST_BYTES, link_seconds=LINK_SECONDS, refused_mime_type="text/x-refused"
)


def owner(context: Any) -> str:
    return str(context["user_id"])


class SharedFile(Memory):
    """A memory that several processes share, and that outlives them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @contextmanager
    def table(self) -> Generator[Table]:
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = pickle.loads(self._path.read_bytes()) if self._path.exists() else {}
            yield table
            written = self._path.with_suffix(f".{os.getpid()}")
            written.write_bytes(pickle.dumps(table))
            written.rename(self._path)


def open_store(store: str, path: str) -> ReferenceStore[Any]:
    """What other processes open."""
    kind = imported(store)
    return kind(SharedFile(Path(path)), owner=owner)  # type: ignore[no-any-return]  # by its name


def store_setup(kind: type[ReferenceStore[Any]], path: Path | None = None) -> Setup[Any]:
    """A setup over a memory, or if other processes shall use it, a file."""
    memory = SharedFile(path) if path else Memory()

    @contextmanager
    def outage() -> Generator[None]:
        memory.away = True
        try:
            yield
        finally:
            memory.away = False

    arguments = {"store": f"{kind.__module__}:{kind.__qualname__}", "path": str(path)}
    return Setup(
        lambda: kind(memory, owner=owner, max_bytes=MOST_BYTES),
        capabilities=STORE_CAPABILITIES,
        target=Target(f"{__name__}:open_store", arguments) if path else None,
        outage=None if path else outage,
    )


@contextmanager
def upload_setup(kind: type[ReferenceAttachmentStore[Any]]) -> Generator[Setup[Any]]:
    """A setup over a service of its own."""
    service: ByteService = getattr(kind, "Service", ByteService)(link_seconds=LINK_SECONDS)
    try:
        yield Setup(
            lambda: kind(
                service,
                owner=owner,
                max_bytes=MOST_BYTES,
                mime_types=_ALL_BUT_ONE,
            ),
            capabilities=UPLOAD_CAPABILITIES,
        )
    finally:
        service.close()


class _AllBut(tuple[str, ...]):
    """All types but one."""

    __slots__ = ()

    def __contains__(self, mime_type: object) -> bool:
        return mime_type != UPLOAD_CAPABILITIES.refused_mime_type


_ALL_BUT_ONE = _AllBut(("all but one",))
