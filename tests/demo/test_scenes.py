"""Every feature that the demo shows, through the protocol."""

from __future__ import annotations

import pytest

from support.demo_process import (
    Demo,
    components,
    done,
    kinds,
    replaced,
    said,
    streamed,
    text_of,
    thread_of,
)


def test_a_reply_is_streamed_word_by_word_and_stored(demo: Demo) -> None:
    events = demo.say("story")
    assert kinds(events) == [
        "thread.created",
        "thread.item.done",
        "stream_options",
        "thread.item.added",
        "thread.updated",
        "thread.item.updated",
        "thread.item.done",
    ]
    assert streamed(events) == said(events)
    assert len([event for event in events if "delta" in event.get("update", {})]) > 40
    assert text_of(demo.items(thread_of(events))[-1]) == said(events)


def test_the_first_message_names_the_thread_and_later_ones_do_not(demo: Demo) -> None:
    thread_id = thread_of(demo.say("Hello there, " + "so " * 40 + "far\nsecond line"))
    title = demo.answer("threads.get_by_id", thread_id=thread_id)["title"]
    assert title.startswith("Hello there, so so")
    assert title.endswith("…")
    assert len(title) <= 48
    demo.say("story", thread_id)
    assert demo.answer("threads.get_by_id", thread_id=thread_id)["title"] == title


def test_words_that_are_no_command_are_quoted_and_point_to_help(demo: Demo) -> None:
    reply = said(demo.say("What is\nthis?"))
    assert "> What is\n> this?" in reply
    assert "**help**" in reply


def test_help_lists_every_command_and_each_of_them_works(demo: Demo) -> None:
    events = demo.say("Help!")
    (card,) = done(events, "widget")
    entries = components(card["widget"], "ListViewItem")
    commands = [entry["onClickAction"]["payload"]["text"] for entry in entries]
    assert {"story", "tasks", "order", "ask", "time", "oops", "help"} <= set(commands)
    for command in commands:
        errors = [event for event in demo.say(command) if event["type"] == "error"]
        assert [error["allow_retry"] for error in errors] == [True] * (command == "oops")


def test_a_plan_reports_progress_and_completes_its_steps(demo: Demo) -> None:
    events = demo.say("plan")
    progress = [event["text"] for event in events if event["type"] == "progress_update"]
    assert progress == ["Looking at the map", "Asking the gulls"]
    (item,) = done(events, "workflow")
    assert [task["status_indicator"] for task in item["workflow"]["tasks"]] == ["complete"] * 3
    assert item["workflow"]["summary"]["title"] == "Planned in 3 steps"
    assert item in demo.items(thread_of(events))


def test_a_button_changes_its_widget_and_the_change_is_kept(demo: Demo) -> None:
    events = demo.say("tasks")
    thread_id = thread_of(events)
    (item,) = done(events, "widget")
    for step in (1, 2, 3):
        button = next(
            button
            for button in components(item["widget"], "Button")
            if len(button["onClickAction"]["payload"]["done"]) == step
        )
        events = demo.click(thread_id, item["id"], button["onClickAction"])
        (item,) = replaced(events)
        assert components(item["widget"], "Badge")[0]["label"] == f"{step} of 3"
        kept = next(kept for kept in demo.items(thread_id) if kept["id"] == item["id"])
        assert components(kept["widget"], "Badge")[0]["label"] == f"{step} of 3"
    assert {"type": "client_effect", "name": "confetti", "data": {}} in events


def test_a_form_sends_its_values_and_becomes_a_receipt(demo: Demo) -> None:
    events = demo.say("order")
    (item,) = done(events, "widget")
    (form,) = components(item["widget"], "Form")
    values = {"name": "Ada", "size": "large", "bread": "rye", "gift": True, "day": "", "note": ""}
    action = {**form["onSubmitAction"], "payload": values}
    events = demo.click(thread_of(events), item["id"], action)
    (receipt,) = replaced(events)
    lines = [text["value"] for text in components(receipt["widget"], "Text")]
    assert lines == ["Ada", "large", "rye", "yes, wrapped"]
    assert said(events) == "Thank you, Ada. One large basket, coming up."


@pytest.mark.parametrize("payload", [None, {}, {"name": ""}, {"name": 3, "size": "large"}, "Ada"])
def test_a_form_without_a_name_brings_a_notice_and_stays(demo: Demo, payload: object) -> None:
    events = demo.say("order")
    (item,) = done(events, "widget")
    action = {"type": "order.submit", "payload": payload}
    events = demo.click(thread_of(events), item["id"], action)
    assert kinds(events) == ["stream_options", "notice"]


def test_an_unknown_button_is_an_error_without_retry(demo: Demo) -> None:
    events = demo.say("tasks")
    (item,) = done(events, "widget")
    events = demo.click(thread_of(events), item["id"], {"type": "tasks.burn"})
    assert events[-1]["type"] == "error"
    assert events[-1]["allow_retry"] is False


def test_answers_to_questions_are_recorded_and_repeated(demo: Demo) -> None:
    events = demo.say("ask")
    thread_id = thread_of(events)
    (item,) = done(events, "structured_input")
    assert item["status"] == "pending"
    answers = {"place": {"values": ["Hills"]}, "bring": {"values": ["Tea", "An umbrella"]}}
    events = demo.events(
        "threads.add_structured_input",
        thread_id=thread_id,
        item_id=item["id"],
        input={"answers": answers},
    )
    (answered,) = replaced(events)
    assert answered["status"] == "answered"
    assert answered["inputs"][2]["answer"] == {"values": [], "skipped": True}
    assert "**Hills**" in said(events)
    assert "**Tea, An umbrella**" in said(events)
    assert answered in demo.items(thread_id)


