"""An HTTP server that stands before another one, and may answer in its place."""

from __future__ import annotations

import http.client
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from services.recipe import HOST

CHUNK = 256 * 1024
OF_THE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


class Request(NamedTuple):
    """A request as it was sent; names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class Relay(ThreadingHTTPServer):
    """The server; threads do the work.

    Attributes:
        url: Where it is.
        behind: The port of the server behind it.
        seen: The requests that came, in their order.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, exchange: type[Exchange]) -> None:
        super().__init__((HOST, 0), exchange)
        self.url = f"http://{HOST}:{self.server_port}"
        self.behind = 0
        self.seen: list[Request] = []

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve until the block is left."""
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="relay")
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone."""


class Exchange(BaseHTTPRequestHandler):
    """A request and its answer. A subclass decides which."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # answers come in several small parts
    server: Relay
    dropped: frozenset[str] = frozenset()
    """Headers, in lower case, that are not handed back."""

    @abstractmethod
    def answer(self, request: Request) -> None:
        """Answer the request, with ``send`` or ``hand_on``."""

    def handle_any(self) -> None:
        """Every method comes here."""
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, headers)
        self.server.seen.append(request)
        self.left = int(headers.get("content-length", 0))
        try:
            self.answer(request)
            self._skip_the_rest("chunked" in headers.get("transfer-encoding", ""))
        except ConnectionError:
            self.close_connection = True  # as if nobody were here, since nobody is behind

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

    def read(self, most: int = -1) -> bytes:
        """More of the request's body, or all that is left of it."""
        data = self.rfile.read(self.left if most < 0 else min(most, self.left))
        self.left -= len(data)
        return data

    def _skip_the_rest(self, chunked: bool) -> None:
        """Take what the answer has not waited for, since clients send all before they read it."""
        while self.read(CHUNK):
            pass
        while chunked and (size := int(self.rfile.readline(), 16)):  # RFC 9112, 7.1
            self.rfile.read(size)
            self.rfile.readline()
        if chunked:
            self.rfile.readline()

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer at once."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def ask_behind(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask the server behind something of one's own; the status and the body."""
        connection = http.client.HTTPConnection(HOST, self.server.behind)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def hand_on(self, extra: Mapping[str, str]) -> None:
        """Hand the request on and the answer back, with these headers in it; neither is ever
        in memory whole."""
        connection = http.client.HTTPConnection(HOST, self.server.behind, blocksize=CHUNK)
        try:
            body = self if self.left else None
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            self._hand_back(connection.getresponse(), extra)
        finally:
            connection.close()

    def _hand_back(self, answer: http.client.HTTPResponse, extra: Mapping[str, str]) -> None:
        self.send_response(answer.status)
        replaced = OF_THE_CONNECTION | self.dropped | {name.lower() for name in extra}
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in replaced}
        length = answer.getheader("Content-Length")
        ending = {"Connection": "close"} if length is None else {"Content-Length": length}
        for name, value in {**kept, **extra, **ending}.items():
            self.send_header(name, value)
        self.end_headers()
        while chunk := answer.read(CHUNK):
            self.wfile.write(chunk)

    def log_message(self, format: str, *args: Any) -> None:
        """The tests look at ``seen``."""
