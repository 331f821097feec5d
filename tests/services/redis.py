"""Redis: a server alone, and a cluster of three masters."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import redis

from services.recipe import HOST, Recipe, free_port
from services.server import Server
from services.service import Service
from services.way import started

IMAGE = "redis:7"
SLOTS = 16_384
CLUSTER_S = 60.0


@contextmanager
def redis_server(
    *arguments: str, program: str = "redis-server", image: str = IMAGE
) -> Generator[Service]:
    """A Redis server, with further arguments of ``redis-server``; it keeps nothing by default."""
    with _server(*arguments, program=program, image=image) as server:
        with _client(server) as client:
            info = client.info("server")
        version = str(info.get("valkey_version", info["redis_version"]))
        yield Service("Redis", f"redis://{HOST}:{server.recipe.port}/0", version, [server])


@contextmanager
def redis_cluster() -> Generator[Service]:
    """A Redis Cluster of three masters; the URL is that of one of them."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                _server(
                    "--cluster-enabled", "yes",
                    "--cluster-config-file", "nodes.conf",
                    "--cluster-node-timeout", "2000",
                )
            )
            for _ in range(3)
        ]  # fmt: skip
        clients = [stack.enter_context(_client(server)) for server in servers]
        _join(servers, clients)
        _wait_for(clients)
        info = clients[0].info("server")
        url = f"redis://{HOST}:{servers[0].recipe.port}"
        version = str(info["redis_version"])
        yield Service("Redis Cluster", url, version, servers, partial(_wait_for, clients))


def version_at(url: str) -> str:
    """What the server at a URL says of itself."""
    with redis.Redis.from_url(url) as client:
        info: Any = client.info("server")
    return str(info["redis_version"])


@contextmanager
def _server(
    *arguments: str, program: str = "redis-server", image: str = IMAGE
) -> Generator[Server]:
    port = free_port()
    recipe = Recipe(
        program,
        image,
        port,
        lambda folder: [
            "--port", str(port), "--bind", HOST, "--save", "", "--dir", folder, *arguments,
        ],
        _ready,
    )  # fmt: skip
    server = started(recipe)
    try:
        yield server
    finally:
        server.close()


def _client(server: Server) -> Any:
    """A client; redis-py leaves untyped what is asked of it here."""
    return redis.Redis(host=HOST, port=server.recipe.port, socket_timeout=5)


def _ready(port: int) -> None:
    with redis.Redis(host=HOST, port=port, socket_timeout=1) as client:
        client.ping()  # raises also while the server is still loading its data


def _join(servers: list[Server], clients: list[Any]) -> None:
    bounds = [SLOTS * number // len(servers) for number in range(len(servers) + 1)]
    for number, client in enumerate(clients):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        client.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
    for server in servers[1:]:
        clients[0].execute_command("CLUSTER", "MEET", HOST, server.recipe.port)


def _wait_for(clients: list[Any]) -> None:
    deadline = time.monotonic() + CLUSTER_S
    while not all(_works(client, len(clients)) for client in clients):
        if time.monotonic() > deadline:
            raise RuntimeError("the nodes do not work together as a cluster")
        time.sleep(0.02)


def _works(client: Any, number: int) -> bool:
    info = client.execute_command("CLUSTER", "INFO").decode().split()
    return {
        "cluster_state:ok",
        f"cluster_known_nodes:{number}",
        f"cluster_size:{number}",
    } <= set(info)
