"""Whose data a request context stands for (clause SC4 of the store contract).

A store is told how to find the owner when it is built: either a function from context to owner,
or ``SINGLE_OWNER`` for a store that holds one owner's data. There is no default, since a
forgotten owner would show everybody's conversations to everybody.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar

TContext = TypeVar("TContext")


class SingleOwner(Enum):
    """The type of ``SINGLE_OWNER``; its value is the owner under which records are stored."""

    SINGLE_OWNER = "single-owner"


SINGLE_OWNER: Final = SingleOwner.SINGLE_OWNER
"""Says that all contexts stand for one owner: a desktop application, a test, a demo."""

Owner: TypeAlias = Callable[[TContext], str] | SingleOwner
"""How a store finds the owner: a synchronous function of the context, or ``SINGLE_OWNER``."""


def check_owner_setting(owner: object) -> None:
    """Refuse, when a store is built, what could never find an owner.

    Raises:
        TypeError: ``owner`` is neither ``SINGLE_OWNER`` nor a synchronous callable.
    """
    if owner is SINGLE_OWNER:
        return
    if not callable(owner):
        raise TypeError(
            "owner= must be a function from the request context to the owner's id, such as "
            f"`lambda context: context['user_id']`, or chatkit.owners.SINGLE_OWNER; got {owner!r}"
        )
    if inspect.iscoroutinefunction(owner):
        raise TypeError(f"owner= must be a synchronous function, got the async function {owner!r}")


def find_owner(owner: Owner[TContext], context: TContext) -> str:
    """The owner that ``context`` stands for.

    Raises:
        TypeError: The function returned something that is not a string.
        ValueError: The function returned an empty string.
    """
    if isinstance(owner, SingleOwner):
        return owner.value
    found: Any = owner(context)
    if inspect.iscoroutine(found):
        found.close()
    if not isinstance(found, str):
        raise TypeError(
            f"the owner function must return a string, it returned {type(found).__name__}"
        )
    if not found:
        raise ValueError("the owner function must return a non-empty string")
    return found
