"""One demo for all tests that only talk to it; each uses threads of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.demo_process import Demo, demo_running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_running(tmp_path_factory.mktemp("demo")) as running:
        yield running
