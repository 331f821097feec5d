"""A TCP proxy, to cut connections or fall silent, hold bytes back, or be away."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType

from typing_extensions import Self

from services.recipe import HOST, free_port

_CHUNK = 65_536


class Proxy:
    """Hands bytes on to a server, until told otherwise; a thread does the work.

    Args:
        port: The server's port on this machine.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._stalled = False
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True, name="proxy")
        self._ended = False

    def __enter__(self) -> Self:
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.up()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.down()
        self._ended = True
        self._wake()
        self._thread.join()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def url_of(self, url: str) -> str:
        """The server's URL, through the proxy."""
        return re.sub(rf":{self._target}\b", f":{self.port}", url)

    def cut(self) -> None:
        """Close all connections now; new ones are welcome."""
        with self._lock:
            for one in list(self._pairs):
                self._drop(one)

    def down(self) -> None:
        """Close all connections, and refuse new ones."""
        with self._lock:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
        self.cut()

    def up(self) -> None:
        """Accept connections again."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server((HOST, self.port), backlog=512)
                self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake()

    def stall(self) -> None:
        """Hold all bytes back, in both directions, and keep the connections."""
        self._stalled = True

    def silence(self) -> None:
        """Keep the connections that there are, and never hand on a byte of them; new ones work."""
        with self._lock:
            for one in self._pairs:
                with suppress(KeyError):
                    self._selector.unregister(one)

    def flow(self) -> None:
        """Let the bytes go on."""
        self._stalled = False
        self._wake()

    def _run(self) -> None:
        while not self._ended:
            ready = self._selector.select(0.01 if self._stalled else None)
            with self._lock:
                for key, _ in ready:
                    self._serve(key.fileobj)

    def _serve(self, ready: object) -> None:
        if ready is self._woken:
            self._woken.recv(_CHUNK)
        elif ready is self._listener and self._listener is not None:
            self._accept(self._listener)
        elif isinstance(ready, socket.socket) and ready in self._pairs and not self._stalled:
            self._hand_on(ready)

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        try:
            server = socket.create_connection((HOST, self._target), timeout=5)
        except OSError:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _hand_on(self, one: socket.socket) -> None:
        try:
            data = one.recv(_CHUNK)
            if data:
                self._pairs[one].sendall(data)
                return
        except OSError:
            pass
        self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.get(one)
        for end in (one, other):
            if end is not None and self._pairs.pop(end, None) is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(end)
                with suppress(OSError):
                    # At once, with a reset, as when a machine is gone.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                end.close()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"!")
