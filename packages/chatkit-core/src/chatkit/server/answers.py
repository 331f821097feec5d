"""Requests that are answered at once."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from typing_extensions import TypeVar

from chatkit._models import Model
from chatkit.errors import InvalidRequestError
from chatkit.server.attachments import (
    delete_attachments,
    delete_own_attachment,
    items_for_client,
    page_for_client,
    renewed,
)
from chatkit.server.integration import Integration
from chatkit.server.lookups import load_sender, load_thread
from chatkit.server.running import thread_key
from chatkit.server.wire import client_thread, encode, is_hidden, visible_page
from chatkit.store import AttachmentStore, NotFoundError, walk_items
from chatkit.types import (
    AttachmentsCreateReq,
    AttachmentsDeleteReq,
    AudioInput,
    InputTranscribeReq,
    ItemsFeedbackReq,
    ItemsListReq,
    NonStreamingReq,
    Page,
    SyncCustomActionResponse,
    Thread,
    ThreadsDeleteReq,
    ThreadsGetByIdReq,
    ThreadsListReq,
    ThreadsSyncCustomActionReq,
    ThreadsUpdateReq,
    UserMessageItem,
)

TContext = TypeVar("TContext", default=Any)

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


class Empty(Model):
    """The answer to a request that has nothing to say."""


async def get_thread(
    server: Integration[TContext], request: ThreadsGetByIdReq, context: TContext
) -> Thread:
    thread = await server.store.load_thread(request.params.thread_id, context)
    items = await server.store.load_thread_items(thread.id, None, DEFAULT_PAGE_SIZE, "asc", context)
    return client_thread(thread, await page_for_client(server, items, context))


async def list_threads(
    server: Integration[TContext], request: ThreadsListReq, context: TContext
) -> Page[Thread]:
    params = request.params
    page = await server.store.load_threads(
        page_size(params.limit), params.after, params.order, context
    )
    return Page[Thread].model_construct(
        data=[client_thread(thread) for thread in page.data],
        has_more=page.has_more,
        after=page.after,
    )


async def list_items(
    server: Integration[TContext], request: ItemsListReq, context: TContext
) -> BaseModel:
    params = request.params
    page = await server.store.load_thread_items(
        params.thread_id, params.after, page_size(params.limit), params.order, context
    )
    return await page_for_client(server, visible_page(page), context)


async def add_feedback(
    server: Integration[TContext], request: ItemsFeedbackReq, context: TContext
) -> Empty:
    params = request.params
    await server.store.load_thread(params.thread_id, context)
    for item_id in dict.fromkeys(params.item_ids):
        await server.store.load_item(params.thread_id, item_id, context)
    await server.add_feedback(params.thread_id, params.item_ids, params.kind, context)
    return Empty()


async def create_attachment(
    server: Integration[TContext], request: AttachmentsCreateReq, context: TContext
) -> BaseModel:
    attachments = required_attachment_store(server)
    if request.params.size < 0:
        raise InvalidRequestError("must not be negative", field="params.size")
    attachment = await attachments.create_attachment(request.params, context)
    await server.store.save_attachment(attachment, context)
    [handed_out] = await renewed(server, [attachment], context)
    return handed_out


async def take_upload(
    server: Integration[TContext],
    name: str,
    mime_type: str,
    chunks: AsyncIterator[bytes],
    context: TContext,
) -> bytes:
    """Store a direct upload; the answer is the new attachment, as JSON."""
    attachments = required_attachment_store(server)
    attachment = await attachments.write(name, mime_type, chunks, context)
    await server.store.save_attachment(attachment, context)
    [handed_out] = await renewed(server, [attachment], context)
    return encode(handed_out)


async def delete_attachment(
    server: Integration[TContext], request: AttachmentsDeleteReq, context: TContext
) -> Empty:
    required_attachment_store(server)
    await delete_own_attachment(server, request.params.attachment_id, context)
    return Empty()


async def update_thread(
    server: Integration[TContext], request: ThreadsUpdateReq, context: TContext
) -> Thread:
    params = request.params
    changes = {"title": params.title}
    return client_thread(await server.store.update_thread(params.thread_id, changes, context))


async def delete_thread(
    server: Integration[TContext], request: ThreadsDeleteReq, context: TContext
) -> Empty:
    """The thread goes last, so that a repeated delete finishes one that failed half-way."""
    thread_id = request.params.thread_id
    if await is_own_thread(server, thread_id, context):
        key = thread_key(server.store.owner_of(context), thread_id)
        await server.running_turns.stop(key, deleted=True)
    named: dict[str, None] = {}
    async for item in walk_items(server.store, thread_id, context, order="asc"):
        if isinstance(item, UserMessageItem):
            named.update(dict.fromkeys(attachment.id for attachment in item.attachments))
    await delete_attachments(server, list(named), thread_id, context)
    await server.store.delete_thread(thread_id, context)
    return Empty()


async def transcribe(
    server: Integration[TContext], request: InputTranscribeReq, context: TContext
) -> BaseModel:
    try:
        data = base64.b64decode(request.params.audio_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"not base64: {error}", field="params.audio_base64") from error
    audio = AudioInput(data=data, mime_type=request.params.mime_type)
    return await server.transcribe(audio, context)


async def sync_custom_action(
    server: Integration[TContext], request: ThreadsSyncCustomActionReq, context: TContext
) -> SyncCustomActionResponse:
    params = request.params
    thread = await load_thread(server.store, params.thread_id, context)
    sender = await load_sender(server.store, thread.id, params.item_id, context)
    response = await server.sync_action(thread, params.action, sender, context)
    if response.updated_item is None:
        return response
    if is_hidden(response.updated_item):
        return response.model_copy(update={"updated_item": None})
    [item] = await items_for_client(server, [response.updated_item], context)
    return response.model_copy(update={"updated_item": item})


ANSWERS: dict[type[BaseModel], Callable[..., Awaitable[BaseModel]]] = {
    ThreadsGetByIdReq: get_thread,
    ThreadsListReq: list_threads,
    ItemsListReq: list_items,
    ItemsFeedbackReq: add_feedback,
    AttachmentsCreateReq: create_attachment,
    AttachmentsDeleteReq: delete_attachment,
    ThreadsUpdateReq: update_thread,
    ThreadsDeleteReq: delete_thread,
    InputTranscribeReq: transcribe,
    ThreadsSyncCustomActionReq: sync_custom_action,
}


async def answer(
    server: Integration[TContext], request: NonStreamingReq, context: TContext
) -> bytes:
    """The whole answer to the request, as JSON."""
    return encode(await ANSWERS[type(request)](server, request, context))


def page_size(limit: int | None) -> int:
    """The limit as asked for, 20 when it is absent or 0, never more than 100."""
    if limit is not None and limit < 0:
        raise InvalidRequestError("must not be negative", field="params.limit")
    return min(limit or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def required_attachment_store(server: Integration[TContext]) -> AttachmentStore[TContext]:
    """The attachment store. Raises ``RuntimeError`` if the server was built without one."""
    if server.attachment_store is None:
        raise RuntimeError(
            "this server has no attachment store; pass attachment_store= to ChatKitServer"
        )
    return server.attachment_store


async def is_own_thread(server: Integration[TContext], thread_id: str, context: TContext) -> bool:
    """Whether the caller has a thread of that id."""
    try:
        await server.store.load_thread(thread_id, context)
    except NotFoundError:
        return False
    return True
