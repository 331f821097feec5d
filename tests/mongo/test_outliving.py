"""CC4: what nobody waits for any more goes on to its end, before its owner's later writes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from chatkit_mongo.outliving import Outliving

Task = asyncio.Task[None]


@pytest.fixture
def outliving() -> Outliving:
    return Outliving(patience=0.05)


class Operation:
    """Goes on, once begun, until it is let go."""

    def __init__(self) -> None:
        self.begun = False
        self.done = False
        self.free = asyncio.Event()

    async def __call__(self) -> None:
        self.begun = True
        await self.free.wait()
        self.done = True


async def started(call: Coroutine[Any, Any, None]) -> Task:
    """The call's task, which has come as far as it can at once."""
    task = asyncio.ensure_future(call)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_an_operation_that_has_begun_goes_on(outliving: Outliving) -> None:
    operation = Operation()
    task = await started(outliving.run(operation, writes="alice"))
    outliving.give_up(task)
    operation.free.set()
    await task
    assert operation.done


async def test_one_that_has_not_begun_never_does(outliving: Outliving) -> None:
    earlier, later = Operation(), Operation()
    first = await started(outliving.run(earlier, writes="alice"))
    outliving.give_up(first)
    second = await started(outliving.run(later, writes="alice"))
    outliving.give_up(second)
    with pytest.raises(asyncio.CancelledError):
        await second
    earlier.free.set()
    await first
    assert earlier.done
    assert not later.begun


async def test_only_later_writes_of_the_same_owner_wait_for_it(outliving: Outliving) -> None:
    earlier = Operation()
    first = await started(outliving.run(earlier, writes="alice"))
    outliving.give_up(first)
    same, other, reading = Operation(), Operation(), Operation()
    tasks = [
        await started(outliving.run(same, writes="alice")),
        await started(outliving.run(other, writes="bob")),
        await started(outliving.run(reading)),
    ]
    assert [one.begun for one in (same, other, reading)] == [False, True, True]
    earlier.free.set()
    await first
    for one in (same, other, reading):
        one.free.set()
    await asyncio.gather(*tasks)
    assert same.done


async def test_one_that_hangs_is_waited_for_once_and_not_cancelled(outliving: Outliving) -> None:
    earlier = Operation()
    first = await started(outliving.run(earlier, writes="alice"))
    outliving.give_up(first)
    for waits in (True, False):
        later = Operation()
        second = await started(outliving.run(later, writes="alice"))
        assert later.begun is not waits
        later.free.set()
        await second
    assert not first.done()
    await outliving.end()
    assert first.cancelled()
