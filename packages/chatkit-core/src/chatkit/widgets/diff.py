"""What has changed between two states of a widget, as updates that a client can apply.

Both trees are walked once, side by side and without serialising them; whatever both have in
common as the same object costs nothing. So a generator that copies only what changes, and shares
the rest, may yield large widgets often.
"""

from typing import Any, TypeAlias

from chatkit.types.updates import (
    WidgetComponentUpdated,
    WidgetRootUpdated,
    WidgetStreamingTextValueDelta,
)
from chatkit.widgets.base import WidgetComponentBase
from chatkit.widgets.layout import WidgetRoot

GROWING_TYPES = frozenset({"Text", "Markdown"})
"""The types of components whose ``value`` the client can extend."""

WidgetUpdate: TypeAlias = WidgetStreamingTextValueDelta | WidgetComponentUpdated | WidgetRootUpdated

_Children: TypeAlias = WidgetComponentBase | list[WidgetComponentBase] | None


def diff_widget(before: WidgetRoot, after: WidgetRoot) -> list[WidgetUpdate]:
    """The updates that turn ``before`` into ``after``.

    Text of a ``Text`` or ``Markdown`` component with an id that has grown gives one delta each;
    any other change replaces the whole widget. Text that has grown but that no update can address
    (without an id, or below a component's single child) gives nothing: the finished item has it.
    """
    grown: list[WidgetUpdate] = []
    if before is after or _continues(before, after, grown, addressable=True):
        return grown
    return [WidgetRootUpdated(widget=after)]


def _continues(
    before: WidgetComponentBase,
    after: WidgetComponentBase,
    grown: list[WidgetUpdate],
    *,
    addressable: bool,
) -> bool:
    """Whether nothing but growing text sets the two apart; adds that text to ``grown``."""
    if before.__pydantic_extra__ == after.__pydantic_extra__:
        old, new = before.__dict__, after.__dict__
    else:
        old, new = _all_fields(before), _all_fields(after)
    for name, value in new.items():
        was = old.get(name)
        if was is value or name == "children":
            continue
        if name == "value" and new["type"] in GROWING_TYPES:
            if not (isinstance(was, str) and isinstance(value, str) and value.startswith(was)):
                return False
            component_id = new.get("id")
            if addressable and component_id is not None and len(value) > len(was):
                grown.append(
                    WidgetStreamingTextValueDelta(
                        component_id=component_id,
                        delta=value[len(was) :],
                        done=not new.get("streaming"),
                    )
                )
        elif was != value:
            return False
    if old.keys() != new.keys() and any(
        old[name] is not None and name != "children" for name in old.keys() - new.keys()
    ):
        return False
    return _children_continue(old.get("children"), new.get("children"), grown, addressable)


def _equal_leaves(before: WidgetComponentBase, after: WidgetComponentBase) -> bool:
    """Whether they are equal and without children: what most of a tree is, quickly found out."""
    fields = before.__dict__
    return (
        fields.get("children") is None
        and fields == after.__dict__
        and before.__pydantic_extra__ == after.__pydantic_extra__
    )


def _all_fields(component: WidgetComponentBase) -> dict[str, Any]:
    """All fields by name, those included that the component's class does not know."""
    return {**component.__dict__, **(component.__pydantic_extra__ or {})}


def _children_continue(
    old: _Children, new: _Children, grown: list[WidgetUpdate], addressable: bool
) -> bool:
    if old is new:
        return True
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return False
        for before, after in zip(old, new, strict=True):
            if before is after or _equal_leaves(before, after):
                continue
            if not _continues(before, after, grown, addressable=addressable):
                return False
        return True
    if isinstance(old, WidgetComponentBase) and isinstance(new, WidgetComponentBase):
        return _continues(old, new, grown, addressable=False)
    return False
