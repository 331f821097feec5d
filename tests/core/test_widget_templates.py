"""Widgets from templates: where files are looked for, what is filled in, what is refused."""

import json
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError, UndefinedError
from pydantic import BaseModel, ValidationError

from chatkit.widgets import BasicRoot, DynamicWidgetRoot, WidgetTemplate

GREETING = """{
  "type": "Card",
  "children": [
    {%- for row in rows %}
    {"type": "Text", "id": "row-{{ loop.index }}", "value": {{ row | tojson }}},
    {%- endfor %}
    {"type": "Title", "value": {{ ("Hi " ~ name) | tojson }}}
  ],
  "size": {{ size | tojson }}
}"""
EMPTY = '{"type": "Basic", "children": []}'


class Greeting(BaseModel):
    name: str
    size: str | None = None
    rows: list[str] = []


def definition(template: str, **more: Any) -> dict[str, Any]:
    return {"version": "1.0", "name": "sample", "template": template, **more}


def test_a_template_is_filled_from_a_mapping() -> None:
    template = WidgetTemplate(definition(GREETING))
    widget = template.build({"name": 'Ada <"&">', "size": "md", "rows": ["one\n<two>", "é"]})
    assert isinstance(widget, DynamicWidgetRoot)
    assert widget.model_dump(exclude_none=True) == {
        "type": "Card",
        "children": [
            {"type": "Text", "id": "row-1", "value": "one\n<two>"},
            {"type": "Text", "id": "row-2", "value": "é"},
            {"type": "Title", "value": 'Hi Ada <"&">'},
        ],
        "size": "md",
    }


def test_a_template_is_filled_from_a_model() -> None:
    widget = WidgetTemplate(definition(GREETING)).build(Greeting(name="Bob"))
    assert widget.model_dump(exclude_none=True) == {
        "type": "Card",
        "children": [{"type": "Title", "value": "Hi Bob"}],
    }


def test_text_outside_of_tojson_is_not_escaped_as_html() -> None:
    widget = WidgetTemplate(definition('{"type": "Card", "title": "{{ title }}"}'))
    assert widget.build({"title": "R&D <3"}).model_extra == {"title": "R&D <3"}


@pytest.mark.parametrize("data", [None, {}], ids=["nothing", "an empty mapping"])
def test_a_template_without_names_needs_no_data(data: dict[str, Any] | None) -> None:
    assert WidgetTemplate(definition(EMPTY)).build(data).type == "Basic"


@pytest.mark.parametrize("data", [None, {}, {"size": "md", "rows": []}])
def test_a_name_that_is_not_in_the_data_is_an_error_that_names_it(
    data: dict[str, Any] | None,
) -> None:
    with pytest.raises(UndefinedError, match=r"rows|name"):
        WidgetTemplate(definition(GREETING)).build(data)


def test_a_template_that_cannot_be_parsed_is_refused_at_once() -> None:
    with pytest.raises(TemplateSyntaxError):
        WidgetTemplate(definition("{% for %}"))


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "Hologram"}'])
def test_what_is_no_widget_when_filled_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        WidgetTemplate(definition(text)).build()


def test_a_definition_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'2\.0'.*'1\.0'"):
        WidgetTemplate({**definition(EMPTY), "version": "2.0"})


def test_a_template_says_what_data_it_needs() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    template = WidgetTemplate(definition(EMPTY, jsonSchema=schema))
    assert (template.name, template.version) == ("sample", "1.0")
    assert template.data_schema == schema
    assert WidgetTemplate(definition(EMPTY)).data_schema == {}


def test_build_basic_still_works_and_warns() -> None:
    template = WidgetTemplate(definition(EMPTY))
    with pytest.warns(DeprecationWarning, match=r"build\(\)"):
        widget = template.build_basic({})
    assert isinstance(widget, BasicRoot)


def test_building_does_not_warn() -> None:
    template = WidgetTemplate(definition(GREETING))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        template.build(Greeting(name="Ada", rows=["one"]))


def test_a_file_is_looked_for_beside_the_file_that_asks_for_it() -> None:
    template = WidgetTemplate.from_file("widgets/greeting.widget")
    assert template.name == "greeting"
    widget = template.build({"name": "Zoë"})
    assert widget.model_dump(exclude_none=True) == {
        "type": "Card",
        "children": [{"type": "Text", "id": "greeting", "value": "Grüß dich, Zoë!"}],
    }


def test_every_caller_has_its_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.widget").write_text(json.dumps(definition(EMPTY, name="below")))
    caller = tmp_path / "caller.py"
    caller.write_text(
        "from chatkit.widgets import WidgetTemplate\n"
        "template = WidgetTemplate.from_file('sub/one.widget')\n"
    )
    assert runpy.run_path(str(caller))["template"].name == "below"


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "one.widget"
    file.write_text(json.dumps(definition(EMPTY, name="far away")))
    assert WidgetTemplate.from_file(str(file)).name == "far away"


def test_a_file_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.widget"):
        WidgetTemplate.from_file("none.widget")
