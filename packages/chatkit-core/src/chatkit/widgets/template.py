"""Widgets from templates: a definition in a file, filled with data."""

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from typing_extensions import deprecated

from chatkit.widgets.base import BasicRoot, DynamicWidgetRoot

if TYPE_CHECKING:
    from jinja2 import Template

VERSION = "1.0"


class WidgetTemplate:
    """A widget whose JSON is a Jinja2 template.

    Put values in with ``{{ value | tojson }}``, which quotes and escapes them.

    Args:
        definition: The content of a ``.widget`` file: ``version`` (``"1.0"``), ``name``,
            ``template``, and ``jsonSchema``, which says what data the template needs.

    Raises:
        KeyError: A part of the definition is missing.
        ValueError: The definition is of another version.
        jinja2.TemplateSyntaxError: The template cannot be parsed.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        self.version: str = definition["version"]
        if self.version != VERSION:
            raise ValueError(
                f"a widget definition of version {self.version!r}; only {VERSION!r} is known"
            )
        self.name: str = definition["name"]
        self.data_schema: dict[str, Any] = definition.get("jsonSchema", {})
        self.template: Template = _parse(definition["template"])

    @classmethod
    def from_file(cls, file_path: str) -> "WidgetTemplate":
        """Read a definition from a JSON file.

        Args:
            file_path: Absolute, or relative to the file that calls this method.
        """
        here = inspect.currentframe()
        caller = here.f_back if here else None  # there are Pythons without frames
        folder = Path(caller.f_code.co_filename).parent if caller else Path()
        return cls(json.loads((folder / file_path).read_text(encoding="utf-8")))

    def build(self, data: dict[str, Any] | BaseModel | None = None) -> DynamicWidgetRoot:
        """The widget filled with ``data``.

        Raises:
            jinja2.UndefinedError: The template uses a name that ``data`` does not have.
            pydantic.ValidationError: The filled template is not the JSON of a widget.
        """
        return DynamicWidgetRoot.model_validate_json(self._fill(data))

    @deprecated("Use build(), which takes a widget of any root type")
    def build_basic(self, data: dict[str, Any] | BaseModel | None = None) -> BasicRoot:
        """As ``build``, for a template whose root is of type ``Basic``."""
        return BasicRoot.model_validate_json(self._fill(data))

    def _fill(self, data: dict[str, Any] | BaseModel | None) -> str:
        names = data.model_dump() if isinstance(data, BaseModel) else data or {}
        return self.template.render(names)


def _parse(source: str) -> "Template":
    # Imported only here: a server whose widgets come from elsewhere need not load it.
    from jinja2 import Environment, StrictUndefined

    # What comes out is JSON, not HTML, so nothing is escaped but by `tojson`.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return environment.from_string(source)
