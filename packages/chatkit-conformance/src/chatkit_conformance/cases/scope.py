"""SC: who may see what."""

from __future__ import annotations

from chatkit_conformance import expect
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case


@store_case("SC1.anothers-thread-is-missing", Capability.SEVERAL_OWNERS)
async def anothers_thread_is_missing(bench: StoreBench) -> None:
    """Another owner's thread is not found."""
    async with bench.open_with() as store:
        with expect.not_found("load_thread of another owner's thread"):
            await store.load_thread(bench.id("t"), bench.context("bob"))
