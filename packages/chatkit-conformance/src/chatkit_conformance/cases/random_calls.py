"""Calls that Hypothesis makes up, compared with a plain model of the contract."""

from __future__ import annotations

from chatkit_conformance.bench import StoreBench
from chatkit_conformance.registry import store_case


@store_case("PG4.random-calls-agree-with-the-model", patience=4, package="hypothesis")
async def random_calls_agree_with_the_model(bench: StoreBench) -> None:
    """Random calls of all methods have the same outcomes as on a plain model of the contract."""
    from chatkit_conformance.machine import drive

    await drive(bench, examples=bench.number(60, 20), steps=30, seconds=bench.number(20, 3))
