"""A script as chunks of the chat-completions API's streaming format.

That format has one message for each response, without an id of its own, and neither summaries of
thoughts, pictures nor citations; a script that wants them is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from support.scripted_model.script import (
    Break,
    Call,
    Failure,
    Gate,
    Interruption,
    Message,
    Output,
    Piece,
    Raw,
    Reasoning,
    Refusal,
)
from support.scripted_model.wire import Ids, Json, Sent


def chat_completions_stream(reply: Sequence[Output], ids: Ids) -> Iterator[Sent]:
    """The chunks of one completion; the server adds the ``[DONE]`` mark."""
    frame = {
        "id": ids.next("chatcmpl"),
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "scripted",
    }
    for sent in _deltas(reply, ids):
        if isinstance(sent, (Gate, Break)) or "error" in sent:
            yield sent
        else:
            choice = {"index": 0, "delta": sent, "finish_reason": None}
            yield {**frame, "choices": [choice]}
    reason = "tool_calls" if any(isinstance(output, Call) for output in reply) else "stop"
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    yield {**frame, "choices": [], "usage": USAGE}


def _deltas(reply: Sequence[Output], ids: Ids) -> Iterator[Sent]:
    yield {"role": "assistant"}
    calls = 0
    for output in reply:
        if isinstance(output, Message):
            for part in output.parts:
                key = "refusal" if isinstance(part, Refusal) else "content"
                for piece in part.pieces:
                    yield from _piece(piece, key)
        elif isinstance(output, Reasoning):
            for thought in output.thoughts:
                for piece in thought.pieces:
                    yield from _piece(piece, "reasoning_content")
        elif isinstance(output, Call):
            yield {"tool_calls": [_call(output, calls, ids)]}
            calls += 1
        elif isinstance(output, Interruption):
            yield from _piece(output, "")
        else:
            raise TypeError(f"chat completions know no {type(output).__name__}")


def _piece(piece: Piece, key: str) -> Iterator[Sent]:
    if isinstance(piece, str):
        yield {key: piece}
    elif isinstance(piece, Raw):
        yield piece.event
    elif isinstance(piece, Failure):
        yield {"error": {"message": piece.message, "type": "server_error"}}
        yield Break()
    elif isinstance(piece, (Gate, Break)):
        yield piece


def _call(call: Call, index: int, ids: Ids) -> Json:
    return {
        "index": index,
        "id": call.call_id or ids.next("call"),
        "type": "function",
        "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
    }


USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
