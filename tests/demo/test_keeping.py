"""What the demo keeps: over a reload, a stop, a restart, and a power cut."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from support.chat_http import user_input
from support.demo_process import SECONDS, Demo, Event, demo_running, said, text_of, thread_of

SLOW = "0.005"
"""Seconds a word: slow enough that the long reply (1,100 words) is still running when stopped."""


@pytest.fixture(scope="module")
def slow_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_running(tmp_path_factory.mktemp("slow"), DEMO_PACE=SLOW) as running:
        yield running


def words_heard(events: Iterator[Event], count: int) -> str:
    """The first ``count`` words of a reply."""
    deltas = (event["update"]["delta"] for event in events if "delta" in event.get("update", {}))
    return "".join(islice(deltas, count))


def stored_reply(demo: Demo, thread_id: str) -> dict[str, Any]:
    """The last item, once it is a reply: a stopped one is stored after the reader has gone."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        last = demo.items(thread_id)[-1]
        if last["type"] == "assistant_message":
            return last
    raise AssertionError("the stopped reply was not stored")


def test_a_stopped_reply_keeps_what_was_read_and_the_chat_goes_on(slow_demo: Demo) -> None:
    with slow_demo.listening("threads.create", input=user_input("long")) as events:
        thread_id = next(events)["thread"]["id"]
        heard = words_heard(events, 25)
    reply = text_of(stored_reply(slow_demo, thread_id))
    assert reply.startswith(heard)
    assert "Wave 40" not in reply
    assert "You said" in said(slow_demo.say("hello again", thread_id))
    assert len(slow_demo.items(thread_id)) == 4


def test_a_stopped_reply_can_be_answered_again(slow_demo: Demo) -> None:
    with slow_demo.listening("threads.create", input=user_input("long")) as events:
        thread_id = next(events)["thread"]["id"]
        words_heard(events, 5)
    first = stored_reply(slow_demo, thread_id)
    message = slow_demo.items(thread_id)[0]
    retry = {"thread_id": thread_id, "item_id": message["id"]}
    with slow_demo.listening("threads.retry_after_item", **retry) as events:
        heard = words_heard(events, 25)
    second = stored_reply(slow_demo, thread_id)
    assert text_of(second).startswith(heard)
    assert second["id"] != first["id"]
    assert slow_demo.items(thread_id) == [message, second]


def test_threads_are_listed_newest_first_renamed_and_deleted(tmp_path: Path) -> None:
    with demo_running(tmp_path) as demo:
        first, second = (thread_of(demo.say(text)) for text in ("first", "second"))
        assert [thread["title"] for thread in demo.threads()] == ["second", "first"]
        demo.answer("threads.update", thread_id=first, title="The very first")
        demo.answer("threads.delete", thread_id=second)
        assert [thread["title"] for thread in demo.threads()] == ["The very first"]
        gone = {"type": "threads.get_by_id", "params": {"thread_id": second}}
        assert demo.client.post("/chatkit", json=gone).status_code == 404


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with demo_running(tmp_path) as demo:
        thread_ids = [thread_of(demo.say(text)) for text in ("tasks", "ask", "draw", "lock")]
        demo.answer("threads.update", thread_id=thread_ids[0], title="Renamed")
        before = [demo.answer("threads.get_by_id", thread_id=known) for known in thread_ids]
    assert demo.process.returncode == 0
    with demo_running(tmp_path) as demo:
        after = [demo.answer("threads.get_by_id", thread_id=known) for known in thread_ids]
    assert after == before


def test_ctrl_c_in_the_middle_of_a_reply_keeps_what_was_read(tmp_path: Path) -> None:
    with demo_running(tmp_path, DEMO_PACE="0.05") as demo:
        with demo.listening("threads.create", input=user_input("long")) as events:
            thread_id = next(events)["thread"]["id"]
            heard = words_heard(events, 25)
            last_words = demo.interrupt()
        assert (demo.process.returncode, last_words) == (0, "")
    with demo_running(tmp_path) as demo:
        _, reply = demo.items(thread_id)
    assert text_of(reply).startswith(heard)


def test_a_kill_in_the_middle_of_a_reply_loses_nothing_stored_before(tmp_path: Path) -> None:
    with demo_running(tmp_path, DEMO_PACE=SLOW) as demo:
        thread_id = thread_of(demo.say("remember the sea is blue"))
        before = demo.items(thread_id)
        request = {"thread_id": thread_id, "input": user_input("long")}
        with demo.listening("threads.add_user_message", **request) as events:
            words_heard(events, 25)
            demo.kill()
    with demo_running(tmp_path) as demo:
        kept = demo.items(thread_id)
        assert kept[: len(before)] == before
        assert [text_of(item) for item in kept[len(before) :]] == ["long"]
        retry = {"thread_id": thread_id, "item_id": kept[-1]["id"]}
        assert "Wave 40" in said(demo.events("threads.retry_after_item", **retry))
        assert "the sea is blue" in said(demo.say("recall", thread_id))


def test_a_long_thread_is_read_page_by_page_without_gap_or_repeat(demo: Demo) -> None:
    thread_id = thread_of(demo.say("message 0"))
    for number in range(1, 15):
        demo.say(f"message {number}", thread_id)
    mine = [item for item in demo.items(thread_id) if item["type"] == "user_message"]
    assert [text_of(item) for item in mine] == [f"message {number}" for number in range(15)]
