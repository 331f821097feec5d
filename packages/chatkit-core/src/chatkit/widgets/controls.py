"""Components that take input: buttons and form fields."""
# ruff: noqa: N815 - field names are those of the wire
# pyright: reportDeprecated=false
# The deprecated classes refer to each other.
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, with_config
from typing_extensions import NotRequired, TypedDict, deprecated

from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS
from chatkit.actions import ActionConfig
from chatkit.widgets.base import WidgetComponentBase
from chatkit.widgets.styles import ControlSize, ControlVariant, WidgetIcon


@deprecated("Build widgets with WidgetTemplate", category=None)
class Button(WidgetComponentBase):
    """Takes an action when clicked, or submits a form."""

    type: Literal["Button"] = Field(default="Button", frozen=True)
    submit: bool | None = None
    label: str | None = None
    onClickAction: ActionConfig | None = None
    iconStart: WidgetIcon | None = None
    iconEnd: WidgetIcon | None = None
    style: Literal["primary", "secondary"] | None = None
    iconSize: Literal["sm", "md", "lg", "xl", "2xl"] | None = None
    color: (
        Literal[
            "primary", "secondary", "info", "discovery", "success", "caution", "warning", "danger"
        ]
        | None
    ) = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    pill: bool | None = None
    uniform: bool | None = None
    block: bool | None = None
    disabled: bool | None = None


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class SelectOption(TypedDict):
    """One of the choices of a ``Select``."""

    value: str
    label: str
    disabled: NotRequired[bool]
    description: NotRequired[str]


@deprecated("Build widgets with WidgetTemplate", category=None)
class Select(WidgetComponentBase):
    """A choice from a list that opens."""

    type: Literal["Select"] = Field(default="Select", frozen=True)
    name: str
    options: list[SelectOption]
    onChangeAction: ActionConfig | None = None
    placeholder: str | None = None
    defaultValue: str | None = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    pill: bool | None = None
    block: bool | None = None
    clearable: bool | None = None
    disabled: bool | None = None
    searchable: bool | None = None


def _leave_dates_alone(value: Any, info: ValidationInfo) -> Any:
    if info.mode == "json" and isinstance(value, str) and len(value) <= len("2024-05-06"):
        raise ValueError("a date without a time")
    return value


Moment: TypeAlias = Annotated[datetime, BeforeValidator(_leave_dates_alone)]
"""A time. A widget whose JSON has a date alone becomes a dynamic one, which keeps it as it is:
with midnight added, a browser takes it for a time in another zone, perhaps of another day."""


@deprecated("Build widgets with WidgetTemplate", category=None)
class DatePicker(WidgetComponentBase):
    """A choice of a day."""

    type: Literal["DatePicker"] = Field(default="DatePicker", frozen=True)
    name: str
    onChangeAction: ActionConfig | None = None
    placeholder: str | None = None
    defaultValue: Moment | None = None
    min: Moment | None = None
    max: Moment | None = None
    variant: ControlVariant | None = None
    size: ControlSize | None = None
    side: Literal["top", "bottom", "left", "right"] | None = None
    align: Literal["start", "center", "end"] | None = None
    pill: bool | None = None
    block: bool | None = None
    clearable: bool | None = None
    disabled: bool | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Checkbox(WidgetComponentBase):
    """Yes or no."""

    type: Literal["Checkbox"] = Field(default="Checkbox", frozen=True)
    name: str
    label: str | None = None
    defaultChecked: bool | None = None
    onChangeAction: ActionConfig | None = None
    disabled: bool | None = None
    required: bool | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Input(WidgetComponentBase):
    """One line of text."""

    type: Literal["Input"] = Field(default="Input", frozen=True)
    name: str
    inputType: Literal["number", "email", "text", "password", "tel", "url"] | None = None
    defaultValue: str | None = None
    required: bool | None = None
    pattern: str | None = None
    placeholder: str | None = None
    allowAutofillExtensions: bool | None = None
    autoSelect: bool | None = None
    autoFocus: bool | None = None
    disabled: bool | None = None
    variant: Literal["soft", "outline"] | None = None
    size: ControlSize | None = None
    gutterSize: Literal["2xs", "xs", "sm", "md", "lg", "xl"] | None = None
    pill: bool | None = None


@deprecated("Build widgets with WidgetTemplate", category=None)
class Textarea(WidgetComponentBase):
    """Several lines of text."""

    type: Literal["Textarea"] = Field(default="Textarea", frozen=True)
    name: str
    defaultValue: str | None = None
    required: bool | None = None
    pattern: str | None = None
    placeholder: str | None = None
    autoSelect: bool | None = None
    autoFocus: bool | None = None
    disabled: bool | None = None
    variant: Literal["soft", "outline"] | None = None
    size: ControlSize | None = None
    gutterSize: Literal["2xs", "xs", "sm", "md", "lg", "xl"] | None = None
    rows: int | None = None
    autoResize: bool | None = None
    maxRows: int | None = None
    allowAutofillExtensions: bool | None = None


@with_config(KEEP_UNKNOWN_FIELDS)
@deprecated("Build widgets with WidgetTemplate")
class RadioOption(TypedDict):
    """One of the choices of a ``RadioGroup``."""

    label: str
    value: str
    disabled: NotRequired[bool]


@deprecated("Build widgets with WidgetTemplate", category=None)
class RadioGroup(WidgetComponentBase):
    """A choice from a few that are all in view."""

    type: Literal["RadioGroup"] = Field(default="RadioGroup", frozen=True)
    name: str
    options: list[RadioOption] | None = None
    ariaLabel: str | None = None
    onChangeAction: ActionConfig | None = None
    defaultValue: str | None = None
    direction: Literal["row", "col"] | None = None
    disabled: bool | None = None
    required: bool | None = None
