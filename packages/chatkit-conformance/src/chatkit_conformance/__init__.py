"""The ChatKit store contract as a program: what a store gets wrong, by the clause's name.

registry.py      the cases by id; cases/ holds them, one module for each family of clauses
bench.py         what a case works with: stores over one backend, new owners and ids
expect.py        what cases expect, and how they say that it is not so
samples.py       records with awkward content
capabilities.py  what a store is said to be capable of
run.py           ``check_store`` and ``check_attachment_store``
testing.py       the pytest classes
command.py       the command line
report.py        what came of it; table.py and junit.py print it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit_conformance.capabilities import Capabilities, Capability, Outage, Target
from chatkit_conformance.report import Outcome, Report, Result
from chatkit_conformance.run import CouldNotRunError, check_attachment_store, check_store

if TYPE_CHECKING:
    from chatkit_conformance.testing import AttachmentStoreConformance, StoreConformance

__all__ = [
    "AttachmentStoreConformance",
    "Capabilities",
    "Capability",
    "CouldNotRunError",
    "Outage",
    "Outcome",
    "Report",
    "Result",
    "StoreConformance",
    "Target",
    "check_attachment_store",
    "check_store",
]


def __getattr__(name: str) -> Any:
    if name in ("AttachmentStoreConformance", "StoreConformance"):
        from chatkit_conformance import testing  # needs pytest, which is optional

        return getattr(testing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
