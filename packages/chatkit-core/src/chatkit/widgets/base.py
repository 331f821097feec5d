"""What every component of a widget has in common, and components of any type.

``DynamicWidgetRoot`` and ``DynamicWidgetComponent`` take whatever fields the web client knows;
widgets built from templates consist of them. The classes that are named after one component
each are deprecated: they go on working, and warn when called.
"""
# pyright: reportIncompatibleVariableOverride=false
# Each class fixes its `type`, which never changes.

import warnings
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from chatkit._models import build_later
from chatkit._unknown_fields import KEEP_UNKNOWN_FIELDS

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

_Dumped: TypeAlias = dict[str, Any] | list[Any] | str | float | bool | None


class WarnsWhenCalled(ModelMetaclass):
    """Warns of a deprecated model when it is called, not when it is validated from JSON.

    ``deprecated`` by itself warns from ``__new__``, which pydantic calls as well: whoever reads a
    stored widget would be told off for it.
    """

    if not TYPE_CHECKING:  # type checkers look at the model's fields instead

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - a metaclass
            message = cls.__dict__.get("__deprecated__")
            if message is not None:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
            return super().__call__(*args, **kwargs)


class WidgetPart(BaseModel, metaclass=WarnsWhenCalled):
    """Any model within a widget; keeps fields that it does not know."""

    # Not a ``Model``, whose subclasses type checkers let have no fields but those of the class.
    model_config = {**KEEP_UNKNOWN_FIELDS, "defer_build": True}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        build_later(cls)


class WidgetComponentBase(WidgetPart):
    """What all components have in common."""

    model_config = ConfigDict(serialize_by_alias=True)

    key: str | None = None
    id: str | None = None
    type: str

    # Without a return type on purpose: pydantic would put it in place of the fields' schema.
    @model_serializer(mode="wrap")
    def serialize(self, next_: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]
        """The component as JSON: without nulls at any depth, and always with its type.

        ``children`` may be null, since for some components that says something; a dump with
        ``exclude_none`` drops it too.
        """
        fields: dict[str, _Dumped] = next_(self)
        dump: dict[str, _Dumped] = {}
        for name, value in fields.items():
            if name == "children":
                dump[name] = value  # they have been through this method themselves
            elif isinstance(value, (dict, list)):
                dump[name] = _without_nulls(value)
            elif value is not None:
                dump[name] = value
        dump["type"] = self.type
        return dump


def _without_nulls(value: _Dumped) -> _Dumped:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


class DynamicWidgetComponent(WidgetComponentBase):
    """A component of any type, with any fields."""

    model_config = ConfigDict(extra="allow", json_schema_extra=None)

    children: "DynamicWidgetComponent | list[DynamicWidgetComponent] | None" = None


class DynamicWidgetRoot(DynamicWidgetComponent):
    """A whole widget, with any fields."""

    type: Literal["Card", "ListView", "Basic"]


class BasicRoot(DynamicWidgetComponent):
    """A whole widget without a frame, with any fields."""

    type: Literal["Basic"] = Field(default="Basic", frozen=True)
