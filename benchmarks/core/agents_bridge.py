"""The bridge to the Agents SDK: what a token of the model costs in ``stream_agent_response``.

The run is a stand-in whose events have been made beforehand, so that neither a model nor the
Agents SDK's own work is measured.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from agents import RawResponsesStreamEvent, StreamEvent
from openai.types.responses import (
    ResponseContentPartAddedEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

from benchmarks.core.sample import filled_store, thread, without_chance
from benchmarks.core.streaming import WORDS
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target
from chatkit.agents import AgentContext, stream_agent_response
from chatkit.types import ThreadStreamEvent

TOKENS = 2_000


class Run:
    """Reports events that are there already."""

    is_complete = True

    def __init__(self, events: Sequence[StreamEvent]) -> None:
        self._events = events

    async def stream_events(self) -> AsyncIterator[StreamEvent]:
        for event in self._events:
            yield event

    def cancel(self, mode: str = "immediate") -> None:
        pass


def message_of_tokens(count: int) -> list[StreamEvent]:
    """What a run reports of a message that comes in so many tokens."""
    words = [WORDS[number % len(WORDS)] for number in range(count)]
    whole = "".join(words)
    tokens = {
        word: _raw(
            ResponseTextDeltaEvent(
                type="response.output_text.delta",
                item_id="msg_new",
                output_index=0,
                content_index=0,
                delta=word,
                logprobs=[],
                sequence_number=0,
            )
        )
        for word in WORDS
    }
    place: dict[str, Any] = {"output_index": 0, "sequence_number": 0}
    part: dict[str, Any] = {**place, "item_id": "msg_new", "content_index": 0}
    return [
        _raw(
            ResponseOutputItemAddedEvent(
                type="response.output_item.added", item=_message("in_progress"), **place
            )
        ),
        _raw(
            ResponseContentPartAddedEvent(
                type="response.content_part.added", part=_text(""), **part
            )
        ),
        *(tokens[word] for word in words),
        _raw(
            ResponseTextDoneEvent(type="response.output_text.done", text=whole, logprobs=[], **part)
        ),
        _raw(
            ResponseOutputItemDoneEvent(
                type="response.output_item.done", item=_message("completed", _text(whole)), **place
            )
        ),
    ]


def _raw(data: Any) -> RawResponsesStreamEvent:
    return RawResponsesStreamEvent(data=data)


def _text(text: str) -> ResponseOutputText:
    return ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=[])


def _message(status: Any, *content: ResponseOutputText) -> ResponseOutputMessage:
    return ResponseOutputMessage(
        id="msg_new", type="message", role="assistant", status=status, content=list(content)
    )


async def tokens(quick: bool) -> AsyncGenerator[Round, None]:
    """Messages of many tokens; the cost is that of each. What comes out is looked at in a second
    run, since nobody keeps a stream's events."""
    store = await filled_store(2)

    def events() -> AsyncIterator[ThreadStreamEvent]:
        run: Any = Run(message_of_tokens(TOKENS))
        context = AgentContext(thread=thread(), store=store, request_context=None)
        return stream_agent_response(context, run)

    while True:
        unread = events()
        started = time.process_time()
        async for _ in unread:
            pass
        took = time.process_time() - started
        shown = [event.model_dump(mode="json") async for event in events()]
        yield Round({"agents-token": took / TOKENS}, without_chance(shown))


BENCHMARKS = [
    Benchmark(
        name="agents",
        rows=[Row("agents-token", "a token through stream_agent_response()", Target(3))],
        ours=tokens,
        peer="openai-chatkit",
        theirs=tokens,
        environment=Environment.OPENAI_CHATKIT,
    )
]
