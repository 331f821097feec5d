"""What a scripted model may be told to say, as plain data.

A reply is a list of outputs. What interrupts a stream (``Gate``, ``Failure``, ``Break``) may stand
between outputs, and between the pieces of a text or a thought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


class Output:
    """Whatever a reply may hold."""


class Interruption(Output):
    """What may also stand between the pieces of a text."""


class Gate(Interruption):
    """The stream waits here until the test opens it, which may be never."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._opened.wait()


@dataclass(frozen=True)
class Failure(Interruption):
    """The model's side fails in mid-stream: an ``error`` event, or a response that has failed."""

    message: str = "The model has overheated."
    how: Literal["error", "failed"] = "error"


@dataclass(frozen=True)
class Break(Interruption):
    """The stream is over before its time, with (``clean``) or without HTTP's own end mark."""

    clean: bool = True


@dataclass(frozen=True)
class Raw(Interruption):
    """An event of the test's own making."""

    event: dict[str, Any]


Piece: TypeAlias = str | Interruption
Citation: TypeAlias = dict[str, Any]
"""A citation as the Responses API writes it: ``{"type": "url_citation", …}``."""


@dataclass(frozen=True, init=False)
class Text:
    """A text that streams in pieces; its citations are announced when the pieces are out."""

    pieces: tuple[Piece, ...]
    citations: tuple[Citation, ...]

    def __init__(self, *pieces: Piece, citations: Sequence[Citation] = ()) -> None:
        object.__setattr__(self, "pieces", pieces)
        object.__setattr__(self, "citations", tuple(citations))

    @property
    def whole(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))


@dataclass(frozen=True, init=False)
class Refusal:
    """A refusal that streams in pieces."""

    pieces: tuple[Piece, ...]

    def __init__(self, *pieces: Piece) -> None:
        object.__setattr__(self, "pieces", pieces)

    @property
    def whole(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))


@dataclass(frozen=True, init=False)
class Message(Output):
    """A message of the assistant."""

    parts: tuple[Text | Refusal, ...]

    def __init__(self, *parts: Text | Refusal) -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, init=False)
class Reasoning(Output):
    """The summaries of a model's thoughts."""

    thoughts: tuple[Text, ...]

    def __init__(self, *thoughts: Text) -> None:
        object.__setattr__(self, "thoughts", thoughts)


@dataclass(frozen=True)
class Image(Output):
    """A picture that the model makes itself; all pictures are base64."""

    result: str
    partial: Sequence[str] = ()


@dataclass(frozen=True)
class Call(Output):
    """A call of a function; hand-offs are calls of ``transfer_to_…``."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    call_id: str | None = None
    has_item_id: bool = True


@dataclass(frozen=True)
class Status:
    """Instead of a stream: an HTTP error."""

    code: int
    message: str = "The model is out."


Reply: TypeAlias = Sequence[Output] | Status
