"""How a ``RecordStore`` meets its backend: opening, timeouts, failures; and what it asks of it."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.records import RecordStore
from chatkit.store import StoreError, StoreUnavailableError
from support.memory_records import AwayError, MemoryRecords
from support.record_samples import item, thread


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


@pytest.fixture
def store(records: MemoryRecords) -> RecordStore[Any]:
    return RecordStore(records, owner=SINGLE_OWNER, timeout=0.05)


async def test_lc1_building_opens_nothing_and_the_first_calls_open_once(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    assert records.calls == []
    await asyncio.gather(*(store.load_threads(5, None, "asc", None) for _ in range(5)))
    assert records.opened == 1
    await store.aclose()
    assert records.closed == 1


async def test_lc1_async_with_opens_at_once(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    async with store:
        assert records.opened == 1
    assert records.closed == 1


async def test_closing_what_was_never_open_asks_the_backend_nothing(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    await store.aclose()
    assert records.calls == []


async def test_du2_drivers_errors_become_unavailable_and_the_store_recovers(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    await store.save_thread(thread(), None)
    records.failing = AwayError("cable cut")
    with pytest.raises(StoreUnavailableError, match="memory: cable cut") as caught:
        await store.load_thread("t", None)
    assert caught.value.__cause__ is records.failing
    records.failing = None
    assert await store.load_thread("t", None) == thread()
    await store.aclose()


async def test_du2_a_backend_that_hangs_is_unavailable_within_the_timeout(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    await store.save_thread(thread(), None)
    records.hanging = True
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"memory: no answer within 0.05 s") as caught:
        await store.load_thread("t", None)
    assert time.monotonic() - started < 1
    assert isinstance(caught.value.__cause__, TimeoutError)
    records.hanging = False
    assert await store.load_thread("t", None) == thread()
    await store.aclose()


async def test_du2_a_backend_that_cannot_be_opened_is_tried_again(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    records.failing = AwayError("not yet")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="not yet"):
            await store.load_threads(5, None, "asc", None)
    records.failing = None
    await store.load_threads(5, None, "asc", None)
    await store.aclose()
    assert (records.opened, records.closed) == (1, 1)


async def test_an_error_that_loses_the_connection_has_it_opened_anew_once(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    class LostError(AwayError):
        pass

    records.lost = (LostError,)
    await store.save_thread(thread(), None)
    records.failing = LostError("gone")
    outcomes = await asyncio.gather(
        *(store.load_thread("t", None) for _ in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 5
    records.failing = None
    assert await store.load_thread("t", None) == thread()
    await store.aclose()
    assert (records.opened, records.closed) == (2, 2)


async def test_cc4_a_cancelled_call_leaves_no_task_behind(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    await store.load_threads(5, None, "asc", None)
    records.hanging = True
    call = asyncio.ensure_future(store.load_thread("t", None))
    while records.calls[-1] != "read":
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    records.hanging = False
    await store.aclose()


class Outliving(MemoryRecords):
    """Lets operations go on that nobody waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up: list[asyncio.Task[Any]] = []

    def give_up(self, operation: asyncio.Task[Any]) -> bool:
        self.given_up.append(operation)
        return False


async def cancelled_write(records: MemoryRecords, store: RecordStore[Any]) -> None:
    """A write whose caller is cancelled when it has reached the backend."""
    call = asyncio.ensure_future(store.save_thread(thread(), None))
    while records.calls[-1] != "write":
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_backend_may_let_an_operation_go_on_that_nobody_waits_for() -> None:
    records = Outliving()
    async with RecordStore[Any](records, owner=SINGLE_OWNER) as store:
        await cancelled_write(records, store)
        await asyncio.wait(records.given_up)
        assert await store.load_thread("t", None) == thread()
        assert len(records.given_up) == 1, "those that were answered are nothing to give up"


async def test_what_fails_when_nobody_waits_for_it_is_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    records = Outliving()
    async with RecordStore[Any](records, owner=SINGLE_OWNER) as store:
        await store.load_threads(5, None, "asc", None)
        records.failing = AwayError("gone")
        await cancelled_write(records, store)
        await asyncio.wait(records.given_up)
        records.given_up.clear()
        records.failing = None
        gc.collect()
    assert not caplog.records


