"""What the context function gets to see of a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from chatkit.asgi.protocol import Scope


class HeaderMap(Mapping[str, str]):
    """Request headers by name, in any case; one that was sent repeatedly has its values joined."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str] = {}
        for raw_name, raw_value in raw:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            if name in self._values:
                # RFC 9110, 5.3; cookies have a separator of their own (RFC 9113, 8.2.3).
                value = self._values[name] + ("; " if name == "cookie" else ", ") + value
            self._values[name] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Request:
    """An HTTP request, without its body."""

    method: str
    """In capitals, as it was sent: ``"POST"``."""
    path: str
    """The decoded path, as the ASGI server gives it."""
    headers: Mapping[str, str] = field(repr=False)
    """By name in any case: ``request.headers["authorization"]`` or ``["Authorization"]``."""
    query: Mapping[str, str] = field(repr=False)
    """The query string's parameters, decoded; of a repeated one the last value."""
    client: tuple[str, int] | None
    """The address and port of the other side, which may be a proxy; ``None`` if not known."""
    scope: Scope = field(repr=False)
    """The whole ASGI scope, for what middleware has put there."""


def read_request(scope: Scope) -> Request:
    """The request of an ASGI ``http`` scope."""
    query: bytes = scope.get("query_string", b"")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=HeaderMap(list(scope["headers"])),
        query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)),
        client=None if client is None else (client[0], client[1]),
        scope=scope,
    )
