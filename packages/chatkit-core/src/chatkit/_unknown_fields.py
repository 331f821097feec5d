"""Models that keep fields they do not know, though their JSON schemas do not say so.

What a template or a newer client puts into a widget must come back from a store as it went in.
The wire schemas stay those of the protocol, which knows the known fields only.
"""

from typing import Any, Final

from pydantic import ConfigDict


def _leave_unmentioned(schema: dict[str, Any]) -> None:
    schema.pop("additionalProperties", None)


KEEP_UNKNOWN_FIELDS: Final = ConfigDict(extra="allow", json_schema_extra=_leave_unmentioned)
"""The configuration of a model or ``TypedDict`` that keeps what it does not know."""
