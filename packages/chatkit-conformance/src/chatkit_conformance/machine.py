"""A state machine: random calls go to a store and to the reference, and must come to the same.

Hypothesis makes up the calls, and shrinks those that show a difference to the fewest and plainest
ones. It works in a thread of its own, while the calls run in the event loop of the case.
"""

from __future__ import annotations

import asyncio
import secrets
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import BaseModel

from chatkit.store import NotFoundError, Store
from chatkit.types import FileAttachment, HiddenContextItem, Page, ThreadMetadata
from chatkit_conformance import expect
from chatkit_conformance.reference import Memory, ReferenceStore

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

    from chatkit_conformance.bench import StoreBench

T = TypeVar("T")

NOON = datetime(2024, 5, 17, 12, tzinfo=timezone.utc)
TIMES = [
    NOON,
    NOON + timedelta(microseconds=1),
    NOON.astimezone(timezone(timedelta(hours=5, minutes=45))),
    NOON.astimezone().replace(tzinfo=None),
    NOON - timedelta(days=20_000),
]
"""Few, so that many records have the same: the third and the fourth are the first."""

MISSING = NotFoundError.__name__
"""The outcome of a call that did not find its record."""

SHRINKING = 15.0
"""Seconds to look for fewer calls that show a difference, once one is found."""

OWNERS = ("alice", "alice", "bob")
IDS = ("a", "b", "c", "d")
THREAD_IDS = ("a", "a", "b")
ORDERS = ("asc", "desc")


class Ended(BaseException):
    """There is no more time. No ``Exception``, or Hypothesis would try to shrink it."""


