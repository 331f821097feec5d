"""The chart: how many times less each thing costs than at the peer's, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.harness.report import Results, times

TITLE = "How many times less it costs than at the peer's"
LABELS_PX = 430
BARS_PX = 380
WIDTH_PX = LABELS_PX + BARS_PX + 90
LINE_PX = 22
TOP_PX = 58
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 15px; font-weight: 600; }
    .quiet { fill: #656d76; }
    .bar { fill: #2f81f7; }
    .missed { fill: #d29922; }
    .grid { stroke: #d1d9e0; }
    .target { stroke: #1f2328; stroke-width: 2; }
"""


def chart(found: Results) -> str:
    """The rows that have a peer and a target, as SVG: a bar each, with a line at the target."""
    rows = [row for row in found["rows"] if row["target"] is not None]
    gains = [_gain(row, row["ratio"]["median"]) for row in rows]
    scale = _Scale([*gains, *(_gain(row, row["target"]) for row in rows)])
    height = TOP_PX + LINE_PX * len(rows) + 44
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH_PX}" height="{height}" fill="#ffffff"/>',
        f'<text class="title" x="16" y="26">{TITLE}</text>',
        *_grid(scale, len(rows)),
    ]
    for number, (row, gain) in enumerate(zip(rows, gains, strict=True)):
        lines += _bar(scale, number, row, gain)
    caption = escape(_caption(found))
    lines += [f'<text class="quiet" x="16" y="{height - 14}">{caption}</text>', "</svg>", ""]
    return "\n".join(lines)


def _gain(row: dict[str, Any], ratio: float) -> float:
    """How many times less, whichever way the row's ratio is meant."""
    return 1 / ratio if row["at_most"] else ratio


class _Scale:
    """Where on the logarithmic axis a gain is."""

    def __init__(self, gains: Sequence[float]) -> None:
        self._low = math.floor(min([0.0, *(math.log10(gain) for gain in gains)]) * 2) / 2
        self._high = math.ceil(max([1.0, *(math.log10(gain) for gain in gains)]))

    def x(self, gain: float) -> float:
        part = (math.log10(gain) - self._low) / (self._high - self._low)
        return LABELS_PX + BARS_PX * part

    def powers(self) -> Iterator[int]:
        """The powers of ten on the axis."""
        return (10**power for power in range(int(self._high) + 1))


def _grid(scale: _Scale, count: int) -> Iterator[str]:
    top, end = TOP_PX - 6, TOP_PX + LINE_PX * count
    for power in scale.powers():
        x = f"{scale.x(power):.1f}"
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{end}"/>'
        yield f'<text class="quiet" x="{x}" y="{top - 6}" text-anchor="middle">{power}x</text>'


def _bar(scale: _Scale, number: int, row: dict[str, Any], gain: float) -> Iterator[str]:
    y = TOP_PX + LINE_PX * number
    left, right = sorted((scale.x(1), scale.x(gain)))
    target = scale.x(_gain(row, row["target"]))
    label = f"{row['title']}, {row['peer']}"
    yield f'<text x="{LABELS_PX - 10}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
    yield (
        f'<rect class="{"bar" if row["met"] else "bar missed"}" x="{left:.1f}" y="{y + 4}" '
        f'width="{max(right - left, 1):.1f}" height="14" rx="2"/>'
    )
    yield f'<line class="target" x1="{target:.1f}" x2="{target:.1f}" y1="{y + 2}" y2="{y + 20}"/>'
    yield f'<text x="{max(right, target) + 6:.1f}" y="{y + 15}">{times(gain)}</text>'


def _caption(found: Results) -> str:
    names = ("chatkit-core", "openai-chatkit", "python")
    versions = ", ".join(f"{name} {found['versions'][name]}" for name in names)
    dates = sorted({row["date"] for row in found["rows"]})
    date = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return f"{date}; {versions}; {found['machine']}. Lines are the targets."
