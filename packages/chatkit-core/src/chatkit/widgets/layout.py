"""Components that hold others, and what a whole widget may consist of."""
# ruff: noqa: N815 - field names are those of the wire
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, with_config
from typing_extensions import TypedDict, deprecated

from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS
from chatkit.actions import ActionConfig
from chatkit.widgets.base import (
    BasicRoot,
    DynamicWidgetComponent,
    DynamicWidgetRoot,
    WidgetComponentBase,
    WidgetPart,
)
from chatkit.widgets.charts import Chart
from chatkit.widgets.controls import (
    Button,
    Checkbox,
    DatePicker,
    Input,
    RadioGroup,
    Select,
    Textarea,
)
from chatkit.widgets.media import Icon, Image
from chatkit.widgets.styles import (
    Alignment,
    Border,
    Borders,
    Justification,
    RadiusValue,
    Spacing,
    ThemeColor,
    WidgetStatus,
)
from chatkit.widgets.text import Badge, Caption, Label, Markdown, Text, Title


@deprecated("Build widgets with WidgetTemplate", category=None)
class BoxBase(WidgetPart):
    """What all boxes have in common."""

    children: "list[WidgetComponent] | None" = None
    align: Alignment | None = None
    justify: Justification | None = None
    wrap: Literal["nowrap", "wrap", "wrap-reverse"] | None = None
    flex: int | str | None = None
    gap: int | str | None = None
    height: float | str | None = None
    width: float | str | None = None
    size: float | str | None = None
    minHeight: int | str | None = None
    minWidth: int | str | None = None
    minSize: int | str | None = None
    maxHeight: int | str | None = None
    maxWidth: int | str | None = None
    maxSize: int | str | None = None
    padding: float | str | Spacing | None = None
    margin: float | str | Spacing | None = None
    border: int | Border | Borders | None = None
    radius: RadiusValue | None = None
    background: str | ThemeColor | None = None
    aspectRatio: float | str | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Box(WidgetComponentBase, BoxBase):
    """Components in a row or a column."""

    type: Literal["Box"] = Field(default="Box", frozen=True)
    direction: Literal["row", "col"] | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Row(WidgetComponentBase, BoxBase):
    """Components beside each other."""

    type: Literal["Row"] = Field(default="Row", frozen=True)


@deprecated("Build widgets with WidgetTemplate", category=None)
class Col(WidgetComponentBase, BoxBase):
    """Components below each other."""

    type: Literal["Col"] = Field(default="Col", frozen=True)


@deprecated("Build widgets with WidgetTemplate", category=None)
class Form(WidgetComponentBase, BoxBase):
    """Fields whose values are submitted together."""

    type: Literal["Form"] = Field(default="Form", frozen=True)
    onSubmitAction: ActionConfig | None = None
    direction: Literal["row", "col"] | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Divider(WidgetComponentBase):
    """A line."""

    type: Literal["Divider"] = Field(default="Divider", frozen=True)
    color: str | ThemeColor | None = None
    size: int | str | None = None
    spacing: int | str | None = None
    flush: bool | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Spacer(WidgetComponentBase):
    """Empty space that takes what is left."""

    type: Literal["Spacer"] = Field(default="Spacer", frozen=True)
    minSize: int | str | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Transition(WidgetComponentBase):
    """Moves from one component to the next."""

    type: Literal["Transition"] = Field(default="Transition", frozen=True)
    children: "WidgetComponent | None"


@deprecated("Build widgets with WidgetTemplate", category=None)
class ListViewItem(WidgetComponentBase):
    """A row of a list."""

    type: Literal["ListViewItem"] = Field(default="ListViewItem", frozen=True)
    children: "list[WidgetComponent]"
    onClickAction: ActionConfig | None = None
    gap: int | str | None = None
    align: Alignment | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class ListView(WidgetComponentBase):
    """A list; ``limit`` rows are in view at first."""

    type: Literal["ListView"] = Field(default="ListView", frozen=True)
    children: list[ListViewItem]
    limit: int | Literal["auto"] | None = None
    status: WidgetStatus | None = None
    theme: Literal["light", "dark"] | None = None


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class CardAction(TypedDict):
    """A button below a card."""

    label: str
    action: ActionConfig


@deprecated("Build widgets with WidgetTemplate", category=None)
class Card(WidgetComponentBase):
    """A frame around components, with buttons to confirm or cancel."""

    type: Literal["Card"] = Field(default="Card", frozen=True)
    asForm: bool | None = None
    children: "list[WidgetComponent]"
    background: str | ThemeColor | None = None
    size: Literal["sm", "md", "lg", "full"] | None = None
    padding: float | str | Spacing | None = None
    status: WidgetStatus | None = None
    collapsed: bool | None = None
    confirm: CardAction | None = None
    cancel: CardAction | None = None
    theme: Literal["light", "dark"] | None = None


StrictWidgetComponent: TypeAlias = Annotated[
    Text
    | Title
    | Caption
    | Chart
    | Badge
    | Markdown
    | Box
    | Row
    | Col
    | Divider
    | Icon
    | Image
    | ListViewItem
    | Button
    | Checkbox
    | Spacer
    | Select
    | DatePicker
    | Form
    | Input
    | Label
    | RadioGroup
    | Textarea
    | Transition,
    Field(discriminator="type"),
]
"""A component of a named class."""

StrictWidgetRoot: TypeAlias = Annotated[Card | ListView | BasicRoot, Field(discriminator="type")]
"""A whole widget of a named class."""

# From left to right: a named class wherever its fields fit, else a component of any kind. The
# named classes keep the fields that they do not know, so neither choice loses anything.
WidgetComponent: TypeAlias = Annotated[
    StrictWidgetComponent | DynamicWidgetComponent, Field(union_mode="left_to_right")
]
"""A component of a widget."""

WidgetRoot: TypeAlias = Annotated[
    StrictWidgetRoot | DynamicWidgetRoot, Field(union_mode="left_to_right")
]
"""A whole widget."""
