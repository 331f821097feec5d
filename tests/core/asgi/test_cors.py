"""Which pages of other origins may call, as a browser would ask, at a real socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import httpx
import pytest

from chatkit.asgi import ChatKitEndpoint, Request
from support.chat_http import EchoServer, create_thread
from support.live_server import SERVERS, ServerName, client_of
from support.memory_store import MemoryStore

ALLOWED = "https://shop.example"
OTHER = "https://evil.example"


async def send(
    method: str,
    headers: dict[str, str],
    *,
    allow_origins: Iterable[str] | Literal["*"] = (ALLOWED, "http://localhost:5173"),
    body: Any = None,
    context: Any = None,
    server: ServerName = "uvicorn",
) -> httpx.Response:
    endpoint = ChatKitEndpoint(
        EchoServer(MemoryStore()),
        context=context or (lambda request: None),
        allow_origins=allow_origins,
    )
    async with client_of(endpoint, server) as client:
        return await client.request(method, "/", headers=headers, json=body)


def preflight(origin: str, *, asked_for: str | None = None) -> dict[str, str]:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    if asked_for is not None:
        headers["access-control-request-headers"] = asked_for
    return headers


def vary(answer: httpx.Response) -> set[str]:
    return {name.strip() for name in answer.headers.get("vary", "").split(",")}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_preflight_of_an_allowed_origin_is_told_what_it_may_do(
    server: ServerName,
) -> None:
    answer = await send(
        "OPTIONS", preflight(ALLOWED, asked_for="authorization,x-tenant"), server=server
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-tenant"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "origin" in vary(answer)
    assert answer.content == b""


async def test_a_preflight_that_asks_for_no_headers_is_told_of_none() -> None:
    answer = await send("OPTIONS", preflight("http://localhost:5173"))
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "access-control-allow-headers" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, ALLOWED + ":444", ALLOWED + ".evil.example", "null"])
async def test_a_preflight_of_another_origin_is_refused(origin: str) -> None:
    answer = await send("OPTIONS", preflight(origin, asked_for="authorization"))
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "origin_not_allowed"
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert "origin" in vary(answer)


async def test_a_preflight_never_reaches_the_context_function() -> None:
    def context(request: Request) -> None:
        raise AssertionError("browsers send preflights without credentials")

    answer = await send("OPTIONS", preflight(ALLOWED), context=context)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"origin": ALLOWED}, {"access-control-request-method": "POST"}]
)
async def test_an_options_request_that_is_no_preflight_is_a_405(headers: dict[str, str]) -> None:
    answer = await send("OPTIONS", headers)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_without_allowed_origins_there_is_no_cors() -> None:
    asked = await send("OPTIONS", preflight(ALLOWED), allow_origins=())
    called = await send("POST", {"origin": ALLOWED}, allow_origins=(), body=create_thread())
    assert asked.status_code == 405
    assert called.status_code == 200
    for answer in (asked, called):
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert "vary" not in answer.headers


@pytest.mark.parametrize("everyone", ["*", ["*"]])
async def test_a_star_allows_every_origin(everyone: Any) -> None:
    asked = await send("OPTIONS", preflight(OTHER, asked_for="x-a"), allow_origins=everyone)
    called = await send("POST", {"origin": OTHER}, allow_origins=everyone, body=create_thread())
    assert asked.status_code == called.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-headers"] == "x-a"
    assert called.headers["access-control-allow-origin"] == "*"


def refuse(request: Request) -> None:
    error = PermissionError()
    error.status_code = 401  # type: ignore[attr-defined]  # as web frameworks' exceptions have
    raise error


@pytest.mark.parametrize(
    ("method", "body", "context", "status"),
    [
        ("POST", create_thread(), None, 200),
        ("POST", {"type": "threads.list", "params": {}}, None, 200),
        ("POST", {"type": "unknown"}, None, 400),
        ("POST", create_thread(), refuse, 401),
        ("POST", {"type": "threads.get_by_id", "params": {"thread_id": "x"}}, None, 404),
        ("PUT", create_thread(), None, 405),
        ("POST", {"text": "x" * 5_000_000}, None, 413),
    ],
)
async def test_every_answer_can_be_read_by_pages_of_an_allowed_origin_alone(
    method: str, body: Any, context: Any, status: int
) -> None:
    for origin in (ALLOWED, OTHER, None):
        headers = {} if origin is None else {"origin": origin}
        answer = await send(method, headers, body=body, context=context)
        assert answer.status_code == status
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (ALLOWED if origin == ALLOWED else None)
        assert vary(answer) == {"origin"}