class Calls:
    """The way from Hypothesis's thread to the event loop of the case.

    Args:
        limit: Seconds after which a call is said to hang.
    """

    def __init__(self, limit: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._ended = False
        self.differ = asyncio.Event()
        """Is set once the two stores have answered a call differently."""
        self._running: Future[Any] | None = None

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """The call's result.

        Raises:
            Ended: The case is over.
            TimeoutError: The call hangs; then the case is over, too.
        """
        if self._ended:
            call.close()
            raise Ended
        running: Future[T] = asyncio.run_coroutine_threadsafe(call, self._loop)
        self._running = running
        try:
            return running.result(self._limit)
        except CancelledError:
            raise Ended from None
        except FutureTimeoutError:
            self.end()
            raise TimeoutError from None

    def note_difference(self) -> None:
        """Let the event loop know that they differ."""
        self._loop.call_soon_threadsafe(self.differ.set)

    def end(self) -> None:
        """Make no more calls, and end the one that is running."""
        self._ended = True
        if self._running is not None:
            self._running.cancel()


@dataclass(frozen=True)
class Walk:
    """Pages of a thread's items, or without one of the owner's threads, and where to go on."""

    owner: str
    thread_id: str | None
    order: str
    cursor: str | None = None
    last: str | None = None
    """The record at which the last page ended."""


Difference: TypeAlias = tuple[int, expect.ContractBroken]
"""What differs, and after how many calls."""


@dataclass
class Pair:
    """The store and the model, and what was done with them so far."""

    bench: StoreBench
    loop: Calls
    tested: Store[Any]
    model: Store[Any]
    found: list[Difference]
    token: str = field(default_factory=lambda: f".{secrets.token_hex(6)}")
    calls: list[str] = field(default_factory=list[str])
    walk: Walk | None = None

    def id(self, owner: str, *names: str) -> str:
        """The id of a thread (its name), or an item (its thread's name and its own).

        Two owners have the same ids, and two threads the same item ids, where that may be.
        """
        repeated = self.bench.capabilities.repeated_ids
        return (names[-1] if repeated else ".".join((owner, *names))) + self.token

    def check(self, name: str, owner: str, *arguments: Any) -> None:
        """Both stores answer the call alike."""
        shown = ", ".join(str(_plain(argument)) for argument in arguments)
        self.calls.append(f"{owner}: {name}({shown})")
        expected = self._run(_outcome(self.model, name, owner, arguments))
        got = self._run(_outcome(self.tested, name, self._context(owner), arguments))
        self._equal(got, expected, self._told())
        if self.walk is not None and not self._still_has(self.walk):
            self.walk = None  # PG5 leaves it to the store what a walk does whose record is gone

    def check_lists(self, owner: str, thread_id: str | None = None) -> None:
        """Both have the same threads of that owner, or the same items of that thread."""
        self._compare(Walk(owner, thread_id, "asc"), 100)

    def first_page(self, owner: str, thread_id: str | None, limit: int, order: str) -> None:
        """Both have the same first page, of a thread's items or of the owner's threads."""
        self.calls.append(f"{owner}: first page of {thread_id or 'threads'}, {limit}, {order}")
        self.walk = self._compare(Walk(owner, thread_id, order), limit)

    def next_page(self, walk: Walk, limit: int) -> None:
        """Both have the same next page of the walk."""
        self.calls.append(f"{walk.owner}: next page, {limit}")
        self.walk = self._compare(walk, limit)

    def knows(self, owner: str, thread_id: str) -> bool:
        """Whether the owner has that thread."""
        return self._run(_outcome(self.model, "load_thread", owner, (thread_id,))) != MISSING

    def close(self) -> None:
        """Close the store in question."""
        self._run(self.tested.aclose())

    def _compare(self, walk: Walk, limit: int) -> Walk | None:
        """Both have the same next page of the walk; how it goes on, ``None`` at its end."""
        expected = self._run(_page(self.model, walk, walk.last, limit, walk.owner))
        got = self._run(_page(self.tested, walk, walk.cursor, limit, self._context(walk.owner)))
        self._equal(_plain_data(got), _plain_data(expected), self._told())
        self._equal(got.has_more, expected.has_more, f"has_more, {self._told()}")
        self._equal(got.after is not None, got.has_more, f"a cursor, {self._told()}")
        if got.after is None:
            return None
        return replace(walk, cursor=got.after, last=got.data[-1].id)

    def _still_has(self, walk: Walk) -> bool:
        assert walk.last is not None  # noqa: S101 - for the type checkers
        if walk.thread_id is None:
            return self.knows(walk.owner, walk.last)
        ids = (walk.thread_id, walk.last)
        return self._run(_outcome(self.model, "load_item", walk.owner, ids)) != MISSING

    def _context(self, owner: str) -> Any:
        return self.bench.setup.make_context(owner + self.token)

    def _equal(self, got: object, expected: object, what: str) -> None:
        try:
            expect.equal(got, expected, what)
        except expect.ContractBroken as error:
            self.found.append((len(self.calls), error))
            self.loop.note_difference()
            raise

    def _told(self) -> str:
        return "after these calls: " + "; ".join(self.calls).replace(self.token, "")

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return self.loop.run(call)
        except TimeoutError:
            self.found.append((0, expect.ContractBroken(self._told(), "an answer", "a call hangs")))
            raise


async def drive(bench: StoreBench, *, examples: int, steps: int, seconds: float = 20.0) -> None:
    """Compare ``bench``'s store with the reference over random calls.

    Args:
        examples: How many sequences of calls to try.
        steps: How many calls each has at most.
        seconds: How long to try.

    Raises:
        ContractBroken: They differ; says after which calls.
        ImportError: Hypothesis is not installed.
    """
    from hypothesis import HealthCheck, Verbosity, settings
    from hypothesis.stateful import run_state_machine_as_test

    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,  # the error says the same more shortly
        derandomize=True,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )
    calls = Calls(bench.capabilities.call_timeout + 5)
    found: list[Difference] = []

    def new_pair() -> Pair:
        model = ReferenceStore[str](Memory(), owner=lambda owner: owner)
        return Pair(bench, calls, calls.run(bench.build()), model, found)

    def run() -> None:
        with suppress(Ended):
            run_state_machine_as_test(_machine(bench, new_pair), settings=how)

    first = asyncio.ensure_future(calls.differ.wait())
    trying = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        await asyncio.wait({trying, first}, timeout=seconds, return_when=FIRST_COMPLETED)
        if first.done():
            await asyncio.wait({trying}, timeout=SHRINKING)
    finally:
        in_time = trying.done()
        first.cancel()
        calls.end()  # or the thread would go on for who knows how long
    await asyncio.wait({trying})
    if found:
        raise min(found, key=lambda difference: difference[0])[1]
    error = trying.exception()
    if in_time and error is not None:  # otherwise Hypothesis wonders why its calls have ended
        raise error


