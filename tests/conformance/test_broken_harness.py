"""Who watches the suite: if it is broken itself, these tests and those of broken stores notice."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from chatkit_conformance import Report, StoreConformance, check_store, expect, run
from chatkit_conformance.cases import STORE_CASES
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_conformance.report import Outcome
from conformance.broken import FAULTS, Fault
from conformance.broken.opening import MOST_BYTES, STORE_CAPABILITIES, owner
from conformance.test_broken_stores import (
    test_a_broken_store_fails_the_case_that_names_its_fault as assert_caught,
)


async def whole_report() -> Report:
    memory = Memory()
    return await check_store(
        lambda: ReferenceStore(memory, owner=owner, max_bytes=MOST_BYTES),
        capabilities=STORE_CAPABILITIES,
        quick=True,
    )


def assert_whole(report: Report) -> None:
    """Every case of a quick run ran, and is in the report."""
    wanted = [case.id for case in STORE_CASES.values() if case.quick]
    assert [result.id for result in report.results] == wanted
    assert report.registered == len(STORE_CASES)


async def test_a_run_asks_every_case() -> None:
    report = await whole_report()
    assert_whole(report)
    assert report.ok


def test_the_pytest_class_has_a_test_for_every_case() -> None:
    tests = {name for name in dir(StoreConformance) if name.startswith("test_")}
    assert tests == {case.test_name for case in STORE_CASES.values()}


# Helpers that do nothing


def do_nothing(*_: Any, **__: Any) -> None:
    pass


@contextmanager
def let_all_pass(*_: Any, **__: Any) -> Generator[None]:
    with suppress(Exception):
        yield


HELPERS: dict[str, tuple[Callable[..., Any], str]] = {
    "equal": (do_nothing, "IT3.saving-an-unknown-item-adds-it"),
    "true": (do_nothing, "CC3.saves-at-once-end-as-one-version"),
    "raises": (let_all_pass, "PG6.a-wrong-order-is-refused"),
    "not_found": (let_all_pass, "IT4.an-item-of-another-thread-raises"),
    "fail": (do_nothing, "TH2.the-last-write-wins-whole"),
}


def fault_of(case_id: str) -> Fault:
    return next(fault for fault in FAULTS if fault.case == case_id)


@pytest.mark.parametrize("helper", HELPERS)
async def test_an_assertion_helper_that_does_nothing_is_noticed(
    helper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, case_id = HELPERS[helper]
    await assert_caught(fault_of(case_id), tmp_path)
    monkeypatch.setattr(expect, helper, broken)
    with pytest.raises(AssertionError):
        await assert_caught(fault_of(case_id), tmp_path)


@pytest.mark.parametrize(
    "got", [["a", "b", "b"], ["a"], ["a", "b", "c"]], ids=["repeated", "missing", "foreign"]
)
def test_once_each_is_said_of_nothing_else(got: list[str]) -> None:
    expect.once_each(["b", "a"], ["a", "b"], "what")
    with pytest.raises(expect.ContractBroken):
        expect.once_each(got, ["a", "b"], "what")


# Runners that do not run


async def test_a_runner_that_takes_failures_for_passes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_well(*_: Any) -> tuple[Outcome, str]:
        return Outcome.PASSED, ""

    monkeypatch.setattr(run, "_outcome", all_well)
    with pytest.raises(AssertionError):
        await assert_caught(fault_of("TH3.an-unknown-thread-is-named"), tmp_path)


async def test_a_runner_that_selects_all_but_one_case_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    select = run.Runner._selected

    def all_but_one(self: Any, only: Any) -> Any:
        return select(self, only)[1:]

    monkeypatch.setattr(run.Runner, "_selected", all_but_one)
    report = await whole_report()
    with pytest.raises(AssertionError):
        assert_whole(report)


async def test_a_report_that_lacks_a_selected_case_is_not_ok() -> None:
    memory = Memory()
    report = await check_store(lambda: ReferenceStore(memory, owner=owner), only=["TH3", "IT4"])
    assert report.ok
    assert not Report(
        store=report.store,
        selected=report.selected,
        results=report.results[1:],
        registered=report.registered,
        capabilities=report.capabilities,
    ).ok
