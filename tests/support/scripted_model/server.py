"""The server of both formats, and the record of what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from support.live_server import serve
from support.scripted_model.chat_completions import chat_completions_stream
from support.scripted_model.responses import responses_stream
from support.scripted_model.script import Break, Gate, Output, Reply, Status
from support.scripted_model.wire import Ids, Json, Sent, sse

Streamer: TypeAlias = Callable[[Sequence[Output], Ids], Iterator[Sent]]

STREAMERS: dict[str, Streamer] = {
    "/v1/responses": responses_stream,
    "/v1/chat/completions": chat_completions_stream,
}
LEFT = Status(500, "The script is over.")


@dataclass(frozen=True)
class Asked:
    """One request that the model got."""

    path: str
    headers: dict[str, str]
    body: Json

    @property
    def user_agent(self) -> str:
        return self.headers["user-agent"]

    @property
    def input(self) -> Any:
        """What the model is to answer."""
        return self.body["input"] if "input" in self.body else self.body["messages"]


class ScriptedModel:
    """An ASGI application that answers each request with the next reply of the script."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.asked: list[Asked] = []
        self.hung_up = asyncio.Event()
        """Set when a client goes away before its stream is over."""
        self._replies = list(replies)
        self._ids = Ids()
        self._client: AsyncOpenAI | None = None

    # --- the client's side ----------------------------------------------------------------------

    def responses(self) -> OpenAIResponsesModel:
        """The SDK's model for the Responses API, pointed here."""
        return OpenAIResponsesModel("scripted", self.client)

    def chat_completions(self) -> OpenAIChatCompletionsModel:
        """The SDK's model for the chat-completions API, pointed here."""
        return OpenAIChatCompletionsModel("scripted", self.client)

    @property
    def client(self) -> AsyncOpenAI:
        assert self._client is not None
        return self._client

    def then(self, *replies: Reply) -> None:
        """Add to the script."""
        self._replies.extend(replies)

    # --- the server's side ----------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = await _read(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(Asked(scope["path"], headers, json.loads(body)))
        reply = self._replies.pop(0) if self._replies else LEFT
        if isinstance(reply, Status):
            await _refuse(reply, send)
        else:
            await self._stream(STREAMERS[scope["path"]](reply, self._ids), receive, send)

    async def _stream(self, sent: Iterator[Sent], receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(receive())
        try:
            for piece in sent:
                if isinstance(piece, Break):
                    await _hang_up(piece, send)
                    return
                if not isinstance(piece, Gate):
                    await _chunk(send, sse(piece))
                elif not await _opened(piece, gone):
                    self.hung_up.set()
                    return
            await _chunk(send, b"data: [DONE]\n\n")
            await _hang_up(Break(), send)
        finally:
            gone.cancel()


async def _read(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _chunk(send: Any, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _hang_up(how: Break, send: Any) -> None:
    if not how.clean:
        raise ConnectionAbortedError("as the script says")  # the server drops the connection
    await send({"type": "http.response.body", "body": b""})


async def _refuse(status: Status, send: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    body = json.dumps({"error": {"message": status.message, "type": "server_error"}}).encode()
    await send({"type": "http.response.start", "status": status.code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _opened(gate: Gate, gone: asyncio.Future[Any]) -> bool:
    """Wait at the gate; false when the client goes away first."""
    waiting = asyncio.ensure_future(gate.wait())
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.done()
    finally:
        waiting.cancel()


@asynccontextmanager
async def scripted_model(*replies: Reply) -> AsyncIterator[ScriptedModel]:
    """Serve a model that answers the first request with the first reply, and so on."""
    model = ScriptedModel(replies)
    async with (
        serve(model) as address,
        AsyncOpenAI(
            base_url=f"{address.url}/v1",
            api_key="no key",
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(verify=False),  # to read certificates takes long
        ) as model._client,
    ):
        yield model
