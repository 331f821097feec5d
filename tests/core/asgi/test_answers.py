"""What the endpoint answers to requests that succeed, at real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from chatkit.asgi import ChatKitEndpoint, Request
from chatkit.asgi.request import read_request
from support.chat_http import EchoServer, chat, create_thread
from support.live_server import SERVERS, ServerName, client_of
from support.memory_store import MemoryStore


@pytest.mark.parametrize("server", SERVERS)
async def test_a_chat_works_under_each_asgi_server(server: ServerName) -> None:
    app = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    async with client_of(app, server) as client:
        await chat(client, "/")


@pytest.mark.parametrize("server", SERVERS)
async def test_a_stream_is_marked_so_that_nobody_caches_or_buffers_it(server: ServerName) -> None:
    app = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    async with client_of(app, server) as client:
        answer = await client.post("/", json=create_thread())
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"


async def test_an_answer_at_once_is_json() -> None:
    app = ChatKitEndpoint(EchoServer(MemoryStore()), context=lambda request: None)
    async with client_of(app) as client:
        answer = await client.post("/any/path", json={"type": "threads.list", "params": {}})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"data": [], "has_more": False}


class ContextSeen:
    """Context functions that keep what they were given."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def sync(self, request: Request) -> str:
        self.requests.append(request)
        return "Ada"

    async def asynchronous(self, request: Request) -> str:
        return self.sync(request)


class WhoAmIServer(EchoServer):
    """Keeps the contexts that reach an integrator's method."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.contexts: list[Any] = []

    def get_stream_options(self, thread: Any, context: Any) -> Any:
        self.contexts.append(context)
        return super().get_stream_options(thread, context)


@pytest.mark.parametrize("kind", ["sync", "asynchronous"])
async def test_the_context_reaches_the_integration(kind: str) -> None:
    server, seen = WhoAmIServer(), ContextSeen()
    async with client_of(ChatKitEndpoint(server, context=getattr(seen, kind))) as client:
        await client.post("/", json=create_thread())
    assert server.contexts == ["Ada"]


@pytest.mark.parametrize("server", SERVERS)
async def test_the_context_function_sees_the_whole_request_but_its_body(
    server: ServerName,
) -> None:
    seen = ContextSeen()
    app = ChatKitEndpoint(EchoServer(MemoryStore()), context=seen.sync)
    async with client_of(app, server) as client:
        await client.post(
            "/a%20b/chat?tenant=7&empty=&tenant=8&name=J%C3%BCrgen",
            json=create_thread(),
            headers=[
                ("Authorization", "Bearer x"),
                ("X-Tag", "one"),
                ("X-Tag", "two"),
                ("Cookie", "a=1"),
            ],
        )
    (request,) = seen.requests
    assert (request.method, request.path) == ("POST", "/a b/chat")
    assert request.query == {"tenant": "8", "empty": "", "name": "Jürgen"}
    assert request.headers["Authorization"] == request.headers["authorization"] == "Bearer x"
    assert request.headers["x-tag"] == "one, two"
    assert "COOKIE" in request.headers
    assert "x-none" not in request.headers
    assert request.client is not None
    assert request.client[0] == "127.0.0.1"
    assert request.scope["type"] == "http"
    with pytest.raises(AttributeError):
        request.method = "GET"  # type: ignore[misc]  # it is frozen: this is what is tested


def test_secrets_in_headers_do_not_show_in_logs_of_a_request() -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"authorization", b"Bearer secret")],
        "query_string": b"token=secret",
    }
    assert "secret" not in repr(read_request(scope))


def test_importing_the_endpoint_loads_no_web_framework() -> None:
    code = """
import json, sys
import chatkit.asgi
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(json.loads(done.stdout))
    frameworks = {
        *("starlette", "fastapi", "uvicorn", "hypercorn", "anyio", "django", "flask", "werkzeug"),
        *("httpx", "jinja2", "agents", "openai"),
    }
    assert loaded & frameworks == set()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"context": "user"}, "must be a function"),
        ({"allow_origins": "https://example.com"}, "must be a list"),
        ({"allow_origins": ["https://example.com/"]}, "https://example.com/"),
        ({"allow_origins": ["example.com"]}, "example.com"),
        ({"max_body_bytes": 0}, "above zero"),
        ({"keep_alive": 0}, "above zero"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_endpoint_is_built(
    wrong: dict[str, Any], said: str
) -> None:
    settings: dict[str, Any] = {"context": lambda request: None, **wrong}
    with pytest.raises((TypeError, ValueError), match=said):
        ChatKitEndpoint(EchoServer(MemoryStore()), **settings)


def test_a_forgotten_context_is_refused_when_the_endpoint_is_built() -> None:
    with pytest.raises(TypeError, match="context"):
        ChatKitEndpoint(EchoServer(MemoryStore()))  # type: ignore[call-arg]  # this is the test
