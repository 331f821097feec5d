"""Streams at real sockets: disconnects, keep-alive, what happens when a stream breaks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from chatkit.asgi import ChatKitEndpoint
from chatkit.asgi.protocol import Message, Receive
from chatkit.asgi.streams import WAITING_LIMIT_BYTES
from chatkit.server import StreamingResult
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from support.chat_http import EchoServer, assistant_message, create_thread, events_in
from support.live_server import SERVERS, Address, ServerName, client_of, raw_connection, serve
from support.memory_store import MemoryStore

LIMIT_S = 10
"""Far more than anything here takes."""


class ThinkingServer(EchoServer):
    """Shows half a sentence, then thinks until ``go_on`` is set."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.go_on = asyncio.Event()
        self.thinking = asyncio.Event()
        self.stopped = asyncio.Event()

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        message = assistant_message(thread, "msg_half", "")
        yield ThreadItemAddedEvent(item=message)
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta="Half a")
        yield ThreadItemUpdatedEvent(item_id=message.id, update=delta)
        self.thinking.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        yield ThreadItemDoneEvent(item=assistant_message(thread, message.id, "Half a sentence"))


@pytest.fixture
def server() -> ThinkingServer:
    return ThinkingServer()


@pytest.fixture(params=SERVERS)
async def address(request: pytest.FixtureRequest, server: ThinkingServer) -> AsyncIterator[Address]:
    endpoint = ChatKitEndpoint(server, context=lambda request: None)
    async with serve(endpoint, request.param) as address:
        yield address


def post(body: Any) -> bytes:
    """A request as it is on the wire."""
    content = json.dumps(body).encode()
    head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def stored_texts(server: ThinkingServer) -> list[str]:
    """The assistant's messages in the store, once the stopped turns are stored."""
    await server.aclose()
    assert isinstance(server.store, MemoryStore)
    (rows,) = server.store.items.values()
    records = [row.record for row in rows.values()]
    return [item.content[0].text for item in records if isinstance(item, AssistantMessageItem)]


async def test_chunks_arrive_while_the_model_still_thinks(
    server: ThinkingServer, address: Address
) -> None:
    async with (
        httpx.AsyncClient(base_url=address.url) as client,
        client.stream("POST", "/", json=create_thread()) as answer,
    ):
        received = b""
        async for chunk in answer.aiter_raw():
            received += chunk
            if b"Half a" in received:
                server.go_on.set()
    assert events_in(received)[-1]["item"]["content"][0]["text"] == "Half a sentence"


async def test_a_client_that_closes_its_connection_stops_the_turn(
    server: ThinkingServer, address: Address
) -> None:
    async with raw_connection(address) as (reader, writer):
        writer.write(post(create_thread()))
        await reader.readuntil(b"Half a")
        await server.thinking.wait()
    await asyncio.wait_for(server.stopped.wait(), LIMIT_S)
    assert await stored_texts(server) == ["Half a"]


async def test_a_client_that_resets_its_connection_stops_the_turn(
    server: ThinkingServer, address: Address
) -> None:
    async with raw_connection(address) as (reader, writer):
        writer.write(post(create_thread()))
        await reader.readuntil(b"Half a")
        await server.thinking.wait()
        writer.transport.abort()
    await asyncio.wait_for(server.stopped.wait(), LIMIT_S)
    assert await stored_texts(server) == ["Half a"]


async def test_a_user_who_presses_stop_stops_the_turn(
    server: ThinkingServer, address: Address
) -> None:
    async with (
        httpx.AsyncClient(base_url=address.url) as client,
        client.stream("POST", "/", json=create_thread()) as answer,
    ):
        async for chunk in answer.aiter_raw():
            if b"Half a" in chunk:
                break
        await server.thinking.wait()
    await asyncio.wait_for(server.stopped.wait(), LIMIT_S)
    assert await stored_texts(server) == ["Half a"]


