"""``FolderAttachmentStore``: the embedded default, attachments as files in a local folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from chatkit.objects import DEFAULT_LINK_SECONDS, DEFAULT_MAX_BYTES, ObjectAttachmentStore
from chatkit.owners import Owner
from chatkit.store import Store, TContext
from chatkit_files.app import FolderApp
from chatkit_files.folder import Folder
from chatkit_files.objects import FolderObjects

SHORTEST_SECRET = 16


class FolderAttachmentStore(ObjectAttachmentStore[TContext]):
    """Keeps attachments' bytes as files in a folder, and serves them itself.

    Several stores and several processes may use one folder, on one file system with hard links.

    Args:
        folder: Where; it is created at the first use, its parent is not. Nothing else may write
            there.
        store: The server's own ``Store``, which keeps the metadata; it is not closed here.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        url: Under which public URL you serve ``app``, such as ``"https://example.com/files"``.
        secret: Signs links, at least 16 bytes. By default the folder has one of its own, in a
            file that only its owner can read.
        allow_origins: Origins whose pages may upload, apart from that of ``url``, or ``"*"``.
        max_bytes: The largest upload.
        allowed_types: Types that may be uploaded, such as ``"application/pdf"`` or ``"image/*"``;
            all by default.
        link_seconds: How long a link works: 1 second to 7 days.
        timeout: Seconds within which each call to the file system returns or raises
            ``StoreUnavailableError``; writing gets a second more for each MiB.

    Attributes:
        app: The ASGI application that takes uploads and hands files out.

    Raises:
        TypeError: ``owner`` is neither, or a list was wanted and a string given.
        ValueError: Another argument is out of range.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        store: Store[TContext],
        owner: Owner[TContext],
        url: str,
        secret: bytes | None = None,
        allow_origins: Iterable[str] | Literal["*"] = (),
        max_bytes: int = DEFAULT_MAX_BYTES,
        allowed_types: Iterable[str] | None = None,
        link_seconds: int = DEFAULT_LINK_SECONDS,
        timeout: float = 10.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise ValueError(
                f"url= must be the public URL of the app, such as 'https://example.com/files', "
                f"got {url!r}"
            )
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise ValueError(
                f"secret= must have at least {SHORTEST_SECRET} bytes, got {len(secret)}"
            )
        objects = FolderObjects(Folder(folder), url, secret)
        super().__init__(
            objects,
            store=store,
            owner=owner,
            max_bytes=max_bytes,
            allowed_types=allowed_types,
            link_seconds=link_seconds,
            timeout=timeout,
        )
        self.app = FolderApp(objects, allow_origins)
