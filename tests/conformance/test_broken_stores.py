"""The suite can fail: each broken store fails the very case that names its fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatkit_conformance import machine
from chatkit_conformance.bench import AttachmentBench, StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES
from chatkit_conformance.reference import ReferenceAttachmentStore, ReferenceStore
from chatkit_conformance.report import Outcome, Result
from chatkit_conformance.run import HANGS, run_case
from conformance.broken import FAULTS, UPLOAD_FAULTS, Fault
from conformance.broken.opening import store_setup, upload_setup

MEASUREMENTS = {"AS8.memory-stays-flat"}
"""Cases that only measure."""

TIMEOUT = 30.0
CAUGHT = (Outcome.FAILED, Outcome.ERROR)


@pytest.fixture(autouse=True)
def little_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether random calls find a difference is the question here, not how few calls show it."""
    monkeypatch.setattr(machine, "SHRINKING", 1.0)


async def result_of_store(kind: type, case_id: str, folder: Path) -> Result:
    case = STORE_CASES[case_id]
    shared = folder / "records" if Capability.PROCESSES in case.needs else None
    return await run_case(case, StoreBench(store_setup(kind, shared)), TIMEOUT)


async def result_of_attachment_store(kind: type, case_id: str) -> Result:
    with upload_setup(kind) as setup:
        return await run_case(ATTACHMENT_CASES[case_id], AttachmentBench(setup), TIMEOUT)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_broken_store_fails_the_case_that_names_its_fault(
    fault: Fault, tmp_path: Path
) -> None:
    result = await result_of_store(fault.store, fault.case, tmp_path)
    assert result.outcome in CAUGHT, result
    assert HANGS not in result.message, result


@pytest.mark.parametrize("fault", UPLOAD_FAULTS, ids=str)
async def test_a_broken_attachment_store_fails_the_case_that_names_its_fault(
    fault: Fault,
) -> None:
    result = await result_of_attachment_store(fault.store, fault.case)
    assert result.outcome in CAUGHT, result


@pytest.mark.parametrize("case_id", STORE_CASES)
async def test_the_reference_store_passes(case_id: str, tmp_path: Path) -> None:
    result = await result_of_store(ReferenceStore, case_id, tmp_path)
    assert result.outcome is Outcome.PASSED, result


@pytest.mark.parametrize("case_id", ATTACHMENT_CASES)
async def test_the_reference_attachment_store_passes(case_id: str) -> None:
    result = await result_of_attachment_store(ReferenceAttachmentStore, case_id)
    assert result.outcome is Outcome.PASSED, result


def test_every_case_catches_a_broken_store() -> None:
    assert {fault.case for fault in FAULTS} == set(STORE_CASES)
    assert {fault.case for fault in UPLOAD_FAULTS} == set(ATTACHMENT_CASES) - MEASUREMENTS


def test_there_are_forty_broken_stores_and_more() -> None:
    assert len({fault.store for fault in (*FAULTS, *UPLOAD_FAULTS)}) >= 40
