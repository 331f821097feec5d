"""What surrounds a turn's steps, and how other parts of the package take part in a turn.

A turn is an async generator, so its steps may run in different tasks and contexts. Each step
therefore sets the registered context variables anew and restores them before the event goes to
the reader; nothing of them is left in the reader's own context.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from chatkit.logger import logger
from chatkit.types import ThreadItemDoneEvent, ThreadStreamEvent

T = TypeVar("T")

Ending: TypeAlias = Callable[[], Awaitable[None]]
Tokens: TypeAlias = Sequence[Token[Any]]
NO_TOKENS: Tokens = ()


@dataclass(frozen=True)
class Scope(Generic[T]):
    """What a context variable holds while a turn runs, given what it held before."""

    variable: ContextVar[T]
    value: Callable[[T], T]


_scopes: list[Scope[Any]] = []
_endings: ContextVar[list[Ending] | None] = ContextVar("chatkit_turn_endings", default=None)


def register_scope(scope: Scope[Any]) -> None:
    """Have every step of every turn in this process run inside ``scope``."""
    _scopes.append(scope)


def when_turn_ends(ending: Ending) -> None:
    """Have the turn that is running here await ``ending`` when it ends or is stopped.

    A generator inside the integration cannot do that by itself: Python closes it later, in a task
    of its own. ``ending`` may be called although all is over. Outside of turns nothing happens.
    """
    endings = _endings.get()
    if endings is not None:
        endings.append(ending)


class ContinuedItemDoneEvent(ThreadItemDoneEvent):
    """An item is complete that an earlier turn has stored: it is replaced, not added again."""


class TurnScopes:
    """The registered scopes around the steps of one turn, and what is to end with it.

    They are entered and left for each event. What the variables then hold is made anew only when
    they have held something else before.
    """

    def __init__(self) -> None:
        self._own_endings: list[Ending] = []
        self._others = [_Kept(scope) for scope in _scopes]

    def enter(self) -> Tokens:
        """Set the variables; the tokens are for ``leave``."""
        own = _endings.set(self._own_endings)
        if not self._others:
            return (own,)
        tokens: list[Token[Any]] = [own]
        for kept in self._others:
            before = kept.variable.get()
            if before is not kept.before:
                kept.before, kept.value = before, kept.make(before)
            tokens.append(kept.variable.set(kept.value))
        return tokens

    def leave(self, tokens: Tokens) -> None:
        """Restore the variables; in another context than they were set in, nothing.

        A step that was dropped in the middle is closed in whatever context comes along. The one
        in which its variables were set has ended with its task.
        """
        try:
            for token in tokens:
                token.var.reset(token)
        except ValueError:
            pass

    async def end(self) -> None:
        """Await the endings that were asked for."""
        while self._own_endings:
            await _end_one(self._own_endings.pop())


class _Kept:
    """A scope, and what it made last."""

    def __init__(self, scope: Scope[Any]) -> None:
        self.variable = scope.variable
        self.make = scope.value
        self.before: object = self  # what no variable holds
        self.value: Any = None


async def _end_one(ending: Ending) -> None:
    try:
        await ending()
    except Exception:
        logger.exception("something that a turn had started could not be ended")


async def close(events: AsyncIterator[ThreadStreamEvent]) -> None:
    """Let an integration clean up, if it is a generator."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()
