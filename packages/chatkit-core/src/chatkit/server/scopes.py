"""What surrounds an integration's steps, and how other parts of the package take part in a turn.

A turn is an async generator, so its steps may run in different tasks and contexts. Each step
therefore sets the registered context variables anew and restores them before the event goes to
the reader; nothing of them is left in the reader's own context.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from chatkit.logger import logger
from chatkit.types import ThreadItemDoneEvent, ThreadStreamEvent

T = TypeVar("T")

Ending: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Scope(Generic[T]):
    """What a context variable holds while an integration runs, given what it held before."""

    variable: ContextVar[T]
    value: Callable[[T], T]

    def enter(self) -> Token[T]:
        """Set the variable."""
        return self.variable.set(self.value(self.variable.get()))

    def leave(self, token: Token[T]) -> None:
        """Restore the variable."""
        restore(self.variable, token)


_scopes: list[Scope[Any]] = []
_endings: ContextVar[list[Ending] | None] = ContextVar("chatkit_turn_endings", default=None)


def register_scope(scope: Scope[Any]) -> None:
    """Have every step of every integration in this process run inside ``scope``."""
    _scopes.append(scope)


def when_turn_ends(ending: Ending) -> None:
    """Have the turn that is running here await ``ending`` when it ends or is stopped.

    A generator inside the integration cannot do that by itself: Python closes it later, in a task
    of its own. ``ending`` may be called although all is over. Outside of turns nothing happens.
    """
    endings = _endings.get()
    if endings is not None:
        endings.append(ending)


def restore(variable: ContextVar[T], token: Token[T]) -> None:
    """Reset a variable; in another context than it was set in, there is nothing to restore."""
    # A step that was dropped in the middle is closed in whatever context comes along. The one in
    # which the variable was set has ended with its task.
    with suppress(ValueError):
        variable.reset(token)


class ContinuedItemDoneEvent(ThreadItemDoneEvent):
    """An item is complete that an earlier turn has stored: it is replaced, not added again."""


class IntegrationEvents:
    """An integration's events, each step inside the registered scopes."""

    def __init__(self, start: Callable[[], AsyncIterator[ThreadStreamEvent]]) -> None:
        self._own: list[Ending] = []
        self._scopes = [Scope(_endings, lambda _: self._own), *_scopes]
        with self._entered():
            self._events = start()
            self._steps = aiter(self._events)

    def __aiter__(self) -> IntegrationEvents:
        return self

    async def __anext__(self) -> ThreadStreamEvent:
        with self._entered():
            try:
                return await anext(self._steps)
            except StopAsyncIteration:
                await self._end()
                raise

    async def aclose(self) -> None:
        """Stop what the integration has started, then let it clean up."""
        with self._entered():
            try:
                await self._end()
            finally:
                await close(self._events)

    async def _end(self) -> None:
        while self._own:
            await _end_one(self._own.pop())

    @contextmanager
    def _entered(self) -> Generator[None, None, None]:
        tokens = [scope.enter() for scope in self._scopes]
        try:
            yield
        finally:
            for scope, token in zip(self._scopes, tokens, strict=True):
                scope.leave(token)


async def _end_one(ending: Ending) -> None:
    try:
        await ending()
    except Exception:
        logger.exception("something that a turn had started could not be ended")


async def close(events: AsyncIterator[ThreadStreamEvent]) -> None:
    """Let an integration clean up, if it is a generator."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()
