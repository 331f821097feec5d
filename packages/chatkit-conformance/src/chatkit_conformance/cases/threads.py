"""TH: threads come back equal, are replaced whole, and stay deleted."""

from __future__ import annotations

from chatkit_conformance import expect, samples
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.registry import store_case


@store_case("TH1.every-field-comes-back")
async def every_field_comes_back(bench: StoreBench) -> None:
    """Every field of a thread comes back equal, times naive or aware as they were."""
    async with bench.open() as store:
        for saved in samples.threads_of_every_kind(bench.id):
            await store.save_thread(saved, bench.context())
            loaded = await store.load_thread(saved.id, bench.context())
            expect.equal(loaded, samples.reloaded(saved), "load_thread after save_thread")
            expect.equal(
                loaded.created_at.utcoffset(),
                saved.created_at.utcoffset(),
                "the time zone of created_at after load_thread",
            )


@store_case("TH3.an-unknown-thread-is-named")
async def an_unknown_thread_is_named(bench: StoreBench) -> None:
    """``load_thread`` of an unknown id raises ``NotFoundError``, and names the id."""
    async with bench.open() as store:
        with expect.not_found("load_thread of an unknown id", naming=bench.id("unknown")):
            await store.load_thread(bench.id("unknown"), bench.context())
