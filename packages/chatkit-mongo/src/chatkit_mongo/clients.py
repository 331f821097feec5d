"""Where the database comes from: a client that is made here from a URL, or one that was lent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, PyMongoError

from chatkit_mongo.drivers import MongoDatabase

DEFAULT_DATABASE = "chatkit"

TIMEOUTS = ("timeoutms", "sockettimeoutms", "wtimeoutms", "waitqueuetimeoutms")
"""A URL that has one of these options says itself how long the driver shall try."""

SHARE = 0.9
"""Of the store's timeout, what the driver gets: so its error comes first, and tells more."""


class Lent:
    """A database of the integrator's, whose client is theirs to close."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        self.name: str = database.name

    async def open(self) -> MongoDatabase:
        """The database."""
        return self._database

    async def close(self) -> None:
        """Do nothing."""


@dataclass
class Own:
    """A database that is reached by a URL, through a client of its own from open to close."""

    name: str
    url: str = field(repr=False)
    options: dict[str, Any]
    _client: AsyncMongoClient[Any] | None = field(default=None, init=False, repr=False)

    async def open(self) -> MongoDatabase:
        """Make the client, which connects at its first call."""
        self._client = _client(self.url, self.options)
        return self._client[self.name]

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.close()


def own(url: str, database: str | None, timeout: float) -> Own:
    """The database at a URL. Does no I/O.

    Raises:
        ValueError: It is no URL of MongoDB's; the message has nothing of it, as it may hold a
            password.
    """
    client = _client(url, {})
    options: dict[str, Any] = {}
    if not any(f"{option}=" in url.lower() for option in TIMEOUTS):
        options["timeoutMS"] = max(1, int(timeout * 1000 * SHARE))
    if "servermonitoringmode=" not in url.lower():
        # Streaming, PyMongo 4.20 looks again only every 10 s at a server that was away. Calls wait
        # for that, and the first one whose time is over amid its handshake has the server taken
        # for away again: with many calls, for minutes. Polling, it looks when a call needs it.
        options["serverMonitoringMode"] = "poll"
    try:
        name = database or client.get_default_database(DEFAULT_DATABASE).name
    except PyMongoError:
        raise ValueError("the name of the database is not one that MongoDB can have") from None
    return Own(name, url, options)


def _client(url: str, options: dict[str, Any]) -> AsyncMongoClient[Any]:
    try:
        with warnings.catch_warnings():
            # PyMongo only warns of options that it does not know or that have no such value.
            warnings.simplefilter("error", UserWarning)
            return AsyncMongoClient(url, appname="chatkit-mongo", **options)
    except (ValueError, TypeError, ConfigurationError, UserWarning) as error:
        kind = type(error).__name__
    raise ValueError(
        "this is no URL that MongoDB's driver understands "
        f"({kind}); expected mongodb://user:password@host:27017/database?option=value with "
        "user and password percent-encoded, or mongodb+srv://…"
    )
