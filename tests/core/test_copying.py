"""``copy`` over the smallest possible backend: broken off anywhere, lied to, changed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chatkit.records import (
    Collection,
    CopyProgress,
    Fault,
    Kind,
    PlacedRecord,
    Record,
    RecordStore,
    copy,
)
from chatkit.store import StoreUnavailableError
from support.copies import fill, records_of, shown
from support.memory_records import AwayError, Memory, MemoryRecords
from support.record_samples import attachments_of_every_kind, item, thread

ITEMS = Collection("a", Kind.ITEM, "t")


def store_over(records: MemoryRecords) -> RecordStore[str]:
    return RecordStore(records, owner=str)


@pytest.fixture
def source() -> RecordStore[str]:
    return store_over(MemoryRecords())


@pytest.fixture
def target() -> RecordStore[str]:
    return store_over(MemoryRecords())


async def small(store: RecordStore[str], items: int = 5) -> None:
    """One thread with a few items of one time."""
    await store.save_thread(thread("t"), "a")
    for number in range(items):
        await store.add_thread_item("t", item(f"i{number}"), "a")


async def test_a_copy_shows_every_owner_the_same(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await fill(source)
    total = len(await records_of(source))
    for page_size in (7, 100):  # the second time, everything is there already
        result = await copy(source, target, page_size=page_size)
        assert result.ok, result.differences
        assert await shown(target) == await shown(source)
        copied, skipped = (total, 0) if page_size == 7 else (0, total)
        assert (result.progress.copied, result.progress.skipped) == (copied, skipped)
        assert result.progress.compared == 2 * total


async def test_an_empty_store_is_copied(source: RecordStore[str], target: RecordStore[str]) -> None:
    result = await copy(source, target)
    assert (result.ok, result.progress) == (True, CopyProgress())


async def test_progress_counts_and_leads_on_from_its_position(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await small(source, 7)
    seen: list[tuple[int, str | None]] = []

    def stop_early(progress: CopyProgress) -> None:
        seen.append((progress.copied, progress.position))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await copy(source, target, page_size=3, progress=stop_early)
    assert [copied for copied, _ in seen] == [3, 6]
    result = await copy(source, target, after=seen[-1][1])
    assert result.ok
    assert (result.progress.copied, result.progress.skipped) == (2, 0)


async def test_what_changed_since_the_last_copy_is_brought_up_to_date(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await small(source)
    await copy(source, target)
    await source.update_thread("t", {"title": "new"}, "a")
    await source.save_item("t", item("i2", content="changed"), "a")
    await source.add_thread_item("t", item("more"), "a")
    result = await copy(source, target)
    assert result.ok
    assert (result.progress.copied, result.progress.skipped) == (3, 4)


# --- broken off ------------------------------------------------------------------------------


class Breaking(MemoryRecords):
    """Fails at one of the operations that it is asked for; before it takes effect or after."""

    def __init__(self, memory: Memory, at: int, late: bool) -> None:
        super().__init__(memory)
        self.left = at
        self.late = late

    async def write(self, record: Record) -> bool:
        self.left -= 1
        mine = self.left == 0
        if mine and not self.late:
            raise AwayError("broken off")
        written = await super().write(record)
        if mine:
            raise AwayError("broken off")
        return written


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("page_size", [1, 4, 100])
async def test_a_copy_broken_off_at_any_write_and_started_again_is_equal(
    source: RecordStore[str], late: bool, page_size: int
) -> None:
    for owner in ("a", "b"):
        for id in ("t", "u"):
            await source.save_thread(thread(id), owner)
            for one in ("3", "1", "2"):
                await source.add_thread_item(id, item(one), owner)
        await source.save_attachment(attachments_of_every_kind()[0], owner)
    total = len(await records_of(source))
    for at in range(1, total + 1):
        memory = Memory()
        with pytest.raises(StoreUnavailableError, match="broken off"):
            await copy(source, store_over(Breaking(memory, at, late)), page_size=page_size)
        target = store_over(MemoryRecords(memory))
        result = await copy(source, target, page_size=page_size)
        assert result.ok, (at, result.differences)
        for owner in ("a", "b"):
            for id in ("t", "u"):
                pages = [
                    await one.load_thread_items(id, None, 9, "asc", owner)
                    for one in (source, target)
                ]
                assert pages[0] == pages[1]


@pytest.mark.parametrize("side", ["source", "target"])
async def test_an_outage_in_the_middle_raises_and_leaves_no_task(side: str) -> None:
    records = {"source": MemoryRecords(), "target": MemoryRecords()}
    source, target = (store_over(records[name]) for name in ("source", "target"))
    await small(source)

    def cut(_: CopyProgress) -> None:
        records[side].failing = AwayError("cable cut")

    with pytest.raises(StoreUnavailableError, match="cable cut"):
        await copy(source, target, page_size=2, progress=cut)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    records[side].failing = None
    assert (await copy(source, target)).ok


# --- a target that cannot be relied on -------------------------------------------------------


class Lying(MemoryRecords):
    """Does something else than it is told."""

    def __init__(self, lie: Callable[[Record], Record | None]) -> None:
        super().__init__()
        self.lie = lie

    async def write(self, record: Record) -> bool:
        told = self.lie(record)
        return True if told is None else await super().write(told)


def about(id: str, told: Callable[[Record], Record | None]) -> Callable[[Record], Record | None]:
    return lambda record: told(record) if record.id == id else record


def alter_a_byte(record: Record) -> Record:
    return record._replace(json=record.json.replace(b"i2", b"j2"))


@pytest.mark.parametrize(
    ("lie", "fault", "id"),
    [
        (about("i2", lambda _: None), Fault.ALTERED, "i2"),
        (about("i2", alter_a_byte), Fault.ALTERED, "i2"),
        (about("bare", lambda _: None), Fault.ALTERED, "bare"),
        (
            about("i2", lambda record: record._replace(created_us=record.created_us + 1)),
            Fault.OUT_OF_ORDER,
            "i2",
        ),
        (
            about("t2", lambda record: record._replace(created_us=record.created_us + 1)),
            Fault.OUT_OF_ORDER,
            "t2",
        ),
    ],
    ids=["drops", "alters", "drops an attachment", "reorders items", "reorders threads"],
)
async def test_a_lie_about_a_record_is_found(
    source: RecordStore[str],
    lie: Callable[[Record], Record | None],
    fault: Fault,
    id: str,
) -> None:
    await small(source)
    for name in ("t1", "t2", "t3"):
        await source.save_thread(thread(name), "a")
    await source.save_attachment(attachments_of_every_kind()[0], "a")
    result = await copy(source, store_over(Lying(lie)))
    assert not result.ok
    assert (fault, id) in [(found.fault, found.id) for found in result.differences]


async def test_what_is_lost_or_altered_after_it_was_verified_is_found(
    source: RecordStore[str],
) -> None:
    await small(source)
    await source.save_attachment(attachments_of_every_kind()[0], "a")
    attachments = Collection("a", Kind.ATTACHMENT)
    for collection, id, json, fault in [
        (ITEMS, "i3", None, Fault.MISSING),
        (ITEMS, "i3", b'{"id": "i3"}', Fault.ALTERED),
        (ITEMS, "i3", b"\xff", Fault.ALTERED),
        (ITEMS.threads, "t", None, Fault.MISSING),
        (attachments, "bare", None, Fault.MISSING),
        (attachments, "bare", b"", Fault.ALTERED),
    ]:
        records = MemoryRecords()
        damage = _damage(records, collection, id, json)
        result = await copy(source, store_over(records), progress=damage)
        assert (fault, collection, id) in [found[:3] for found in result.differences]


def _damage(
    records: MemoryRecords, collection: Collection, id: str, json: bytes | None
) -> Callable[[CopyProgress], None]:
    """Harm one record as soon as all have been copied."""

    def harm(progress: CopyProgress) -> None:
        row = records.memory.rows.pop((collection, id), None)
        if row and json is not None:
            records.memory.rows[collection, id] = row._replace(json=json)

    return harm


class Forgetful(MemoryRecords):
    """Has pages without some of its records."""

    async def page(
        self, collection: Collection, after: str | None, limit: int, newest_first: bool
    ) -> list[bytes] | None:
        page = await super().page(collection, after, limit, newest_first)
        return [json for json in page or [] if b"i3" not in json]


async def test_records_that_are_there_and_in_no_page_are_found(source: RecordStore[str]) -> None:
    await small(source)
    result = await copy(source, store_over(Forgetful()))
    assert [found.id for found in result.differences] == ["i3"]


async def test_a_record_that_does_not_fit_is_named_and_the_copy_goes_on(
    source: RecordStore[str],
) -> None:
    await small(source)
    await source.add_thread_item("t", item("big", content="x" * 3000), "a")
    await source.add_thread_item("t", item("last"), "a")
    target = store_over(MemoryRecords(max_bytes=2000))
    result = await copy(source, target)
    assert [(found.fault, found.id) for found in result.differences] == [(Fault.TOO_LARGE, "big")]
    assert "item 'big' in thread 't' of owner 'a'" in str(result.differences[0])
    assert "holds at most 2000" in str(result.differences[0])
    assert (await target.load_item("t", "last", "a")).id == "last"
    assert not (await copy(source, target)).ok


async def test_what_only_the_target_has_is_named_and_stays(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await small(source)
    await small(target, 2)
    await target.add_thread_item("t", item("extra"), "a")
    await target.save_thread(thread("extra thread"), "a")
    await target.save_thread(thread("t"), "other owner")
    await target.save_attachment(attachments_of_every_kind()[0], "a")
    result = await copy(source, target)
    assert {found.fault for found in result.differences} == {Fault.EXTRA}
    assert {(found.collection.owner, found.id) for found in result.differences} == {
        ("a", "extra"),
        ("a", "extra thread"),
        ("other owner", "t"),
        ("a", "bare"),
    }
    assert (await target.load_item("t", "extra", "a")).id == "extra"


async def test_another_order_that_the_target_had_before_is_found(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await small(source)
    await target.save_thread(thread("t"), "a")
    await target.add_thread_item("t", item("i4"), "a")
    result = await copy(source, target)
    assert [(found.fault, found.id) for found in result.differences] == [(Fault.OUT_OF_ORDER, "i0")]


async def test_of_very_many_differences_the_first_thousand_are_named(
    source: RecordStore[str], target: RecordStore[str]
) -> None:
    await target.save_thread(thread("t"), "a")
    for number in range(1005):
        await target.add_thread_item("t", item(str(number)), "a")
    result = await copy(source, target)
    assert (len(result.differences), result.difference_count) == (1000, 1006)


# --- a source that others write to -----------------------------------------------------------


class Deleting(MemoryRecords):
    """A source from which a thread is deleted while its records are being copied."""

    async def scan(self, after: str | None, limit: int) -> list[PlacedRecord]:
        page = await super().scan(after, limit)
        if page and page[0].record.id == "i0":
            await self.remove(ITEMS.threads, ["t"])
        return page


async def test_items_whose_thread_vanished_are_passed_over_and_counted() -> None:
    records = Deleting()
    source = store_over(records)
    await small(source, 2)
    await source.save_thread(thread("u"), "a")
    target = MemoryRecords()

    def follow(progress: CopyProgress) -> None:
        if progress.copied == 1:  # the target is told of the deletion, too
            target.memory.rows.clear()

    result = await copy(source, store_over(target), page_size=1, progress=follow)
    assert result.progress.gone == 1
    assert result.ok, result.differences


# --- limits ----------------------------------------------------------------------------------


class Counting(MemoryRecords):
    """Knows how many calls it had to serve at once."""

    at_once = 0
    most = 0

    async def _trip(self, operation: str) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await super()._trip(operation)
        finally:
            self.at_once -= 1


async def test_calls_go_on_side_by_side_but_boundedly(source: RecordStore[str]) -> None:
    for number in range(60):
        await source.save_thread(thread(str(number)), str(number))
    records = Counting()
    assert (await copy(source, store_over(records))).ok
    assert records.most == 16


async def test_a_store_is_not_copied_onto_itself(source: RecordStore[str]) -> None:
    with pytest.raises(ValueError, match="two stores"):
        await copy(source, source)
    with pytest.raises(ValueError, match="page_size must be 1 or more, got 0"):
        await copy(source, store_over(MemoryRecords()), page_size=0)
