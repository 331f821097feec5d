"""Charts."""
# ruff: noqa: N815 - field names are those of the wire
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, with_config
from typing_extensions import NotRequired, TypedDict, deprecated

from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS
from chatkit.widgets.base import WidgetComponentBase, WidgetPart
from chatkit.widgets.styles import ThemeColor

CurveType: TypeAlias = Literal[
    "basis",
    "basisClosed",
    "basisOpen",
    "bumpX",
    "bumpY",
    "bump",
    "linear",
    "linearClosed",
    "natural",
    "monotoneX",
    "monotoneY",
    "monotone",
    "step",
    "stepBefore",
    "stepAfter",
]


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class XAxisConfig(TypedDict):
    """What the horizontal axis shows; ``labels`` by the values in the data."""

    dataKey: str
    hide: NotRequired[bool]
    labels: NotRequired[dict[str, str]]


@deprecated("Build widgets with WidgetTemplate", category=None)
class BarSeries(WidgetPart):
    """Values as bars; those of one ``stack`` on top of each other."""

    type: Literal["bar"] = Field(default="bar", frozen=True)
    label: str | None
    dataKey: str
    stack: str | None = None
    color: str | ThemeColor | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class AreaSeries(WidgetPart):
    """Values as areas; those of one ``stack`` on top of each other."""

    type: Literal["area"] = Field(default="area", frozen=True)
    label: str | None
    dataKey: str
    stack: str | None = None
    color: str | ThemeColor | None = None
    curveType: CurveType | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class LineSeries(WidgetPart):
    """Values as a line."""

    type: Literal["line"] = Field(default="line", frozen=True)
    label: str | None
    dataKey: str
    color: str | ThemeColor | None = None
    curveType: CurveType | None = None


Series: TypeAlias = Annotated[BarSeries | AreaSeries | LineSeries, Field(discriminator="type")]


@deprecated("Build widgets with WidgetTemplate", category=None)
class Chart(WidgetComponentBase):
    """Values by a common axis: ``data`` has a row for each place on it."""

    type: Literal["Chart"] = Field(default="Chart", frozen=True)
    data: list[dict[str, str | int | float]]
    series: list[Series]
    xAxis: str | XAxisConfig
    showYAxis: bool | None = None
    showLegend: bool | None = None
    showTooltip: bool | None = None
    barGap: int | None = None
    barCategoryGap: int | None = None
    flex: int | str | None = None
    height: int | str | None = None
    width: int | str | None = None
    size: int | str | None = None
    minHeight: int | str | None = None
    minWidth: int | str | None = None
    minSize: int | str | None = None
    maxHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxSize: int | str | None = None
    aspectRatio: float | str | None = None
