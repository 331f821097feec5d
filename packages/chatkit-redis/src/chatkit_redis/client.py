"""The client's side: URLs, single servers and clusters, and scripts that a server may forget."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    MovedError,
    NoPermissionError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from chatkit.logger import logger
from chatkit_redis.coalescing import Call, Coalescing

AnyClient: TypeAlias = "Redis | RedisCluster"

AWAY = (RedisError, RedisClusterException, OSError)

CALLS_AT_ONCE = 32
"""Some of the drivers' pools raise instead of waiting."""

SCHEMES = ("redis", "rediss", "unix")

log = logger.getChild("redis")


def check_client(client: object) -> None:
    """Refuse, when a store is built, what is no client of ``redis.asyncio``.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(client, (Redis, RedisCluster, Url)):
        raise TypeError(
            "client must be a redis.asyncio.Redis or redis.asyncio.RedisCluster "
            f"(for a URL, use RedisStore.from_url), got {type(client)!r}"
        )


class Url:
    """Where a server is. Nothing of it that could be a secret is ever shown.

    Raises:
        ValueError: The URL cannot be used.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        # Together below the store's own timeout, so that its errors have the driver's as cause.
        self._settings: dict[str, Any] = {
            "socket_connect_timeout": 0.4 * timeout,
            "socket_timeout": 0.4 * timeout,
            "retry": Retry(NoBackoff(), 1, (RedisConnectionError,)),
        }
        try:
            parts = urlsplit(url)
            known = parts.scheme in SCHEMES and "@" not in parts.path + parts.query + parts.fragment
            if not known or parts.fragment or not (parts.scheme == "unix" or _is_db(parts.path)):
                raise ValueError
            self._client()
        except Exception:  # redis-py raises many kinds, some with the URL in them
            raise ValueError(
                "the Redis URL cannot be used (it is not shown, for it may hold a password); "
                "expected redis://[user:password@]host[:port][/db], rediss://… or unix://path, "
                "options of redis-py after a '?', and special characters percent-quoted"
            ) from None
        host = parts.netloc.rpartition("@")[2]
        self.name = f"Redis at {parts.path if parts.scheme == 'unix' else host}"

    def _client(self) -> Redis:
        driver: Any = Redis  # from_url leaves its options untyped
        client: Redis = driver.from_url(self._url, **self._settings)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # refuses unknown options; no I/O
        return client

    async def connect(self) -> AnyClient:
        """A client for what is found there: a single server, or a cluster."""
        client = self._client()
        try:
            if await _mode(client) != b"cluster":
                return client
        except ResponseError:
            return client  # a proxy, or a user who may not ask
        except BaseException:
            await client.aclose()
            raise
        await client.aclose()
        return RedisCluster.from_url(
            self._url, **{k: v for k, v in self._settings.items() if k != "retry"}
        )


async def _mode(client: Redis) -> bytes:
    told = await _command(client, "HELLO")
    if not hasattr(told, "items"):  # RESP2 has no maps
        told = dict(zip(told[::2], told[1::2], strict=True))
    return bytes(told[b"mode"])


def _is_db(path: str) -> bool:
    return path in ("", "/") or path[1:].isdecimal()


