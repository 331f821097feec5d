"""The cases themselves: their names, and that the contract's clauses have some."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import chatkit_conformance
from chatkit_conformance.cases import ATTACHMENT_CASES, MODULES, STORE_CASES, Case

CLAUSES = {"SC": 3, "TH": 6, "IT": 8, "PG": 7, "AM": 2, "DA": 4, "CC": 4, "DU": 2, "LC": 2, "AS": 8}
"""How many clauses each family has; SC4 is tested with each adapter."""

ALL: list[Case[Any]] = [*STORE_CASES.values(), *ATTACHMENT_CASES.values()]


def test_every_clause_has_a_case() -> None:
    wanted = {f"{family}{n}" for family, last in CLAUSES.items() for n in range(1, last + 1)}
    assert {case.clause for case in ALL} == wanted


def test_every_case_says_in_one_line_what_it_shows() -> None:
    for case in ALL:
        assert case.about.endswith("."), case.id
        assert len(case.about) < 100, case.id
    assert len({case.about for case in ALL}) == len(ALL)


def test_every_module_of_cases_is_registered() -> None:
    folder = Path(chatkit_conformance.__file__).parent / "cases"
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == files


def test_cases_are_in_the_order_of_the_contract() -> None:
    families = list(CLAUSES)
    places = [(families.index(case.clause[:2]), int(case.clause[2:])) for case in ALL]
    assert places == sorted(places)


def test_a_test_can_be_selected_by_clause_and_by_words() -> None:
    names = [case.test_name for case in ALL]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"test_[A-Z]{2}\d+_[a-z0-9_]+", name) for name in names)


def test_an_id_is_used_once() -> None:
    from chatkit_conformance.registry import store_case

    for id in ("PG3.hundreds-share-one-time", "no clause", "PG3"):
        with pytest.raises(ValueError, match="no new case's id"):
            store_case(id)


def test_core_and_conformance_have_one_version() -> None:
    assert version("chatkit-conformance") == version("chatkit-core")
