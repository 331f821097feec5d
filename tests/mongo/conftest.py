"""What PyMongo forgets, and may be found at any time afterwards."""

from __future__ import annotations

import pytest

# 4.20 leaves a socket open, to be closed by the garbage collector, whose task was cancelled while
# it connected: it has no peer, unlike one that a test of ours forgets.
FORGOTTEN = (
    r"ignore:Exception ignored in. <socket\.socket fd=\d+, family=\d+, type=1, proto=6"
    r"(, laddr=\([^)]*\))?>:pytest.PytestUnraisableExceptionWarning"
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of this folder alone."""
    item.add_marker(pytest.mark.filterwarnings(FORGOTTEN))
