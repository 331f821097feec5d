"""Attachments on their way to a client and out of the store: links are made anew each time they
are handed out, and bytes go before metadata when they are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from chatkit.logger import logger
from chatkit.server.integration import Integration
from chatkit.store import NotFoundError
from chatkit.types import (
    Attachment,
    Page,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
    UserMessageItem,
)

TContext = TypeVar("TContext")

DELETED_AT_ONCE = 10
"""So many attachments of a thread are deleted side by side."""


async def renewed(
    server: Integration[TContext], attachments: Sequence[Attachment], context: TContext
) -> list[Attachment]:
    """The attachments with links that work now, by one call to the attachment store.

    A store that cannot make links now costs the client its previews, not the conversation.
    """
    if server.attachment_store is None or not attachments:
        return list(attachments)
    try:
        found = await server.attachment_store.renew(attachments, context)
    except Exception:
        logger.exception("the links of %d attachments could not be renewed", len(attachments))
        return list(attachments)
    by_id = {attachment.id: attachment for attachment in found}
    return [by_id.get(attachment.id, attachment) for attachment in attachments]


async def items_for_client(
    server: Integration[TContext], items: list[ThreadItem], context: TContext
) -> list[ThreadItem]:
    """The items, or, if there are any attachments, new ones whose links work now."""
    attachments = {
        attachment.id: attachment
        for item in items
        if isinstance(item, UserMessageItem)
        for attachment in item.attachments
    }
    if not attachments:
        return items
    fresh = await renewed(server, list(attachments.values()), context)
    by_id = {attachment.id: attachment for attachment in fresh}
    return [_with_attachments(item, by_id) for item in items]


def _with_attachments(item: ThreadItem, by_id: dict[str, Attachment]) -> ThreadItem:
    if not isinstance(item, UserMessageItem) or not item.attachments:
        return item
    attachments = [by_id[attachment.id] for attachment in item.attachments]
    return item.model_copy(update={"attachments": attachments})


async def page_for_client(
    server: Integration[TContext], page: Page[ThreadItem], context: TContext
) -> Page[ThreadItem]:
    """The page, or a new one with attachments whose links work now."""
    items = await items_for_client(server, page.data, context)
    return page if items is page.data else page.model_copy(update={"data": items})


async def event_for_client(
    server: Integration[TContext], event: ThreadStreamEvent, context: TContext
) -> ThreadStreamEvent:
    """The event, with attachments whose links work now."""
    if isinstance(event, (ThreadItemAddedEvent, ThreadItemDoneEvent, ThreadItemReplacedEvent)):
        if not isinstance(event.item, UserMessageItem):
            return event
        [item] = await items_for_client(server, [event.item], context)
        return event.model_copy(update={"item": item})
    if isinstance(event, (ThreadCreatedEvent, ThreadUpdatedEvent)) and event.thread.items.data:
        page = await page_for_client(server, event.thread.items, context)
        thread = event.thread.model_copy(update={"items": page})
        return event.model_copy(update={"thread": thread})
    return event


async def delete_own_attachment(
    server: Integration[TContext],
    attachment_id: str,
    context: TContext,
    thread_id: str | None = None,
) -> None:
    """Delete bytes, then metadata, once the metadata shows that they are the caller's own.

    ``thread_id``: only if the attachment belongs to that thread.
    """
    try:
        attachment = await server.store.load_attachment(attachment_id, context)
    except NotFoundError:
        return
    if thread_id is not None and attachment.thread_id not in (None, thread_id):
        return
    if server.attachment_store is not None:
        await server.attachment_store.delete_attachment(attachment_id, context)
    await server.store.delete_attachment(attachment_id, context)


async def delete_attachments(
    server: Integration[TContext],
    ids: Sequence[str],
    thread_id: str,
    context: TContext,
) -> None:
    """Delete attachments of a thread, a few side by side.

    Raises what the first of them raised that could not be deleted; those beside it were tried.
    """
    for start in range(0, len(ids), DELETED_AT_ONCE):
        outcomes: list[Any] = await asyncio.gather(
            *(
                delete_own_attachment(server, attachment_id, context, thread_id)
                for attachment_id in ids[start : start + DELETED_AT_ONCE]
            ),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
