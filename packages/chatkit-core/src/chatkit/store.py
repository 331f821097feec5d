"""What keeps a server's records: ``Store`` for threads, items and attachments' metadata,
``AttachmentStore`` for attachments' bytes, their errors, and how ids are made.

Whoever writes a store for a database of their own may start from ``Store`` or, with less to do,
from ``chatkit.records.RecordStore``.

Exception
└── StoreError
    ├── NotFoundError            no such record among those of the context's owner
    ├── StoreUnavailableError    the backend could not be reached in time
    ├── RecordTooLargeError      the backend cannot hold a record of this size
    └── UnusableAttachmentError  a message cannot use this attachment
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Literal, TypeAlias

from typing_extensions import Self, TypeVar

from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    Page,
    Thread,
    ThreadItem,
    ThreadMetadata,
)

TContext = TypeVar("TContext", default=Any)

StoreItemType: TypeAlias = Literal[
    "thread", "message", "tool_call", "task", "workflow", "attachment", "sdk_hidden_context"
]
"""What an id can be generated for."""

ID_PREFIXES: dict[StoreItemType, str] = {
    "thread": "thr",
    "message": "msg",
    "tool_call": "tc",
    "task": "tsk",
    "workflow": "wf",
    "attachment": "atc",
    "sdk_hidden_context": "shcx",
}


class StoreError(Exception):
    """The root of everything that stores raise on purpose."""


class NotFoundError(StoreError):
    """No record of that id belongs to the context's owner."""


class StoreUnavailableError(StoreError):
    """The backend did not answer in time; a write that timed out may yet take effect."""


class RecordTooLargeError(StoreError):
    """The record is larger than the backend can hold; the earlier version is as it was."""


class UnusableAttachmentError(StoreError):
    """The attachment's bytes have not arrived, or are not what was declared.

    Args:
        attachment_id: Which one.
        reason: Why, in words that the user reads after the file's name: ``"it has not been
            uploaded"``.
    """

    def __init__(self, attachment_id: str, reason: str) -> None:
        super().__init__(f"attachment {attachment_id!r} cannot be used: {reason}")
        self.attachment_id = attachment_id
        self.reason = reason


def default_generate_id(item_type: StoreItemType) -> str:
    """A fresh id: the prefix of its type and 128 random bits in hexadecimal digits."""
    return f"{ID_PREFIXES[item_type]}_{secrets.token_hex(16)}"


