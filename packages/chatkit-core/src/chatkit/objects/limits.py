"""Which sizes and types may be uploaded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from chatkit.errors import InvalidRequestError

DEFAULT_MAX_BYTES = 25 * 1024 * 1024

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - RFC 6838's restricted names, a little wider
_MIME_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}( ?; ?{_TOKEN}=({_TOKEN}|"[ !#-\[\]-~]*"))*')
_PATTERN = re.compile(rf"{_TOKEN}/(\*|{_TOKEN})")
LONGEST_MIME_TYPE = 200


def essence(mime_type: str) -> str:
    """The type without its parameters, in lower case: ``text/plain`` of ``Text/Plain; a=b``."""
    return mime_type.partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Limits:
    """What a store takes.

    Args:
        max_bytes: The largest upload.
        allowed_types: Types such as ``"application/pdf"``, or ``"image/*"``; ``None`` for all.

    Raises:
        TypeError: ``allowed_types`` is a single string.
        ValueError: One of them is no type, or ``max_bytes`` is below 1.
    """

    max_bytes: int
    allowed_types: Iterable[str] | None

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes= must be 1 or more, got {self.max_bytes!r}")
        if isinstance(self.allowed_types, str):
            raise TypeError(f"allowed_types= must be a list of types, not {self.allowed_types!r}")
        if self.allowed_types is not None:
            allowed = tuple(type_.lower() for type_ in self.allowed_types)
            for pattern in allowed:
                if not _PATTERN.fullmatch(pattern):
                    raise ValueError(
                        "allowed_types= takes types such as 'application/pdf' or 'image/*', "
                        f"got {pattern!r}"
                    )
            object.__setattr__(self, "allowed_types", allowed)

    def check_size(self, size: int, field: str) -> None:
        """Raise ``InvalidRequestError`` for a size that is not allowed, naming ``field``."""
        if not 0 <= size <= self.max_bytes:
            raise InvalidRequestError(
                f"the size must be from 0 to {self.max_bytes} bytes, got {size}", field=field
            )

    def check_type(self, mime_type: str, field: str) -> None:
        """Raise ``InvalidRequestError`` for a type that is none or not allowed."""
        if not _MIME_TYPE.fullmatch(mime_type) or len(mime_type) > LONGEST_MIME_TYPE:
            raise InvalidRequestError(f"{mime_type[:LONGEST_MIME_TYPE]!r} is no type", field=field)
        if self.allowed_types is None:
            return
        plain = essence(mime_type)
        whole_kind = plain.partition("/")[0] + "/*"
        if plain not in self.allowed_types and whole_kind not in self.allowed_types:
            allowed = ", ".join(self.allowed_types)
            raise InvalidRequestError(
                f"the type must be one of {allowed}, got {mime_type!r}", field=field
            )
