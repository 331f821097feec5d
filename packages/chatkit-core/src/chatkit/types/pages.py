"""Pages: a stretch of a longer list, and where it ends."""

from typing import Generic, TypeVar

from chatkit._models import Model

T = TypeVar("T")


class Page(Model, Generic[T]):
    """Some of a longer list's entries.

    ``after`` is the cursor: hand it to the next request to read on. ``None`` on the last page.
    """

    data: list[T] = []  # noqa: RUF012 - pydantic copies it
    has_more: bool = False
    after: str | None = None
