"""Containers or processes: what the run asks for, and what the machine offers.

``CHATKIT_TEST_SERVICES``   ``containers`` or ``processes`` insists; otherwise containers if there
                            is a Docker engine, and processes if not
``CHATKIT_TEST_REDIS_URL``  tests use this server, whatever the way; so with ``…_MONGO_URL``
                            and ``…_S3_URL``, with credentials as boto3 finds them
``CI``                      ``true``: a server that cannot be had is a failure, not a skip
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from services.containers import ServerContainer
from services.processes import ServerProcess
from services.recipe import Recipe
from services.server import CannotStartError, Server

WAYS: Mapping[str, Callable[[Recipe], Server]] = {
    "containers": ServerContainer,
    "processes": ServerProcess,
}


def wanted() -> str:
    """The way that the run insists on, or an empty string.

    Raises:
        ValueError: It is none.
    """
    way = os.environ.get("CHATKIT_TEST_SERVICES", "")
    if way and way not in WAYS:
        raise ValueError(f"CHATKIT_TEST_SERVICES must be one of {', '.join(WAYS)}, got {way!r}")
    return way


def must_run() -> bool:
    """Whether a server that cannot be had is a failure."""
    return bool(wanted()) or os.environ.get("CI") == "true"


def started(recipe: Recipe) -> Server:
    """A server that answers.

    Raises:
        CannotStartError: This machine offers none; says why.
    """
    reasons: list[str] = []
    for name in [wanted()] if wanted() else WAYS:
        try:
            server = WAYS[name](recipe)
        except CannotStartError as error:
            reasons.append(f"{name}: {error}")
            continue
        try:
            server.start()
        except BaseException:
            server.close()
            raise
        return server
    raise CannotStartError("; ".join(reasons))
