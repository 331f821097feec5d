"""Runs one function over many values, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16


async def concurrently(do: Callable[[T], Awaitable[R]], values: Sequence[T]) -> list[R]:
    """The results of ``do`` for each value, in their order, at most ``AT_ONCE`` at a time.

    The first exception ends the others and is raised once they have ended.
    """
    results: dict[int, R] = {}
    waiting = iter(enumerate(values))

    async def work() -> None:
        for number, value in waiting:
            results[number] = await do(value)

    workers = [asyncio.ensure_future(work()) for _ in range(min(AT_ONCE, len(values)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [results[number] for number in range(len(values))]
