"""A message that streams in through ``process()``: the server's own share, without the model's.

The events are made beforehand, the few different ones only once, so that they are as close at hand
as ones that have just been made; and the store costs next to nothing. The public SDK builds its
request validator anew for each request; here it keeps it, so that only the stream is compared.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import chatkit.server
from benchmarks.core.sample import NOON, THREAD_ID, events_in, filled_store
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)

DELTAS = 2_000
MANY_DELTAS = 100_000
WORDS = ("Open ", "the ", "settings", ", ", "choose ", "“", "Plan", "”", " and ", "confirm", ".\n")

REQUEST = json.dumps(
    {
        "type": "threads.add_user_message",
        "params": {
            "thread_id": THREAD_ID,
            "input": {
                "content": [{"type": "input_text", "text": "How do I change my plan?"}],
                "attachments": [],
                "inference_options": {},
            },
        },
    }
)


class Server(ChatKitServer[None]):
    """Answers with events that have been made beforehand."""

    events: Sequence[ThreadStreamEvent] = ()

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        for event in self.events:
            yield event


def message_in_deltas(count: int, item_id: str = "msg_new") -> list[ThreadStreamEvent]:
    """The events of an assistant's message that comes in so many pieces."""
    pieces = [WORDS[number % len(WORDS)] for number in range(count)]

    def item(*content: AssistantMessageContent) -> AssistantMessageItem:
        return AssistantMessageItem(
            id=item_id, thread_id=THREAD_ID, created_at=NOON, content=list(content)
        )

    def updated(update: Any) -> ThreadItemUpdatedEvent:
        return ThreadItemUpdatedEvent(item_id=item_id, update=update)

    deltas = {
        word: updated(AssistantMessageContentPartTextDelta(content_index=0, delta=word))
        for word in WORDS
    }
    begun, whole = AssistantMessageContent(text=""), AssistantMessageContent(text="".join(pieces))
    return [
        ThreadItemAddedEvent(item=item()),
        updated(AssistantMessageContentPartAdded(content_index=0, content=begun)),
        *(deltas[piece] for piece in pieces),
        updated(AssistantMessageContentPartDone(content_index=0, content=whole)),
        ThreadItemDoneEvent(item=item(whole)),
    ]


async def costs_of_delta(counts: Sequence[int]) -> AsyncGenerator[Round, None]:
    """In each round the mean cost of a delta, over messages of these numbers of deltas."""
    server = Server(await filled_store(2))
    while True:
        took = 0.0
        chunks: list[bytes] = []
        for number, count in enumerate(counts):
            server.events = message_in_deltas(count, f"msg_new{number}")
            started = time.process_time()
            result = await server.process(REQUEST, None)
            assert isinstance(result, StreamingResult)
            chunks = [chunk async for chunk in result]
            took += time.process_time() - started
        yield Round({"stream-delta": took / sum(counts)}, events_in(b"".join(chunks)))


def keep_validators() -> None:
    """Have the public SDK build each of its validators once."""
    from pydantic import TypeAdapter

    class Kept:
        make = functools.cache(TypeAdapter)

        def __new__(cls, type_: Any) -> Any:
            return cls.make(type_)

        def __class_getitem__(cls, _: Any) -> type[Kept]:
            return cls

    chatkit.server.TypeAdapter = Kept  # type: ignore[attr-defined]  # only there


def ours(quick: bool) -> AsyncGenerator[Round, None]:
    return costs_of_delta([DELTAS])


def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    keep_validators()
    return costs_of_delta([DELTAS])


async def growing(counts: Sequence[int]) -> AsyncGenerator[Round, None]:
    async for costs, events in costs_of_delta(counts):
        (cost,) = costs.values()
        yield Round({"stream-growth": cost}, [events[0], events[-2]["type"]])


def one_long_message(quick: bool) -> AsyncGenerator[Round, None]:
    return growing([MANY_DELTAS])


def many_short_messages(quick: bool) -> AsyncGenerator[Round, None]:
    return growing([DELTAS] * (MANY_DELTAS // DELTAS))


BENCHMARKS = [
    Benchmark(
        name="stream",
        rows=[Row("stream-delta", f"a text delta through process(), of {DELTAS:,}", Target(3.5))],
        ours=ours,
        peer="openai-chatkit, validator kept",
        theirs=theirs,
        environment=Environment.OPENAI_CHATKIT,
    ),
    Benchmark(
        name="stream-growth",
        rows=[
            Row("stream-growth", f"a text delta, of {MANY_DELTAS:,}", Target(1.15, at_most=True))
        ],
        ours=one_long_message,
        peer=f"ours, of {DELTAS:,}",
        theirs=many_short_messages,
        rounds=9,
        quick_rounds=2,
    ),
]
