"""The base of all models: they are built when they are needed, not when they are imported.

What pydantic builds of a model, its validator and its serializer, takes time and memory. The
first server and the first store build all, in the order in which the classes are defined, so that
each finds built what it consists of. A model that is used before builds what it needs.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

_not_built: list[type[BaseModel]] = []
_are_built = False


class Model(BaseModel):
    """A pydantic model that is built by ``build_models``, or at its first use."""

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        build_later(cls)


def build_later(model: type[BaseModel]) -> None:
    """Have ``build_models`` build a model of this package, whose ``defer_build`` is set."""
    if not _are_built and model.__module__.startswith("chatkit."):
        _not_built.append(model)


def build_models() -> None:
    """Build all models that this package has defined; costs nothing the second time."""
    global _are_built
    _are_built = True
    for model in _not_built:
        model.model_rebuild(raise_errors=False)  # an integration's own `Action` may be incomplete
    _not_built.clear()
