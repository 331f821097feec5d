"""A factory of MongoDB stores, with either driver, that other processes can import."""

from __future__ import annotations

import warnings
from typing import Any

from pymongo import AsyncMongoClient

from chatkit_conformance import Capabilities, Target
from chatkit_mongo import MongoStore

with warnings.catch_warnings():
    # Motor's makers have deprecated it, and it is supported here as long as it works.
    warnings.filterwarnings("ignore", "Motor", DeprecationWarning)
    from motor.motor_asyncio import AsyncIOMotorClient as AsyncIOMotorClient  # for others, too

TIMEOUT = 4.0
MAX_RECORD_BYTES = 3_000_000

CAPABILITIES = Capabilities(
    house_rules=True, max_record_bytes=MAX_RECORD_BYTES, call_timeout=TIMEOUT
)


def user_of(context: dict[str, str]) -> str:
    return context["user_id"]


class LentStore(MongoStore[Any]):
    """A store over a client that was lent to it, which this class, as a user would, closes."""

    def __init__(self, client: Any, database: str, timeout: float) -> None:
        self._client = client
        super().__init__(
            client[database], owner=user_of, timeout=timeout, max_record_bytes=MAX_RECORD_BYTES
        )

    async def aclose(self) -> None:
        await super().aclose()
        closing = self._client.close()
        if closing is not None:
            await closing


def open_store(
    url: str, driver: str = "url", database: str = "conformance", timeout: float = 30.0
) -> MongoStore[Any]:
    """A store over the server; other processes are patient, since many write at once."""
    if driver == "url":
        return MongoStore[Any].from_url(
            url,
            owner=user_of,
            timeout=timeout,
            database=database,
            max_record_bytes=MAX_RECORD_BYTES,
        )
    client: Any
    if driver == "motor":
        limit = int(timeout * 400)
        client = AsyncIOMotorClient(
            url, serverSelectionTimeoutMS=2 * limit, connectTimeoutMS=limit, socketTimeoutMS=limit
        )
    else:
        client = AsyncMongoClient(url, timeoutMS=int(timeout * 900))
    return LentStore(client, database, timeout)


def target(url: str, driver: str) -> Target:
    return Target(f"{__name__}:open_store", {"url": url, "driver": driver})
