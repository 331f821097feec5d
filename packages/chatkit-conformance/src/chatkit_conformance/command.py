"""``chatkit-conformance my_package.testing:open_store``: the suite from the command line.

The module that holds ``open_store`` may also hold, under these names:

make_context(owner)   makes the request context that stands for an owner
capabilities          what the store is capable of (``Capabilities``)
outage()              a context manager that takes the backend away
target                ``None`` if other processes cannot use the backend by importing the module

It exits with 0 if the store is conformant, 1 if not, and 2 if the suite could not run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from chatkit_conformance.bench import Factory, MakeContext, default_context
from chatkit_conformance.capabilities import Capabilities, Outage, Target
from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES, Case
from chatkit_conformance.junit import as_junit
from chatkit_conformance.processes import imported
from chatkit_conformance.report import Report, Result
from chatkit_conformance.run import (
    CASE_TIMEOUT,
    GRACE,
    CouldNotRunError,
    check_attachment_store,
    check_store,
)

CONFORMANT, NOT_CONFORMANT, COULD_NOT_RUN = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    _write_any_text()
    options = _parser().parse_args(arguments)
    cases = ATTACHMENT_CASES if options.attachments else STORE_CASES
    if options.list:
        _say("\n".join(map(_listed, cases.values())))
        return CONFORMANT
    try:
        if options.target is None:
            raise CouldNotRunError("say where the factory is, as my_package.testing:open_store")
        report = asyncio.run(_check(options, Subject.at(options.target)))
        report = replace(
            report, results=tuple(_alone(result, options) for result in report.results)
        )
        if options.json:
            Path(options.json).write_text(report.to_json() + "\n", encoding="utf-8")
        if options.junit:
            Path(options.junit).write_text(as_junit(report), encoding="utf-8")
    except (CouldNotRunError, OSError, ValueError) as error:
        sys.stderr.write(f"chatkit-conformance could not run: {error}\n")
        return COULD_NOT_RUN
    _say(f"\n{report}")
    return CONFORMANT if report.ok else NOT_CONFORMANT


@dataclass(frozen=True)
class Subject:
    """What the module that was named says of the store."""

    open_store: Factory[Any]
    make_context: MakeContext
    capabilities: Capabilities
    target: Target | None
    outage: Outage | None

    @classmethod
    def at(cls, path: str) -> Subject:
        """What is at ``package.module:open_store``.

        Raises:
            CouldNotRunError: It cannot be imported, or is no function.
        """
        sys.path.insert(0, str(Path.cwd()))
        try:
            factory = imported(path)
            module = import_module(path.partition(":")[0])
        except Exception as error:  # whatever the module does when it is imported
            message = f"cannot import {path}: {type(error).__name__}: {error}"
            raise CouldNotRunError(message) from error
        if not callable(factory):
            raise CouldNotRunError(f"{path} is no function that builds a store: {factory!r}")
        capabilities: Capabilities = getattr(module, "capabilities", Capabilities())
        target = Target(path) if capabilities.durable else None
        return cls(
            factory,
            getattr(module, "make_context", default_context),
            capabilities,
            getattr(module, "target", target),
            getattr(module, "outage", None),
        )


async def _check(options: argparse.Namespace, subject: Subject) -> Report:
    watch = Watch(options.timeout)
    common: dict[str, Any] = {
        "make_context": subject.make_context,
        "capabilities": subject.capabilities,
        "only": options.only or None,
        "known_failures": _known_failures(options.known_failures),
        "quick": options.quick,
        "case_timeout": options.timeout,
        "starting": watch.starting,
        "progress": watch.ended,
    }
    try:
        if options.attachments:
            return await check_attachment_store(subject.open_store, **common)
        return await check_store(
            subject.open_store, target=subject.target, outage=subject.outage, **common
        )
    finally:
        watch.stop()


class Watch:
    """Shows what is going on, and ends the program when a case blocks it for good."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._timer: threading.Timer | None = None

    def starting(self, case: Case[Any]) -> None:
        """A case begins."""
        seconds = self._timeout * case.patience + 2 * GRACE
        self._timer = threading.Timer(seconds, self._give_up, (case.id, seconds))
        self._timer.daemon = True
        self._timer.start()

    def ended(self, result: Result) -> None:
        """A case has ended."""
        self.stop()
        sys.stderr.write(f"{result.outcome.value:>13}  {result.seconds:6.2f} s  {result.id}\n")
        sys.stderr.flush()

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, id: str, seconds: float) -> None:
        sys.stderr.write(
            f"\nNOT CONFORMANT: {id} did not end within {seconds:g} s: a call of the store blocks "
            "the event loop\n"
        )
        sys.stderr.flush()
        os._exit(NOT_CONFORMANT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatkit-conformance",
        description="What a ChatKit store gets wrong, by the clause's name.",
        epilog="Exit status: 0 conformant, 1 not conformant, 2 could not run.",
    )
    add = parser.add_argument
    add("target", nargs="?", help="the factory, as my_package.testing:open_store")
    add("--attachments", action="store_true", help="it builds attachment stores")
    add("--only", action="append", metavar="ID", help="run this case or clause; may be repeated")
    add("--quick", action="store_true", help="do less of what comes in numbers")
    add("--known-failures", metavar="FILE", help="lines 'ID: why' of cases that are known to fail")
    add("--json", metavar="FILE", help="write the report as JSON")
    add("--junit", metavar="FILE", help="write the report as JUnit's XML")
    add("--list", action="store_true", help="list the cases")
    add(
        "--timeout",
        type=float,
        default=CASE_TIMEOUT,
        metavar="SECONDS",
        help="how long a case may take (default: %(default)g)",
    )
    return parser


def _listed(case: Case[Any]) -> str:
    needs = ", ".join(sorted(need.value for need in case.needs))
    return f"{case.id}\n    {case.about}" + (f"\n    needs {needs}" if needs else "")


def _known_failures(path: str | None) -> dict[str, str]:
    """The reasons by id from lines like ``PG3.some-case: why``; ``#`` begins a comment.

    Raises:
        ValueError: A line has no reason.
    """
    if path is None:
        return {}
    reasons: dict[str, str] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        id, _, why = line.partition(":")
        if not why.strip():
            raise ValueError(f"{path}: expected 'ID: why', got {line!r}")
        reasons[id.strip()] = why.strip()
    return reasons


def _alone(result: Result, options: argparse.Namespace) -> Result:
    words = ["chatkit-conformance", options.target, "--only", result.id]
    if options.attachments:
        words.insert(2, "--attachments")
    return replace(result, alone=shlex.join(words))


def _write_any_text() -> None:
    """Have output that a terminal or a pipe cannot show replaced, not raised."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
