"""The harness of the benchmarks: its ratios, and that nothing goes wrong in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.harness import chart, environments, report
from benchmarks.harness.environments import CannotPrepareError, python_of
from benchmarks.harness.measure import DifferentResultsError, Outcome, Spread, measure, outcomes
from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target, Unit
from benchmarks.harness.stages import Work, profile, stage_of
from benchmarks.harness.worker import find_benchmark
from benchmarks.harness.workers import SideFailedError

FAULTY = "tests.benchmarks.faulty"


async def measured(name: str, *, quick: bool = False) -> Outcome:
    (outcome,) = await measure(FAULTY, find_benchmark(FAULTY, name), quick=quick)
    return outcome


def rounds(*costs: float) -> list[Round]:
    return [Round({"cost": cost}, None) for cost in costs]


def row_with(target: Target | None) -> Row:
    return Row("cost", "something", target)


def outcome_of(target: Target | None, ours: list[Round], theirs: list[Round]) -> Outcome:
    benchmark = find_benchmark(FAULTY, "fast")
    compared = Benchmark("b", [row_with(target)], benchmark.ours, "a peer", benchmark.theirs)
    (outcome,) = outcomes(compared, ours, theirs)
    return outcome


def test_the_ratio_is_the_median_over_pairs_of_rounds() -> None:
    outcome = outcome_of(Target(2), rounds(1, 10, 2), rounds(4, 10, 6))
    assert outcome.ratio == Spread(3.0, 2.0, 3.5)
    assert (outcome.ours.median, outcome.met) == (2, True)


def test_a_target_of_at_most_turns_the_ratio_round() -> None:
    outcome = outcome_of(Target(1.25, at_most=True), rounds(3, 3), rounds(2, 2))
    assert outcome.ratio == Spread(1.5, 1.5, 1.5)
    assert (outcome.met, outcome.half_met) == (False, True)


@pytest.mark.parametrize(
    ("target", "ratio", "met", "half_met"),
    [
        (Target(4), 4.0, True, True),
        (Target(4), 2.0, False, True),
        (Target(4), 1.9, False, False),
        (Target(1.2, at_most=True), 1.2, True, True),
        (Target(1.2, at_most=True), 2.4, False, True),
        (Target(1.2, at_most=True), 2.5, False, False),
    ],
)
def test_half_as_good_as_the_target_will_do_in_a_quick_run(
    target: Target, ratio: float, met: bool, half_met: bool
) -> None:
    assert (target.is_met(ratio), target.is_met(ratio, 2)) == (met, half_met)


def test_a_row_without_a_target_is_neither_met_nor_missed() -> None:
    outcome = outcome_of(None, rounds(1), rounds(4))
    assert (outcome.ratio, outcome.met, outcome.half_met) == (Spread(4, 4, 4), None, None)


def test_no_quick_run_fails_for_what_the_disk_decides() -> None:
    fast = find_benchmark(FAULTY, "fast")
    row = Row("cost", "something", Target(100), disk_bound=True)
    compared = Benchmark("b", [row], fast.ours, "a peer", fast.theirs)
    (outcome,) = outcomes(compared, rounds(1), rounds(1))
    assert (outcome.met, outcome.half_met) == (False, None)


def test_a_target_needs_a_peer() -> None:
    with pytest.raises(ValueError, match="has a target, and no peer"):
        Benchmark("alone", [row_with(Target(2))], find_benchmark(FAULTY, "fast").ours)


async def test_the_first_round_of_each_side_does_not_count() -> None:
    outcome = await measured("fast")
    assert outcome.ours == Spread(1.5, 1.0, 2.0)
    assert outcome.ratio == Spread(4.5, 3.0, 6.0)


async def test_a_quick_run_reports_the_last_of_its_attempts_when_none_will_do() -> None:
    outcome = await measured("slow", quick=True)
    assert (outcome.ratio, outcome.half_met) == (Spread(0.25, 0.25, 0.25), False)


async def test_different_results_of_the_sides_are_an_error_that_shows_where() -> None:
    with pytest.raises(DifferentResultsError, match=r'(?s)"one".*"two"'):
        await measured("wrong")


async def test_a_side_that_raises_is_an_error_with_its_words() -> None:
    with pytest.raises(SideFailedError, match="LookupError: nothing to measure"):
        await measured("raising")


async def test_a_side_that_dies_is_an_error_with_its_status() -> None:
    with pytest.raises(SideFailedError, match="ended with status 7"):
        await measured("dying")


async def test_a_peer_that_is_missing_is_an_error() -> None:
    with pytest.raises(SideFailedError, match="a_peer_that_nobody_has"):
        await measured("missing")


async def test_what_a_side_prints_is_not_taken_for_an_answer() -> None:
    assert (await measured("printing")).ours.median == 1.0


def test_an_environment_that_cannot_be_made_is_an_error_with_the_words_of_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openai-chatkit.txt").write_text("-r a-file-that-is-not-there.txt\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    with pytest.raises(CannotPrepareError, match=r"a-file-that-is-not-there\.txt"):
        python_of(Environment.OPENAI_CHATKIT)


@pytest.mark.parametrize(
    ("cost", "unit", "shown"),
    [
        (2.4, Unit.SECONDS, "2.4 s"),
        (0.000431, Unit.SECONDS, "431 µs"),
        (46.9e6, Unit.BYTES, "46.9 MB"),
        (0.0, Unit.BYTES, "0 B"),
    ],
)
def test_costs_are_shown_in_a_handy_unit(cost: float, unit: Unit, shown: str) -> None:
    assert report.amount(cost, unit) == shown


async def test_results_of_one_group_leave_those_of_the_others_in_place() -> None:
    fast, slow = await measured("fast"), await measured("slow")
    entries = report.results([fast, slow])["rows"]
    before = {"machine": "m", "versions": {}, "date": "then", "rows": [{"name": "a"}, entries[0]]}
    now = {**before, "date": "now", "rows": [{"name": "a", "met": True}, {"name": "b"}]}
    merged = report.merged(before, now)
    assert merged["rows"] == [{"name": "a", "met": True}, entries[0], {"name": "b"}]
    assert report.merged(before, {**now, "machine": "another"})["rows"] == now["rows"]


async def test_the_chart_has_a_bar_for_each_row_with_a_target() -> None:
    found = report.results([await measured("fast"), await measured("slow")])
    drawn = chart.chart(found)
    assert drawn.count('<rect class="bar') == 2
    assert drawn.count("missed") == 2  # in the style, and the slow one
    assert "4.5x" in drawn
    assert found["date"] in drawn


async def test_the_chart_says_from_when_to_when_its_rows_are() -> None:
    found = report.results([await measured("fast"), await measured("slow")])
    found["rows"][0]["date"] = "2026-01-02"
    assert f"2026-01-02 to {found['date']}" in chart.chart(found)


async def test_a_chart_of_no_targets_has_no_bars() -> None:
    found = report.results([await measured("fast")])
    found["rows"][0]["target"] = None
    assert chart.chart(found).count('<rect class="bar') == 0


async def prepared() -> Work:
    async def work() -> None:
        json.dumps(list(range(100_000)))

    return work


def test_a_profile_says_which_part_of_the_time_each_stage_takes() -> None:
    parts = profile(prepared)
    assert sum(parts.values()) == pytest.approx(1.0)
    assert "the standard library" in parts
    assert "built-in functions" in parts


@pytest.mark.parametrize(
    ("file", "function", "stage"),
    [
        ("/a/site-packages/chatkit/server/turn.py", "stream", "chatkit.server.turn"),
        ("/a/src/chatkit_sqlite/store.py", "write", "chatkit_sqlite.store"),
        ("/a/site-packages/pydantic/main.py", "__init__", "pydantic"),
        (
            "~",
            "<method 'validate_json' of 'pydantic_core._pydantic_core.X' objects>",
            "pydantic_core",
        ),
        ("~", "<built-in method builtins.len>", "built-in functions"),
    ],
)
def test_a_stage_is_a_module_of_ours_or_a_package_of_others(
    file: str, function: str, stage: str
) -> None:
    assert stage_of(file, function) == stage
