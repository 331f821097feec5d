"""MongoDB: a standalone server with a password, and a replica set."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient

from services.recipe import HOST, Recipe, free_port
from services.server import Server
from services.service import Service
from services.way import started

IMAGE = "mongo:6"
USER, PASSWORD = "chatkit", "p@ss:w/rd%"
ELECTION_S = 60.0


@contextmanager
def mongo_server() -> Generator[Service]:
    """A standalone server that wants a user and a password."""
    with _server("--auth") as server:
        with _client(server) as client:
            # The first user may be made from this machine without one.
            client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
        user = f"{USER}:{quote_plus(PASSWORD)}"
        url = f"mongodb://{user}@{HOST}:{server.recipe.port}/?authSource=admin"
        yield Service("MongoDB", url, version_at(url), [server])


@contextmanager
def mongo_replica_set(nodes: int = 1) -> Generator[Service]:
    """A replica set; its first server is the primary at the beginning."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_server("--replSet", "rs0")) for _ in range(nodes)]
        with _client(servers[0]) as client:
            _initiate(client, servers)
        hosts = ",".join(f"{HOST}:{server.recipe.port}" for server in servers)
        url = f"mongodb://{hosts}/?replicaSet=rs0"
        version = version_at(url)
        # Whoever asks the set waits for its primary.
        yield Service("MongoDB replica set", url, version, servers, partial(version_at, url))


def version_at(url: str) -> str:
    """What the server at a URL says of itself."""
    with MongoClient[Any](url) as client:
        return str(client.server_info()["version"])


@contextmanager
def _server(*arguments: str) -> Generator[Server]:
    port = free_port()
    recipe = Recipe(
        "mongod",
        IMAGE,
        port,
        lambda folder: [
            "--dbpath", folder, "--port", str(port), "--bind_ip", HOST,
            "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", *arguments,
        ],
        _ready,
    )  # fmt: skip
    server = started(recipe)
    try:
        yield server
    finally:
        server.close()


def _client(server: Server) -> MongoClient[Any]:
    return MongoClient(HOST, server.recipe.port, directConnection=True)


def _ready(port: int) -> None:
    with MongoClient[Any](
        HOST, port, directConnection=True, serverSelectionTimeoutMS=300
    ) as client:
        client.admin.command("ping")


def _initiate(client: MongoClient[Any], servers: list[Server]) -> None:
    members = [
        {"_id": number, "host": f"{HOST}:{server.recipe.port}", "priority": 2 if number == 0 else 1}
        for number, server in enumerate(servers)
    ]
    settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 200}
    config = {"_id": "rs0", "settings": settings, "members": members}
    client.admin.command("replSetInitiate", config)
    deadline = time.monotonic() + ELECTION_S
    while not _all_serve(client, len(servers)):
        if time.monotonic() > deadline:
            raise RuntimeError("the replica set did not form")
        time.sleep(0.02)


def _all_serve(client: MongoClient[Any], number: int) -> bool:
    if not client.admin.command("hello").get("isWritablePrimary"):
        return False
    states = [m["stateStr"] for m in client.admin.command("replSetGetStatus")["members"]]
    return states.count("PRIMARY") == 1 and states.count("SECONDARY") == number - 1
