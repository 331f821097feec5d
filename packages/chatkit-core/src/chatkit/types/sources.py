"""Sources: what a passage of an answer, or a task, is based on."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.icons import IconName


class SourceBase(Model):
    """What all sources have in common."""

    title: str
    description: str | None = None
    timestamp: str | None = None
    group: str | None = None


class FileSource(SourceBase):
    """A file."""

    type: Literal["file"] = "file"
    filename: str


class URLSource(SourceBase):
    """A web page."""

    type: Literal["url"] = "url"
    url: str
    attribution: str | None = None


class EntitySource(SourceBase):
    """A thing that the integration knows: a customer, an order, a place.

    ``data`` goes to the page around the chat when the user points at the source or opens it.
    """

    type: Literal["entity"] = "entity"
    id: str
    icon: IconName | None = None
    label: str | None = None
    inline_label: str | None = None
    interactive: bool = False
    data: dict[str, Any] = Field(default_factory=dict)
    preview: Literal["lazy"] | None = Field(default=None, deprecated=True)


Source: TypeAlias = Annotated[URLSource | FileSource | EntitySource, Field(discriminator="type")]


class Annotation(Model):
    """A source at a place in a text: ``index`` counts characters, ``None`` is the end."""

    type: Literal["annotation"] = "annotation"
    source: Source
    index: int | None = None
