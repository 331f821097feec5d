"""Components that are pictures."""
# ruff: noqa: N815 - field names are those of the wire
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

from typing import Literal

from pydantic import Field
from typing_extensions import deprecated

from chatkit.widgets.base import WidgetComponentBase
from chatkit.widgets.styles import IconSize, RadiusValue, Spacing, ThemeColor, WidgetIcon


@deprecated("Build widgets with WidgetTemplate", category=None)
class Icon(WidgetComponentBase):
    """An icon."""

    type: Literal["Icon"] = Field(default="Icon", frozen=True)
    name: WidgetIcon
    color: str | ThemeColor | None = None
    size: IconSize | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Image(WidgetComponentBase):
    """A picture."""

    type: Literal["Image"] = Field(default="Image", frozen=True)
    src: str
    alt: str | None = None
    fit: Literal["cover", "contain", "fill", "scale-down", "none"] | None = None
    position: (
        Literal[
            "top left",
            "top",
            "top right",
            "left",
            "center",
            "right",
            "bottom left",
            "bottom",
            "bottom right",
        ]
        | None
    ) = None
    radius: RadiusValue | None = None
    frame: bool | None = None
    flush: bool | None = None
    size: int | str | None = None
    width: int | str | None = None
    height: int | str | None = None
    minWidth: int | str | None = None
    minHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxHeight: int | str | None = None
    minSize: int | str | None = None
    maxSize: int | str | None = None
    margin: int | str | Spacing | None = None
    background: str | ThemeColor | None = None
    aspectRatio: float | str | None = None
    flex: int | str | None = None
