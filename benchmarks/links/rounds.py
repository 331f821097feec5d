"""Rounds of presigning, which come to the same if the links say the same."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

from benchmarks.harness.rows import Round

BUCKET, KEY, TYPE, SIZE, SECONDS = "chat-attachments", "pending/2f/c9", "image/png", 123_456, 600

OF_THE_MOMENT = ("date", "signature", "credential")


async def rounds(
    row: str, times: int, presign: Callable[[int], Awaitable[str]]
) -> AsyncGenerator[Round, None]:
    """Seconds of processor time for each link.

    Args:
        presign: Makes so many links, and gives the last one.
    """
    while True:
        started = time.process_time()
        url = await presign(times)
        cost = (time.process_time() - started) / times
        yield Round({row: cost}, _without_time(url))


def _without_time(url: str) -> list[object]:
    """The host, the path and the query without what depends on the moment and the key."""
    parts = urlsplit(url)
    query = sorted(
        (name, "…" if name.lower().endswith(OF_THE_MOMENT) else value)
        for name, value in parse_qsl(parts.query)
    )
    return [parts.netloc, parts.path, [list(pair) for pair in query]]
