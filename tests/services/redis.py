"""Redis: a server alone, and a cluster of three masters, with or without replicas."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
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
MASTERS = 3


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
def redis_cluster(*, replicas: bool = False) -> Generator[Service]:
    """A Redis Cluster of three masters; the URL is that of one of them.

    Args:
        replicas: Whether each master has a replica: ``servers[3]`` is that of ``servers[0]``, and
            so on.
    """
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                _server(
                    "--cluster-enabled", "yes",
                    "--cluster-config-file", "nodes.conf",
                    "--cluster-node-timeout", "2000",
                )
            )
            for _ in range(2 * MASTERS if replicas else MASTERS)
        ]  # fmt: skip
        clients = [stack.enter_context(_client(server)) for server in servers]
        _join(servers, clients[:MASTERS])
        _wait_for(clients)
        for master, replica in zip(clients, clients[MASTERS:], strict=False):
            id = master.execute_command("CLUSTER", "MYID").decode()
            replica.execute_command("CLUSTER", "REPLICATE", id)
        _until_copied(clients[MASTERS:])
        info = clients[0].info("server")
        url = f"redis://{HOST}:{servers[0].recipe.port}"
        version = str(info["redis_version"])
        yield Service("Redis Cluster", url, version, servers, partial(_wait_for, clients))


def fail_over(cluster: Service) -> None:
    """Let the replicas take over from their masters, and wait until they have."""
    with ExitStack() as stack:
        clients = [stack.enter_context(_client(server)) for server in cluster.servers[MASTERS:]]
        for client in clients:
            client.execute_command("CLUSTER", "FAILOVER")
        _wait_until(
            lambda: all(client.info("replication")["role"] == "master" for client in clients)
        )


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


def _join(servers: list[Server], masters: list[Any]) -> None:
    bounds = [SLOTS * number // len(masters) for number in range(len(masters) + 1)]
    for number, client in enumerate(masters):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        client.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
    for server in servers[1:]:
        masters[0].execute_command("CLUSTER", "MEET", HOST, server.recipe.port)


def _wait_for(clients: list[Any]) -> None:
    _wait_until(lambda: all(_works(client, len(clients)) for client in clients))


def _until_copied(replicas: list[Any]) -> None:
    _wait_until(
        lambda: all(
            client.info("replication").get("master_link_status") == "up" for client in replicas
        )
    )


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + CLUSTER_S
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError("the nodes do not work together as a cluster")
        time.sleep(0.02)


def _works(client: Any, number: int) -> bool:
    info = client.execute_command("CLUSTER", "INFO").decode().split()
    return {
        "cluster_state:ok",
        f"cluster_known_nodes:{number}",
        f"cluster_size:{MASTERS}",
    } <= set(info)
