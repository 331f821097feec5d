"""Runs cases one by one: ``check_store`` and ``check_attachment_store``."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from chatkit.store import AttachmentStore, Store
from chatkit_conformance.bench import (
    AttachmentBench,
    Bench,
    Factory,
    MakeContext,
    Setup,
    StoreBench,
    default_context,
)
from chatkit_conformance.capabilities import Capabilities, Capability, Outage, Target
from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES, Case
from chatkit_conformance.expect import ContractBroken
from chatkit_conformance.report import Outcome, Report, Result

CASE_TIMEOUT = 30.0
"""Seconds that a case may take unless something else is asked for."""

GRACE = 2.0
"""Seconds that a case which was cancelled has left to end."""

MOST_TIMEOUTS = 3
"""After so many cases in a row that did not end, the others are not run."""

PROBE_TIMEOUT = 10.0
"""Seconds that a case may take which only looks for what was not declared."""

HANGS = "a call hangs"

_PROBED = set(Capability) - {
    Capability.PROCESSES,
    Capability.OUTAGES,
    Capability.RECORD_LIMIT,
    Capability.UPLOAD_LIMIT,
    Capability.REFUSED_TYPE,
    Capability.LINK_LIFETIME,
}
"""Capabilities for whose cases nothing has to be given."""

_PACKAGE = Path(__file__).parent.name

TBench = TypeVar("TBench", bound=Bench[Any])

Starting = Callable[[Case[Any]], None]
"""Is told each case that begins."""

Progress = Callable[[Result], None]
"""Is told each result as soon as it is there."""


class CouldNotRunError(Exception):
    """The factory raised, or did not return, so there is no store to ask."""


async def check_store(
    open_store: Factory[Store[Any]],
    *,
    make_context: MakeContext = default_context,
    capabilities: Capabilities | None = None,
    target: Target | None = None,
    outage: Outage | None = None,
    only: Collection[str] | None = None,
    known_failures: Mapping[str, str] | None = None,
    quick: bool = False,
    case_timeout: float = CASE_TIMEOUT,
    starting: Starting | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run the store contract against the stores that ``open_store`` builds.

    The cases run in the caller's event loop. A call that never returns ends in a timeout; only
    one that blocks the event loop itself is beyond this function (not beyond the other two ways
    to run the suite, which name it).

    Args:
        open_store: Builds a new store over the same backend at each call.
        make_context: Makes the request context that stands for an owner.
        capabilities: What the store is capable of; by default all that is not optional.
        target: The same factory where another process can import it.
        outage: Takes the backend away and brings it back.
        only: Ids of cases, or of clauses, to run alone.
        known_failures: Why cases fail, by id. One that passes is a failure.
        quick: Do less of what comes in numbers.
        case_timeout: Seconds that a case may take.
        starting: Is told each case that begins.
        progress: Is told each result.

    Raises:
        CouldNotRunError: The factory raised, or did not return.
        ValueError: There is no case of an id that was given.
    """
    setup = Setup(open_store, make_context, capabilities or Capabilities(), target, outage, quick)
    runner = Runner(setup, StoreBench, STORE_CASES, known_failures or {}, case_timeout)
    return await runner.run(only, starting, progress)