async def test_a_server_that_shuts_down_in_mid_stream_stores_what_was_shown(
    server: ThinkingServer,
) -> None:
    endpoint = ChatKitEndpoint(server, context=lambda request: None)
    # Not hypercorn: from Python 3.12 on it waits for open connections without a limit.
    async with serve(endpoint, "uvicorn", grace_s=0) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(post(create_thread()))
        await reader.readuntil(b"Half a")
        await server.thinking.wait()
    writer.close()
    assert await stored_texts(server) == ["Half a"]
    assert isinstance(server.store, MemoryStore)
    assert server.store.closed


async def test_a_client_that_is_gone_before_the_first_chunk_leaves_the_thread_whole(
    server: ThinkingServer, address: Address
) -> None:
    async with raw_connection(address) as (_, writer):
        writer.write(post(create_thread("Are you there?")))
        await writer.drain()
    async with httpx.AsyncClient(base_url=address.url) as client:
        listed = await client.post("/", json={"type": "threads.list", "params": {}})
        for thread in listed.json()["data"]:
            request = {"type": "threads.get_by_id", "params": {"thread_id": thread["id"]}}
            found = await client.post("/", json=request)
            if found.status_code != 404:  # else the half-made thread has been taken back
                assert found.json()["items"]["data"][0]["type"] == "user_message"


