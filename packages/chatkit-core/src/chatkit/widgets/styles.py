"""The values that several components share: colours, sizes, spacing, borders, status."""
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.

from typing import Literal, TypeAlias

from pydantic import with_config
from typing_extensions import NotRequired, TypedDict, deprecated

from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS
from chatkit.icons import IconName

WidgetIcon: TypeAlias = IconName
RadiusValue: TypeAlias = Literal[
    "2xs", "xs", "sm", "md", "lg", "xl", "2xl", "3xl", "4xl", "full", "100%", "none"
]
TextAlign: TypeAlias = Literal["start", "center", "end"]
TextSize: TypeAlias = Literal["xs", "sm", "md", "lg", "xl"]
IconSize: TypeAlias = Literal["xs", "sm", "md", "lg", "xl", "2xl", "3xl"]
TitleSize: TypeAlias = Literal["sm", "md", "lg", "xl", "2xl", "3xl", "4xl", "5xl"]
CaptionSize: TypeAlias = Literal["sm", "md", "lg"]
ControlVariant: TypeAlias = Literal["solid", "soft", "outline", "ghost"]
ControlSize: TypeAlias = Literal["3xs", "2xs", "xs", "sm", "md", "lg", "xl", "2xl", "3xl"]
Alignment: TypeAlias = Literal["start", "center", "end", "baseline", "stretch"]
Justification: TypeAlias = Literal[
    "start", "center", "end", "between", "around", "evenly", "stretch"
]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class ThemeColor(TypedDict):
    """A colour for each of the two themes."""

    dark: str
    light: str


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class Spacing(TypedDict):
    """Space on each side, or on two sides at once."""

    top: NotRequired[float | str]
    right: NotRequired[float | str]
    bottom: NotRequired[float | str]
    left: NotRequired[float | str]
    x: NotRequired[float | str]
    y: NotRequired[float | str]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class Border(TypedDict):
    """The border of one or all sides."""

    size: int
    color: NotRequired[str | ThemeColor]
    style: NotRequired[
        Literal["solid", "dashed", "dotted", "double", "groove", "ridge", "inset", "outset"]
    ]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class Borders(TypedDict):
    """A border for each side, or for two sides at once."""

    top: NotRequired[int | Border]
    right: NotRequired[int | Border]
    bottom: NotRequired[int | Border]
    left: NotRequired[int | Border]
    x: NotRequired[int | Border]
    y: NotRequired[int | Border]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class MinMax(TypedDict):
    """A range."""

    min: NotRequired[int]
    max: NotRequired[int]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class WidgetStatusWithFavicon(TypedDict):
    """A line above a widget, with the icon of a site."""

    text: str
    favicon: NotRequired[str]
    frame: NotRequired[bool]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class WidgetStatusWithIcon(TypedDict):
    """A line above a widget, with an icon."""

    text: str
    icon: NotRequired[WidgetIcon]


WidgetStatus: TypeAlias = WidgetStatusWithFavicon | WidgetStatusWithIcon
