"""Where the database comes from: a client that is made here from a URL, or one that was lent."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.driver_info import DriverInfo
from pymongo.errors import PyMongoError

from chatkit_mongo.drivers import MongoDatabase

DEFAULT_DATABASE = "chatkit"

DRIVER = DriverInfo("chatkit-mongo")
"""What servers' logs call us; the name of the application is the integrator's to give."""

LONGEST_NAME = 63
NOT_IN_NAMES = frozenset('/\\. "$*<>:|?\x00')
"""What MongoDB refuses in a database's name, on Linux or on Windows."""

TIMEOUTS = ("timeoutms", "sockettimeoutms", "wtimeoutms", "waitqueuetimeoutms")
"""A URL that has one of these options says itself how long the driver shall try."""

LIMITS = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS")

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
    """A database that is reached by a URL, through a client of its own from open to close.

    Args:
        timeout: The store's, in seconds.
    """

    name: str
    url: str = field(repr=False)
    timeout: float
    _client: AsyncMongoClient[Any] | None = field(default=None, init=False, repr=False)

    async def open(self) -> MongoDatabase:
        """Make the client, which connects at its first call."""
        given = _options_of(self.url).lower()
        options: dict[str, Any] = {}
        # Not timeoutMS: a call whose time is over amid a handshake has the server taken for away,
        # which fails the others.
        if not any(f"{option}=" in given for option in TIMEOUTS):
            limit = max(1, int(self.timeout * 1000 * SHARE))
            options = dict.fromkeys(LIMITS, limit)
        self._client = _client(self.url, **options)
        if "retrywrites=" not in given and await _stands_alone(self._client):
            await self._client.close()
            self._client = _client(self.url, **options, retryWrites=False)
        return self._client[self.name]

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.close()


def own(url: str, database: str | None, timeout: float) -> Own:
    """The database at a URL. Does no I/O, but to read the certificates that the URL may name.

    Raises:
        TypeError: An argument is no string.
        ValueError: It is no URL of MongoDB's, of which the message has nothing, as it may hold a
            password; or the database cannot have this name.
        OSError: A file of certificates cannot be read.
    """
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"url must be a string, got {type(url).__name__}")
    client = _client(url)
    if database is None:
        database = client.get_default_database(DEFAULT_DATABASE).name
    else:
        _check_name(database)
    return Own(database, url, timeout)


async def _stands_alone(client: AsyncMongoClient[Any]) -> bool:
    """Whether the server is neither of a replica set nor of a sharded cluster.

    Such a one cannot retry writes. PyMongo 4.20 tries nevertheless: it takes a new connection, on
    it raises the error of the old one, and so takes the server for away again, for all. Under load
    that goes on for a minute and more after the connections were cut once.
    """
    hello = await client.admin.command("hello")
    return "setName" not in hello and hello.get("msg") != "isdbgrid"


def _client(url: str, **options: Any) -> AsyncMongoClient[Any]:
    # The driver would take the rest of a password for a path, and show it in errors.
    kind = "an @ after the host" if "@" in _after_hosts(url) else ""
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        kind = "another scheme"
    if not kind:
        try:
            with warnings.catch_warnings():
                # PyMongo only warns of options that it does not know or whose value is wrong.
                warnings.simplefilter("error", UserWarning)
                client: AsyncMongoClient[Any] = AsyncMongoClient(url, driver=DRIVER, **options)
            client.get_default_database(DEFAULT_DATABASE)  # whose name may be impossible
            return client
        except (ValueError, TypeError, PyMongoError, UserWarning) as error:
            kind = type(error).__name__
    raise ValueError(
        "this is no URL that MongoDB's driver understands "
        f"({kind}); expected mongodb://user:password@host:27017/database?option=value with "
        "user, password and values percent-encoded, or mongodb+srv://…"
    )


def _after_hosts(url: str) -> str:
    """The path and the options of a URL."""
    return "".join(re.split("[/?]", url.partition("://")[2], maxsplit=1)[1:])


def _options_of(url: str) -> str:
    return url.partition("?")[2]


def _check_name(database: str) -> None:
    if not isinstance(database, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"database= must be a string, got {database!r}")
    if not 0 < len(database.encode()) <= LONGEST_NAME or set(database) & NOT_IN_NAMES:
        raise ValueError(
            f"database= must be a name of 1 to {LONGEST_NAME} bytes without any of "
            f"{''.join(sorted(NOT_IN_NAMES))!r}, got {database!r}"
        )