async def test_closing_leaves_what_goes_on_to_the_backend() -> None:
    records = Outliving()
    store = RecordStore[Any](records, owner=SINGLE_OWNER, timeout=60)
    await store.load_threads(5, None, "asc", None)
    records.hanging = True
    await cancelled_write(records, store)
    await asyncio.sleep(0.01)  # now it hangs
    records.hanging = False
    await asyncio.wait_for(store.aclose(), 5)
    assert records.closed == 1
    assert not records.given_up[0].done()
    records.given_up[0].cancel()


async def test_an_opening_that_fails_when_nobody_waits_for_it_is_not_reported(
    records: MemoryRecords, caplog: pytest.LogCaptureFixture
) -> None:
    store = RecordStore[Any](records, owner=SINGLE_OWNER)
    records.failing = AwayError("not yet")
    call = asyncio.ensure_future(store.load_thread("t", None))
    while records.calls != ["open"]:
        await asyncio.sleep(0)
    call.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert call.cancelled()
    del store, call
    gc.collect()
    assert not caplog.records


async def test_closing_ends_although_the_backend_hangs(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    records.hanging = True
    with pytest.raises(StoreUnavailableError):
        await store.load_threads(5, None, "asc", None)
    await store.aclose()


async def test_other_errors_are_not_dressed_up(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    await store.load_threads(5, None, "asc", None)
    records.failing = KeyError("a bug")
    with pytest.raises(KeyError, match="a bug"):
        await store.load_threads(5, None, "asc", None)
    records.failing = None
    await store.aclose()


async def test_pg6_wrong_arguments_never_reach_the_backend(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    for limit, order in ((0, "asc"), (5, "up")):
        with pytest.raises(ValueError, match=r"limit|order"):
            await store.load_threads(limit, None, order, None)
    assert records.calls == []


async def test_each_call_is_one_trip_to_the_backend(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    async with store:
        await store.save_thread(thread(), None)
        for call, trips in [
            (store.add_thread_item("t", item("a"), None), ["write"]),
            (store.load_thread_items("t", None, 5, "asc", None), ["page"]),
            (store.load_thread_items("t", "a", 5, "asc", None), ["page"]),
            (store.delete_items_after("t", "a", None), ["remove_after"]),
            (store.delete_thread_items("t", ["a", "b"], None), ["remove"]),
            (store.update_thread("t", {"title": "x"}, None), ["read", "replace"]),
            (store.delete_thread("t", None), ["remove"]),
        ]:
            records.calls.clear()
            await call
            assert records.calls == trips


async def test_th6_an_update_that_meets_another_starts_over(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    async with store:
        await store.save_thread(thread(), None)
        await asyncio.gather(
            store.update_thread("t", {"title": "x"}, None),
            store.update_thread("t", {"allowed_image_domains": ["y"]}, None),
        )
        assert records.calls.count("replace") == 3
        final = await store.load_thread("t", None)
        assert (final.title, final.allowed_image_domains) == ("x", ["y"])


async def test_a_stored_record_of_a_strange_form_is_named(
    records: MemoryRecords, store: RecordStore[Any]
) -> None:
    async with store:
        await store.save_thread(thread(), None)
        for key, row in records.memory.rows.items():
            records.memory.rows[key] = row._replace(json=b'{"id": 7}')
        with pytest.raises(StoreError, match="thread 't' is stored in a form that does not load"):
            await store.load_thread("t", None)


async def test_an_adapter_may_use_any_name_for_its_own_methods() -> None:
    class Adapter(RecordStore[Any]):
        """Everything private that a subclass might think of."""

        _calls = _records = _owner = _load = _read = _write = _page = _items = None
        _threads = _find = _dump = _remove = _attachments = None

    async with Adapter(MemoryRecords(), owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        await store.add_thread_item("t", item("i"), None)
        assert (await store.load_thread_items("t", None, 5, "asc", None)).data == [item("i")]
