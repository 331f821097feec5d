"""Where the time goes: a profile of our own side, by stage."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[], Awaitable[object]]

PACKAGES = ("chatkit", "chatkit_sqlite", "pydantic", "agents", "aiosqlite", "asyncio", "uvicorn")


def profile(prepare: Callable[[], Awaitable[Work]]) -> Counter[str]:
    """The part of each stage in the time that a piece of work takes, by the stage's name."""

    async def run() -> Counter[str]:
        work = await prepare()
        await work()
        profiler = cProfile.Profile()
        profiler.enable()
        await work()
        profiler.disable()
        return by_stage(pstats.Stats(profiler))

    return asyncio.run(run())


def by_stage(stats: pstats.Stats) -> Counter[str]:
    times: Counter[str] = Counter()
    places: dict[tuple[str, int, str], tuple[Any, ...]] = vars(stats)["stats"]
    for (file, _, function), (_, _, own_time, _, _) in places.items():
        times[stage_of(file, function)] += own_time
    total = sum(times.values())
    return Counter({stage: time / total for stage, time in times.items()})


def stage_of(file: str, function: str) -> str:
    """A module of ours, a package of others', or what is built in."""
    if file == "~":
        for package in ("sqlite3", "pydantic_core"):
            if package in function:
                return package
        return "built-in functions"
    parts = Path(file).with_suffix("").parts
    for package in PACKAGES:
        if package in parts:
            at = len(parts) - 1 - parts[::-1].index(package)
            return ".".join(parts[at:]) if package.startswith("chatkit") else package
    return "the benchmark" if "benchmarks" in parts else "the standard library"


def shown(title: str, parts: Counter[str], most: int = 9) -> str:
    """The stages that take most, as lines of text."""
    lines = [f"{part:6.1%}  {stage}" for stage, part in parts.most_common(most)]
    return "\n".join((title, *(f"  {line}" for line in lines)))
