"""Real ASGI servers on a free port of 127.0.0.1, in the event loop of the test.

    async with serve(app) as address:              uvicorn
    async with serve(app, "hypercorn") as address:
    async with client_of(app) as client:           uvicorn, and an httpx client of it

They run in the test's loop, so that a test can wait for what the application does. Leaving the
block shuts the server down, lifespan included, and waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import httpx
import hypercorn.asyncio
import hypercorn.config
import uvicorn

ServerName: TypeAlias = Literal["uvicorn", "hypercorn"]
SERVERS: tuple[ServerName, ...] = ("uvicorn", "hypercorn")


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(
    app: Any, server: ServerName = "uvicorn", *, grace_s: int = 10
) -> AsyncIterator[Address]:
    """Serve an ASGI application until the block is left.

    ``grace_s`` is how long responses that are still open may then take.
    """
    with _listening_socket() as listener:
        stop = asyncio.Event()
        running = asyncio.create_task(_RUN[server](app, listener, stop, grace_s))
        try:
            yield Address(listener.getsockname()[1])
        finally:
            stop.set()
            await running


@asynccontextmanager
async def client_of(app: Any, server: ServerName = "uvicorn") -> AsyncIterator[httpx.AsyncClient]:
    """Serve an ASGI application, and talk to it."""
    async with serve(app, server) as address, httpx.AsyncClient(base_url=address.url) as client:
        yield client


@asynccontextmanager
async def raw_connection(
    address: Address,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare TCP connection, to say what HTTP clients do not say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.contextmanager
def _listening_socket() -> Iterator[socket.socket]:
    """Connections queue up from now on, so nobody needs to wait for the server to be up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self.stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # Ctrl-C is for pytest

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()  # uvicorn's own loop looks ten times a second


async def _run_uvicorn(
    app: Any, listener: socket.socket, stop: asyncio.Event, grace_s: int
) -> None:
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=grace_s)
    await _Uvicorn(config, stop).serve(sockets=[listener])


async def _run_hypercorn(
    app: Any, listener: socket.socket, stop: asyncio.Event, grace_s: int
) -> None:
    config = hypercorn.config.Config()
    config.bind = [f"fd://{os.dup(listener.fileno())}"]  # it closes what it is given
    config.graceful_timeout = grace_s
    config.errorlog = None
    await hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait)


_RUN: dict[ServerName, Callable[..., Any]] = {
    "uvicorn": _run_uvicorn,
    "hypercorn": _run_hypercorn,
}
