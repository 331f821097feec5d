"""What PyMongo forgets."""

from __future__ import annotations

import pytest

from support.forgotten_sockets import FORGETS_SOCKETS


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of this folder alone."""
    item.add_marker(FORGETS_SOCKETS)
