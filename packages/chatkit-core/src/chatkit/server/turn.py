"""One turn: open it, run the integration's events, store, hide, notice thread changes, survive a
stop.

A turn is an async generator that its reader drives, so an event costs no task and no queue. What
must not be cut short, each write to the store, runs in a task that the server holds: a reader
that goes away leaves a write whole. A stop then starts the *rescue*, held by the server as well,
which stores what the user has seen. A stop comes

- as ``CancelledError``, when the task that reads the stream is cancelled;
- as ``GeneratorExit``, when the stream is closed or dropped between two chunks;
- from ``Turn.stop``, when another request takes the thread over or deletes it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

from chatkit.errors import CustomStreamError, ErrorCode, StreamError
from chatkit.logger import logger
from chatkit.server.attachments import event_for_client
from chatkit.server.growing_text import GrowingText, growing_text
from chatkit.server.integration import Integration
from chatkit.server.pending import PendingItems, has_text
from chatkit.server.running import thread_key
from chatkit.server.scopes import NO_TOKENS, ContinuedItemDoneEvent, TurnScopes, close
from chatkit.server.thread_changes import copy_to_compare
from chatkit.server.wire import cleaned, client_thread, encode_event, is_hidden
from chatkit.store import NotFoundError, StoreError
from chatkit.types import (
    AssistantMessageItem,
    ErrorEvent,
    StreamOptionsEvent,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
)

TContext = TypeVar("TContext", default=Any)
T = TypeVar("T")

CLOSE_LIMIT_S = 1.0
"""How long a rescue waits for the integration to clean up before it stores what was shown."""

THREAD_DELETED = ErrorEvent(message="This conversation has been deleted.", allow_retry=False)


@dataclass(frozen=True)
class Plan(Generic[TContext]):
    """What a checked request wants of its turn.

    Attributes:
        thread: The integration's own copy; what it changes there is saved and sent.
        open: Makes the writes that come before the integration runs, and returns the events that
            tell the client about them.
        events: Starts the integration.
        undo: Takes back what ``open`` wrote, when it fails or is cancelled before the client
            could hear of it.
        takes_over: Whether turns that still run in the thread are stopped first.
    """

    thread: ThreadMetadata
    context: TContext
    open: Callable[[], Coroutine[Any, Any, Sequence[ThreadStreamEvent]]]
    events: Callable[[], AsyncIterator[ThreadStreamEvent]]
    undo: Callable[[], Coroutine[Any, Any, None]] | None = None
    takes_over: bool = False


class Turn(Generic[TContext]):
    """Carries out one plan; ``stream`` may be iterated once."""

    def __init__(self, server: Integration[TContext], plan: Plan[TContext]) -> None:
        self.key = thread_key(server.store.owner_of(plan.context), plan.thread.id)
        self.ended = asyncio.Event()
        self._server = server
        self._store = server.store
        self._plan = plan
        self._thread = plan.thread
        self._saved = copy_to_compare(plan.thread)
        self._pending = PendingItems()
        self._text: GrowingText | None = None
        self._could_not_save = False
        self._hidden_ids: set[str] = set()
        self._stored_ids: set[str] = set()
        self._opening = False
        self._opened = False
        self._running = False
        self._deleted = False
        self._stopped_from_outside = False
        self._context = copy_context()
        self._scopes = TurnScopes()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._reader_was_cancelled_here = False
        self._cancellations_before = 0
        self._write: asyncio.Task[Any] | None = None
        self._rescue_task: asyncio.Task[None] | None = None
        self._over = False
        self._chunks = self._run()
        self._closing = False
        self._closed = asyncio.Event()

    # --- the stream, as its reader sees it -------------------------------------------------

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The turn as chunks for the wire. Ends early, without error, after ``stop``."""
        self._loop = asyncio.get_running_loop()
        self._is_read_from_here()
        tokens = self._scopes.enter()
        try:
            async for chunk in self._chunks:
                if not self._stopped_from_outside:
                    self._scopes.leave(tokens)
                    self._reader, tokens = None, NO_TOKENS
                    yield chunk
                    self._is_read_from_here()
                    tokens = self._scopes.enter()
                if self._stopped_from_outside:
                    break
        except (asyncio.CancelledError, GeneratorExit):
            await self._stop_and_wait()
            if not self._forgive_own_cancellation():
                raise
        else:
            if self._stopped_from_outside:
                await self._stop_and_wait()
                self._forgive_own_cancellation()
        finally:
            self._scopes.leave(tokens)
            if self._rescue_task is None:
                self._end()
        if self._deleted:
            yield encode_event(THREAD_DELETED)

    def stop(self, *, deleted: bool = False) -> None:
        """Stop the turn from another task; ``ended`` says when all is stored.

        ``deleted``: the thread is being deleted, so nothing more is stored.
        """
        self._deleted = self._deleted or deleted
        if self._rescue_task is not None or self.is_read_by(asyncio.current_task()):
            return
        self._stopped_from_outside = True
        self._start_rescue()
        if self._reader is not None:
            self._reader_was_cancelled_here = True
            self._reader.cancel()
        else:  # suspended at a chunk: the reader may never come back for the next
            self._context.run(self._server.running_turns.hold, self._close())

    def is_read_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether ``task`` is the one in which the integration runs at this moment."""
        return task is not None and self._reader is task

    def _is_read_from_here(self) -> None:
        self._reader = task = asyncio.current_task(self._loop)
        if sys.version_info >= (3, 11) and task is not None:
            self._cancellations_before = task.cancelling()

    # --- the turn's own course --------------------------------------------------------------

    async def _run(self) -> AsyncGenerator[bytes, None]:
        try:
            for event in await self._open():
                yield await self._encoded(event)
            self._running = True
            await asyncio.sleep(0)
            options = self._server.get_stream_options(self._thread, self._plan.context)
            yield encode_event(StreamOptionsEvent(stream_options=options))
            async with self._closing_after(self._plan.events()) as events:
                async for event in events:
                    chunk = None if self._text is None else self._text.grown_by(event)
                    if chunk is None:
                        chunk = await self._carry_out(event)
                    if chunk is not None:
                        yield chunk
                    if self._thread.__dict__ != self._saved.__dict__:
                        yield encode_event(await self._held(self._save_thread()))
                await self._scopes.end()
            if self._thread_has_changed():
                yield encode_event(await self._held(self._save_thread()))
        except (Exception, asyncio.CancelledError) as error:
            if self._is_stop(error):
                raise
            for event in await self._held(self._fail(error)):
                yield encode_event(event)

    @asynccontextmanager
    async def _closing_after(
        self, events: AsyncIterator[ThreadStreamEvent]
    ) -> AsyncGenerator[AsyncIterator[ThreadStreamEvent], None]:
        """When the turn breaks off, stop what the integration has started; let it clean up."""
        try:
            yield events
        except BaseException as error:
            if self._is_stop(error):
                self._start_rescue()  # now, since the integration may take for ever to clean up
            try:
                try:
                    await self._scopes.end()
                finally:
                    await close(events)
            except (Exception, asyncio.CancelledError) as failure:
                if self._is_stop(failure):
                    raise
                logger.exception("the integration failed while it was being closed")
            raise

    async def _open(self) -> Sequence[ThreadStreamEvent]:
        turns = self._server.running_turns
        async with turns.starting(self, take_over=self._plan.takes_over) as took_over:
            if took_over:
                await self._held(self._read_thread_anew())
            self._opening = True
            events = await self._held(self._plan.open())
            self._opened = True
            return events

    async def _read_thread_anew(self) -> None:
        """See what turns that were stopped for this one have made of the thread, the last thing
        they did: it was read before."""
        thread = await self._store.load_thread(self._thread.id, self._plan.context)
        for name in ThreadMetadata.model_fields:
            setattr(self._thread, name, getattr(thread, name))
        self._saved = copy_to_compare(self._thread)

    def _visible(self, event: ThreadStreamEvent) -> ThreadStreamEvent | None:
        """The event as the client may see it, if at all."""
        if isinstance(event, (ThreadItemUpdatedEvent, ThreadItemRemovedEvent)):
            return None if event.item_id in self._hidden_ids else event
        if isinstance(event, (ThreadItemAddedEvent, ThreadItemDoneEvent, ThreadItemReplacedEvent)):
            return None if is_hidden(event.item) else event
        if isinstance(event, (ThreadCreatedEvent, ThreadUpdatedEvent)):
            return cleaned(event)
        return event

    async def _carry_out(self, event: ThreadStreamEvent) -> bytes | None:
        """Do with an event what is to be done; its chunk, if the client may see it."""
        visible = self._visible(event)
        # first of all, so that nothing that cannot be sent is stored
        chunk = None if visible is None else await self._encoded(visible)
        await self._take(event)
        self._text = None if chunk is None else growing_text(event, self._pending)
        return chunk

    async def _encoded(self, event: ThreadStreamEvent) -> bytes:
        return encode_event(await event_for_client(self._server, event, self._plan.context))

    async def _take(self, event: ThreadStreamEvent) -> None:
        """Store what the event says, or remember it as pending."""
        if isinstance(event, ThreadItemUpdatedEvent):
            self._pending.update(event.item_id, event.update)
        elif isinstance(event, ThreadItemAddedEvent):
            self._pending.add(event.item)
            self._note_whether_hidden(event.item)
        elif isinstance(event, (ThreadItemDoneEvent, ThreadItemReplacedEvent)):
            await self._held(self._store_item(event))
            self._note_whether_hidden(event.item)
        elif isinstance(event, ThreadItemRemovedEvent):
            await self._held(self._remove_item(event.item_id))

    def _note_whether_hidden(self, item: ThreadItem) -> None:
        if is_hidden(item):
            self._hidden_ids.add(item.id)
        else:
            self._hidden_ids.discard(item.id)

    async def _store_item(self, event: ThreadItemDoneEvent | ThreadItemReplacedEvent) -> None:
        item, context = event.item, self._plan.context
        known = isinstance(event, (ThreadItemReplacedEvent, ContinuedItemDoneEvent))
        if known or item.id in self._stored_ids:
            await self._store.save_item(self._thread.id, item, context)
        else:
            await self._store.add_thread_item(self._thread.id, item, context)
        self._stored_ids.add(item.id)
        self._pending.remove(item.id)

    async def _remove_item(self, item_id: str) -> None:
        await self._store.delete_thread_item(self._thread.id, item_id, self._plan.context)
        self._stored_ids.discard(item_id)
        self._pending.remove(item_id)

    # --- the thread's own fields ---------------------------------------------------------------

    def _thread_has_changed(self) -> bool:
        return self._thread.__dict__ != self._saved.__dict__

    async def _save_thread(self) -> ThreadUpdatedEvent:
        """Save what the integration has changed, and nothing that others changed meanwhile."""
        now = copy_to_compare(self._thread)
        changes = {
            name: getattr(now, name)
            for name in ThreadMetadata.model_fields
            if getattr(now, name) != getattr(self._saved, name)
        }
        try:
            thread = await self._store.update_thread(now.id, changes, self._plan.context)
        except Exception:
            self._could_not_save = True
            raise
        self._saved = now
        return ThreadUpdatedEvent(thread=client_thread(thread))

    # --- failure ----------------------------------------------------------------------------------

    async def _fail(self, error: BaseException) -> list[ThreadStreamEvent]:
        """Store what was shown, and return the events that end the turn."""
        if not self._running:
            await self._undo()
        if isinstance(error, NotFoundError) and await self._thread_is_gone():
            self._deleted = True
            return []
        events = [self._error_event(error)]
        try:
            await self._keep_pending_text()
            if self._thread_has_changed() and not self._could_not_save:
                events.append(await self._save_thread())
        except NotFoundError:
            self._deleted = True
            return []
        except (Exception, asyncio.CancelledError):
            logger.exception("not all of thread %r was stored after an error", self._thread.id)
        return events

    def _error_event(self, error: BaseException) -> ThreadStreamEvent:
        if isinstance(error, CustomStreamError):
            return ErrorEvent(code="custom", message=error.message, allow_retry=error.allow_retry)
        if isinstance(error, StreamError):
            return ErrorEvent(code=error.code, allow_retry=error.allow_retry)
        logger.error("a turn in thread %r failed", self._thread.id, exc_info=error)
        return ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)

    async def _keep_pending_text(self) -> None:
        for item in self._pending.snapshot():
            if isinstance(item, AssistantMessageItem) and has_text(item):
                await self._store_item(ThreadItemDoneEvent(item=item))

    async def _thread_is_gone(self) -> bool:
        try:
            await self._store.load_thread(self._thread.id, self._plan.context)
        except NotFoundError:
            return True
        except Exception:
            logger.exception("cannot tell whether thread %r still exists", self._thread.id)
        return False

    # --- stop and rescue --------------------------------------------------------------------------

    async def _stop_and_wait(self) -> None:
        rescue = self._start_rescue()
        await self._close()
        await asyncio.wait({rescue})

    async def _close(self) -> None:
        """Let the integration clean up; once, by whoever comes first."""
        if self._closing:
            return
        self._closing = True
        tokens = self._scopes.enter()
        try:
            await self._chunks.aclose()
        except Exception:
            logger.exception("the integration failed while it was being stopped")
        finally:
            self._scopes.leave(tokens)
            self._closed.set()

    def _start_rescue(self) -> asyncio.Task[None]:
        if self._rescue_task is None:
            hold = self._server.running_turns.hold
            # in the context of the turn's own request, whoever stops it
            self._rescue_task = self._context.run(hold, self._rescue())
        return self._rescue_task

    async def _rescue(self) -> None:
        """Bring the store to what the user has seen; runs apart from the stopped reader."""
        try:
            try:
                await asyncio.wait_for(self._closed.wait(), CLOSE_LIMIT_S)
            except asyncio.TimeoutError:
                logger.warning("the integration of thread %r is slow to stop", self._thread.id)
            self._over = True
            await self._end_of_write()
            if not self._opened:
                await self._undo()
            elif self._running and not self._deleted and not await self._thread_is_gone():
                await self._keep_what_was_shown()
        except NotFoundError:
            logger.info("thread %r was deleted while its turn was stopping", self._thread.id)
        except (Exception, asyncio.CancelledError):
            logger.exception("what thread %r showed before a stop is lost", self._thread.id)
        finally:
            self._end()

    async def _end_of_write(self) -> None:
        """Wait for the write that was under way; if it failed, its item is still pending."""
        if self._write is None:
            return
        await asyncio.wait({self._write})
        if not self._write.cancelled() and (error := self._write.exception()):
            logger.warning("a write of a stopped turn failed: %s", error)

    async def _keep_what_was_shown(self) -> None:
        try:
            await self._server.handle_stream_cancelled(
                self._thread, self._pending.snapshot(), self._plan.context
            )
        finally:
            if self._thread_has_changed():
                await self._save_thread()

    async def _undo(self) -> None:
        if self._opening and not self._opened and self._plan.undo is not None:
            try:
                await self._plan.undo()
            except Exception:
                logger.exception("the half-made thread %r could not be removed", self._thread.id)

    def _is_stop(self, error: BaseException) -> bool:
        """Whether the reader is stopped, rather than the integration broken.

        An integration may await a task of its own that was cancelled; Python 3.10 cannot tell that
        from a stop.
        """
        if not isinstance(error, asyncio.CancelledError):
            return isinstance(error, GeneratorExit)
        task = asyncio.current_task()
        if sys.version_info >= (3, 11) and task is not None:
            return task.cancelling() > self._cancellations_before
        return True

    def _forgive_own_cancellation(self) -> bool:
        """Take back the cancellation that ``stop`` asked for; whether there is no other one.

        Python 3.10 does not count: there, another one in the very same step is lost.
        """
        if not self._reader_was_cancelled_here:
            return False
        task = asyncio.current_task()
        if sys.version_info >= (3, 11) and task is not None:
            return task.uncancel() <= self._cancellations_before
        return True

    def _end(self) -> None:
        self._server.running_turns.discard(self)
        self.ended.set()

    # --- writes -----------------------------------------------------------------------------------

    async def _held(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a write in a task of the server's, so that a cancelled reader leaves it whole."""
        if self._over:  # the integration has outlived its stop; what was shown is stored
            work.close()
            raise asyncio.CancelledError
        self._write = task = self._server.running_turns.hold(work)
        await asyncio.wait({task})
        if task.cancelled():  # not by us: some drivers do so to whoever waits for a connection
            raise StoreError("the store cancelled a write")
        return task.result()
