"""What the endpoint answers to requests that fail, at real sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from fastapi import HTTPException

from chatkit.asgi import ChatKitEndpoint, Request
from chatkit.errors import CustomStreamError, ErrorCode, RequestRefusedError, StreamError
from chatkit.store import NotFoundError, RecordTooLargeError, StoreUnavailableError
from chatkit.types import ThreadMetadata
from support.chat_http import EchoServer, create_thread
from support.live_server import SERVERS, Address, ServerName, client_of, raw_connection, serve
from support.memory_store import MemoryStore

FEEDBACK = {
    "type": "items.feedback",
    "params": {"thread_id": "thr_1", "item_ids": [], "kind": "positive"},
}
RETRY_UNKNOWN = {"type": "threads.get_by_id", "params": {"thread_id": "thr_none"}}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error's parts; the body must hold nothing else."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"type", "message", "field"}
    error: dict[str, Any] = body["error"]
    return error


async def post(
    body: Any, *, server: Any = None, context: Any = None, name: ServerName = "uvicorn"
) -> httpx.Response:
    """Serve, post one body (as JSON unless it is bytes), and stop."""
    endpoint = ChatKitEndpoint(
        server or EchoServer(MemoryStore()), context=context or (lambda request: None)
    )
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client_of(endpoint, name) as client:
        return await client.post("/", content=content)


# Requests that cannot be understood


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"null", None),
        (b"[]", None),
        (b'"text"', None),
        (b"{}", "type"),
        (b'{"type": 7}', "type"),
        (b'{"type": "threads.explode", "params": {}}', "type"),
        (b'{"type": "threads.create"}', "params"),
        (b'{"type": "threads.get_by_id", "params": {"thread_id": 7}}', "params.thread_id"),
        (b'{"type": "threads.list", "params": {"order": "up"}}', "params.order"),
        (b'{"type": "threads.list", "params": {"limit": -1}}', "params.limit"),
        (b'\xff\xfe{"type": "threads.list", "params": {}}', None),
        (b'{"type": "threads.get_by_id", "params": {"thread_id": "\xff"}}', None),
        ('{"type": "threads.list", "params": {}}'.encode("utf-16"), None),
        (b"[" * 100_000, None),
        (b'{"type": ' * 100_000, None),
        (b"[" * 100_000 + b"]" * 100_000, None),
    ],
)
async def test_a_request_that_cannot_be_understood_is_a_400_that_says_where(
    body: bytes, field: str | None
) -> None:
    answer = await post(body)
    assert answer.status_code == 400, answer.text
    error = error_of(answer)
    assert (error["type"], error["field"]) == ("invalid_request", field)
    assert error["message"]


async def test_a_wrong_part_deep_in_a_message_is_named() -> None:
    body = create_thread()
    body["params"]["input"]["content"][0]["text"] = None
    answer = await post(body)
    assert answer.status_code == 400
    assert error_of(answer)["field"] == "params.input.content.0.text"


async def test_a_deeply_nested_value_where_any_value_may_be_is_no_crash() -> None:
    body = (
        b'{"type": "threads.custom_action", "params": {"thread_id": "t", "action": '
        b'{"type": "x", "payload": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}}"
    )
    answer = await post(body)
    assert answer.status_code == 400


# Methods


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_only_post_is_served(method: str, server: ServerName) -> None:
    app = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    async with client_of(app, server) as client:
        answer = await client.request(method, "/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert (method == "HEAD") == (answer.content == b"")


# Errors that the integration or the store raises


class FailingServer(EchoServer):
    """Raises what it is given from a method that integrators override."""

    def __init__(self, error: Exception) -> None:
        super().__init__(MemoryStore())
        self.error = error

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: Any, context: Any
    ) -> None:
        raise self.error


SECRET = "password=hunter2"


@pytest.mark.parametrize(
    ("error", "status", "type", "message"),
    [
        (NotFoundError("no thread 'thr_9'"), 404, "not_found", "no thread 'thr_9'"),
        (RequestRefusedError("nothing is pending"), 409, "refused", "nothing is pending"),
        (CustomStreamError("Too many coins"), 409, "refused", "Too many coins"),
        (StreamError(ErrorCode.STREAM_ERROR), 409, "refused", "the request was refused"),
        (RecordTooLargeError("above 16 MiB"), 413, "too_large", "above 16 MiB"),
        (NotImplementedError(SECRET), 501, "not_implemented", None),
        (StoreUnavailableError(SECRET), 503, "unavailable", None),
        (RuntimeError(SECRET), 500, "internal", None),
        (ValueError(SECRET), 500, "internal", None),
        (HTTPException(418, SECRET), 500, "internal", None),
    ],
)
async def test_each_kind_of_failure_has_its_status(
    error: Exception,
    status: int,
    type: str,
    message: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = FailingServer(error)
    thread = ThreadMetadata(id="thr_1", created_at=datetime.now(timezone.utc))
    await server.store.save_thread(thread, None)
    answer = await post(FEEDBACK, server=server)
    assert answer.status_code == status
    described = error_of(answer)
    assert (described["type"], described["field"]) == (type, None)
    if message is not None:
        assert described["message"] == message
        assert caplog.records == []
    else:  # none of its words reach the client, all of them the log, once
        assert SECRET not in answer.text
        (record,) = [record for record in caplog.records if record.name == "chatkit"]
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert record.exc_info[1] is error


async def test_an_unknown_thread_is_a_404() -> None:
    answer = await post(RETRY_UNKNOWN)
    assert answer.status_code == 404
    assert "thr_none" in error_of(answer)["message"]


async def test_what_an_integration_has_not_overridden_is_a_501(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audio = {"audio_base64": "AAAA", "mime_type": "audio/wav"}
    answer = await post({"type": "input.transcribe", "params": audio})
    assert answer.status_code == 501


# Turned away by the context function


class RefusedError(Exception):
    """An exception of an integrator's own, with only what the endpoint asks of it."""

    def __init__(self, status_code: Any) -> None:
        super().__init__(SECRET)
        self.status_code = status_code


