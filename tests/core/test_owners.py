"""Whose data a context stands for (SC4)."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER, check_owner_setting, find_owner


def test_the_owner_is_what_the_function_says_about_the_context() -> None:
    def owner(context: dict[str, str]) -> str:
        return context["user"]

    check_owner_setting(owner)
    assert find_owner(owner, {"user": "alice"}) == "alice"


def test_any_synchronous_callable_will_do() -> None:
    for owner in (str, functools.partial("{}-{}".format, "tenant"), lambda context: "x"):
        check_owner_setting(owner)
    assert find_owner(functools.partial("{}-{}".format, "tenant"), 7) == "tenant-7"


def test_a_single_owner_is_the_same_for_every_context() -> None:
    check_owner_setting(SINGLE_OWNER)
    assert find_owner(SINGLE_OWNER, None) == find_owner(SINGLE_OWNER, {"user": "alice"}) != ""


@pytest.mark.parametrize("wrong", [None, "alice", 7, {"user": "alice"}])
def test_what_is_neither_a_function_nor_the_marker_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"owner= must be .*SINGLE_OWNER"):
        check_owner_setting(wrong)


def test_an_async_function_is_refused_when_the_store_is_built() -> None:
    async def owner(context: Any) -> str:
        return "alice"

    with pytest.raises(TypeError, match="synchronous"):
        check_owner_setting(owner)


def test_a_function_that_turns_out_to_be_async_is_refused_without_a_warning() -> None:
    async def later(context: Any) -> str:
        return "alice"

    owner: Any = lambda context: later(context)  # noqa: E731 - hides that it is async
    check_owner_setting(owner)
    with pytest.raises(TypeError, match="returned coroutine"):
        find_owner(owner, None)


@pytest.mark.parametrize("found", [None, 7, b"alice", ["alice"]])
def test_an_owner_that_is_no_string_is_refused(found: Any) -> None:
    with pytest.raises(TypeError, match=f"returned {type(found).__name__}"):
        find_owner(lambda context: found, None)


def test_an_empty_owner_is_refused() -> None:
    with pytest.raises(ValueError, match="non-empty"):
        find_owner(lambda context: "", None)


def test_what_the_function_raises_goes_to_the_caller() -> None:
    def owner(context: dict[str, str]) -> str:
        return context["user"]

    with pytest.raises(KeyError, match="user"):
        find_owner(owner, {})