class Connection:
    """Runs scripts on a client that was given, or on one of its own.

    Args:
        expiring: Whether what is kept may expire.
        timeout: The store's, in seconds.
    """

    def __init__(self, to: AnyClient | Url, *, expiring: bool, timeout: float) -> None:
        self._to = to
        self._expiring = expiring
        self._free = asyncio.Semaphore(1)
        self._writes = Coalescing(self._run_alone, self._run_together, timeout)
        self.client: AnyClient  # from open to close
        self.name = to.name if isinstance(to, Url) else _name(to)

    async def open(self) -> None:
        client = await self._to.connect() if isinstance(self._to, Url) else self._to
        try:
            if isinstance(client, RedisCluster):
                await client.initialize()  # before several tasks use it
            self._warn_of_eviction(await eviction_policies(client))
        except BaseException:
            if isinstance(self._to, Url):
                await client.aclose()
            raise
        self._free = asyncio.Semaphore(min(CALLS_AT_ONCE, _pool_size(client)))
        self.client = client

    async def close(self) -> None:
        if isinstance(self._to, Url):
            await self.client.aclose()

    def _warn_of_eviction(self, policies: set[str]) -> None:
        for policy in sorted(policies):
            if policy.startswith("allkeys-") or (self._expiring and policy.startswith("volatile-")):
                log.warning(
                    "%s deletes keys when its memory is full (maxmemory-policy %s): conversations "
                    "can be lost in part; set maxmemory-policy noeviction",
                    self.name,
                    policy,
                )

    async def run(self, script: str, keys: Sequence[bytes], *arguments: bytes | int) -> Any:
        """What the script returns."""
        call = Call(script, (len(keys), *keys, *arguments))
        if script == "write" and isinstance(self.client, Redis):
            return await self._writes.run(call)
        return await self._run_alone(call)

    async def _run_alone(self, call: Call) -> Any:
        async with self._free:
            try:
                try:
                    return await _command(self.client, "EVALSHA", sha_of(call.script), *call.words)
                except NoScriptError:
                    return await _command(self.client, "EVAL", text_of(call.script), *call.words)
            except ResponseError as error:
                if isinstance(self.client, RedisCluster) or not _is_moved(error):
                    raise
                raise RedisClusterException(
                    "this server is a node of a cluster: give the store a RedisCluster, or a URL"
                ) from error

    async def _run_together(self, calls: Sequence[Call]) -> list[Any]:
        client: Any = self.client
        async with self._free:
            pipeline = client.pipeline(transaction=False)
            for call in calls:
                words = ("EVALSHA", sha_of(call.script), *call.words)
                pipeline.execute_command(*words, **{NEVER_DECODE: []})
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for number, answer in enumerate(answers):
            if isinstance(answer, ResponseError) and _did_nothing(answer):
                try:
                    answers[number] = await self._run_alone(calls[number])
                except AWAY as error:
                    answers[number] = error
        return answers

    async def keys_like(self, pattern: bytes) -> AsyncIterator[bytes]:
        """All keys that match, on all servers, each batch as it comes."""
        nodes: list[dict[str, Any]] = [{}]
        if isinstance(self.client, RedisCluster):
            nodes = [{"target_nodes": node} for node in self.client.get_primaries()]
        for node in nodes:
            cursor = 0
            while True:
                asked = (cursor, b"MATCH", pattern, b"COUNT", 10_000)
                told, keys = await _command(self.client, "SCAN", *asked, **node)
                for key in keys:
                    yield key
                cursor = int(told[node["target_nodes"].name] if node else told)
                if cursor == 0:
                    break


def _did_nothing(error: ResponseError) -> bool:
    """Whether the server refused to run the script at all."""
    return isinstance(error, NoScriptError) or _is_moved(error)


def _is_moved(error: ResponseError) -> bool:
    return isinstance(error, MovedError) or str(error).startswith("MOVED ")  # redis-py < 6


async def _command(client: Any, name: str, *words: bytes | int, **options: Any) -> Any:
    """What the server answers, texts as bytes, however the client encodes and decodes.

    The driver's own types know neither the answers nor ``NEVER_DECODE``.
    """
    try:
        return await client.execute_command(name, *words, **options, **{NEVER_DECODE: []})
    except AttributeError as error:
        # While a cluster is down, redis-py 8.1 closes connections that other calls are using;
        # they then find None in place of a stream.
        if not isinstance(client, RedisCluster):
            raise
        raise RedisConnectionError("the connection was closed while it was in use") from error


@cache
def text_of(script: str) -> bytes:
    folder = files("chatkit_redis").joinpath("scripts")
    return b"".join(folder.joinpath(f"{name}.lua").read_bytes() for name in ("common", script))


@cache
def sha_of(script: str) -> bytes:
    return hashlib.sha1(text_of(script), usedforsecurity=False).hexdigest().encode()


def _name(client: AnyClient) -> str:
    if isinstance(client, RedisCluster):
        return f"Redis cluster at {next(iter(client.nodes_manager.startup_nodes))}"
    where = client.connection_pool.connection_kwargs
    host, port = where.get("host", "localhost"), where.get("port", 6379)
    return f"Redis at {where.get('path') or f'{host}:{port}'}"


def _pool_size(client: AnyClient) -> int:
    if isinstance(client, RedisCluster):
        return int(client.connection_kwargs["max_connections"])
    return int(client.connection_pool.max_connections)


async def eviction_policies(client: AnyClient) -> set[str]:
    """What the servers do when their memory is full; empty if they do not say."""
    cluster = isinstance(client, RedisCluster)
    nodes = {"target_nodes": RedisCluster.PRIMARIES} if cluster else {}
    try:
        found: dict[str, Any] = await _command(client, "INFO", b"memory", **nodes)
    except NoPermissionError:
        return set()
    servers: list[dict[str, Any]] = list(found.values()) if cluster else [found]
    return {
        str(server.get("maxmemory_policy", "noeviction"))
        for server in servers
        if server.get("maxmemory")  # without a limit, nothing is evicted
    }
