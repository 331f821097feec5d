"""The sockets that PyMongo forgets, which a test with warnings as errors would else fail for."""

from __future__ import annotations

import pytest

# PyMongo 4.20 leaves a socket open, for the garbage collector to find at any time, whose task was
# cancelled while it connected. It has no peer, unlike most that a test of ours could forget. Python
# 3.10 prints names in place of numbers, and 3.14 another beginning.
FORGETS_SOCKETS = pytest.mark.filterwarnings(
    r"ignore:Exception ignored .*<socket\.socket fd=\d+, family=[\w.]+, type=[\w.]+, proto=6"
    r"(, laddr=\([^)]*\))?>:pytest.PytestUnraisableExceptionWarning"
)
