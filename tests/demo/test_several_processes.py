"""Four server processes behind one store: whoever looks, through whichever, sees one order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.demo_process import Demo, demo_running, said, text_of, thread_of

PROCESSES = 4
MESSAGES = 12
"""Of each client."""

STORES: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "sqlite": lambda request, folder: f"sqlite:///{folder / 'chat.db'}",
    "redis": lambda request, folder: request.getfixturevalue("redis_server").url,
    "mongo": lambda request, folder: request.getfixturevalue("mongo_server").url,
}
"""How to come by a store's URL."""


@pytest.fixture(params=STORES)
def demos(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Demo]]:
    """Running demos, each in a folder of its own, with one store."""
    url = STORES[request.param](request, tmp_path)
    with ExitStack() as running:
        folders = [tmp_path / str(number) for number in range(PROCESSES)]
        for folder in folders:
            folder.mkdir()
        yield [running.enter_context(demo_running(folder, STORE_URL=url)) for folder in folders]


def texts_of(items: list[dict[str, Any]], client: str) -> list[str]:
    """What one client has written, in the order in which it is shown."""
    texts = [text_of(item) for item in items if item["type"] == "user_message"]
    return [text for text in texts if text.startswith(client)]


def one_order(demos: list[Demo], thread_id: str) -> list[dict[str, Any]]:
    """The items of a thread, which are the same, in the same order, through all demos."""
    views = [demo.items(thread_id) for demo in demos]
    assert all(view == views[0] for view in views)
    ids = [item["id"] for item in views[0]]
    assert len(set(ids)) == len(ids)
    return views[0]


def test_two_clients_in_one_thread_see_one_order_through_any_process(demos: list[Demo]) -> None:
    thread_id = thread_of(demos[0].say("begin"))
    together = threading.Barrier(2)

    def write(client: str, through: list[Demo]) -> list[str]:
        together.wait()
        texts = [f"{client} {number}" for number in range(MESSAGES)]
        for number, text in enumerate(texts):
            assert text in said(through[number % len(through)].say(text, thread_id))
        return texts

    with ThreadPoolExecutor() as pool:
        writing = {
            client: pool.submit(write, client, through)
            for client, through in (("ada", demos[:2]), ("bob", demos[2:]))
        }
    items = one_order(demos, thread_id)
    for client, texts in writing.items():
        assert texts_of(items, client) == texts.result()
    assert len(items) == 2 * (1 + 2 * MESSAGES)  # each message has its answer


def test_a_killed_process_loses_nothing_that_it_had_answered(demos: list[Demo]) -> None:
    thread_id = thread_of(demos[0].say("begin"))
    doomed = demos[3]
    half_way = threading.Event()

    def write_until_it_dies() -> list[str]:
        answered: list[str] = []
        try:
            while len(answered) < 1000:
                text = f"doomed {len(answered)}"
                assert text in said(doomed.say(text, thread_id))
                answered.append(text)
                if len(answered) == MESSAGES // 2:
                    half_way.set()
        except httpx.TransportError:  # what a client sees of a kill
            return answered
        raise AssertionError("the process was not killed")

    def write(through: list[Demo]) -> list[str]:
        texts = [f"bob {number}" for number in range(MESSAGES)]
        for number, text in enumerate(texts):
            assert text in said(through[number % len(through)].say(text, thread_id))
        return texts

    with ThreadPoolExecutor() as pool:
        dying = pool.submit(write_until_it_dies)
        living = pool.submit(write, demos[:3])
        assert half_way.wait(30)
        doomed.kill()
    items = one_order(demos[:3], thread_id)
    assert texts_of(items, "bob") == living.result()
    answered = dying.result()
    assert texts_of(items, "doomed")[: len(answered)] == answered
    assert len(texts_of(items, "doomed")) <= len(answered) + 1  # the one that was cut off

    assert "after" in said(demos[1].say("after", thread_id))
    assert one_order(demos[:3], thread_id)[: len(items)] == items
