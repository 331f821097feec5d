"""What ``ChatKitServer.process`` returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing


class StreamingResult(AsyncIterable[bytes]):
    """The answer to a request that streams: chunks of a ``text/event-stream`` body.

    Iterate over it, or over ``json_events``; each chunk is one whole event. Closing the iteration
    early, or cancelling the task that reads it, stops the turn as if the user had stopped it.
    """

    def __init__(self, stream: AsyncGenerator[bytes, None]) -> None:
        self.json_events = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self.json_events) as events:
            async for event in events:
                yield event


class NonStreamingResult:
    """The answer to a request that is answered at once: ``json`` is the whole body."""

    def __init__(self, result: bytes) -> None:
        self.json = result
