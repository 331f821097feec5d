"""What was logged in a test, for fixtures that look at it when the test is over."""

from __future__ import annotations

import logging

import pytest


def logged_records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """All records; ``caplog.records`` has begun anew when a fixture goes on after its ``yield``."""
    return [*caplog.get_records("setup"), *caplog.get_records("call")]


def logged_text(caplog: pytest.LogCaptureFixture) -> str:
    """All that a handler could show of them, tracebacks included."""
    formatter = logging.Formatter()
    return "\n".join(
        f"{formatter.format(record)} {record.__dict__!r}" for record in logged_records(caplog)
    )
