"""A report as JUnit's XML, for continuous integration."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from chatkit_conformance.report import Outcome, Report, Result


def as_junit(report: Report) -> str:
    """The report as one test suite; known failures and unsupported cases are skipped ones."""
    suite = Element(
        "testsuite",
        name="chatkit-conformance",
        tests=str(len(report.results)),
        failures=str(report.count(Outcome.FAILED)),
        errors=str(report.count(Outcome.ERROR)),
        skipped=str(report.count(Outcome.UNSUPPORTED) + report.count(Outcome.KNOWN_FAILURE)),
        time=f"{report.seconds:.3f}",
    )
    for result in report.results:
        _add(suite, report, result)
    suites = Element("testsuites")
    suites.append(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, encoding="unicode")


def _add(suite: Element, report: Report, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=f"{report.store}.{result.clause}",
        name=result.id,
        time=f"{result.seconds:.3f}",
    )
    kind = {
        Outcome.FAILED: "failure",
        Outcome.ERROR: "error",
        Outcome.UNSUPPORTED: "skipped",
        Outcome.KNOWN_FAILURE: "skipped",
    }.get(result.outcome)
    if kind is not None:
        message = _for_xml(result.message)
        SubElement(case, kind, message=message.partition("\n")[0]).text = message


def _for_xml(text: str) -> str:
    """The text without what XML cannot carry."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
