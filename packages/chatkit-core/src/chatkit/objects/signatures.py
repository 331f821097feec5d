"""Whether bytes are what their type says, by how they begin ("magic bytes").

This is no proof that a picture is sound. It keeps one thing from passing for another: a page for
a picture, a program for a document.
"""

from __future__ import annotations

from typing import TypeAlias

from chatkit.objects.limits import essence

HEAD_BYTES = 4096
"""So many bytes from the beginning are enough to tell."""

Signature: TypeAlias = tuple[tuple[int, bytes], ...]
"""All of these bytes at these places."""


def _at_start(*alternatives: bytes) -> tuple[Signature, ...]:
    return tuple(((0, start),) for start in alternatives)


def _brand(*brands: bytes) -> tuple[Signature, ...]:
    """An ISO base media file (ISO/IEC 14496-12) of one of these brands."""
    return tuple(((4, b"ftyp"), (8, brand)) for brand in brands)


_JPEG = _at_start(b"\xff\xd8\xff")
_ICON = _at_start(b"\x00\x00\x01\x00", b"\x00\x00\x02\x00")
_ZIP = _at_start(b"PK\x03\x04", b"PK\x05\x06")
# With a password, Office puts the zip into a compound file (MS-OFFCRYPTO).
_OFFICE = (*_ZIP, *_at_start(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
_MATROSKA = _at_start(b"\x1a\x45\xdf\xa3")
_OGG = _at_start(b"OggS")
_WAVE: tuple[Signature, ...] = (((0, b"RIFF"), (8, b"WAVE")),)
_MPEG_4: tuple[Signature, ...] = (((4, b"ftyp"),),)
_GZIP = _at_start(b"\x1f\x8b")

SIGNATURES: dict[str, tuple[Signature, ...]] = {
    "image/png": _at_start(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": _JPEG,
    "image/jpg": _JPEG,
    "image/gif": _at_start(b"GIF87a", b"GIF89a"),
    "image/webp": (((0, b"RIFF"), (8, b"WEBP")),),
    "image/avif": _brand(b"avif", b"avis", b"mif1", b"miaf", b"msf1"),
    "image/heic": _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    "image/heif": _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    "image/bmp": _at_start(b"BM"),
    "image/tiff": _at_start(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "image/x-icon": _ICON,
    "image/vnd.microsoft.icon": _ICON,
    "application/pdf": _at_start(b"%PDF-"),
    "application/zip": _ZIP,
    "application/epub+zip": _ZIP,
    "application/gzip": _GZIP,
    "application/x-gzip": _GZIP,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _OFFICE,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _OFFICE,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": _OFFICE,
    "application/vnd.oasis.opendocument.text": _ZIP,
    "application/vnd.oasis.opendocument.spreadsheet": _ZIP,
    "application/vnd.oasis.opendocument.presentation": _ZIP,
    "audio/mpeg": _at_start(
        b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3"
    ),
    "audio/wav": _WAVE,
    "audio/x-wav": _WAVE,
    "audio/wave": _WAVE,
    "audio/flac": _at_start(b"fLaC"),
    "audio/ogg": _OGG,
    "video/ogg": _OGG,
    "audio/webm": _MATROSKA,
    "video/webm": _MATROSKA,
    "video/x-matroska": _MATROSKA,
    "audio/mp4": _MPEG_4,
    "audio/x-m4a": _MPEG_4,
    "video/mp4": _MPEG_4,
}
"""How files of each type begin: in one of these ways. Types that are not here have no rule."""

_NEVER_MARKUP = ("image", "audio", "video", "font")
_SPACE_OR_BOM = b" \t\r\n\x0c\xef\xbb\xbf\xfe\xff\x00"


def fits(mime_type: str, head: bytes) -> bool:
    """Whether a file that begins with ``head`` (up to ``HEAD_BYTES``) can be of that type."""
    plain = essence(mime_type)
    if plain == "image/svg+xml":
        return head.lstrip(_SPACE_OR_BOM).startswith(b"<") and b"<svg" in head
    signatures = SIGNATURES.get(plain)
    if signatures is not None:
        return any(_has(head, signature) for signature in signatures)
    is_markup = head.lstrip(_SPACE_OR_BOM).startswith(b"<")
    return not (is_markup and plain.startswith(_NEVER_MARKUP))


def _has(head: bytes, signature: Signature) -> bool:
    return all(head.startswith(expected, place) for place, expected in signature)
