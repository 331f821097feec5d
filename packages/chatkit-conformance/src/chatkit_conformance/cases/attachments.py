"""AM: attachments' metadata."""

from __future__ import annotations

from chatkit.types import FileAttachment
from chatkit_conformance import expect, samples
from chatkit_conformance.bench import StoreBench
from chatkit_conformance.capabilities import Capability
from chatkit_conformance.registry import store_case


@store_case("AM1.both-kinds-come-back", Capability.ATTACHMENTS)
async def both_kinds_come_back(bench: StoreBench) -> None:
    """Files and images come back equal: upload descriptor, metadata, thread and all."""
    async with bench.open() as store:
        for saved in samples.attachments_of_every_kind(bench.id, bench.id("t")):
            await store.save_attachment(saved, bench.context())
            loaded = await store.load_attachment(saved.id, bench.context())
            expect.equal(loaded, samples.reloaded(saved), f"load_attachment of a {saved.type}")


@store_case("AM1.the-last-write-wins-whole", Capability.ATTACHMENTS)
async def the_last_attachment_wins_whole(bench: StoreBench) -> None:
    """An attachment that is saved again is replaced whole, also by one of the other kind."""
    bare, full, image = samples.attachments_of_every_kind(bench.id, bench.id("t"))
    async with bench.open() as store:
        for saved in (full, image, bare, full):
            again = saved.model_copy(update={"id": bench.id("one")})
            await store.save_attachment(again, bench.context())
            loaded = await store.load_attachment(bench.id("one"), bench.context())
            expect.equal(loaded, samples.reloaded(again), f"a {saved.type} that replaced another")


@store_case("AM2.an-unknown-attachment-raises", Capability.ATTACHMENTS)
async def an_unknown_attachment_raises(bench: StoreBench) -> None:
    """``load_attachment`` of an unknown id raises ``NotFoundError``."""
    async with bench.open() as store:
        with expect.not_found("load_attachment of an unknown id"):
            await store.load_attachment(bench.id("unknown"), bench.context())


@store_case("AM2.deleting-again-does-nothing", Capability.ATTACHMENTS)
async def deleting_an_attachment_again_does_nothing(bench: StoreBench) -> None:
    """A deleted attachment is gone, only that one, and deleting it again raises nothing."""
    async with bench.open() as store:
        for name in ("a", "b"):
            file = FileAttachment(id=bench.id(name), name="n", mime_type="text/plain")
            await store.save_attachment(file, bench.context())
        for _ in range(2):
            await store.delete_attachment(bench.id("a"), bench.context())
        with expect.not_found("load_attachment after delete_attachment"):
            await store.load_attachment(bench.id("a"), bench.context())
        kept = await store.load_attachment(bench.id("b"), bench.context())
        expect.equal(kept.id, bench.id("b"), "the other attachment")
