"""Requests that stream: what each wants of its turn.

Each function here checks everything that its request names, and raises before anything has been
written; what is to be written is in the ``Plan`` that it returns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel
from typing_extensions import TypeVar

from chatkit.errors import RequestRefusedError
from chatkit.server.attachments import delete_attachments
from chatkit.server.forms import answered
from chatkit.server.integration import Integration
from chatkit.server.lookups import load_sender, load_thread
from chatkit.server.messages import IncomingMessage, check_message
from chatkit.server.scopes import close
from chatkit.server.turn import Plan
from chatkit.server.wire import client_thread
from chatkit.store import Store, walk_items
from chatkit.types import (
    ClientToolCallItem,
    StreamingReq,
    StructuredInputItem,
    ThreadCreatedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadMetadata,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    UserMessageItem,
)

TContext = TypeVar("TContext", default=Any)

LOOK_BACK = 100
"""Pending tool calls are looked for in whole pages of this many items."""


async def create_thread(
    server: Integration[TContext], request: ThreadsCreateReq, context: TContext
) -> Plan[TContext]:
    store = server.store
    thread = ThreadMetadata(
        id=store.generate_thread_id(context), created_at=datetime.now(timezone.utc)
    )
    message = await check_message(server, thread, request.params.input, context)

    async def write() -> Sequence[ThreadStreamEvent]:
        await store.save_thread(thread.model_copy(deep=True), context)
        await message.save()
        return [
            ThreadCreatedEvent(thread=client_thread(thread)),
            ThreadItemDoneEvent(item=message.item),
        ]

    async def undo() -> None:
        await store.delete_thread(thread.id, context)
        await message.release_attachments()

    return Plan(
        thread=thread,
        context=context,
        open=write,
        events=lambda: respond_to(server, message, thread, context),
        undo=undo,
    )


async def add_user_message(
    server: Integration[TContext], request: ThreadsAddUserMessageReq, context: TContext
) -> Plan[TContext]:
    store = server.store
    thread = await load_thread(store, request.params.thread_id, context)
    message = await check_message(server, thread, request.params.input, context)

    async def write() -> Sequence[ThreadStreamEvent]:
        await message.save()
        return [ThreadItemDoneEvent(item=message.item)]

    return Plan(
        thread=thread,
        context=context,
        open=write,
        events=lambda: respond_to(server, message, thread, context),
        takes_over=True,
    )


async def add_client_tool_output(
    server: Integration[TContext], request: ThreadsAddClientToolOutputReq, context: TContext
) -> Plan[TContext]:
    store = server.store
    thread = await load_thread(store, request.params.thread_id, context)
    call, others = await find_pending_calls(store, thread.id, context)
    completed = call.model_copy(update={"output": request.params.result, "status": "completed"})

    async def write() -> Sequence[ThreadStreamEvent]:
        await store.save_item(thread.id, completed, context)
        if others:
            await store.delete_thread_items(thread.id, others, context)
        return []

    return Plan(
        thread=thread,
        context=context,
        open=write,
        events=lambda: server.respond(thread, None, context),
    )


async def add_structured_input(
    server: Integration[TContext], request: ThreadsAddStructuredInputReq, context: TContext
) -> Plan[TContext]:
    params = request.params
    thread = await load_thread(server.store, params.thread_id, context)
    item = await server.store.load_item(thread.id, params.item_id, context)
    if not isinstance(item, StructuredInputItem) or item.status != "pending":
        raise RequestRefusedError(f"item {item.id!r} is not a structured input that is pending")
    form = answered(item, params.input)

    async def events() -> AsyncIterator[ThreadStreamEvent]:
        yield ThreadItemReplacedEvent(item=form)
        answer = server.respond(thread, None, context)
        try:
            async for event in answer:
                yield event
        finally:
            await close(answer)

    return Plan(thread=thread, context=context, open=nothing, events=events)


async def retry_after_item(
    server: Integration[TContext], request: ThreadsRetryAfterItemReq, context: TContext
) -> Plan[TContext]:
    store = server.store
    thread = await load_thread(store, request.params.thread_id, context)
    message = await store.load_item(thread.id, request.params.item_id, context)
    if not isinstance(message, UserMessageItem):
        raise RequestRefusedError(f"item {message.id!r} is not a user message")

    async def write() -> Sequence[ThreadStreamEvent]:
        later = await attachments_named_only_after(store, thread.id, message.id, context)
        # Before the messages, which would be the last to name them.
        await delete_attachments(server, later, thread.id, context)
        await store.delete_items_after(thread.id, message.id, context)
        return []

    return Plan(
        thread=thread,
        context=context,
        open=write,
        events=lambda: server.respond(thread, message, context),
        takes_over=True,
    )


async def custom_action(
    server: Integration[TContext], request: ThreadsCustomActionReq, context: TContext
) -> Plan[TContext]:
    params = request.params
    thread = await load_thread(server.store, params.thread_id, context)
    sender = await load_sender(server.store, thread.id, params.item_id, context)
    return Plan(
        thread=thread,
        context=context,
        open=nothing,
        events=lambda: server.action(thread, params.action, sender, context),
    )


PLANS: dict[type[BaseModel], Callable[..., Awaitable[Plan[Any]]]] = {
    ThreadsCreateReq: create_thread,
    ThreadsAddUserMessageReq: add_user_message,
    ThreadsAddClientToolOutputReq: add_client_tool_output,
    ThreadsAddStructuredInputReq: add_structured_input,
    ThreadsRetryAfterItemReq: retry_after_item,
    ThreadsCustomActionReq: custom_action,
}


async def plan(
    server: Integration[TContext], request: StreamingReq, context: TContext
) -> Plan[TContext]:
    """What the request wants of its turn."""
    return await PLANS[type(request)](server, request, context)


def respond_to(
    server: Integration[TContext],
    message: IncomingMessage[TContext],
    thread: ThreadMetadata,
    context: TContext,
) -> AsyncIterator[ThreadStreamEvent]:
    """The integration's answer; not asked for if a file of the message could not be used."""
    if message.refused:
        return message.refuse()
    return server.respond(thread, message.item, context)


