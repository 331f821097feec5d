"""The widgets of the demo, each from the state that it shows.

Widgets are plain JSON. A fixed shape reads best as a dictionary; where a list or a condition
shapes it, a template does (``tasks_card``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from chatkit.widgets import DynamicWidgetRoot, WidgetTemplate

TASKS = ["Read the page's source", "Stop a long reply", "Reload, and find all of this again"]

_TASKS_TEMPLATE = WidgetTemplate(
    {
        "version": "1.0",
        "name": "tasks",
        "template": """{
            "type": "Card",
            "size": "md",
            "children": [
                {"type": "Row", "align": "center", "justify": "between", "children": [
                    {"type": "Title", "size": "sm", "value": "Three small tasks"},
                    {"type": "Badge", "label": {{ progress | tojson }},
                     "color": {{ ("success" if all_done else "info") | tojson }}}
                ]},
                {"type": "Divider"}
                {%- for row in rows %},
                {"type": "Row", "key": {{ row.key | tojson }}, "align": "center", "gap": 3,
                 "children": [
                    {"type": "Text", "value": {{ row.text | tojson }}, "flex": 1,
                     "lineThrough": {{ row.done | tojson }}},
                    {"type": "Button", "size": "sm",
                     "label": {{ ("Undo" if row.done else "Done") | tojson }},
                     "variant": {{ ("ghost" if row.done else "soft") | tojson }},
                     "onClickAction": {"type": "tasks.set",
                                       "payload": {"done": {{ row.after_click | tojson }}}}}
                ]}
                {%- endfor %}
            ]
        }""",
    }
)


def tasks_card(done: Collection[int]) -> DynamicWidgetRoot:
    """A list of tasks with a button each; every button carries the state that it leads to."""
    rows = [
        {
            "key": f"task-{index}",
            "text": text,
            "done": index in done,
            "after_click": sorted(set(done) ^ {index}),
        }
        for index, text in enumerate(TASKS)
    ]
    return _TASKS_TEMPLATE.build(
        {
            "rows": rows,
            "progress": f"{len(done)} of {len(TASKS)}",
            "all_done": len(done) == len(TASKS),
        }
    )


def commands_card(commands: Iterable[tuple[str, str]]) -> DynamicWidgetRoot:
    """The list of commands; a click has the page send the command as the user's message."""
    return widget(
        type="ListView",
        status={"text": "Click one, or type it", "icon": "sparkle"},
        children=[
            {
                "type": "ListViewItem",
                "key": name,
                "gap": 3,
                "onClickAction": {
                    "type": "send_message",
                    "handler": "client",
                    "payload": {"text": name},
                },
                "children": [
                    {"type": "Badge", "label": name, "variant": "soft"},
                    {"type": "Text", "value": about, "size": "sm", "flex": 1},
                ],
            }
            for name, about in commands
        ],
    )


def order_form() -> DynamicWidgetRoot:
    """A form; what is typed joins the payload of its action under the fields' names."""
    return widget(
        type="Card",
        children=[
            {"type": "Title", "size": "sm", "value": "Order a picnic basket"},
            {"type": "Caption", "value": "Nothing is really ordered."},
            {
                "type": "Form",
                "direction": "col",
                "gap": 3,
                "onSubmitAction": {"type": "order.submit"},
                "children": [
                    labelled("Your name", "name", {"type": "Input", "required": True}),
                    {
                        "type": "Row",
                        "gap": 3,
                        "wrap": "wrap",
                        "children": [
                            labelled("Size", "size", choice("Select", "small", "medium", "large")),
                            labelled("Day", "day", {"type": "DatePicker"}),
                        ],
                    },
                    labelled("Bread", "bread", choice("RadioGroup", "rye", "wheat")),
                    {"type": "Checkbox", "name": "gift", "label": "It is a gift"},
                    labelled("A note", "note", {"type": "Textarea", "rows": 2}),
                    {
                        "type": "Row",
                        "gap": 2,
                        "justify": "end",
                        "children": [
                            {
                                "type": "Button",
                                "label": "Never mind",
                                "variant": "ghost",
                                "onClickAction": {"type": "order.cancel"},
                            },
                            {
                                "type": "Button",
                                "label": "Order",
                                "style": "primary",
                                "submit": True,
                            },
                        ],
                    },
                ],
            },
        ],
    )


def receipt_card(lines: Iterable[tuple[str, str]]) -> DynamicWidgetRoot:
    """What takes the form's place once it was sent."""
    return widget(
        type="Card",
        children=[
            {
                "type": "Row",
                "align": "center",
                "gap": 2,
                "children": [
                    {"type": "Icon", "name": "check-circle", "color": "success"},
                    {"type": "Title", "size": "sm", "value": "Ordered"},
                ],
            },
            {"type": "Divider"},
            *(
                {
                    "type": "Row",
                    "gap": 3,
                    "children": [
                        {"type": "Caption", "value": label, "width": 80},
                        {"type": "Text", "value": value, "size": "sm", "flex": 1},
                    ],
                }
                for label, value in lines
            ),
        ],
    )


def cancelled_card() -> DynamicWidgetRoot:
    """What takes the form's place when the user changed their mind."""
    return widget(type="Card", children=[{"type": "Caption", "value": "Order cancelled."}])


def lock_card(*, locked: bool) -> DynamicWidgetRoot:
    """A button that opens a locked thread again: actions go through a lock, messages do not."""
    text = "Messages are refused now." if locked else "Unlocked again: messages are welcome."
    button: dict[str, Any] = {
        "type": "Button",
        "label": "Unlock",
        "style": "primary",
        "size": "sm",
        "onClickAction": {"type": "thread.unlock"},
    }
    line = {"type": "Text", "value": text, "flex": 1}
    children = [line, button] if locked else [line]
    row = {"type": "Row", "align": "center", "gap": 3, "children": children}
    return widget(type="Card", children=[row])


def report_card(text: str, *, streaming: bool) -> DynamicWidgetRoot:
    """A card whose text grows while it is streamed; the id is what makes it addressable."""
    return widget(
        type="Card",
        children=[
            {"type": "Title", "size": "sm", "value": "Weather report"},
            {"type": "Markdown", "id": "body", "value": text, "streaming": streaming},
        ],
    )


def labelled(label: str, name: str, field: dict[str, Any]) -> dict[str, Any]:
    """A form field under its label."""
    return {
        "type": "Col",
        "gap": 1,
        "flex": 1,
        "minWidth": 150,
        "children": [
            {"type": "Label", "fieldName": name, "value": label},
            {**field, "name": name},
        ],
    }


def choice(kind: str, *values: str) -> dict[str, Any]:
    """A field that offers these values, the first one chosen."""
    options = [{"value": value, "label": value.capitalize()} for value in values]
    return {"type": kind, "options": options, "defaultValue": values[0]}


def widget(**fields: Any) -> DynamicWidgetRoot:
    """A widget from its JSON."""
    return DynamicWidgetRoot.model_validate(fields)
