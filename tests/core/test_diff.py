"""What diff_widget finds between two states of a widget."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chatkit.widgets as w
from chatkit.actions import ActionConfig
from chatkit.types import WidgetRootUpdated, WidgetStreamingTextValueDelta
from chatkit.widgets.diff import diff_widget

Json = dict[str, Any]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Build widgets with WidgetTemplate:DeprecationWarning"
)


def root(*children: Json, **fields: Any) -> w.DynamicWidgetRoot:
    return w.DynamicWidgetRoot.model_validate(
        {"type": "Card", "children": list(children), **fields}
    )


def text(value: Any, **fields: Any) -> Json:
    return {"type": "Text", "id": "line", "value": value, **fields}


def card(*children: w.WidgetComponent, **fields: Any) -> w.Card:
    return w.Card(children=list(children), **fields)


def line(value: str, **fields: Any) -> w.Text:
    return w.Text(id="line", value=value, **fields)


def deltas(before: w.WidgetRoot, after: w.WidgetRoot) -> list[tuple[str, str, bool]]:
    updates = diff_widget(before, after)
    assert all(isinstance(update, WidgetStreamingTextValueDelta) for update in updates)
    return [
        (update.component_id, update.delta, update.done)
        for update in updates
        if isinstance(update, WidgetStreamingTextValueDelta)
    ]


def replaces_root(before: w.WidgetRoot, after: w.WidgetRoot) -> bool:
    updates = diff_widget(before, after)
    return updates == [WidgetRootUpdated(widget=after)]


Pair = Callable[[], tuple[w.WidgetRoot, w.WidgetRoot]]

GROWING: dict[str, tuple[Pair, list[tuple[str, str, bool]]]] = {
    "a text": (lambda: (card(line("a")), card(line("ab"))), [("line", "b", True)]),
    "an empty text": (lambda: (card(line("")), card(line("first"))), [("line", "first", True)]),
    "a text that streams": (
        lambda: (card(line("a", streaming=True)), card(line("ab", streaming=True))),
        [("line", "b", False)],
    ),
    "Markdown": (
        lambda: (
            card(w.Markdown(id="md", value="# T", streaming=True)),
            card(w.Markdown(id="md", value="# Title", streaming=True)),
        ),
        [("md", "itle", False)],
    ),
    "two texts, from top to bottom": (
        lambda: (
            card(line("a"), w.Box(children=[w.Text(id="inner", value="x")])),
            card(line("ab"), w.Box(children=[w.Text(id="inner", value="xy")])),
        ),
        [("line", "b", True), ("inner", "y", True)],
    ),
    "a text in a row of a list": (
        lambda: (
            w.ListView(children=[w.ListViewItem(children=[line("a")])]),
            w.ListView(children=[w.ListViewItem(children=[line("ab")])]),
        ),
        [("line", "b", True)],
    ),
    "a dynamic text": (
        lambda: (root(text("a", streaming=True)), root(text("ab", streaming=True))),
        [("line", "b", False)],
    ),
    "a text that was named and is dynamic now": (
        lambda: (card(line("a")), root(text("ab"))),
        [("line", "b", True)],
    ),
    "a text without an id": (lambda: (card(w.Text(value="a")), card(w.Text(value="ab"))), []),
    "a text below a transition": (
        lambda: (card(w.Transition(children=line("a"))), card(w.Transition(children=line("ab")))),
        [],
    ),
    "a text in a box below a transition": (
        lambda: (
            card(w.Transition(children=w.Box(children=[line("a")]))),
            card(w.Transition(children=w.Box(children=[line("ab")]))),
        ),
        [],
    ),
    "a single dynamic child": (
        lambda: (
            w.DynamicWidgetRoot.model_validate({"type": "Card", "children": text("a")}),
            w.DynamicWidgetRoot.model_validate({"type": "Card", "children": text("ab")}),
        ),
        [],
    ),
    "nothing": (lambda: (card(line("a")), card(line("a"))), []),
    "nothing, dynamic": (lambda: (root(text("a"), x={"y": 1}), root(text("a"), x={"y": 1})), []),
    "nothing, with a null that one side does not mention": (
        lambda: (root(text("a", glow=None)), root(text("a"))),
        [],
    ),
}


@pytest.mark.parametrize(("pair", "expected"), GROWING.values(), ids=GROWING)
def test_text_that_grows_gives_its_new_part(
    pair: Pair, expected: list[tuple[str, str, bool]]
) -> None:
    assert deltas(*pair()) == expected


BUTTON = {"type": "Button", "label": "Go"}
CHANGES: dict[str, Pair] = {
    "type of the root": lambda: (root(), root(type="Basic")),
    "type of a child": lambda: (card(w.Text(value="a")), card(w.Title(value="a"))),
    "id of the root": lambda: (card(id="one"), card(id="two")),
    "id of a text": lambda: (card(line("a")), card(w.Text(id="new", value="a"))),
    "key of a child": lambda: (card(w.Spacer(key="one")), card(w.Spacer(key="two"))),
    "a field": lambda: (card(size="sm"), card(size="lg")),
    "a field that is set": lambda: (card(), card(padding={"x": 2})),
    "a field that is unset": lambda: (card(padding={"x": 2}), card()),
    "a dynamic field that only the later has": lambda: (root(), root(shimmer=1)),
    "a dynamic field that only the earlier has": lambda: (root(shimmer=1), root()),
    "a dynamic field far below": lambda: (
        root({"type": "Row", "children": [text("a", glow={"at": [1, 2]})]}),
        root({"type": "Row", "children": [text("a", glow={"at": [1, 3]})]}),
    ),
    "a dynamic field of a text that grows": lambda: (root(text("a")), root(text("ab", glow=1))),
    "an action": lambda: (
        card(w.Button(onClickAction=ActionConfig(type="go", payload={"n": 1}))),
        card(w.Button(onClickAction=ActionConfig(type="go", payload={"n": 2}))),
    ),
    "one child more": lambda: (root(), root(BUTTON)),
    "one child less": lambda: (root(BUTTON), root()),
    "first children": lambda: (
        w.DynamicWidgetRoot(type="Card"),
        w.DynamicWidgetRoot(type="Card", children=[]),
    ),
    "a single child in place of a list": lambda: (
        w.DynamicWidgetRoot.model_validate({"type": "Card", "children": BUTTON}),
        root(BUTTON),
    ),
    "children that change places": lambda: (
        card(w.Divider(), w.Spacer()),
        card(w.Spacer(), w.Divider()),
    ),
    "a child below a transition": lambda: (
        card(w.Transition(children=w.Divider())),
        card(w.Transition(children=w.Spacer())),
    ),
    "a child that goes from below a transition": lambda: (
        card(w.Transition(children=w.Divider())),
        card(w.Transition(children=None)),
    ),
    "value of what cannot grow": lambda: (card(w.Title(value="a")), card(w.Title(value="ab"))),
    "text that is another": lambda: (card(line("abc")), card(line("xyz"))),
    "text that shrinks": lambda: (card(line("abc")), card(line("ab"))),
    "text that is another, without an id": lambda: (
        card(w.Text(value="abc")),
        card(w.Text(value="x")),
    ),
    "text that is no text any more": lambda: (root(text("abc")), root(text(["abc"]))),
    "text that comes": lambda: (root({"type": "Text", "id": "line"}), root(text("abc"))),
    "text that goes": lambda: (root(text("abc")), root({"type": "Text", "id": "line"})),
    "streaming that stops": lambda: (
        card(line("a", streaming=True)),
        card(line("ab", streaming=False)),
    ),
    "another change beside growing text": lambda: (
        card(line("a"), w.Badge(label="1")),
        card(line("ab"), w.Badge(label="2")),
    ),
}


@pytest.mark.parametrize("pair", CHANGES.values(), ids=CHANGES)
def test_any_other_change_replaces_the_whole_widget(pair: Pair) -> None:
    assert replaces_root(*pair())


def test_equal_copies_give_nothing() -> None:
    widget = card(
        w.Button(label="Go", onClickAction=ActionConfig(type="go", payload={"n": 1})),
        w.Chart(
            data=[{"x": 1}], series=[w.BarSeries(label="x", dataKey="x")], xAxis={"dataKey": "x"}
        ),
        status={"text": "x"},
    )
    assert diff_widget(widget, widget.model_copy(deep=True)) == []


def test_a_widget_read_from_a_store_gives_nothing_against_the_one_that_was_stored() -> None:
    widget = root(text("a"), {"type": "Row", "children": [text("b", glow=1)]}, shimmer=1)
    stored = w.Card.model_validate_json(widget.model_dump_json())
    assert diff_widget(widget, stored) == []


class _MustNotBeLookedAt:
    def __eq__(self, other: object) -> bool:
        raise AssertionError("a shared part was compared")

    __hash__ = None  # type: ignore[assignment]  # as any class that defines __eq__


def test_parts_that_both_states_share_are_not_looked_at() -> None:
    shared = w.DynamicWidgetComponent.model_validate(
        {"type": "Row", "children": [{"type": "Icon", "trap": _MustNotBeLookedAt()}]}
    )
    growing = w.DynamicWidgetComponent.model_validate(text("a"))
    before = w.DynamicWidgetRoot(type="Card", children=[shared, growing])
    grown = w.DynamicWidgetComponent.model_validate(text("ab"))
    after = before.model_copy(update={"children": [shared, grown]})
    assert deltas(before, after) == [("line", "b", True)]


def test_neither_state_is_changed() -> None:
    before, after = root(text("a"), shimmer=1), root(text("ab"), shimmer=1)
    copies = before.model_copy(deep=True), after.model_copy(deep=True)
    diff_widget(before, after)
    assert (before, after) == copies


@st.composite
def growing_trees(draw: st.DrawFn) -> tuple[w.DynamicWidgetRoot, w.DynamicWidgetRoot]:
    """Two states of a widget, the second of which has much in common with the first."""
    kinds = st.sampled_from(["Text", "Markdown", "Badge"])
    values = st.sampled_from(["", "a", "ab", "abc"])
    leaves = st.builds(
        w.DynamicWidgetComponent.model_validate,
        st.fixed_dictionaries(
            {"type": kinds, "id": st.sampled_from([None, "1", "2"]), "value": values}
        ),
    )
    trees = st.recursive(
        leaves,
        lambda below: st.builds(
            w.DynamicWidgetComponent.model_validate,
            st.fixed_dictionaries(
                {
                    "type": st.just("Row"),
                    "gap": st.sampled_from([None, 1]),
                    "children": st.lists(below, max_size=4) | below,
                }
            ),
        ),
        max_leaves=12,
    )
    children = draw(st.lists(trees, min_size=1, max_size=4))
    before = w.DynamicWidgetRoot(type="Card", children=children)
    changed = [draw(st.just(child) | trees) for child in children]
    return before, w.DynamicWidgetRoot(type="Card", children=changed)


@given(growing_trees())
def test_shared_parts_make_no_difference_but_in_time(
    states: tuple[w.DynamicWidgetRoot, w.DynamicWidgetRoot],
) -> None:
    before, after = states
    assert diff_widget(before, after) == diff_widget(before, after.model_copy(deep=True))
    assert diff_widget(before, before) == diff_widget(before, before.model_copy(deep=True)) == []