async def attachments_named_only_after(
    store: Store[TContext], thread_id: str, item_id: str, context: TContext
) -> list[str]:
    """The ids of the attachments that only messages after an item name."""
    later: dict[str, None] = {}
    is_later = True
    async for item in walk_items(store, thread_id, context, order="desc"):
        is_later = is_later and item.id != item_id
        if not is_later and not later:
            break  # as a rule, at the item itself
        for attachment in item.attachments if isinstance(item, UserMessageItem) else ():
            if is_later:
                later[attachment.id] = None
            else:
                later.pop(attachment.id, None)
    return list(later)


async def nothing() -> Sequence[ThreadStreamEvent]:
    """The opening of a turn that has nothing to store or say before the integration runs."""
    return []


async def find_pending_calls(
    store: Store[TContext], thread_id: str, context: TContext
) -> tuple[ClientToolCallItem, list[str]]:
    """The newest pending call after the last user message, and the ids of all other pending ones.

    Looks back to the last user message, and to the end of the page of 100 items that holds it.
    """
    newest: ClientToolCallItem | None = None
    others: list[str] = []
    past_user_message = False
    seen = 0
    async for item in walk_items(store, thread_id, context, order="desc", page_size=LOOK_BACK):
        seen += 1
        if isinstance(item, UserMessageItem):
            past_user_message = True
        elif isinstance(item, ClientToolCallItem) and item.status == "pending":
            if newest is None and not past_user_message:
                newest = item
            else:
                others.append(item.id)
        if past_user_message and seen % LOOK_BACK == 0:
            break
    if newest is None:
        raise RequestRefusedError(f"no client tool call is pending in thread {thread_id!r}")
    return newest, others
