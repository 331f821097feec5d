"""What has changed between two states of a widget, as updates that a client can apply.

Both trees are walked once, side by side and without serialising them; whatever both have in
common as the same object costs nothing. So a generator that copies only what changes, and shares
the rest, may yield large widgets often.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

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


class _Growth(NamedTuple):
    component_id: str
    delta: str
    done: bool


def diff_widget(before: WidgetRoot, after: WidgetRoot) -> list[WidgetUpdate]:
    """The updates that turn ``before`` into ``after``.

    Text of a ``Text`` or ``Markdown`` component with an id that has grown gives one delta each;
    any other change replaces the whole widget. Text that has grown but that no update can address
    (without an id, or below a component's single child) gives nothing: the finished item has it.
    """
    grown: list[_Growth] = []
    if not _continues(before, after, grown, addressable=True):
        return [WidgetRootUpdated(widget=after)]
    return [
        WidgetStreamingTextValueDelta(component_id=component_id, delta=delta, done=done)
        for component_id, delta, done in grown
    ]


def _continues(
    before: WidgetComponentBase,
    after: WidgetComponentBase,
    grown: list[_Growth],
    *,
    addressable: bool,
) -> bool:
    """Whether nothing but growing text sets the two apart; adds that text to ``grown``."""
    if before is after or _equal_leaves(before, after):
        return True
    old, new = _fields(before), _fields(after)
    for name, value in new.items():
        was = old.get(name)
        if was is value or name == "children":
            continue
        if name == "value" and new["type"] in GROWING_TYPES:
            if not (isinstance(was, str) and isinstance(value, str) and value.startswith(was)):
                return False
            component_id = new.get("id")
            if addressable and component_id is not None and len(value) > len(was):
                delta = value[len(was) :]
                grown.append(_Growth(component_id, delta, done=not new.get("streaming")))
        elif was != value:
            return False
    if old.keys() != new.keys() and any(
        old[name] is not None and name != "children" for name in old.keys() - new.keys()
    ):
        return False
    return _children_continue(old.get("children"), new.get("children"), grown, addressable)


def _equal_leaves(before: WidgetComponentBase, after: WidgetComponentBase) -> bool:
    """Whether they are equal and without children: what most of a tree is, quickly found out."""
    return (
        before.__dict__.get("children") is None
        and before.__dict__ == after.__dict__
        and before.__pydantic_extra__ == after.__pydantic_extra__
    )


def _fields(component: WidgetComponentBase) -> Mapping[str, Any]:
    """All fields by name, those included that the component's class does not know."""
    unknown = component.__pydantic_extra__
    return {**component.__dict__, **unknown} if unknown else component.__dict__


def _children_continue(
    old: _Children, new: _Children, grown: list[_Growth], addressable: bool
) -> bool:
    if old is new:
        return True
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(
            _continues(before, after, grown, addressable=addressable)
            for before, after in zip(old, new, strict=True)
        )
    if isinstance(old, WidgetComponentBase) and isinstance(new, WidgetComponentBase):
        return _continues(old, new, grown, addressable=False)
    return False
