"""A report as a table of plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import groupby

from chatkit_conformance.registry import FAMILIES
from chatkit_conformance.report import Outcome, Report, Result

_WIDTH = 88


def as_table(report: Report) -> str:
    """The whole report: clauses, failures, what was declared, and the verdict."""
    parts = [_clauses(report), *map(_failure, report.failures), _facts(report), _verdict(report)]
    return "\n\n".join(part for part in parts if part)


def _clauses(report: Report) -> str:
    lines = [f"{'clause':<8}{'passed':>8}{'failed':>8}{'other':>8}{'seconds':>10}", "-" * 42]
    family = ""
    for clause, group in groupby(report.results, key=lambda result: result.clause):
        results = list(group)
        if clause[:2] != family:
            family = clause[:2]
            lines.append(FAMILIES[family])
        lines.append(_line(clause, results))
    return "\n".join(lines)


def _line(clause: str, results: list[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    failed = counts[Outcome.FAILED] + counts[Outcome.ERROR]
    other = len(results) - counts[Outcome.PASSED] - failed
    seconds = sum(result.seconds for result in results)
    names = [result.outcome.value for result in results if result.outcome not in _PLAIN]
    remark = f"  {', '.join(sorted(set(names)))}" if names else ""
    return (
        f"  {clause:<6}{counts[Outcome.PASSED]:>8}{failed or '':>8}{other or '':>8}"
        f"{seconds:>10.2f}{remark}"
    )


_PLAIN = (Outcome.PASSED,)


def _failure(result: Result) -> str:
    lines = [f"{result.outcome.value.upper()} {result.id}: {result.about}"]
    lines += textwrap.indent(result.message, "  ").splitlines()
    if result.alone:
        lines.append(f"  run it alone: {result.alone}")
    return "\n".join(lines)


def _facts(report: Report) -> str:
    declared = [name for name, has in report.capabilities.items() if has]
    absent = [name for name, has in report.capabilities.items() if not has]
    facts = [("declared", ", ".join(declared)), ("not declared", ", ".join(absent))]
    facts += [("note", note) for note in report.notes]
    facts += [(f"measured {clause}", text) for clause, text in report.measurements.items()]
    for result in report.results:
        if result.outcome is Outcome.KNOWN_FAILURE:
            facts.append(("known failure", f"{result.id}: {result.message}"))
    return "\n".join(
        textwrap.fill(f"{name}: {text}", _WIDTH, subsequent_indent="  ")
        for name, text in facts
        if text
    )


def _verdict(report: Report) -> str:
    counts = ", ".join(
        f"{report.count(outcome)} {outcome.value}" for outcome in Outcome if report.count(outcome)
    )
    deselected = report.registered - len(report.selected)
    return (
        f"{_judgement(report)}: {report.store}\n"
        f"{counts or 'no case was run'}"
        f"{f', {deselected} not selected' if deselected else ''}"
        f"; {report.seconds:.1f} s{' (quick)' if report.quick else ''}"
    )


def _judgement(report: Report) -> str:
    if not report.ok:
        return "NOT CONFORMANT"
    if len(report.selected) < report.registered:
        return "PASSED WHAT WAS SELECTED"
    if report.count(Outcome.KNOWN_FAILURE):
        return "CONFORMANT BUT FOR KNOWN FAILURES"
    return "CONFORMANT"
