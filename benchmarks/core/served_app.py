"""The application that ``whole_server.py`` asks: ours at our endpoint, the public SDK's in a route.

python -m benchmarks.core.served_app PORT (ours|theirs)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from benchmarks.core.sample import NOON, MemoryStore
from benchmarks.core.streaming import WORDS
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)

TOKENS = 200


class Server(ChatKitServer[None]):
    """Answers with a message of many tokens, each of which has to be waited for."""

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        item_id = self.store.generate_item_id("message", thread, context)
        item = AssistantMessageItem(id=item_id, thread_id=thread.id, created_at=NOON, content=[])
        yield ThreadItemAddedEvent(item=item)
        words: list[str] = []
        for number in range(TOKENS):
            await asyncio.sleep(0)
            words.append(WORDS[number % len(WORDS)])
            delta = AssistantMessageContentPartTextDelta(content_index=0, delta=words[-1])
            yield ThreadItemUpdatedEvent(item_id=item_id, update=delta)
        whole = AssistantMessageContent(text="".join(words))
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [whole]}))


def our_app() -> Any:
    from chatkit.asgi import ChatKitEndpoint

    return ChatKitEndpoint(Server(MemoryStore()), context=lambda request: None)


def their_app() -> Any:
    """As the public SDK's documentation shows it."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    server = Server(MemoryStore())

    async def endpoint(request: Request) -> Response:
        result = await server.process(await request.body(), None)
        if isinstance(result, StreamingResult):
            return StreamingResponse(result, media_type="text/event-stream")
        return Response(content=result.json, media_type="application/json")

    return Starlette(routes=[Route("/", endpoint, methods=["POST"])])


def main() -> None:
    port, which = sys.argv[1:]
    app = our_app() if which == "ours" else their_app()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
