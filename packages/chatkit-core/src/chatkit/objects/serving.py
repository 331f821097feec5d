"""With which headers bytes may be handed out, so that nothing uploaded runs as a page or a script.

A browser shows a picture in an ``img`` whatever its ``Content-Disposition``; what is not
``inline`` cannot be opened as a page. Types that browsers would run are not told to them at all.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from chatkit.objects.limits import essence

INLINE = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/jpg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
    }
)
"""Pictures of dots, which no browser takes for anything that runs."""

AS_DECLARED = INLINE | {
    "image/svg+xml",  # shown in an img, where it runs nothing; opened, it is downloaded
    "image/heic",
    "image/heif",
    "image/tiff",
    "application/pdf",
    "text/plain",
}
"""What is told to the browser as the type that was declared."""

XML = "+xml"
"""How types end that browsers take for XML, which may have scripts (MIME Sniffing Standard)."""

LONGEST_NAME = 100


class Serving(NamedTuple):
    """Two headers of a download."""

    content_type: str
    disposition: str


def serving(mime_type: str, name: str, *, inline: bool) -> Serving:
    """How to hand out a file of that type and name.

    Args:
        inline: Whether it may be shown instead of saved, if it is a picture of dots.
    """
    plain = essence(mime_type)
    media = plain.startswith(("audio/", "video/")) and not plain.endswith(XML)
    known = plain in AS_DECLARED or media
    kind = "inline" if inline and plain in INLINE else "attachment"
    return Serving(plain if known else "application/octet-stream", f"{kind}; {_filename(name)}")


def _filename(name: str) -> str:
    """The name as RFC 6266 wants it: for old browsers in ASCII, for others as it is.

    Without control characters and separators of paths, and not longer than file systems take it.
    """
    safe = re.sub(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028-\u202e\u2066-\u2069]', "_", name)
    safe = _shortened(safe.encode("utf-8", "replace").decode()).strip(" .") or "file"
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", safe)
    return f"filename=\"{ascii_name}\"; filename*=UTF-8''{quote(safe, safe='')}"


def _shortened(name: str) -> str:
    """At most so many characters, the ending among them."""
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 12:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
