"""Bytes in → request; event or answer → bytes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from chatkit.errors import InvalidRequestError
from chatkit.types import (
    ChatKitReq,
    HiddenContextItem,
    Page,
    SDKHiddenContextItem,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadMetadata,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
)
from chatkit.types.attachments import WIRE_CONTEXT

HIDDEN_ITEMS = (HiddenContextItem, SDKHiddenContextItem)
"""Kinds of item that are for the model alone and never go on the wire."""

PAGE_OF_ITEMS = Page[ThreadItem]

ITEM_TYPES = frozenset(get_args(get_args(ThreadItem)[0]))
"""The classes of items. An integration's own subclasses are not among them."""

EMPTY_PAGE = b'{"data":[]'
"""How an empty page's JSON begins."""


@cache
def _requests() -> TypeAdapter[ChatKitReq]:
    return TypeAdapter(ChatKitReq)


def parse_request(body: str | bytes | bytearray) -> ChatKitReq:
    """The request in a body. Raises ``InvalidRequestError``, which says where it is wrong."""
    try:
        return _requests().validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = _field_path(body, first["loc"], about_type=first["type"].startswith("union_tag"))
        raise InvalidRequestError(first["msg"], field=field) from error
    except UnicodeEncodeError as error:
        raise InvalidRequestError(f"the body is not valid Unicode: {error.reason}") from error


def _field_path(
    body: str | bytes | bytearray, location: Sequence[int | str], *, about_type: bool
) -> str | None:
    """Where in the body pydantic's ``location`` is, without the names of union members in it."""
    try:
        here: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    path: list[str] = []
    for step in location[1:]:
        if _leads_on(here, step):
            here = here[step]
        elif step != location[-1]:
            continue  # the name of a union's member
        path.append(str(step))
    if about_type:
        path.append("type")
    return ".".join(path) or None


def _leads_on(here: Any, step: int | str) -> bool:
    """Whether ``here[step]`` exists."""
    try:
        here[step]
    except (LookupError, TypeError):
        return False
    return True


def encode_event(event: ThreadStreamEvent) -> bytes:
    """One event as one chunk of a server-sent event stream."""
    return b"data: " + encode(event) + b"\n\n"


def encode(value: BaseModel) -> bytes:
    """A model as the client gets it: by alias, no ``None`` fields, no attachment metadata."""
    if type(value) is PAGE_OF_ITEMS and ITEM_TYPES.issuperset(map(type, value.data)):
        return _encode_items(value)
    return encode_plainly(value)


def encode_plainly(value: BaseModel) -> bytes:
    """As ``encode``, for any model, as pydantic does it."""
    return value.model_dump_json(by_alias=True, exclude_none=True, context=WIRE_CONTEXT).encode()


def _encode_items(page: Page[ThreadItem]) -> bytes:
    """As ``encode_plainly``, item by item.

    For a page as a whole, pydantic looks anew for the serializer of each item's type.
    """
    items = b",".join(
        [
            item.__pydantic_serializer__.to_json(
                item, by_alias=True, exclude_none=True, context=WIRE_CONTEXT
            )
            for item in page.data
        ]
    )
    rest = encode_plainly(page.model_copy(update={"data": []})).removeprefix(EMPTY_PAGE)
    return b'{"data":[%b]%b' % (items, rest)


def is_hidden(item: ThreadItem) -> bool:
    """Whether the item is for the model alone."""
    return _are_hidden(type(item))


@cache
def _are_hidden(kind: type[BaseModel]) -> bool:
    return issubclass(kind, HIDDEN_ITEMS)


def visible_page(page: Page[ThreadItem]) -> Page[ThreadItem]:
    """A new page without the hidden items; its cursor may be a hidden item's id."""
    return PAGE_OF_ITEMS.model_construct(
        data=[item for item in page.data if not _are_hidden(type(item))],
        has_more=page.has_more,
        after=page.after,
    )


def client_thread(thread: ThreadMetadata, items: Page[ThreadItem] | None = None) -> Thread:
    """The thread as a client may see it: without metadata, with the visible items of a page."""
    return Thread(
        id=thread.id,
        title=thread.title,
        created_at=thread.created_at,
        status=thread.status,
        allowed_image_domains=thread.allowed_image_domains,
        items=PAGE_OF_ITEMS() if items is None else visible_page(items),
    )


def cleaned(event: ThreadCreatedEvent | ThreadUpdatedEvent) -> ThreadStreamEvent:
    """An integration's own thread event without what is not for the client."""
    return type(event)(thread=client_thread(event.thread, event.thread.items))