async def test_nothing_is_logged_and_no_task_is_left_when_clients_leave(
    server: ThinkingServer, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw_connection(address) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readline()  # from now on the ASGI server's own tasks are there
        before = asyncio.all_tasks()
    for _ in range(3):
        async with raw_connection(address) as (reader, writer):
            writer.write(post(create_thread()))
            await reader.readuntil(b"Half a")
            await server.thinking.wait()
        await asyncio.wait_for(server.stopped.wait(), LIMIT_S)
        server.thinking.clear()
        server.stopped.clear()
    await server.aclose()
    ending = asyncio.all_tasks() - before
    if ending:
        _, left = await asyncio.wait(ending, timeout=LIMIT_S)
        assert left == set()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Keep-alive


class Ticking:
    """A server whose stream is made by the test."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.store = MemoryStore()
        self.attachment_store = None

    async def process(self, request: Any, context: Any) -> StreamingResult:
        return StreamingResult(self.stream())

    async def aclose(self) -> None:
        return None


def endpoint_of(stream: Any, **settings: Any) -> ChatKitEndpoint[None]:
    server: Any = Ticking(stream)
    return ChatKitEndpoint(server, context=lambda request: None, **settings)


@pytest.mark.parametrize("name", SERVERS)
async def test_keep_alive_comments_fill_the_silence_and_never_split_a_chunk(
    name: ServerName,
) -> None:
    comments = asyncio.Event()
    big = b"data: " + b"x" * 300_000 + b"\n\n"

    async def stream() -> AsyncIterator[bytes]:
        yield big
        await comments.wait()
        yield big

    received = b""
    async with (
        client_of(endpoint_of(stream, keep_alive=0.01), name) as client,
        client.stream("POST", "/", content=b"{}") as answer,
    ):
        async for chunk in answer.aiter_raw():
            received += chunk
            if received.count(b": \n\n") >= 3:
                comments.set()
    count = received.count(b": \n\n")
    assert count >= 3
    # The silences were before the first chunk, between the two, and after the second.
    assert received.replace(b": \n\n", b"") == big + big
    before, between, after = received.split(big)
    assert set((before + between + after).split(b": \n\n")) == {b""}


async def test_there_are_no_comments_unless_they_are_asked_for(
    server: ThinkingServer,
) -> None:
    endpoint = ChatKitEndpoint(server, context=lambda request: None)
    async with client_of(endpoint) as client:
        server.go_on.set()
        answer = await client.post("/", json=create_thread())
    assert b": \n\n" not in answer.content.replace(b"data: ", b"")


async def test_a_turn_that_talks_without_a_pause_gets_no_comments() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for number in range(1000):
            yield b"data: %d\n\n" % number
            await asyncio.sleep(0)

    async with client_of(endpoint_of(stream, keep_alive=30)) as client:
        answer = await client.post("/", content=b"{}")
    assert answer.content == b"".join(b"data: %d\n\n" % number for number in range(1000))


@pytest.mark.parametrize("name", SERVERS)
async def test_a_client_that_leaves_a_stream_kept_alive_stops_it(name: ServerName) -> None:
    stopped = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with serve(endpoint_of(stream, keep_alive=0.01), name) as address:
        async with raw_connection(address) as (reader, writer):
            writer.write(post({}))
            await reader.readuntil(b": \n\n")
        await asyncio.wait_for(stopped.wait(), LIMIT_S)


# What else can end a stream


@pytest.mark.parametrize("name", SERVERS)
async def test_a_stream_that_breaks_does_not_look_complete(
    name: ServerName, caplog: pytest.LogCaptureFixture
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        raise RuntimeError("broken")

    async with client_of(endpoint_of(stream), name) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/", content=b"{}")


SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def staying_client() -> Receive:
    """The ``receive`` of a client that sends its body and then waits for ever."""
    messages: list[Message] = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive


async def test_a_cancelled_request_closes_its_stream_in_the_task_that_read_it() -> None:
    tasks: list[Any] = []
    started, closed = asyncio.Event(), asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        tasks.append(asyncio.current_task())
        try:
            yield b"data: 1\n\n"
            started.set()
            await asyncio.Event().wait()
        finally:
            tasks.append(asyncio.current_task())
            await asyncio.sleep(0)
            closed.set()

    async def send(message: Message) -> None:
        return None

    # As Starlette does it: a scope that cancels every await, again and again.
    async with anyio.create_task_group() as group:
        group.start_soon(endpoint_of(stream), SCOPE, staying_client(), send)
        await started.wait()
        group.cancel_scope.cancel()
    await asyncio.wait_for(closed.wait(), LIMIT_S)
    assert tasks[0] is tasks[1]


async def test_an_asgi_server_may_raise_when_the_client_is_gone() -> None:
    closed = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: 1\n\n"
        finally:
            closed.set()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise BrokenPipeError  # allowed since version 2.4 of ASGI's HTTP specification

    await endpoint_of(stream)(SCOPE, staying_client(), send)
    assert closed.is_set()


# What goes out together


class Sent:
    """The messages that an application has sent; ``hold`` keeps it waiting for the next one."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, message: Message) -> None:
        await self.free.wait()
        if message.get("body"):
            self.bodies.append(message["body"])

    def hold(self) -> None:
        self.free.clear()


async def test_chunks_that_are_ready_together_go_out_together() -> None:
    sent, went_out = Sent(), asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"data: %d\n\n" % number
        await went_out.wait()
        yield b"data: last\n\n"

    answer = asyncio.create_task(endpoint_of(stream)(SCOPE, staying_client(), sent))
    while not sent.bodies:
        await asyncio.sleep(0)
    went_out.set()
    await answer
    assert sent.bodies == [b"data: 0\n\ndata: 1\n\ndata: 2\n\n", b"data: last\n\n"]


async def test_no_more_is_read_than_may_wait_for_a_slow_client() -> None:
    sent, read = Sent(), 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"x" * 1024
            await asyncio.sleep(0)

    sent.hold()
    answer = asyncio.create_task(endpoint_of(stream)(SCOPE, staying_client(), sent))
    before = -1
    while read != before:
        before = read
        for _ in range(10):
            await asyncio.sleep(0)
    assert read == WAITING_LIMIT_BYTES // 1024
    sent.free.set()
    await answer
    assert b"".join(sent.bodies) == b"x" * 1024 * 1000


async def test_what_was_said_before_a_stream_broke_is_sent() -> None:
    sent = Sent()

    async def stream() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await endpoint_of(stream)(SCOPE, staying_client(), sent)
    assert sent.bodies == [b"data: 1\n\ndata: 2\n\n"]
