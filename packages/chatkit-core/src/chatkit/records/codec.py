"""Records to JSON and back. What could not be read again is refused before it is written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from chatkit.store import StoreError
from chatkit.types import Attachment, ThreadItem, ThreadMetadata

TRecord = TypeVar("TRecord", bound="_Identified")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)


class _Identified(Protocol):
    id: str


class Codec(Generic[TRecord]):
    """Turns one kind of record into JSON and back."""

    def __init__(self, type_: Any) -> None:
        self._type = type_

    @cached_property
    def _adapter(self) -> TypeAdapter[TRecord]:
        return TypeAdapter(self._type)  # costs milliseconds, so not at import

    def dump(self, model: TRecord, name: str) -> bytes:
        """The JSON to store.

        Raises:
            ValueError: JSON cannot carry the record (a lone surrogate, an object of a foreign
                type), or it would not load again; names the record.
        """
        try:
            json = self._adapter.dump_json(model, by_alias=True, warnings=False)
            self._adapter.validate_json(json)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{name} cannot be stored: {error}") from error
        return json

    def load(self, json: bytes, name: str) -> TRecord:
        """The model that was stored.

        Raises:
            StoreError: The stored JSON is none of this version's; names the record.
        """
        try:
            return self._adapter.validate_json(json)
        except ValueError as error:
            raise StoreError(f"{name} is stored in a form that does not load: {error}") from error


THREADS: Codec[ThreadMetadata] = Codec(ThreadMetadata)
ITEMS: Codec[ThreadItem] = Codec(ThreadItem)
ATTACHMENTS: Codec[Attachment] = Codec(Attachment)


def to_microseconds(time: datetime) -> int:
    """Microseconds since 1970, exactly. A naive time is local time, as in ``astimezone``."""
    if time.utcoffset() is None:
        try:
            time = time.astimezone()
        except (OverflowError, ValueError, OSError):
            # Within a day of the first or last year there may be no local time: take it as UTC.
            time = time.replace(tzinfo=timezone.utc)
    return (time - EPOCH) // MICROSECOND


def is_text(value: str) -> bool:
    """Whether JSON and databases can carry this string: it has no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