class Store(ABC, Generic[TContext]):
    """Keeps threads, their items, and attachments' metadata, each for the owner in the context.

    The abstract methods are what a store must do. The others have working defaults, to be
    overridden where the backend can do better.

    A store is an async context manager; leaving it calls ``aclose``.
    """

    def generate_thread_id(self, context: TContext) -> str:
        """An id for a new thread."""
        return default_generate_id("thread")

    def generate_item_id(
        self, item_type: StoreItemType, thread: ThreadMetadata, context: TContext
    ) -> str:
        """An id for a new item of ``thread``."""
        return default_generate_id(item_type)

    @abstractmethod
    async def load_thread(self, thread_id: str, context: TContext) -> ThreadMetadata:
        """The thread of that id. Raises ``NotFoundError``."""

    @abstractmethod
    async def save_thread(self, thread: ThreadMetadata, context: TContext) -> None:
        """Add the thread, or replace it whole; its place among the threads stays."""

    @abstractmethod
    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: TContext
    ) -> Page[ThreadItem]:
        """A page of at most ``limit`` (1 or more) items, ``"asc"`` or ``"desc"`` by time.

        ``after`` is the ``Page.after`` of the page before, or ``None`` for the first one. An
        unknown thread has an empty page.
        """

    @abstractmethod
    async def save_attachment(self, attachment: Attachment, context: TContext) -> None:
        """Add an attachment's metadata, or replace it whole."""

    @abstractmethod
    async def load_attachment(self, attachment_id: str, context: TContext) -> Attachment:
        """An attachment's metadata. Raises ``NotFoundError``."""

    @abstractmethod
    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete an attachment's metadata; does nothing if there is none."""

    @abstractmethod
    async def load_threads(
        self, limit: int, after: str | None, order: str, context: TContext
    ) -> Page[ThreadMetadata]:
        """A page of at most ``limit`` (1 or more) threads, ``"asc"`` or ``"desc"`` by time."""

    @abstractmethod
    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Add an item; one of the same id is replaced and keeps its place.

        Raises ``NotFoundError`` when the thread is gone.
        """

    @abstractmethod
    async def save_item(self, thread_id: str, item: ThreadItem, context: TContext) -> None:
        """Replace the item of that id in its place, or add it.

        Raises ``NotFoundError`` when the thread is gone.
        """

    @abstractmethod
    async def load_item(self, thread_id: str, item_id: str, context: TContext) -> ThreadItem:
        """The item of that id in that thread. Raises ``NotFoundError``."""

    @abstractmethod
    async def delete_thread(self, thread_id: str, context: TContext) -> None:
        """Delete the thread and its items; does nothing if there is none."""

    @abstractmethod
    async def delete_thread_item(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete the item; does nothing if there is none."""

    def owner_of(self, context: TContext) -> str:
        """Whose data ``context`` stands for, as far as this store knows.

        The server uses it to keep the running turns of two owners apart, whose threads may have
        the same id. The default, one empty name for all, suits stores whose thread ids are unique.
        """
        return ""

    async def update_thread(
        self, thread_id: str, changes: Mapping[str, Any], context: TContext
    ) -> ThreadMetadata:
        """Change only the named fields of a thread, and return it as it then stands.

        This default loads, merges and saves: a change that another caller makes in between is
        lost. Stores that can should do it atomically.

        Args:
            changes: Values by field name, such as ``{"title": "New"}``; ``id`` cannot change.

        Raises:
            NotFoundError: The thread is gone.
            ValueError: A name is no field of a thread, or a value does not fit it.
        """
        thread = merge_thread(await self.load_thread(thread_id, context), changes)
        await self.save_thread(thread, context)
        return thread

    async def delete_items_after(self, thread_id: str, item_id: str, context: TContext) -> None:
        """Delete every item that comes after ``item_id`` in the thread's order.

        This default reads back to the item and then deletes one by one.

        Raises:
            NotFoundError: The thread has no such item; nothing was deleted.
        """
        later: list[str] = []
        async for item in walk_items(self, thread_id, context, order="desc"):
            if item.id == item_id:
                await self.delete_thread_items(thread_id, later, context)
                return
            later.append(item.id)
        raise NotFoundError(f"no item {item_id!r} in thread {thread_id!r}")

    async def delete_thread_items(
        self, thread_id: str, item_ids: Sequence[str], context: TContext
    ) -> None:
        """Delete exactly these items; ids that the thread does not hold are passed over.

        This default deletes one by one.
        """
        for item_id in item_ids:
            await self.delete_thread_item(thread_id, item_id, context)

    async def aclose(self) -> None:
        """Let go of connections and files; may be called more than once. Default: nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class AttachmentStore(ABC, Generic[TContext]):
    """Keeps attachments' bytes; their metadata is in the ``Store``.

    Only ``delete_attachment`` must be written. A store that takes uploads overrides
    ``create_attachment``, ``write`` or both; one from which the server can read overrides ``read``
    or ``stream``. Whoever has an object storage may start from
    ``chatkit.objects.ObjectAttachmentStore``, with less to do.
    """

    @abstractmethod
    async def delete_attachment(self, attachment_id: str, context: TContext) -> None:
        """Delete the bytes; does nothing if there are none.

        Is called after the server has loaded the caller's own metadata of that id.
        """

    async def create_attachment(
        self, input: AttachmentCreateParams, context: TContext
    ) -> Attachment:
        """Announce an upload: an attachment whose ``upload_descriptor`` says where to send it."""
        raise NotImplementedError(
            f"{type(self).__name__} must override create_attachment to support two-phase uploads"
        )

    async def keep_attachment(self, attachment: Attachment, context: TContext) -> Attachment:
        """Check an attachment that a message is about to use, and fix its bytes for good.

        Is called before the message is stored, once for each message that names the attachment.
        From then on no upload link may change the bytes. Default: takes it as it is.

        Returns:
            The attachment as the message and the ``Store`` get it.

        Raises:
            UnusableAttachmentError: The bytes have not arrived, or are not what was declared.
                The message is stored without it, and the user is told why.
        """
        return attachment

    async def write(
        self, name: str, mime_type: str, chunks: AsyncIterator[bytes], context: TContext
    ) -> Attachment:
        """Store the bytes of a direct upload, which passes through the server.

        Args:
            name: The file's name, any text.
            mime_type: Its type, as the client says.
            chunks: Its bytes, of which this reads no more than the store's limit allows.

        Returns:
            A new attachment without ``upload_descriptor``.

        Raises:
            InvalidRequestError: The size or the type is not allowed; nothing was stored.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must override write to support direct uploads"
        )

    def generate_attachment_id(self, mime_type: str, context: TContext) -> str:
        """An id for a new attachment."""
        return default_generate_id("attachment")

    async def read(self, attachment: Attachment, context: TContext) -> bytes:
        """All bytes of an attachment. Default: what ``stream`` gives, joined."""
        return b"".join([chunk async for chunk in self.stream(attachment, context)])

    async def stream(
        self, attachment: Attachment, context: TContext, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end`` (or the last), in chunks.

        Default: that part of what ``read`` gives, in one chunk.
        """
        if type(self).read is AttachmentStore.read:
            raise NotImplementedError(
                f"{type(self).__name__} must override read or stream to be read from"
            )
        yield (await self.read(attachment, context))[start:end]

    async def renew(self, attachments: Sequence[Attachment], context: TContext) -> list[Attachment]:
        """The same attachments with links that work now. Default: as they are."""
        return list(attachments)

    async def aclose(self) -> None:
        """Let go of connections and files; may be called more than once. Default: nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def merge_thread(thread: ThreadMetadata, changes: Mapping[str, Any]) -> ThreadMetadata:
    """A copy of ``thread`` with some fields changed and everything checked anew.

    A ``Thread`` loses its items; other subclasses keep what they add.

    Raises:
        ValueError: A name in ``changes`` is no field that can change, or a value does not fit.
    """
    unknown = sorted(set(changes) - (set(ThreadMetadata.model_fields) - {"id"}))
    if unknown:
        raise ValueError(f"update_thread cannot change {', '.join(unknown)} of a thread")
    plain = metadata_of(thread)
    return type(plain).model_validate({**dict(plain), **changes})


def metadata_of(thread: ThreadMetadata) -> ThreadMetadata:
    """The thread without its items, as ``save_thread`` wants it."""
    if not isinstance(thread, Thread):
        return thread
    return ThreadMetadata(**{name: getattr(thread, name) for name in ThreadMetadata.model_fields})


async def walk_items(
    store: Store[TContext],
    thread_id: str,
    context: TContext,
    *,
    order: Literal["asc", "desc"],
    page_size: int = 100,
) -> AsyncIterator[ThreadItem]:
    """Every item of a thread, page by page.

    Ends also on a store that says ``has_more`` without a cursor, or gives a cursor again.
    """
    after: str | None = None
    cursors: set[str] = set()
    while True:
        page = await store.load_thread_items(thread_id, after, page_size, order, context)
        for item in page.data:
            yield item
        if not page.has_more or page.after is None or page.after in cursors:
            return
        after = page.after
        cursors.add(after)
