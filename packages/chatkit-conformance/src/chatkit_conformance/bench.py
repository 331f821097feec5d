"""What a case works with: stores over one backend, and owners and ids that nobody else uses."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from chatkit.store import AttachmentStore, Store, walk_items
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    HiddenContextItem,
    ThreadItem,
    ThreadMetadata,
)
from chatkit_conformance import expect, samples
from chatkit_conformance.capabilities import Capabilities, Capability, Outage, Target
from chatkit_conformance.http import upload
from chatkit_conformance.processes import Job, Process, start
from chatkit_conformance.samples import NOON

TStore = TypeVar("TStore")

Factory: TypeAlias = Callable[[], TStore | Awaitable[TStore]]
"""Builds a new store over the same backend, whenever a case asks."""

MakeContext: TypeAlias = Callable[[str], Any]
"""Makes the request context that stands for an owner."""


def default_context(owner: str) -> Any:
    """The context of cases unless something else is asked for: ``{"user_id": owner}``."""
    return {"user_id": owner}


@dataclass(frozen=True)
class Setup(Generic[TStore]):
    """What a run is given.

    Args:
        open_store: Builds a store anew at each call.
        make_context: Makes a context from an owner.
        capabilities: What the store is said to be capable of.
        target: The factory for other processes, if several may use the backend.
        outage: Takes the backend away, if that can be done.
        quick: Do less of everything that comes in numbers.
    """

    open_store: Factory[TStore]
    make_context: MakeContext = default_context
    capabilities: Capabilities = field(default_factory=Capabilities)
    target: Target | None = None
    outage: Outage | None = None
    quick: bool = False

    def declared(self) -> frozenset[Capability]:
        """All capabilities, those that are declared by giving what they need included."""
        given = {Capability.PROCESSES: self.target, Capability.OUTAGES: self.outage}
        return self.capabilities.declared() | {name for name, what in given.items() if what}


class Bench(Generic[TStore]):
    """One case's bench. Its owners and ids are new, so it may share a backend with anything."""

    def __init__(self, setup: Setup[TStore], token: str = "") -> None:
        self.setup = setup
        self.capabilities = setup.capabilities
        self.quick = setup.quick
        self._token = token or secrets.token_hex(8)
        self._built: list[TStore] = []
        self.measurements: dict[str, str] = {}
        """What the case measured, by clause, for the report."""

    # Names

    def id(self, name: str) -> str:
        """An id of this bench's own: the same for the same name."""
        return f"{name}.{self._token}"

    def name(self, id: str) -> str:
        """The name for which ``id`` made the id; another's id as it is."""
        return id.removesuffix(f".{self._token}")

    def context(self, owner: str = "alice") -> Any:
        """The context of an owner of this bench's own: the same for the same name."""
        return self.setup.make_context(self.id(owner))

    def number(self, full: int, quick: int) -> int:
        """How many: ``quick`` in a quick run, otherwise ``full``."""
        return quick if self.quick else full

    # Stores

    async def build(self) -> TStore:
        """A new store that is not open yet."""
        built: Any = self.setup.open_store()
        store: TStore = await built if inspect.isawaitable(built) else built
        expect.true(
            all(store is not other for other in self._built),
            "the factory builds a new store whenever it is asked",
            expected=expect.Words("another object"),
            got=expect.Words("the same object again"),
        )
        self._built.append(store)
        return store

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TStore]:
        """A new store, open until the end of the block."""
        store: Any = await self.build()
        if not hasattr(store, "__aenter__"):
            expect.fail("the store is an async context manager", expected="__aenter__", got=store)
        async with store:
            yield store

    @asynccontextmanager
    async def away(self) -> AsyncGenerator[None]:
        """The backend is away until the end of the block."""
        assert self.setup.outage is not None  # noqa: S101 - for the type checkers
        manager = self.setup.outage()
        if isinstance(manager, AbstractAsyncContextManager):
            async with manager:
                yield
        else:
            assert isinstance(manager, AbstractContextManager)  # noqa: S101 - for type checkers
            with manager:
                yield