@pytest.mark.parametrize("status", [400, 401, 403, 429, 499, 500, 503, 599])
async def test_an_exception_of_the_context_function_sets_the_status(status: int) -> None:
    def context(request: Request) -> None:
        raise RefusedError(status)

    answer = await post(create_thread(), context=context)
    assert answer.status_code == status
    assert SECRET not in answer.text
    assert error_of(answer)["message"]


@pytest.mark.parametrize("name", SERVERS)
async def test_fastapis_http_exception_is_the_answer_with_its_words_and_headers(
    name: ServerName,
) -> None:
    async def context(request: Request) -> None:
        headers = {"WWW-Authenticate": "Bearer", "Content-Length": "3", "Content-Type": "x/y"}
        raise HTTPException(401, "Sign in first", headers)

    answer = await post(create_thread(), context=context, name=name)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert error_of(answer) == {"type": "unauthorized", "message": "Sign in first", "field": None}


@pytest.mark.parametrize(
    "error",
    [
        KeyError(SECRET),
        RefusedError("401"),
        RefusedError(200),
        RefusedError(399),
        RefusedError(600),
        RefusedError(True),
        NotFoundError(SECRET),
    ],
)
async def test_a_context_function_that_fails_is_a_500_without_details(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def context(request: Request) -> None:
        raise error

    answer = await post(create_thread(), context=context)
    assert answer.status_code == 500
    assert error_of(answer)["type"] == "internal"
    assert SECRET not in answer.text
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


async def test_who_is_turned_away_has_done_nothing() -> None:
    def context(request: Request) -> None:
        raise RefusedError(403)

    server = EchoServer(MemoryStore())
    await post(create_thread(), server=server, context=context)
    assert isinstance(server.store, MemoryStore)
    assert server.store.threads == {}


# The size of the body


LIMIT = 1000


@pytest.fixture
def small_server() -> EchoServer:
    return EchoServer(MemoryStore())


@pytest.fixture(params=SERVERS)
async def small(request: pytest.FixtureRequest, small_server: EchoServer) -> AsyncIterator[Address]:
    endpoint = ChatKitEndpoint(small_server, context=lambda request: None, max_body_bytes=LIMIT)
    async with serve(endpoint, request.param) as address:
        yield address


def body_of(size: int) -> bytes:
    return json.dumps({"type": "threads.list", "params": {}}).encode().ljust(size)


async def test_a_body_as_long_as_the_limit_is_served(small: Address) -> None:
    async with httpx.AsyncClient(base_url=small.url) as client:
        answer = await client.post("/", content=body_of(LIMIT))
    assert answer.status_code == 200


async def test_a_body_above_the_limit_is_refused_before_it_is_sent(small: Address) -> None:
    async with raw_connection(small) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n")
        status = await reader.readline()
        assert b" 413 " in status
        rest = await reader.readuntil(b'"field": null}}')
        assert b"too_large" in rest


async def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_long(
    small: Address,
) -> None:
    async with raw_connection(small) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(11):
            writer.write(b"64\r\n" + b" " * 100 + b"\r\n")
        assert b" 413 " in await reader.readline()


async def test_the_limit_is_four_mebibytes_unless_said_otherwise() -> None:
    endpoint = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    limit = 4 * 1024 * 1024
    async with client_of(endpoint) as client:
        assert (await client.post("/", content=body_of(limit))).status_code == 200
        assert (await client.post("/", content=body_of(limit + 1))).status_code == 413


@pytest.mark.parametrize(
    "length", [b"-1", b"1e3", b"\xb2", b"10, 1001", b"10\r\ncontent-length: 9"]
)
async def test_a_length_that_makes_no_sense_is_never_served(small: Address, length: bytes) -> None:
    async with raw_connection(small) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + length + b"\r\n\r\n{}")
        writer.write_eof()
        answer = await reader.read()
    assert answer == b"" or b" 400 " in answer.splitlines()[0], answer


async def test_a_client_that_leaves_while_it_sends_its_body_has_asked_for_nothing(
    small: Address, small_server: EchoServer
) -> None:
    body = json.dumps(create_thread()).encode()
    async with raw_connection(small) as (_, writer):
        length = str(len(body) + 1).encode()
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + length + b"\r\n\r\n")
        writer.write(body)
        await writer.drain()
    async with httpx.AsyncClient(base_url=small.url) as client:
        answer = await client.post("/", json={"type": "threads.list", "params": {}})
    assert answer.json()["data"] == []


async def test_nothing_is_logged_of_a_client_that_leaves_while_it_sends_its_body(
    small: Address, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_connection(small) as (_, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        await writer.drain()
    async with httpx.AsyncClient(base_url=small.url) as client:
        await client.post("/", json={"type": "threads.list", "params": {}})
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
