"""Widgets: their JSON, fields that no class knows, and who is warned of deprecated classes."""

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import chatkit.widgets as w
from chatkit.actions import ActionConfig
from chatkit.types import ThreadItem, WidgetItem

Json = dict[str, Any]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Build widgets with WidgetTemplate:DeprecationWarning"
)

ROOT: TypeAdapter[w.WidgetRoot] = TypeAdapter(w.WidgetRoot)
ITEM: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)

GLOWING_TEXT: Json = {"type": "Text", "value": "x", "glow": {"stops": [1, {"at": 2}]}}
FULL_ACTION: Json = {
    "type": "open",
    "payload": {"id": 7},
    "handler": "server",
    "loadingBehavior": "auto",
    "streaming": True,
    "confirm": "Sure?",
}

WITH_UNKNOWN_FIELDS: dict[str, Json] = {
    "on a card": {"type": "Card", "shimmer": 1, "children": []},
    "on a list": {"type": "ListView", "shimmer": 1, "children": []},
    "on a basic root": {"type": "Basic", "shimmer": 1, "children": []},
    "on a root without children": {"type": "Card", "shimmer": 1},
    "on a child": {"type": "Card", "children": [GLOWING_TEXT]},
    "on a single child": {"type": "Card", "children": GLOWING_TEXT},
    "far below": {
        "type": "ListView",
        "children": [
            {
                "type": "ListViewItem",
                "swipe": "left",
                "children": [
                    {"type": "Row", "children": [{"type": "Box", "children": [GLOWING_TEXT]}]}
                ],
            }
        ],
    },
    "below a component of an unknown type": {
        "type": "Card",
        "children": [{"type": "Hologram", "depth": 3, "children": [GLOWING_TEXT]}],
    },
    "of another kind than the class has": {
        "type": "Card",
        "size": {"min": 1},
        "children": [{"type": "Text", "value": 5}],
    },
    "in a list with other children than rows": {"type": "ListView", "children": [GLOWING_TEXT]},
    "in a status": {
        "type": "Card",
        "children": [],
        "status": {"text": "Live", "icon": "bolt", "blink": True},
    },
    "in a colour": {
        "type": "Card",
        "children": [],
        "background": {"light": "#fff", "dark": "#000", "sepia": "#ffc"},
    },
    "in a border": {
        "type": "Card",
        "children": [
            {"type": "Box", "border": {"size": 1, "glow": 2}},
            {"type": "Box", "border": {"top": {"size": 1, "glow": 2}, "start": 3}},
        ],
    },
    "in an action": {
        "type": "Card",
        "children": [{"type": "Button", "onClickAction": FULL_ACTION}],
        "confirm": {"label": "Yes", "action": FULL_ACTION, "tone": "calm"},
    },
    "in a choice": {
        "type": "Card",
        "children": [
            {"type": "Select", "name": "s", "options": [{"value": "a", "label": "A", "hint": "!"}]},
            {"type": "RadioGroup", "name": "r", "options": [{"value": "a", "label": "A", "x": 1}]},
        ],
    },
    "in a chart": {
        "type": "Card",
        "children": [
            {
                "type": "Chart",
                "data": [{"month": "Jan", "sales": 1}],
                "series": [{"type": "bar", "label": None, "dataKey": "sales", "opacity": 0.5}],
                "xAxis": {"dataKey": "month", "tilt": 45},
                "legend": "below",
            }
        ],
    },
    "beside a date without a time": {
        "type": "Card",
        "children": [{"type": "DatePicker", "name": "d", "min": "2024-05-06", "week": True}],
    },
}


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("widget", WITH_UNKNOWN_FIELDS.values(), ids=WITH_UNKNOWN_FIELDS)
def test_a_widget_comes_back_from_a_store_with_every_field_that_no_class_knows(
    widget: Json,
) -> None:
    item = WidgetItem(
        id="w",
        thread_id="t",
        created_at=datetime(2024, 5, 6, tzinfo=timezone.utc),
        widget=w.DynamicWidgetRoot.model_validate(widget)
        if widget["type"] != "Basic"
        else w.BasicRoot.model_validate(widget),
    )
    back = ITEM.validate_json(item.model_dump_json())
    assert isinstance(back, WidgetItem)
    assert back.widget.model_dump(mode="json", exclude_none=True) == without_nulls(widget)


def test_what_fits_a_named_class_comes_back_as_one_and_what_does_not_as_a_dynamic_one() -> None:
    widget = ROOT.validate_json(
        '{"type": "Card", "new": 1, "children": '
        '[{"type": "Text", "value": "x", "new": 1}, {"type": "Text", "value": 5}, {"type": "New"}]}'
    )
    assert isinstance(widget, w.Card)
    assert [type(child) for child in widget.children] == [
        w.Text,
        w.DynamicWidgetComponent,
        w.DynamicWidgetComponent,
    ]
    assert widget.model_extra == {"new": 1}


def test_a_component_may_be_of_any_type_but_a_root_only_of_three() -> None:
    with pytest.raises(ValidationError):
        ROOT.validate_json('{"type": "Hologram", "children": []}')


def test_a_picked_time_comes_back_as_a_time() -> None:
    day = datetime(2024, 5, 6, 7, 8, 9)
    card = w.Card(children=[w.DatePicker(name="day", defaultValue=day)])
    picker = w.Card.model_validate_json(card.model_dump_json()).children[0]
    assert isinstance(picker, w.DatePicker)
    assert picker.defaultValue == day


