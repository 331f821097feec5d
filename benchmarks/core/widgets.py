"""A widget of 200 nodes, in which one text grows from state to state."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import pairwise
from typing import Any

from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target
from chatkit.server import diff_widget
from chatkit.widgets import DynamicWidgetComponent, DynamicWidgetRoot

NODES = 200
STATES = 50
PASSES = 5
"""Over the same states, so that they are as close at hand as ones that have just been made."""

Node = DynamicWidgetComponent


def leaf(number: int) -> Node:
    kinds = (
        {"type": "Text", "value": f"Line {number}", "size": "sm", "color": "secondary"},
        {"type": "Badge", "label": f"tag {number}", "color": "info", "variant": "soft"},
        {"type": "Button", "label": "Open", "iconStart": "info", "block": False},
    )
    return Node(id=f"leaf{number}", **kinds[number % len(kinds)])


def row(number: int, growing: Node | None = None) -> Node:
    """Ten nodes, itself included; the last one may be given."""
    leaves = [leaf(number * 10 + place) for place in range(9)]
    if growing is not None:
        leaves[-1] = growing
    return Node(type="Row", id=f"row{number}", gap=2, align="center", children=leaves)


def growing_text(state: int) -> Node:
    return Node(type="Markdown", id="answer", value="Some words. " * state, streaming=True)


def root(rows: list[Node]) -> DynamicWidgetRoot:
    return DynamicWidgetRoot(type="Card", size="md", children=rows)


def fresh_trees() -> Iterator[DynamicWidgetRoot]:
    """Each state is built anew, from top to bottom."""
    count = NODES // 10
    for state in range(STATES + 1):
        yield root(
            [*(row(number) for number in range(count - 1)), row(count - 1, growing_text(state))]
        )


def shared_subtrees() -> Iterator[DynamicWidgetRoot]:
    """Each state has what has not changed in common with the one before."""
    count = NODES // 10
    constant = [row(number) for number in range(count - 1)]
    last = row(count - 1, growing_text(0))
    leaves = last.children
    assert isinstance(leaves, list)
    for state in range(STATES + 1):
        grown = last.model_copy(update={"children": [*leaves[:-1], growing_text(state)]})
        yield root([*constant, grown])


TREES: dict[str, Callable[[], Iterator[DynamicWidgetRoot]]] = {
    "widget-fresh": fresh_trees,
    "widget-shared": shared_subtrees,
}


async def differences(quick: bool) -> AsyncGenerator[Round, None]:
    while True:
        costs: dict[str, float] = {}
        result: dict[str, list[Any]] = {}
        for name, trees in TREES.items():
            states = list(trees())
            updates: list[Any] = []
            started = time.process_time()
            for _ in range(PASSES):
                updates = [
                    update
                    for before, after in pairwise(states)
                    for update in diff_widget(before, after)
                ]
            costs[name] = (time.process_time() - started) / (PASSES * STATES)
            result[name] = [update.model_dump(mode="json") for update in updates]
        yield Round(costs, result)


BENCHMARKS = [
    Benchmark(
        name="widgets",
        rows=[
            Row("widget-fresh", f"a text grows in a widget of {NODES} nodes, all new", Target(4)),
            Row("widget-shared", f"a text grows in a widget of {NODES} nodes, shared", Target(50)),
        ],
        ours=differences,
        peer="openai-chatkit",
        theirs=differences,
        environment=Environment.OPENAI_CHATKIT,
    )
]
