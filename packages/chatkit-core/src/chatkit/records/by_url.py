"""Finds the store of a URL. Whatever goes wrong, the URL is not shown: it may hold a password."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Any

from chatkit.owners import Owner
from chatkit.records.store import RecordStore
from chatkit.store import TContext

GROUP = "chatkit.stores"
"""The entry points that packages with a store declare: a URL's scheme, and the class for it."""

PACKAGES = {
    "mongodb": "chatkit-mongo",
    "mongodb+srv": "chatkit-mongo",
    "redis": "chatkit-redis",
    "rediss": "chatkit-redis",
    "sqlite": "chatkit-sqlite",
}
"""Where the stores of this house are, to name the package that is missing."""


def store_from_url(url: str, *, owner: Owner[TContext], **settings: Any) -> RecordStore[TContext]:
    """A store at a URL, such as ``sqlite:///chat.db`` or ``redis://localhost:6379/0``.

    The package of the store must be installed: ``chatkit-sqlite``, ``chatkit-redis``,
    ``chatkit-mongo``, or one that declares its scheme as an entry point of ``chatkit.stores``.

    Args:
        url: Where the data is.
        owner: How to find whose data a request context stands for, as for every store.
        settings: Further arguments of that store's class.

    Raises:
        ImportError: The package is not installed; names the command that installs it.
        ValueError: There is no such scheme, or the store's class cannot use the URL.
        TypeError: ``owner`` or a setting is not what the store's class wants.
    """
    store_class = _class_for(_scheme(url))
    store: RecordStore[TContext] = store_class.from_url(url, owner=owner, **settings)
    return store


def _scheme(url: str) -> str:
    found = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    if not found:
        raise ValueError(f"the URL of a store must begin with one of {_known()}")
    return found[1].lower()


def _class_for(scheme: str) -> Any:
    found = entry_points(group=GROUP, name=scheme)
    if found:
        return next(iter(found)).load()
    package = PACKAGES.get(scheme)
    if package is None:
        raise ValueError(f"no installed package has a store for {scheme}://; known are {_known()}")
    raise ImportError(f"a store for {scheme}:// needs {package}: pip install {package}")


def _known() -> str:
    installed = {entry.name for entry in entry_points(group=GROUP)}
    return ", ".join(f"{scheme}://" for scheme in sorted(installed | set(PACKAGES)))
