"""How much memory this process takes at most while something runs. Linux tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROCESS = Path("/proc/self")


class PeakMemory:
    """What ``peak_memory`` has found, at its end."""

    grown_mib: float


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measure by how much the process's memory (RSS) grows at most until the end of the block."""
    found = PeakMemory()
    (_PROCESS / "clear_refs").write_text("5")  # the peak is forgotten: proc_pid_clear_refs(5)
    before = _peak_kib()
    yield found
    found.grown_mib = (_peak_kib() - before) / 1024


def _peak_kib() -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not tell how much memory a process has taken")
