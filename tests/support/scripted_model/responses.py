"""A script as events of the Responses API's streaming format."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence

from support.scripted_model.script import (
    Break,
    Call,
    Failure,
    Gate,
    Image,
    Interruption,
    Message,
    Output,
    Raw,
    Reasoning,
    Refusal,
    Text,
)
from support.scripted_model.wire import Ids, Json, Sent


def responses_stream(reply: Sequence[Output], ids: Ids) -> Iterator[Sent]:
    """The events of one response, from ``response.created`` to ``response.completed``."""
    for number, sent in enumerate(_Response(ids).stream(reply)):
        yield sent if isinstance(sent, (Gate, Break)) else {"sequence_number": number, **sent}


class _Response:
    def __init__(self, ids: Ids) -> None:
        self.id = ids.next("resp")
        self.ids = ids
        self.output: list[Json] = []

    def stream(self, reply: Sequence[Output]) -> Iterator[Sent]:
        yield self._state("created", "in_progress")
        yield self._state("in_progress", "in_progress")
        for output in reply:
            if isinstance(output, Message):
                yield from self._message(output)
            elif isinstance(output, Reasoning):
                yield from self._reasoning(output)
            elif isinstance(output, Image):
                yield from self._image(output)
            elif isinstance(output, Call):
                yield from self._call(output)
            elif isinstance(output, Interruption):
                yield from self._interruption(output)
        yield self._state("completed", "completed")

    # --- outputs ------------------------------------------------------------------------------

    def _message(self, message: Message) -> Iterator[Sent]:
        item = {"type": "message", "id": self.ids.next("msg"), "role": "assistant", "content": []}
        yield self._item("added", {**item, "status": "in_progress"})
        content = []
        for index, part in enumerate(message.parts):
            at = {**self._at(item), "content_index": index}
            stream = self._text(part, at) if isinstance(part, Text) else self._refusal(part, at)
            content.append((yield from stream))
        yield from self._done({**item, "status": "completed", "content": content})

    def _text(self, text: Text, at: Json) -> Generator[Sent, None, Json]:
        empty = {"type": "output_text", "text": "", "annotations": []}
        yield {"type": "response.content_part.added", **at, "part": empty}
        yield from self._pieces(text, {"type": "response.output_text.delta", **at, "logprobs": []})
        for index, citation in enumerate(text.citations):
            yield {
                "type": "response.output_text.annotation.added",
                **at,
                "annotation_index": index,
                "annotation": citation,
            }
        yield {"type": "response.output_text.done", **at, "text": text.whole, "logprobs": []}
        part = {**empty, "text": text.whole, "annotations": list(text.citations)}
        yield {"type": "response.content_part.done", **at, "part": part}
        return part

    def _refusal(self, refusal: Refusal, at: Json) -> Generator[Sent, None, Json]:
        empty = {"type": "refusal", "refusal": ""}
        yield {"type": "response.content_part.added", **at, "part": empty}
        yield from self._pieces(refusal, {"type": "response.refusal.delta", **at})
        yield {"type": "response.refusal.done", **at, "refusal": refusal.whole}
        part = {**empty, "refusal": refusal.whole}
        yield {"type": "response.content_part.done", **at, "part": part}
        return part

    def _reasoning(self, reasoning: Reasoning) -> Iterator[Sent]:
        item = {"type": "reasoning", "id": self.ids.next("rs"), "summary": []}
        yield self._item("added", item)
        summary = []
        for index, thought in enumerate(reasoning.thoughts):
            at = {**self._at(item), "summary_index": index}
            kind = "response.reasoning_summary"
            part = {"type": "summary_text", "text": thought.whole}
            yield {"type": f"{kind}_part.added", **at, "part": {**part, "text": ""}}
            yield from self._pieces(thought, {"type": f"{kind}_text.delta", **at})
            yield {"type": f"{kind}_text.done", **at, "text": thought.whole}
            yield {"type": f"{kind}_part.done", **at, "part": part}
            summary.append(part)
        yield from self._done({**item, "summary": summary})

    def _image(self, image: Image) -> Iterator[Sent]:
        item = {"type": "image_generation_call", "id": self.ids.next("ig"), "result": None}
        yield self._item("added", {**item, "status": "in_progress"})
        at, kind = self._at(item), "response.image_generation_call"
        yield {"type": f"{kind}.in_progress", **at}
        yield {"type": f"{kind}.generating", **at}
        for index, picture in enumerate(image.partial):
            partial = {"partial_image_index": index, "partial_image_b64": picture}
            yield {"type": f"{kind}.partial_image", **at, **partial}
        yield {"type": f"{kind}.completed", **at}
        yield from self._done({**item, "status": "completed", "result": image.result})

    def _call(self, call: Call) -> Iterator[Sent]:
        arguments = json.dumps(call.arguments)
        item: Json = {
            "type": "function_call",
            "call_id": call.call_id or self.ids.next("call"),
            "name": call.name,
            "arguments": "",
        }
        if call.has_item_id:
            item["id"] = self.ids.next("fc")
        yield self._item("added", {**item, "status": "in_progress"})
        at, kind = self._at(item), "response.function_call_arguments"
        yield {"type": f"{kind}.delta", **at, "delta": arguments}
        yield {"type": f"{kind}.done", **at, "arguments": arguments, "name": call.name}
        yield from self._done({**item, "status": "completed", "arguments": arguments})

    # --- pieces -------------------------------------------------------------------------------

    def _pieces(self, text: Text | Refusal, event: Json) -> Iterator[Sent]:
        for piece in text.pieces:
            if isinstance(piece, Interruption):
                yield from self._interruption(piece)
            else:
                yield {**event, "delta": piece}

    def _interruption(self, interruption: Interruption) -> Iterator[Sent]:
        if isinstance(interruption, (Gate, Break)):
            yield interruption
        elif isinstance(interruption, Raw):
            yield interruption.event
        elif isinstance(interruption, Failure):
            yield self._failure(interruption)
            yield Break()

    def _failure(self, failure: Failure) -> Json:
        if failure.how == "error":
            body = {"code": "server_error", "message": failure.message, "param": None}
            return {"type": "error", **body}
        event = self._state("failed", "failed")
        event["response"]["error"] = {"code": "server_error", "message": failure.message}
        return event

    # --- frames -------------------------------------------------------------------------------

    def _at(self, item: Json) -> Json:
        return {"item_id": item.get("id", ""), "output_index": len(self.output)}

    def _item(self, what: str, item: Json) -> Json:
        kind = f"response.output_item.{what}"
        return {"type": kind, "output_index": len(self.output), "item": item}

    def _done(self, item: Json) -> Iterator[Sent]:
        yield self._item("done", item)
        self.output.append(item)

    def _state(self, what: str, status: str) -> Json:
        response = {
            "id": self.id,
            "object": "response",
            "created_at": 0,
            "model": "scripted",
            "status": status,
            "output": list(self.output),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "usage": USAGE if status == "completed" else None,
        }
        return {"type": f"response.{what}", "response": response}


USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}
