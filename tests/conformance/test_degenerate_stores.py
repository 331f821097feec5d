"""Stores and runs of which nothing is right are never ``ok``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chatkit.store import AttachmentStore, Store
from chatkit_conformance import Report, check_attachment_store, check_store
from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_conformance.report import Outcome
from conformance.broken.opening import owner

Check = Callable[..., Any]
Method = Callable[..., Any]

QUICKLY: dict[str, Any] = {"quick": True, "case_timeout": 5.0}

CHECKS = pytest.mark.parametrize(
    ("check", "base"),
    [(check_store, Store), (check_attachment_store, AttachmentStore)],
    ids=["store", "attachment store"],
)


def degenerate(base: type[Any], method: Method) -> type[Any]:
    """A store all of whose methods are this one."""
    names = [name for name in dir(base) if asyncio.iscoroutinefunction(getattr(base, name))]
    return type("Degenerate", (base,), dict.fromkeys((*names, "stream"), method))


def assert_nothing_passes(report: Report) -> None:
    assert not report.ok
    assert report.results
    passed = [result.id for result in report.results if result.outcome is Outcome.PASSED]
    assert not passed


async def say_no(*_: Any, **__: Any) -> Any:
    raise RuntimeError("no")


async def hang(*_: Any, **__: Any) -> Any:
    await asyncio.get_running_loop().create_future()


async def accept(self: Any, *_: Any, **__: Any) -> Any:
    return None


@CHECKS
async def test_a_store_without_methods_passes_nothing(check: Check, base: type[Any]) -> None:
    assert_nothing_passes(await check(lambda: type("Empty", (), {})(), **QUICKLY))


@CHECKS
async def test_a_store_that_always_raises_passes_nothing(check: Check, base: type[Any]) -> None:
    assert_nothing_passes(await check(degenerate(base, say_no), **QUICKLY))


@CHECKS
async def test_a_store_that_hangs_is_ended_and_the_case_named(
    check: Check, base: type[Any]
) -> None:
    report = await check(degenerate(base, hang), quick=True, case_timeout=0.1)
    assert_nothing_passes(report)
    first = report.failures[0]
    assert f"{first.id} did not end within 0.1 s" in first.message
    assert "not run" in report.failures[-1].message
    assert report.seconds < 30


@CHECKS
async def test_a_store_that_accepts_all_and_returns_nothing_is_not_ok(
    check: Check, base: type[Any]
) -> None:
    report = await check(degenerate(base, accept), **QUICKLY)
    assert not report.ok
    right_by_chance = {  # for a store that keeps nothing: what is gone, and what asks for nothing
        "TH4.deleting-again-does-nothing",
        "LC1.closing-again-does-nothing",
    }
    assert {r.id for r in report.results if r.outcome is Outcome.PASSED} <= right_by_chance


async def test_a_factory_that_returns_one_instance_is_not_ok() -> None:
    shared = ReferenceStore[Any](Memory(), owner=owner)
    report = await check_store(lambda: shared, **QUICKLY)
    assert not report.ok
    assert any("builds a new store" in result.message for result in report.failures)


async def test_an_instance_that_is_shared_and_never_closes_is_not_ok() -> None:
    class NeverCloses(ReferenceStore[Any]):
        async def aclose(self) -> None:
            pass

    shared = NeverCloses(Memory(), owner=owner)
    report = await check_store(lambda: shared, **QUICKLY)
    assert not report.ok
    assert any("builds a new store" in result.message for result in report.failures)


@CHECKS
async def test_a_run_of_no_case_is_not_ok(check: Check, base: type[Any]) -> None:
    report = await check(degenerate(base, accept), only=[])
    assert report.results == ()
    assert not report.ok


async def test_a_run_in_which_all_is_unsupported_is_not_ok() -> None:
    memory = Memory()
    report = await check_store(
        lambda: ReferenceStore(memory, owner=owner),
        only=["DU2", "DA2.too-large-a-record-is-refused"],
    )
    assert {result.outcome for result in report.results} == {Outcome.UNSUPPORTED}
    assert not report.ok


@CHECKS
async def test_a_run_in_which_all_failures_are_known_is_not_ok(
    check: Check, base: type[Any]
) -> None:
    cases = STORE_CASES if base is Store else ATTACHMENT_CASES
    known = dict.fromkeys(cases, "everything fails")
    report = await check(degenerate(base, say_no), known_failures=known, **QUICKLY)
    assert not report.ok


async def test_a_capability_that_is_declared_and_lacking_is_a_failure() -> None:
    class NoAttachments(ReferenceStore[Any]):
        async def save_attachment(self, *_: Any) -> None:
            raise NotImplementedError

    memory = Memory()
    report = await check_store(lambda: NoAttachments(memory, owner=owner), only=["AM1"])
    assert not report.ok
