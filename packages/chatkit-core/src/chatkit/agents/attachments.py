"""Attachments as model input: images and PDFs as they are, text files as text, all else by name.

``AttachmentReadingConverter``      a thread as model input, files included
``attachment_to_message_content``   one file, for a converter of your own

A file's name, type and text are a user's words. They reach the model in quotation marks or behind
a fence that they cannot close.
"""

from __future__ import annotations

import codecs
import json
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

from agents import TResponseInputItem
from openai.types.responses import ResponseInputContentParam
from typing_extensions import TypeVar, override

from chatkit.agents.input import ThreadItemConverter
from chatkit.objects.limits import essence
from chatkit.objects.signatures import fits
from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import Attachment, ThreadItem, UserMessageItem

TContext = TypeVar("TContext", default=Any)

DEFAULT_MAX_BYTES = 20 * 1024 * 1024
DEFAULT_MAX_TEXT_BYTES = 256 * 1024
"""Some 64,000 tokens of English."""

IMAGE_TYPES = {
    "image/png": "image/png",
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
"""What models take as pictures, under the names that they know."""

TEXT_TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/json5",
        "application/sql",
        "application/toml",
        "application/x-httpd-php",
        "application/x-javascript",
        "application/x-ndjson",
        "application/x-sh",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
TEXT_ENDINGS = ("+json", "+xml", "+yaml")
"""Structured text (RFC 6839, RFC 9512); ``image/svg+xml`` too, whose source models can read."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

LONGEST_NAME = 200


async def attachment_to_message_content(
    attachment: Attachment,
    attachment_store: AttachmentStore[TContext] | None,
    context: TContext,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_text_bytes: int = DEFAULT_MAX_TEXT_BYTES,
) -> ResponseInputContentParam:
    """A file as part of a user's message, for a ``ThreadItemConverter`` of your own.

    A file that cannot be shown to a model, or is too large, is named in a sentence.

    Args:
        attachment_store: Where its bytes are; it sees to it that they are the context's owner's.
        max_bytes: The largest image or PDF.
        max_text_bytes: The largest text file.

    Raises:
        StoreUnavailableError: The bytes cannot be read now.
        NotImplementedError: ``attachment_store`` is none that can be read from.
    """
    return await _convert(attachment, attachment_store, context, _Rooms(max_bytes, max_text_bytes))


class AttachmentReadingConverter(ThreadItemConverter, Generic[TContext]):
    """A ``ThreadItemConverter`` that gives the model what is in the user's files.

    Images (PNG, JPEG, GIF, WebP), PDFs and text files, as long as there is room, the newest
    message's first; the others are named in a sentence. Make one for each turn::

        AttachmentReadingConverter(self.attachment_store, context).to_agent_input(items)

    Args:
        attachment_store: Where their bytes are; it sees to it that they are the context's owner's.
        context: What the turn's ``respond`` got.
        max_bytes: How many bytes of images and PDFs the model gets in one turn. (In base64, as
            models take them, that is a third more.)
        max_text_bytes: How many bytes of text files it gets in one turn.
    """

    def __init__(
        self,
        attachment_store: AttachmentStore[TContext] | None,
        context: TContext,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_text_bytes: int = DEFAULT_MAX_TEXT_BYTES,
    ) -> None:
        self._attachment_store = attachment_store
        self._context = context
        self._rooms = _Rooms(max_bytes, max_text_bytes)
        self._converted: dict[str, ResponseInputContentParam] = {}

    @override
    async def to_agent_input(
        self, thread_items: Sequence[ThreadItem] | ThreadItem
    ) -> list[TResponseInputItem]:
        """The input for a run; see ``ThreadItemConverter``."""
        items = thread_items if isinstance(thread_items, Sequence) else [thread_items]
        for item in reversed(items):  # the newest take what room there is
            if isinstance(item, UserMessageItem):
                for attachment in item.attachments:
                    await self._read_once(attachment)
        return await super().to_agent_input(items)

    @override
    async def attachment_to_message_content(
        self, attachment: Attachment
    ) -> ResponseInputContentParam:
        """A file as part of a user's message."""
        return await self._read_once(attachment)

    async def _read_once(self, attachment: Attachment) -> ResponseInputContentParam:
        if attachment.id not in self._converted:
            self._converted[attachment.id] = await _convert(
                attachment, self._attachment_store, self._context, self._rooms
            )
        return self._converted[attachment.id]


@dataclass
class _Room:
    """How many bytes of some kind the model may still get."""

    left: int


class _Rooms:
    def __init__(self, max_bytes: int, max_text_bytes: int) -> None:
        self.binary = _Room(max_bytes)
        self.text = _Room(max_text_bytes)


Content: TypeAlias = Callable[[Attachment, bytes], ResponseInputContentParam]
"""Makes a part of a message of a file and its bytes."""


async def _convert(
    attachment: Attachment,
    attachment_store: AttachmentStore[TContext] | None,
    context: TContext,
    rooms: _Rooms,
) -> ResponseInputContentParam:
    content = _content_for(essence(attachment.mime_type))
    if content is None:
        return _named(attachment, "files of its type cannot be read here")
    if attachment_store is None:
        return _named(attachment, "files cannot be read here")
    room = rooms.text if content is _text_content else rooms.binary
    try:
        data = await _read(attachment, attachment_store, context, at_most=room.left)
    except NotFoundError:
        return _named(attachment, "it is no longer there")
    if data is None:
        return _named(attachment, "it is too large, alone or together with the newer ones")
    room.left -= len(data)
    return content(attachment, data)


def _content_for(mime_type: str) -> Content | None:
    """How files of a type are given to the model, ``None`` if they are not."""
    if mime_type in IMAGE_TYPES:
        return _image_content
    if mime_type == "application/pdf":
        return _pdf_content
    if mime_type.startswith("text/") or mime_type in TEXT_TYPES or mime_type.endswith(TEXT_ENDINGS):
        return _text_content
    return None


async def _read(
    attachment: Attachment,
    attachment_store: AttachmentStore[TContext],
    context: TContext,
    *,
    at_most: int,
) -> bytes | None:
    """All bytes of a file, ``None`` if it has more than that; then the rest is not read."""
    chunks = attachment_store.stream(attachment, context, 0, at_most + 1)
    data = b"".join([chunk async for chunk in chunks])
    return data if len(data) <= at_most else None


def _image_content(attachment: Attachment, data: bytes) -> ResponseInputContentParam:
    if not fits(attachment.mime_type, data):
        return _named(attachment, "it is not what its type says")
    url = _data_url(IMAGE_TYPES[essence(attachment.mime_type)], data)
    return {"type": "input_image", "detail": "auto", "image_url": url}


def _pdf_content(attachment: Attachment, data: bytes) -> ResponseInputContentParam:
    if not fits(attachment.mime_type, data):
        return _named(attachment, "it is not what its type says")
    # Where a model's server goes by the ending, a file without it would cost the whole request.
    name = attachment.name[:LONGEST_NAME]
    name = name if name.lower().endswith(".pdf") else f"{name}.pdf"
    return {
        "type": "input_file",
        "filename": "".join(char if char.isprintable() else "_" for char in name),
        "file_data": _data_url("application/pdf", data),
    }


def _text_content(attachment: Attachment, data: bytes) -> ResponseInputContentParam:
    text = _decoded(data)
    if text is None:
        return _named(attachment, "it is not what its type says")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    told = f"{_described(attachment)} Its text, between the fences:\n{fence}\n{text}{end}{fence}"
    return {"type": "input_text", "text": told}


def _decoded(data: bytes) -> str | None:
    """The text of a file in one of the encodings that are in use, ``None`` if it is no text.

    Without a byte order mark: UTF-8, or else Windows-1252, as browsers take it (Encoding Standard).
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")


def _named(attachment: Attachment, reason: str) -> ResponseInputContentParam:
    told = f"{_described(attachment)} You are not shown what is in it: {reason}."
    return {"type": "input_text", "text": told}


def _described(attachment: Attachment) -> str:
    name, type_ = _quoted(attachment.name), _quoted(attachment.mime_type)
    return f"The user attached a file with the name {name} and the type {type_}."


def _quoted(text: str) -> str:
    """The text as a JSON string of one line, shortened, with no character that is not seen."""
    shortened = text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
    quoted = json.dumps(shortened, ensure_ascii=False)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in quoted)


def _data_url(mime_type: str, data: bytes) -> str:
    return f"data:{mime_type};base64,{b64encode(data).decode()}"
