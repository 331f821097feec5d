"""Components that are text."""
# ruff: noqa: N815 - field names are those of the wire
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

from typing import Literal

from pydantic import Field, with_config
from typing_extensions import NotRequired, TypedDict, deprecated

from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS
from chatkit.widgets.base import WidgetComponentBase
from chatkit.widgets.styles import CaptionSize, TextAlign, TextSize, ThemeColor, TitleSize


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class EditableProps(TypedDict):
    """How a text is edited in place."""

    name: str
    autoFocus: NotRequired[bool]
    autoSelect: NotRequired[bool]
    autoComplete: NotRequired[str]
    allowAutofillExtensions: NotRequired[bool]
    pattern: NotRequired[str]
    placeholder: NotRequired[str]
    required: NotRequired[bool]


@deprecated("Build widgets with WidgetTemplate", category=None)
class Text(WidgetComponentBase):
    """Plain text; with an ``id`` it can grow while the user reads."""

    type: Literal["Text"] = Field(default="Text", frozen=True)
    value: str
    streaming: bool | None = None
    italic: bool | None = None
    lineThrough: bool | None = None
    color: str | ThemeColor | None = None
    weight: Literal["normal", "medium", "semibold", "bold"] | None = None
    width: float | str | None = None
    size: TextSize | None = None
    textAlign: TextAlign | None = None
    truncate: bool | None = None
    minLines: int | None = None
    maxLines: int | None = None
    editable: Literal[False] | EditableProps | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Title(WidgetComponentBase):
    """A heading."""

    type: Literal["Title"] = Field(default="Title", frozen=True)
    value: str
    color: str | ThemeColor | None = None
    weight: Literal["normal", "medium", "semibold", "bold"] | None = None
    size: TitleSize | None = None
    textAlign: TextAlign | None = None
    truncate: bool | None = None
    maxLines: int | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Caption(WidgetComponentBase):
    """Small print."""

    type: Literal["Caption"] = Field(default="Caption", frozen=True)
    value: str
    color: str | ThemeColor | None = None
    weight: Literal["normal", "medium", "semibold", "bold"] | None = None
    size: CaptionSize | None = None
    textAlign: TextAlign | None = None
    truncate: bool | None = None
    maxLines: int | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Markdown(WidgetComponentBase):
    """Text with Markdown; with an ``id`` it can grow while the user reads."""

    type: Literal["Markdown"] = Field(default="Markdown", frozen=True)
    value: str
    streaming: bool | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Label(WidgetComponentBase):
    """The name of a form field."""

    type: Literal["Label"] = Field(default="Label", frozen=True)
    value: str
    fieldName: str
    size: TextSize | None = None
    weight: Literal["normal", "medium", "semibold", "bold"] | None = None
    textAlign: TextAlign | None = None
    color: str | ThemeColor | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Badge(WidgetComponentBase):
    """A short text in a coloured shape."""

    type: Literal["Badge"] = Field(default="Badge", frozen=True)
    label: str
    color: Literal["secondary", "success", "danger", "warning", "info", "discovery"] | None = None
    variant: Literal["solid", "soft", "outline"] | None = None
    size: Literal["sm", "md", "lg"] | None = None
    pill: bool | None = None
