"""What came out, as a table for the eye and as JSON."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.harness.environments import versions_in
from benchmarks.harness.measure import Outcome, Spread
from benchmarks.harness.rows import Environment, Unit

Results: TypeAlias = dict[str, Any]

NAMED_PACKAGES = (
    *("openai-chatkit", "openai-agents", "pydantic", "starlette", "uvicorn"),
    *("aiosqlite", "redis", "pymongo", "boto3", "google-cloud-storage"),
)
"""Whose versions the results name, beside our own and Python's."""

COLUMNS = ("", "ours", "peer", "ratio", "quartiles", "target", "")


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as lines of text, in columns."""
    lines = [COLUMNS, *(_cells(outcome) for outcome in outcomes)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(_line(cells, widths).rstrip() for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    title, *numbers, verdict = cells
    padded = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=False))
    return "  ".join((title.ljust(widths[0]), *padded, verdict))


def _cells(outcome: Outcome) -> tuple[str, ...]:
    row, ratio, peers = outcome.row, outcome.ratio, outcome.peers
    verdict = {None: "", True: "met", False: "MISSED"}[outcome.met]
    return (
        f"{row.title}, {outcome.peer}" if outcome.peer else row.title,
        amount(outcome.ours.median, row.unit),
        "" if peers is None else amount(peers.median, row.unit),
        "" if ratio is None else times(ratio.median),
        "" if ratio is None else f"{times(ratio.low)}..{times(ratio.high)}",
        "" if row.target is None else str(row.target),
        verdict,
    )


def times(ratio: float) -> str:
    """A ratio with about three digits: ``3.52x``, ``660x``."""
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def amount(cost: float, unit: Unit) -> str:
    """A cost in a unit of handy size: ``431 µs``, ``46.9 MB``."""
    scales = {
        Unit.SECONDS: ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
        Unit.BYTES: ((1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    }[unit]
    size, name = next((scale for scale in scales if cost >= scale[0]), scales[-1])
    number = cost / size
    return f"{number:.0f} {name}" if number >= 100 else f"{number:.3g} {name}"


def results(outcomes: Iterable[Outcome]) -> Results:
    """The outcomes, with when, where and with which versions they came about."""
    today = datetime.now(timezone.utc).date().isoformat()
    return {
        "date": today,
        "machine": machine(),
        "versions": _versions(),
        "rows": [{**_entry(outcome), "date": today} for outcome in outcomes],
    }


def _entry(outcome: Outcome) -> dict[str, Any]:
    row = outcome.row
    return {
        "name": row.name,
        "title": row.title,
        "peer": outcome.peer or None,
        "unit": row.unit.value,
        "ours": _spread(outcome.ours),
        "peers": _spread(outcome.peers),
        "ratio": _spread(outcome.ratio),
        "target": None if row.target is None else row.target.bar,
        "at_most": row.target is not None and row.target.at_most,
        "met": outcome.met,
    }


def _spread(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    numbers = {"median": spread.median, "low": spread.low, "high": spread.high}
    return {name: float(f"{number:.4g}") for name, number in numbers.items()}


def machine() -> str:
    """The processor and the system, without the machine's name."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown processor"


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **versions_in(Environment.WORKSPACE, ("chatkit-core", *NAMED_PACKAGES)),
        **versions_in(Environment.OPENAI_CHATKIT, NAMED_PACKAGES),
    }


def merged(before: Results | None, now: Results) -> Results:
    """``now``, and the rows of ``before`` that were not measured again, if all else is the same."""
    if before is None or any(before[name] != now[name] for name in ("machine", "versions")):
        return now
    fresh = {row["name"]: row for row in now["rows"]}
    kept = [fresh.pop(row["name"], row) for row in before["rows"]]
    return {**now, "rows": [*kept, *fresh.values()]}


def read(path: Path) -> Results | None:
    """Earlier results, if there are any."""
    if not path.exists():
        return None
    found: Results = json.loads(path.read_text("utf-8"))
    return found


def write(path: Path, found: Results) -> None:
    """Keep results for ``read``, the chart and the curious."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
