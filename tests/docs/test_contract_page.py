"""The page of the store contract has every clause that the suite tests, once and in order."""

from __future__ import annotations

import re
from pathlib import Path

from chatkit_conformance.cases import ATTACHMENT_CASES, STORE_CASES

PAGE = Path(__file__).parents[2] / "docs" / "store-contract.md"
WITH_EACH_ADAPTER = {"SC4"}
"""Clauses about how a store is built, which the suite cannot see."""


def test_the_page_and_the_suite_have_the_same_clauses() -> None:
    shown = re.findall(r"^\| \*\*([A-Z]{2}\d+)\*\* \|", PAGE.read_text(encoding="utf-8"), re.M)
    tested = {case.clause for case in STORE_CASES.values()}
    tested |= {case.clause for case in ATTACHMENT_CASES.values()}
    assert len(set(shown)) == len(shown)
    assert set(shown) == tested | WITH_EACH_ADAPTER
