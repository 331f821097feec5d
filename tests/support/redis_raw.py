"""Redis as a raw client sees it, on a single server and on a cluster alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis, RedisCluster

from services.service import Service


@asynccontextmanager
async def raw_client(service: Service) -> AsyncIterator[Any]:
    """A client for the service; what redis-py answers is not typed here."""
    kind: Any = RedisCluster if len(service.servers) > 1 else Redis
    async with kind.from_url(service.url) as client:
        yield client


async def keys_under(client: Any, prefix: str) -> set[str]:
    """The names of all keys under a prefix."""
    return {key.decode() async for key in client.scan_iter(f"{prefix}:*", count=10_000)}
