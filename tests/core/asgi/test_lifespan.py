"""Starting and stopping: the ASGI lifespan, and what is not HTTP."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fastapi import FastAPI

from chatkit.asgi import ChatKitEndpoint
from chatkit.store import AttachmentStore
from support.chat_http import EchoServer
from support.live_server import SERVERS, ServerName, client_of, raw_connection, serve
from support.memory_store import MemoryStore


class ClosingLog:
    """In which order things were closed."""

    def __init__(self, *, failing: str | None = None) -> None:
        self.closed: list[str] = []
        self.failing = failing

    def close(self, name: str) -> None:
        self.closed.append(name)
        if name == self.failing:
            raise OSError(f"{name} would not close")


class LoggedStore(MemoryStore):
    def __init__(self, log: ClosingLog) -> None:
        super().__init__()
        self.log = log

    async def aclose(self) -> None:
        self.log.close("store")


class LoggedAttachmentStore(AttachmentStore[Any]):
    def __init__(self, log: ClosingLog) -> None:
        self.log = log

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        return None

    async def aclose(self) -> None:
        self.log.close("attachments")


class LoggedServer(EchoServer):
    def __init__(self, log: ClosingLog, attachment_store: AttachmentStore[Any] | None) -> None:
        super().__init__(LoggedStore(log), attachment_store)
        self.log = log

    async def aclose(self) -> None:
        await super().aclose()
        self.log.close("server")


def logged_endpoint(log: ClosingLog, *, attachments: bool = True) -> ChatKitEndpoint[None]:
    store = LoggedAttachmentStore(log) if attachments else None
    return ChatKitEndpoint(LoggedServer(log, store), context=lambda request: None)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("attachments", [True, False])
async def test_the_end_of_the_lifespan_closes_the_server_and_then_its_stores(
    name: ServerName, attachments: bool
) -> None:
    log = ClosingLog()
    async with client_of(logged_endpoint(log, attachments=attachments), name) as client:
        await client.post("/", json={"type": "threads.list", "params": {}})
        assert log.closed == []
    assert log.closed == ["server", "store", *(["attachments"] if attachments else [])]


@pytest.mark.parametrize("failing", ["server", "store", "attachments"])
async def test_one_that_does_not_close_does_not_keep_the_others_open(
    failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = ClosingLog(failing=failing)
    async with serve(logged_endpoint(log)):
        pass
    assert log.closed == ["server", "store", "attachments"]
    (record,) = [record for record in caplog.records if record.name == "chatkit"]
    assert record.levelno == logging.ERROR
    assert f"{failing} would not close" in caplog.text


@pytest.mark.parametrize("name", SERVERS)
async def test_an_outer_application_can_hand_its_lifespan_on(name: ServerName) -> None:
    log = ClosingLog()
    endpoint = logged_endpoint(log)
    app = FastAPI(lifespan=endpoint.lifespan)
    app.mount("/chatkit", endpoint)
    async with serve(app, name):
        assert log.closed == []
    assert log.closed == ["server", "store", "attachments"]


async def test_an_endpoint_can_be_closed_by_hand() -> None:
    log = ClosingLog()
    await logged_endpoint(log).aclose()
    assert log.closed == ["server", "store", "attachments"]


@pytest.mark.parametrize("name", SERVERS)
async def test_a_websocket_is_refused(name: ServerName) -> None:
    endpoint = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    async with serve(endpoint, name) as address, raw_connection(address) as (reader, writer):
        writer.write(
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 403 " in await reader.readline()


async def test_an_unknown_kind_of_connection_is_refused_as_asgi_demands() -> None:
    endpoint = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)

    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is said on a connection that is not understood")

    with pytest.raises(NotImplementedError, match="carrier pigeon"):
        await endpoint({"type": "carrier pigeon"}, never, never)