class StoreBench(Bench[Store[Any]]):
    """The bench of a case for stores."""

    def process(self, job: Job, **environment: str) -> AbstractAsyncContextManager[Process]:
        """Run ``job`` in another process, over the same backend, with the same owners and ids."""
        target = self.setup.target
        if target is None:
            raise RuntimeError("a case that uses processes must say that it needs them")
        return start(target, job, self._token, environment)

    # Records

    def thread(self, name: str = "t", at: datetime = NOON, **fields: Any) -> ThreadMetadata:
        """A plain thread whose id the name makes."""
        return samples.thread(self.id(name), at, **fields)

    def item(
        self, name: str, at: datetime = NOON, content: Any = "", thread: str = "t"
    ) -> HiddenContextItem:
        """A small item whose id the name makes, for the thread of that name."""
        return samples.item(self.id(name), self.id(thread), at, content)

    # What most cases do

    @asynccontextmanager
    async def open_with(self, *names: str) -> AsyncGenerator[Store[Any]]:
        """An open store in which alice has the thread "t" with items of these names."""
        async with self.open() as store:
            await store.save_thread(self.thread(), self.context())
            await self.add(store, *names)
            yield store

    async def add(
        self,
        store: Store[Any],
        *names: str,
        at: datetime = NOON,
        thread: str = "t",
        owner: str = "alice",
    ) -> None:
        """Add small items of these names, one after the other."""
        for name in names:
            item = self.item(name, at, thread=thread)
            await store.add_thread_item(self.id(thread), item, self.context(owner))

    async def items(
        self,
        store: Store[Any],
        thread: str = "t",
        *,
        owner: str = "alice",
        order: Literal["asc", "desc"] = "asc",
        page_size: int = 100,
    ) -> list[ThreadItem]:
        """Every item of the thread of that name, in order."""
        walk = walk_items(
            store, self.id(thread), self.context(owner), order=order, page_size=page_size
        )
        return [item async for item in walk]

    async def item_names(self, store: Store[Any], thread: str = "t", **how: Any) -> list[str]:
        """The names of the items of the thread of that name, in order."""
        return [self.name(item.id) for item in await self.items(store, thread, **how)]

    async def threads(
        self,
        store: Store[Any],
        *,
        owner: str = "alice",
        order: Literal["asc", "desc"] = "asc",
        page_size: int = 100,
    ) -> list[ThreadMetadata]:
        """Every thread of this bench that the owner sees, in order.

        Ends also on a store whose cursors go round.
        """
        found: list[ThreadMetadata] = []
        cursors: set[str | None] = set()
        after: str | None = None
        more = True
        while more and after not in cursors:
            cursors.add(after)
            page = await store.load_threads(page_size, after, order, self.context(owner))
            found += page.data
            more, after = page.has_more and page.after is not None, page.after
        return [thread for thread in found if thread.id.endswith(f".{self._token}")]

    async def thread_names(self, store: Store[Any], **how: Any) -> list[str]:
        """The names of those threads, in order."""
        return [self.name(thread.id) for thread in await self.threads(store, **how)]


class AttachmentBench(Bench[AttachmentStore[Any]]):
    """The bench of a case for attachment stores."""

    async def create(
        self,
        store: AttachmentStore[Any],
        data: bytes,
        mime_type: str = "text/plain",
        name: str = "notes.txt",
    ) -> Attachment:
        """Announce alice's upload of ``data``."""
        params = AttachmentCreateParams(name=name, size=len(data), mime_type=mime_type)
        return await store.create_attachment(params, self.context())

    async def uploaded(
        self,
        store: AttachmentStore[Any],
        data: bytes,
        mime_type: str = "text/plain",
        name: str = "notes.txt",
    ) -> Attachment:
        """Announce alice's upload, and upload."""
        attachment = await self.create(store, data, mime_type, name)
        reply = await upload(attachment, data)
        expect.true(
            reply.ok, "an upload as announced", expected="a status from 200 to 299", got=reply
        )
        return attachment