def test_schemas_do_not_mention_that_unknown_fields_are_kept() -> None:
    schema = ROOT.json_schema(mode="serialization")["$defs"]
    open_ones = {name for name, part in schema.items() if "additionalProperties" in part}
    assert open_ones == {"BasicRoot", "DynamicWidgetComponent", "DynamicWidgetRoot"}
    assert ROOT.json_schema(mode="validation")["$defs"] == schema


def test_fields_that_are_not_set_are_left_out_but_false_and_zero_stay() -> None:
    text = w.Text(value="", streaming=False, minLines=0)
    assert text.model_dump() == {"type": "Text", "value": "", "streaming": False, "minLines": 0}


def test_nulls_are_dropped_at_every_depth() -> None:
    widget = w.DynamicWidgetRoot.model_validate(
        {
            "type": "Card",
            "children": [{"type": "Text", "tip": {"a": None, "b": [None, {"c": None}, 0]}}],
        }
    )
    assert json.loads(widget.model_dump_json(exclude_none=True)) == {
        "type": "Card",
        "children": [{"type": "Text", "tip": {"b": [{}, 0]}}],
    }


def test_nulls_in_the_payload_of_an_action_are_dropped_in_a_widget_but_not_outside() -> None:
    action = ActionConfig(type="open", payload={"id": 7, "why": None})
    button = w.Button(onClickAction=action)
    assert button.model_dump()["onClickAction"]["payload"] == {"id": 7}
    assert action.model_dump()["payload"] == {"id": 7, "why": None}
    assert action.payload == {"id": 7, "why": None}


@pytest.mark.parametrize(
    "leaf",
    [
        lambda: w.Transition(children=None),
        lambda: w.DynamicWidgetComponent(type="Transition"),
    ],
)
def test_a_plain_dump_shows_that_there_are_no_children(
    leaf: Callable[[], w.WidgetComponentBase],
) -> None:
    assert leaf().model_dump() == {"type": "Transition", "children": None}
    assert leaf().model_dump(exclude_none=True) == {"type": "Transition"}


def test_the_type_is_always_there() -> None:
    text = w.Text(value="x")
    expected = {"type": "Text", "value": "x"}
    assert text.model_dump(exclude_none=True) == expected
    assert text.model_dump(exclude_defaults=True) == expected
    assert text.model_dump(exclude_unset=True) == expected


def test_the_type_of_a_named_class_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        w.Text(value="x").type = "Title"  # type: ignore[assignment, misc]  # what is tested


def test_named_and_dynamic_components_may_stand_side_by_side() -> None:
    dynamic = w.DynamicWidgetComponent(type="Sparkline", points=[1, 2])
    text = w.Text(value="x")
    card = w.Card(children=[text, dynamic])
    assert card.children[0] is text
    assert card.children[1] is dynamic
    assert card.model_dump(exclude_none=True) == {
        "type": "Card",
        "children": [
            {"type": "Text", "value": "x"},
            {"type": "Sparkline", "points": [1, 2]},
        ],
    }


def test_widgets_that_are_ready_are_not_copied_into_an_item() -> None:
    now = datetime(2024, 5, 6, tzinfo=timezone.utc)
    for widget in (w.Card(children=[]), w.BasicRoot(), w.DynamicWidgetRoot(type="Card")):
        item = WidgetItem(id="w", thread_id="t", created_at=now, widget=widget)
        assert item.widget is widget


def test_a_deep_widget_is_read_and_written_in_reasonable_time() -> None:
    widget: Json = {"type": "Text", "value": "x", "gap": {"odd": 1}}
    for _ in range(60):
        widget = {"type": "Row", "gap": {"odd": 1}, "children": [widget]}
    root = {"type": "Card", "children": [widget]}
    back = ROOT.validate_json(json.dumps(root))
    assert json.loads(back.model_dump_json(exclude_none=True)) == root


NAMED: dict[str, Callable[[], object]] = {
    "Card": lambda: w.Card(children=[]),
    "Text": lambda: w.Text(value="x"),
    "Button": lambda: w.Button(label="x"),
    "Box": lambda: w.Box(children=[]),
    "LineSeries": lambda: w.LineSeries(label="x", dataKey="y"),
}


@pytest.mark.parametrize("make", NAMED.values(), ids=NAMED)
def test_making_a_named_component_warns_at_the_line_that_does(make: Callable[[], object]) -> None:
    with pytest.warns(DeprecationWarning, match="WidgetTemplate") as caught:
        make()
    assert [warning.filename for warning in caught] == [__file__]


def test_dynamic_widgets_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        w.BasicRoot(children=[w.DynamicWidgetComponent(type="Text")])
        w.DynamicWidgetRoot(type="Card", children=[])


def test_reading_copying_and_writing_named_components_does_not_warn() -> None:
    card = w.Card(children=[w.Text(value="x"), w.Chart(data=[], series=[], xAxis="x")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ROOT.validate_json(card.model_dump_json()) == card
        assert ROOT.validate_python(card.model_dump()) == card
        assert card.model_copy(deep=True) == card
        assert copy.deepcopy(card) == card


def test_deprecated_classes_say_so_to_those_who_ask() -> None:
    deprecated = {
        name for name in w.__all__ if getattr(getattr(w, name), "__deprecated__", None) is not None
    }
    assert {
        "Card",
        "ListView",
        "Text",
        "BoxBase",
        "BarSeries",
        "Spacing",
        "CardAction",
    } <= deprecated
    assert not deprecated & {"BasicRoot", "DynamicWidgetRoot", "WidgetTemplate", "WidgetIcon"}


def test_importing_warns_of_nothing_and_loads_no_template_engine() -> None:
    script = "import sys, chatkit.widgets, chatkit.widgets.diff; sys.exit('jinja2' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-W", "error", "-c", script], check=False).returncode == 0
    )