def _machine(bench: StoreBench, new_pair: Callable[[], Pair]) -> type[RuleBasedStateMachine]:
    # Few rules, since Hypothesis tries many sequences in which it leaves some rules out.
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

    owners = st.sampled_from(OWNERS if bench.capabilities.several_owners else OWNERS[:1])
    threads, ids, orders = (st.sampled_from(names) for names in (THREAD_IDS, IDS, ORDERS))
    times, texts = st.sampled_from(TIMES), st.sampled_from(["", "x", "\x00"])
    limits = st.integers(1, 4)

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.pair = new_pair()

        def teardown(self) -> None:
            self.pair.close()

        @rule(owner=owners, name=threads, at=times, title=texts)
        def save_thread(self, owner: str, name: str, at: datetime, title: str) -> None:
            thread = ThreadMetadata(id=self.pair.id(owner, name), created_at=at, title=title)
            self.pair.check("save_thread", owner, thread)
            self.pair.check_lists(owner)

        @rule(owner=owners, name=threads, title=texts, delete=st.booleans())
        def change_thread(self, owner: str, name: str, title: str, delete: bool) -> None:
            thread_id = self.pair.id(owner, name)
            if delete:
                self.pair.check("delete_thread", owner, thread_id)
                self.pair.check_lists(owner, thread_id)
            else:
                self.pair.check("update_thread", owner, thread_id, {"title": title})
            self.pair.check_lists(owner)

        @rule(
            way=st.sampled_from(["add_thread_item", "save_item"]),
            owner=owners,
            thread=threads,
            entries=st.lists(st.tuples(ids, times, texts), min_size=1, max_size=3),
        )
        def write_items(
            self, way: str, owner: str, thread: str, entries: list[tuple[str, datetime, str]]
        ) -> None:
            thread_id = self.pair.id(owner, thread)
            if not self.pair.knows(owner, thread_id):
                self.pair.check("save_thread", owner, ThreadMetadata(id=thread_id, created_at=NOON))
            for name, at, text in entries:
                item = HiddenContextItem(
                    id=self.pair.id(owner, thread, name),
                    thread_id=thread_id,
                    created_at=at,
                    content=text,
                )
                self.pair.check(way, owner, thread_id, item)
            self.pair.check_lists(owner, thread_id)

        @rule(
            way=st.sampled_from(["delete_thread_item", "delete_items_after"]),
            owner=owners,
            thread=threads,
            name=ids,
        )
        def delete_items(self, way: str, owner: str, thread: str, name: str) -> None:
            thread_id, item_id = self.pair.id(owner, thread), self.pair.id(owner, thread, name)
            self.pair.check(way, owner, thread_id, item_id)
            self.pair.check_lists(owner, thread_id)

        @rule(owner=owners, thread=threads, names=st.lists(ids, min_size=1, max_size=3))
        def delete_some(self, owner: str, thread: str, names: list[str]) -> None:
            item_ids = [self.pair.id(owner, thread, name) for name in names]
            self.pair.check("delete_thread_items", owner, self.pair.id(owner, thread), item_ids)
            self.pair.check_lists(owner, self.pair.id(owner, thread))

        @rule(owner=owners, thread=threads, item=st.none() | ids)
        def load(self, owner: str, thread: str, item: str | None) -> None:
            thread_id = self.pair.id(owner, thread)
            if item is None:
                self.pair.check("load_thread", owner, thread_id)
            else:
                item_id = self.pair.id(owner, thread, item)
                self.pair.check("load_item", owner, thread_id, item_id)

        @rule(owner=owners, thread=st.none() | threads, limit=limits, order=orders)
        def first_page(self, owner: str, thread: str | None, limit: int, order: str) -> None:
            thread_id = thread and self.pair.id(owner, thread)
            self.pair.first_page(owner, thread_id, limit, order)

        @precondition(lambda self: self.pair.walk is not None)
        @rule(limit=limits)
        def next_page(self, limit: int) -> None:
            if self.pair.walk is not None:
                self.pair.next_page(self.pair.walk, limit)

        if bench.capabilities.attachments:

            @rule(owner=owners, name=ids, file_name=texts, delete=st.booleans())
            def change_attachment(
                self, owner: str, name: str, file_name: str, delete: bool
            ) -> None:
                id = self.pair.id(owner, name)
                if delete:
                    self.pair.check("delete_attachment", owner, id)
                else:
                    file = FileAttachment(id=id, name=file_name, mime_type="text/plain")
                    self.pair.check("save_attachment", owner, file)
                for one in set(OWNERS if bench.capabilities.several_owners else OWNERS[:1]):
                    self.pair.check("load_attachment", one, id)

    return Machine


async def _outcome(store: Store[Any], name: str, context: Any, arguments: Sequence[Any]) -> object:
    """What a call returned, as plain data, or what it raised."""
    try:
        return _plain(await getattr(store, name)(*arguments, context))
    except NotFoundError:
        return MISSING
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def _page(
    store: Store[Any], walk: Walk, after: str | None, limit: int, context: Any
) -> Page[Any]:
    if walk.thread_id is None:
        return await store.load_threads(limit, after, walk.order, context)
    return await store.load_thread_items(walk.thread_id, after, limit, walk.order, context)


def _plain(value: Any) -> Any:
    """Models as plain data, without what is not set: short to read, and equal if they are."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    return value


def _plain_data(page: Page[Any]) -> list[Any]:
    return [_plain(record) for record in page.data]
