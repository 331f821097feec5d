"""The cases as tests of pytest: ``StoreConformance`` and ``AttachmentStoreConformance``.

Each case runs in an event loop of its own, in a thread of its own. So it does not matter which
plugin for asyncio there is, in which mode, or whether there is one at all; and a call that blocks
its thread still ends in a failure that names the case.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, ClassVar

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "the conformance classes are for pytest: pip install 'chatkit-conformance[pytest]'"
    ) from error

from chatkit_conformance.bench import AttachmentBench, Bench, Setup, StoreBench, default_context
from chatkit_conformance.capabilities import Capabilities, Outage, Target
from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES, Case
from chatkit_conformance.report import Outcome, Result
from chatkit_conformance.run import CASE_TIMEOUT, GRACE, HANGS, check_ids, missing, run_case

OpenStore = Callable[[], Any]


class Conformance:
    """What both classes have in common.

    A subclass, whose name begins with ``Test``, gives it the fixture ``open_store``, and whatever
    else applies:

    Attributes:
        capabilities: What the store is capable of.
        known_failures: Why cases fail, by id. One that passes fails the run.
        quick: Do less of what comes in numbers.
        case_timeout: Seconds that a case may take.
    """

    capabilities: ClassVar[Capabilities] = Capabilities()
    known_failures: ClassVar[Mapping[str, str]] = {}
    quick: ClassVar[bool] = False
    case_timeout: ClassVar[float] = CASE_TIMEOUT

    _cases: ClassVar[Mapping[str, Case[Any]]] = {}
    _bench: ClassVar[type[Bench[Any]]]

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Must be overridden: a function that builds a new store over the same backend."""
        pytest.fail(f"{type(self).__name__} must have a fixture open_store", pytrace=False)

    @pytest.fixture
    def target(self) -> Target | None:
        """The same function where another process can import it. Default: none."""
        return None

    @pytest.fixture
    def outage(self) -> Outage | None:
        """Takes the backend away and brings it back. Default: none."""
        return None

    def make_context(self, owner: str) -> Any:
        """The request context that stands for an owner. Default: ``{"user_id": owner}``."""
        return default_context(owner)

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        check_ids(cls.known_failures, cls._cases, f"known_failures of {cls.__name__}")
        for case in cls._cases.values():
            own: Any = getattr(cls, case.test_name, None)
            if getattr(own, "case", None) is not case:
                raise TypeError(
                    f"{cls.__name__} overrides the case {case.id}: a case that is known to fail "
                    "belongs in known_failures"
                )

    def _run(self, case: Case[Any], setup: Setup[Any]) -> None:
        __tracebackhide__ = True
        lacking = missing(case, setup)
        if lacking:
            pytest.skip(lacking)
        if setup.quick and not case.quick:
            pytest.skip("not in a quick run")
        result = _run_apart(case, self._bench(setup), self.case_timeout)
        why = self.known_failures.get(case.id)
        if result.outcome is not Outcome.PASSED:
            if why is not None:
                pytest.xfail(why)
            pytest.fail(f"{case.id}: {case.about}\n{result.message}", pytrace=False)
        if why is not None:
            pytest.fail(f"{case.id} passes, but is in known_failures: {why}", pytrace=False)


def _run_apart(case: Case[Any], bench: Bench[Any], timeout: float) -> Result:
    """Run the case in an event loop and a thread of its own."""
    results: list[Result] = []

    def run() -> None:
        results.append(asyncio.run(run_case(case, bench, timeout)))

    thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True, name=case.id)
    thread.start()
    thread.join(timeout * case.patience + 2 * GRACE)
    if results:
        return results[0]
    message = f"{case.id} did not end within {timeout * case.patience:g} s: {HANGS}"
    return Result(case.id, case.about, Outcome.ERROR, timeout, message)


def _add_tests(cls: type[Conformance], cases: Mapping[str, Case[Any]]) -> None:
    for case in cases.values():
        setattr(cls, case.test_name, _test(case))


def _test(case: Case[Any]) -> Callable[..., None]:
    def test(
        self: Conformance, open_store: OpenStore, target: Target | None, outage: Outage | None
    ) -> None:
        __tracebackhide__ = True
        setup = Setup(open_store, self.make_context, self.capabilities, target, outage, self.quick)
        self._run(case, setup)  # pyright: ignore[reportPrivateUsage] - its own

    test.__name__ = case.test_name
    test.__doc__ = case.about
    test.case = case  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return test


class StoreConformance(Conformance):
    """The store contract, one test for each case."""

    _bench = StoreBench


class AttachmentStoreConformance(Conformance):
    """The clauses for attachment stores, one test for each case."""

    _bench = AttachmentBench


for _cls, _cases in (
    (StoreConformance, STORE_CASES),
    (AttachmentStoreConformance, ATTACHMENT_CASES),
):
    _cls._cases = _cases  # pyright: ignore[reportPrivateUsage] - its own
    _add_tests(_cls, _cases)
