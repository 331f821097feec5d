"""The ``chatkit`` logger.

Importing this adds nothing to your logging setup, with one exception: when the environment
variable ``LOG_LEVEL`` holds a level's name, the logger takes that level, and its records go to
stderr for as long as no other handler would show them.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, TextIO, TypeAlias

logger = logging.getLogger("chatkit")
"""Everything that chatkit has to say."""


LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")


if TYPE_CHECKING:
    _StreamHandler: TypeAlias = logging.StreamHandler[TextIO]
else:  # Python 3.10 cannot subscript it
    _StreamHandler = logging.StreamHandler


class _UnlessShownElsewhere(_StreamHandler):
    """Writes to stderr, but only what no other handler up the tree would get."""

    def emit(self, record: logging.LogRecord) -> None:
        others = [handler for handler in logger.handlers if handler is not self]
        if not others and not logging.getLogger().handlers:
            super().emit(record)


def _obey_log_level(level: str) -> None:
    if level.upper() not in LEVELS:
        return  # a word that another program understands
    handler = _UnlessShownElsewhere()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level.upper())


if os.environ.get("LOG_LEVEL"):
    _obey_log_level(os.environ["LOG_LEVEL"])
