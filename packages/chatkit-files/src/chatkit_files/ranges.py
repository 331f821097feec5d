"""Which part of a file a download asks for (RFC 9110, 14)."""

from __future__ import annotations

import re
from typing import NamedTuple

_SINGLE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Part(NamedTuple):
    """From which byte up to which one, not included."""

    start: int
    end: int


class UnsatisfiableRangeError(Exception):
    """The file has none of the bytes that were asked for."""


def asked_part(header: str | None, size: int) -> Part | None:
    """The part of a file of ``size`` bytes; ``None`` for all of it, without a range or with one
    that is not understood.

    Raises:
        UnsatisfiableRangeError: It lies beyond the end.
    """
    found = _SINGLE.fullmatch((header or "").strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise UnsatisfiableRangeError
    return Part(start, end)