async def check_attachment_store(
    open_store: Factory[AttachmentStore[Any]],
    *,
    make_context: MakeContext = default_context,
    capabilities: Capabilities | None = None,
    only: Collection[str] | None = None,
    known_failures: Mapping[str, str] | None = None,
    quick: bool = False,
    case_timeout: float = CASE_TIMEOUT,
    starting: Starting | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run the clauses for attachment stores. The arguments are those of ``check_store``."""
    setup = Setup(open_store, make_context, capabilities or Capabilities(), quick=quick)
    runner = Runner(setup, AttachmentBench, ATTACHMENT_CASES, known_failures or {}, case_timeout)
    return await runner.run(only, starting, progress)


async def run_case(case: Case[TBench], bench: TBench, timeout: float) -> Result:
    """Run one case, whatever it raises, and end it in time."""
    begun = time.perf_counter()
    timeout *= case.patience
    task = asyncio.ensure_future(_as_coroutine(case, bench))
    try:
        await asyncio.wait({task}, timeout=timeout)
    finally:
        if not task.done():
            task.cancel()
    outcome, message = await _outcome(case, task, timeout)
    return Result(case.id, case.about, outcome, time.perf_counter() - begun, message)


async def _as_coroutine(case: Case[TBench], bench: TBench) -> None:
    await case.run(bench)


async def _outcome(
    case: Case[Any], task: asyncio.Task[None], timeout: float
) -> tuple[Outcome, str]:
    if not task.done():
        await asyncio.wait({task}, timeout=GRACE)
        if task.done() and not task.cancelled():
            task.exception()  # or asyncio says that nobody asked for it
        return Outcome.ERROR, f"{case.id} did not end within {timeout:g} s: {HANGS}"
    if task.cancelled():
        return Outcome.ERROR, "the store cancelled the case that called it"
    error = task.exception()
    if error is None:
        return Outcome.PASSED, ""
    if isinstance(error, ContractBroken):
        return Outcome.FAILED, str(error)
    return Outcome.ERROR, f"{_where(error)} raised {type(error).__name__}: {error}"


def _where(error: BaseException) -> str:
    """The innermost line of a case in the error's traceback, and what it called."""
    place = "the case"
    for frame in traceback.extract_tb(error.__traceback__):
        if f"{_PACKAGE}{os.sep}cases" in frame.filename:
            place = f"{Path(frame.filename).name}:{frame.lineno} ({(frame.line or '').strip()})"
    return place


def as_known(result: Result, known_failures: Mapping[str, str]) -> Result:
    """The result as it counts when some cases are known to fail."""
    why = known_failures.get(result.id)
    if why is None or result.outcome is Outcome.UNSUPPORTED:
        return result
    if result.outcome is Outcome.PASSED:
        message = f"it passes, but is among the known failures: {why}"
        return replace(result, outcome=Outcome.FAILED, message=message)
    return replace(result, outcome=Outcome.KNOWN_FAILURE, message=why)


def missing(case: Case[Any], setup: Setup[Any]) -> str:
    """What the case needs and does not have, in words; empty if nothing."""
    if case.package and find_spec(case.package) is None:
        return (
            f"needs the package {case.package}: pip install 'chatkit-conformance[{case.package}]'"
        )
    lacking = sorted(need.value for need in case.needs - setup.declared())
    return f"needs {', '.join(lacking)}" if lacking else ""


def check_ids(ids: Collection[str], cases: Mapping[str, Any], what: str) -> None:
    """Refuse ids that no case has.

    Raises:
        ValueError: Names them.
    """
    unknown = sorted(set(ids) - set(cases))
    if unknown:
        raise ValueError(f"{what}: there is no case {', '.join(map(repr, unknown))}")


@dataclass
class Runner(Generic[TBench]):
    """Runs a suite's cases against one setup."""

    setup: Setup[Any]
    make_bench: Callable[[Setup[Any]], TBench]
    cases: Mapping[str, Case[TBench]]
    known_failures: Mapping[str, str]
    case_timeout: float
    measurements: dict[str, str] = field(default_factory=dict[str, str])

    async def run(
        self,
        only: Collection[str] | None = None,
        starting: Starting | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Run the selected cases, and make the report."""
        check_ids(self.known_failures, self.cases, "known failures")
        selected = self._selected(only)
        begun = time.perf_counter()
        store = await self._name_of_store()
        results: list[Result] = []
        for case in selected:
            if starting is not None:
                starting(case)
            hopeless = _all_hang(results)
            result = _not_run(case) if hopeless else await self._result(case)
            results.append(replace(result, alone=f"only=[{case.id!r}]"))
            if progress is not None:
                progress(results[-1])
        declared = self.setup.declared()
        return Report(
            store=store,
            selected=tuple(case.id for case in selected),
            results=tuple(results),
            registered=len(self.cases),
            capabilities={one.value: one in declared for one in self._capabilities()},
            notes=tuple(await self._undeclared_but_working(selected)),
            measurements=dict(self.measurements),
            seconds=time.perf_counter() - begun,
            quick=self.setup.quick,
        )

    def _selected(self, only: Collection[str] | None) -> list[Case[TBench]]:
        cases = list(self.cases.values())
        if only is None:
            return [case for case in cases if case.quick or not self.setup.quick]
        check_ids(only, {**self.cases, **{case.clause: case for case in cases}}, "only")
        return [case for case in cases if case.id in only or case.clause in only]

    def _capabilities(self) -> list[Capability]:
        needed = {need for case in self.cases.values() for need in case.needs}
        return [one for one in Capability if one in needed]

    async def _name_of_store(self) -> str:
        """What the factory builds. Raises ``CouldNotRunError``."""
        building = asyncio.ensure_future(self.make_bench(self.setup).build())
        await asyncio.wait({building}, timeout=self.case_timeout)
        if not building.done():
            building.cancel()
            raise CouldNotRunError(f"the factory did not return within {self.case_timeout:g} s")
        error = building.exception()
        if error is not None:
            message = f"the factory raised {type(error).__name__}: {error}"
            raise CouldNotRunError(message) from error
        store: object = building.result()
        return f"{type(store).__module__}.{type(store).__qualname__}"

    async def _result(self, case: Case[TBench]) -> Result:
        lacking = missing(case, self.setup)
        if lacking:
            return Result(case.id, case.about, Outcome.UNSUPPORTED, 0.0, lacking)
        bench = self.make_bench(self.setup)
        result = await run_case(case, bench, self.case_timeout)
        self.measurements.update(bench.measurements)
        return as_known(result, self.known_failures)

    async def _undeclared_but_working(self, selected: Sequence[Case[TBench]]) -> list[str]:
        """What the store does not declare, and yet does, as far as the cases can tell."""
        notes: list[str] = []
        declared = self.setup.declared()
        for capability in sorted(set(_PROBED) - declared, key=lambda one: one.value):
            cases = [case for case in selected if case.needs - declared == frozenset({capability})]
            if cases and await self._all_pass(cases):
                notes.append(f"not declared, but working: {capability.value}")
        return notes

    async def _all_pass(self, cases: Sequence[Case[TBench]]) -> bool:
        for case in cases:
            bench = self.make_bench(self.setup)
            result = await run_case(case, bench, min(self.case_timeout, PROBE_TIMEOUT))
            if result.outcome is not Outcome.PASSED:
                return False
        return True


def _all_hang(results: Sequence[Result]) -> bool:
    last = results[-MOST_TIMEOUTS:]
    return len(last) == MOST_TIMEOUTS and all(HANGS in r.message for r in last)


def _not_run(case: Case[Any]) -> Result:
    message = f"not run: the {MOST_TIMEOUTS} cases before did not end; {HANGS}"
    return Result(case.id, case.about, Outcome.ERROR, 0.0, message)
