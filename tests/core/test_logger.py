"""The chatkit logger leaves the logging setup alone, unless LOG_LEVEL asks for its records."""

import os
import subprocess
import sys

import pytest

SPEAK = """
from chatkit.logger import logger
logger.debug("whisper")
logger.warning("careful")
"""


def run(script: str, *, level: str | None = None) -> str:
    """What a fresh interpreter writes to stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "LOG_LEVEL"}
    if level is not None:
        environment["LOG_LEVEL"] = level
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_importing_adds_no_handler_and_sets_no_level() -> None:
    run(
        "import logging; before = list(logging.getLogger().handlers)\n"
        "from chatkit.logger import logger\n"
        "assert logger is logging.getLogger('chatkit')\n"
        "assert logger.handlers == [] and logger.level == logging.NOTSET and logger.propagate\n"
        "assert logging.getLogger().handlers == before == []\n"
    )


@pytest.mark.parametrize("level", ["DEBUG", "debug"])
def test_a_level_in_the_environment_shows_the_records_from_that_level_on(level: str) -> None:
    shown = run(SPEAK, level=level)
    assert "whisper" in shown
    assert "careful" in shown


def test_records_below_the_level_in_the_environment_are_not_shown() -> None:
    shown = run(SPEAK, level="ERROR")
    assert shown == ""


def test_the_level_of_other_loggers_stays_as_it_is() -> None:
    shown = run("import logging\n" + SPEAK + "logging.getLogger('x').info('other')", level="DEBUG")
    assert "other" not in shown


@pytest.mark.parametrize("level", ["chatty", "", "7"])
def test_a_level_that_logging_does_not_know_changes_nothing(level: str) -> None:
    shown = run(SPEAK, level=level)
    assert "whisper" not in shown
    assert shown == run(SPEAK)


@pytest.mark.parametrize(
    "set_up",
    ["logging.basicConfig()", "logging.getLogger('chatkit').addHandler(logging.StreamHandler())"],
    ids=["on the root logger", "on chatkit's own logger"],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_record_that_another_handler_shows_is_shown_once(set_up: str, when: str) -> None:
    importing = "import logging\nfrom chatkit.logger import logger\n"
    script = f"import logging\n{set_up}\n{SPEAK}" if when == "before" else ""
    shown = run(script or f"{importing}{set_up}\n{SPEAK}", level="DEBUG")
    assert shown.count("careful") == 1