def test_questions_answered_after_other_talk_still_get_their_own_reply(demo: Demo) -> None:
    events = demo.say("ask")
    thread_id = thread_of(events)
    (questions,) = done(events, "structured_input")
    demo.say("time", thread_id)
    told = {"time": "08:15", "timezone": "Europe/Oslo"}
    demo.events("threads.add_client_tool_output", thread_id=thread_id, result=told)
    events = demo.events(
        "threads.add_structured_input",
        thread_id=thread_id,
        item_id=questions["id"],
        input={"status": "skipped"},
    )
    assert "No answers" in said(events)


def test_the_browsers_clock_is_read_by_a_client_tool(demo: Demo) -> None:
    events = demo.say("time")
    thread_id = thread_of(events)
    (call,) = done(events, "client_tool_call")
    assert (call["name"], call["status"]) == ("get_local_time", "pending")
    told = {"time": "08:15", "timezone": "Europe/Oslo"}
    events = demo.events("threads.add_client_tool_output", thread_id=thread_id, result=told)
    assert said(events) == "Your clock says **08:15** (Europe/Oslo)."
    stored = next(item for item in demo.items(thread_id) if item["id"] == call["id"])
    assert (stored["status"], stored["output"]) == ("completed", told)


@pytest.mark.parametrize("result", [None, "late", [], {"error": "no such tool"}])
def test_a_tool_result_of_any_shape_gets_an_answer(demo: Demo, result: object) -> None:
    thread_id = thread_of(demo.say("time"))
    events = demo.events("threads.add_client_tool_output", thread_id=thread_id, result=result)
    assert said(events) == "Your browser would not tell me the time."


def test_sources_come_with_the_reply(demo: Demo) -> None:
    events = demo.say("sources")
    (message,) = done(events, "assistant_message")
    sources = [annotation["source"] for annotation in message["content"][0]["annotations"]]
    assert [source["type"] for source in sources] == ["url", "file"]


def test_an_image_gets_sharper_and_needs_nothing_from_outside(demo: Demo) -> None:
    events = demo.say("draw")
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    assert [round(update["progress"], 2) for update in updates] == [0.33, 0.67, 1.0]
    (item,) = done(events, "generated_image")
    assert item["image"]["url"].startswith("data:image/svg+xml;base64,")
    assert item["image"] == updates[-1]["image"]


def test_a_report_grows_inside_its_widget(demo: Demo) -> None:
    events = demo.say("report")
    (item,) = done(events, "widget")
    (body,) = components(item["widget"], "Markdown")
    assert streamed(events) == body["value"]
    assert body["streaming"] is False


def test_an_error_keeps_what_was_said_and_the_retry_works(demo: Demo) -> None:
    events = demo.say("oops")
    thread_id = thread_of(events)
    error = next(event for event in events if event["type"] == "error")
    assert error["allow_retry"] is True
    assert error["message"] == "The lookup failed, on purpose."
    message, partial = demo.items(thread_id)
    assert text_of(partial) == said(events)
    again = demo.events("threads.retry_after_item", thread_id=thread_id, item_id=message["id"])
    assert "second attempt worked" in said(again)
    assert len(demo.items(thread_id)) == 2


def test_a_second_oops_in_the_same_thread_fails_again(demo: Demo) -> None:
    thread_id = thread_of(demo.say("oops"))
    assert "error" in kinds(demo.say("oops", thread_id))


def test_hidden_context_answers_later_and_is_never_sent(demo: Demo) -> None:
    thread_id = thread_of(demo.say("remember the cat is called Tom"))
    assert [item["type"] for item in demo.items(thread_id)] == ["user_message", "assistant_message"]
    assert "the cat is called Tom" in said(demo.say("recall", thread_id))
    assert "the cat is called Tom" not in said(demo.say("recall"))


def test_feedback_is_stored_with_the_thread_and_the_last_verdict_counts(demo: Demo) -> None:
    events = demo.say("story")
    thread_id = thread_of(events)
    (message,) = done(events, "assistant_message")
    for kind in ("positive", "negative"):
        demo.answer("items.feedback", thread_id=thread_id, item_ids=[message["id"]], kind=kind)
    reply = said(demo.say("recall", thread_id))
    assert "your feedback so far: negative" in reply
    assert "positive" not in reply


def test_a_locked_thread_refuses_messages_until_its_button_unlocks_it(demo: Demo) -> None:
    events = demo.say("lock")
    thread_id = thread_of(events)
    (item,) = done(events, "widget")
    assert demo.answer("threads.get_by_id", thread_id=thread_id)["status"]["type"] == "locked"
    refused = demo.say("hello?", thread_id)
    assert refused[-1]["type"] == "error"
    assert "Unlock" in refused[-1]["message"]
    assert len(demo.items(thread_id)) == 2
    (button,) = components(item["widget"], "Button")
    demo.click(thread_id, item["id"], button["onClickAction"])
    assert demo.answer("threads.get_by_id", thread_id=thread_id)["status"]["type"] == "active"
    assert "You said" in said(demo.say("hello?", thread_id))
