"""Pages: a stretch of a longer list, and where it ends."""

from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Some of a longer list's entries.

    ``after`` is the cursor: hand it to the next request to read on. ``None`` on the last page.
    """

    data: list[T] = []
    has_more: bool = False
    after: str | None = None
