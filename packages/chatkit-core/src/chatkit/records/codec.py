"""Records to JSON and back. What could not be read again is refused before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache, cached_property
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from chatkit._models import build_models
from chatkit.store import RecordTooLargeError, StoreError
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

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
        build_models()
        return TypeAdapter(self._type)  # costs milliseconds, so not at import

    @cached_property
    def _validate(self) -> Callable[[bytes], TRecord]:
        return self._adapter.validator.validate_json  # the adapter's own costs a fifth more

    @cached_property
    def _page_type(self) -> type[Page[TRecord]]:
        page: Any = Page
        return page[self._type]  # type: ignore[no-any-return]  # a class that is made here

    def dump(self, model: TRecord, name: str) -> bytes:
        """The JSON to store.

        Raises:
            ValueError: JSON cannot carry the record (a lone surrogate, an object of a foreign
                type), or it would not load again; names the record.
        """
        try:
            json = self._adapter.dump_json(model, by_alias=True, warnings=False)
            self._validate(json)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{name} cannot be stored: {error}") from error
        return json

    def load(self, json: bytes, name: str) -> TRecord:
        """The model that was stored.

        Raises:
            StoreError: The stored JSON is none of this version's; names the record.
        """
        try:
            return self._validate(json)
        except ValueError as error:
            raise StoreError(f"{name} is stored in a form that does not load: {error}") from error

    def page(self, jsons: Sequence[bytes], limit: int, name: str) -> Page[TRecord]:
        """A page of at most ``limit`` records; one more in ``jsons`` says that there are more."""
        data = [self.load(json, name) for json in jsons[:limit]]
        has_more = len(jsons) > limit
        after = data[-1].id if has_more else None
        # The records have just been checked one by one.
        return self._page_type.model_construct(data=data, has_more=has_more, after=after)


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


def check_size(json: bytes, name: str, max_bytes: int | None) -> None:
    """Raise ``RecordTooLargeError``, which names the record, if the backend cannot hold it."""
    if max_bytes is not None and len(json) > max_bytes:
        # Clients are shown these words, so they do not name the backend.
        raise RecordTooLargeError(
            f"{name} has {len(json)} bytes; the store holds at most {max_bytes}"
        )


@cache
def _identified() -> TypeAdapter[_OnlyId]:
    return TypeAdapter(_OnlyId)


class _OnlyId(TypedDict):
    id: str


def id_of(json: bytes) -> str | None:
    """The id of any kind of record, or ``None`` if that is no record's JSON."""
    try:
        return _identified().validate_json(json)["id"]
    except ValueError:
        return None
