"""Every kind of event that the SDK has for streamed runs is mapped, or passed over on purpose.

A new SDK that adds a kind fails the first test: read what it means, then name it here.
"""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from agents import Agent, RunItemStreamEvent, StreamEvent
from openai.types.responses import ResponseStreamEvent

from support.agent_chat import MESSAGE, MESSAGE_END, AgentChat, Reader, outline
from support.scripted_model import (
    Gate,
    Image,
    Message,
    Output,
    Raw,
    Reasoning,
    Refusal,
    Text,
    scripted_model,
)

MAPPED = {
    # items, by their type: messages, reasoning, pictures, function calls (for their ids)
    "response.output_item.added",
    "response.output_item.done",
    # messages
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.delta",
    "response.refusal.done",
    # thoughts
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    # pictures
    "response.image_generation_call.partial_image",
}

PASSED_OVER = {
    "the response's own course; the SDK raises what goes wrong": {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.failed",
        "response.incomplete",
        "error",
        "response.compaction.compacting",
    },
    "said again by an event that is mapped": {
        "response.content_part.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
    },
    "raw reasoning is not for users": {
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
    },
    "the protocol has no audio in messages": {
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
    },
    "pictures: the item has been announced, and is sent when it is done": {
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.completed",
    },
    "what hosted tools are about is for integrations to show": {
        f"response.{name}"
        for name in (
            "code_interpreter_call.in_progress",
            "code_interpreter_call.interpreting",
            "code_interpreter_call.completed",
            "code_interpreter_call_code.delta",
            "code_interpreter_call_code.done",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "file_search_call.in_progress",
            "file_search_call.searching",
            "file_search_call.completed",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "mcp_call.in_progress",
            "mcp_call.completed",
            "mcp_call.failed",
            "mcp_call_arguments.delta",
            "mcp_call_arguments.done",
            "mcp_list_tools.in_progress",
            "mcp_list_tools.completed",
            "mcp_list_tools.failed",
            "shell_call_command.added",
            "shell_call_command.delta",
            "shell_call_command.done",
            "shell_call_output_content.delta",
            "shell_call_output_content.done",
            "web_search_call.in_progress",
            "web_search_call.searching",
            "web_search_call.completed",
        )
    },
}
ALL_PASSED_OVER = set[str]().union(*PASSED_OVER.values())
ENDS_THE_RUN = {"response.completed", "response.failed", "response.incomplete", "error"}

RUN_ITEMS_MAPPED = {"tool_called"}  # for the ids of a client tool's call
RUN_ITEMS_PASSED_OVER = {
    # made of raw events that have been shown already
    "message_output_created",
    "reasoning_item_created",
    # what agents do among themselves
    "handoff_requested",
    "handoff_occured",
    "tool_output",
    "tool_search_called",
    "tool_search_output_created",
    "mcp_approval_requested",
    "mcp_approval_response",
    "mcp_list_tools",
}


def raw_kinds() -> set[str]:
    """What ``RawResponsesStreamEvent`` may carry."""
    [union, *_] = get_args(ResponseStreamEvent)
    types = [event.model_fields["type"].annotation for event in get_args(union)]
    return {kind for literal in types for kind in get_args(literal)}


def test_every_raw_event_is_mapped_or_passed_over_on_purpose() -> None:
    assert raw_kinds() - MAPPED - ALL_PASSED_OVER == set()


def test_every_run_item_event_is_mapped_or_passed_over_on_purpose() -> None:
    names = set(get_args(get_type_hints(RunItemStreamEvent)["name"]))
    assert names - RUN_ITEMS_MAPPED - RUN_ITEMS_PASSED_OVER == set()


def test_streamed_runs_have_no_other_events() -> None:
    assert {event.__name__ for event in get_args(StreamEvent)} == {
        "RawResponsesStreamEvent",
        "RunItemStreamEvent",
        "AgentUpdatedStreamEvent",  # passed over: users see one assistant
    }


@pytest.mark.parametrize("kind", sorted(ALL_PASSED_OVER - ENDS_THE_RUN))
async def test_what_is_passed_over_changes_nothing(kind: str) -> None:
    if kind not in raw_kinds():
        pytest.skip("the installed SDK does not know it yet")
    event = Raw({"type": kind, "item_id": "odd_1", "output_index": 0, **ANYTHING})
    async with scripted_model([event, Message(Text("Hel", event, "lo")), event]) as model:
        chat = AgentChat(Agent(name="Ada", model=model.responses()))
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'Hel'", "'lo'", *MESSAGE_END]


ANYTHING: dict[str, Any] = {
    "content_index": 0,
    "summary_index": 0,
    "delta": "odd",
    "text": "odd",
    "arguments": "{}",
    "name": "odd",
    "code": "odd",
    "input": "odd",
    "command": "odd",
    "part": {"type": "summary_text", "text": "odd"},
    "response": {"id": "resp_1", "output": []},
}


@pytest.mark.parametrize("kind", ["web_search_call", "file_search_call", "code_interpreter_call"])
async def test_items_of_hosted_tools_are_passed_over(kind: str) -> None:
    item = {
        "type": kind,
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "odd"},
        "queries": ["odd"],
        "code": "odd",
        "container_id": "c",
    }
    events: list[Output] = [
        Raw({"type": f"response.output_item.{what}", "output_index": 0, "item": item})
        for what in ("added", "done")
    ]
    async with scripted_model([*events, Message(Text("Hello"))]) as model:
        chat = AgentChat(Agent(name="Ada", model=model.responses()))
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'Hello'", *MESSAGE_END]


async def test_each_kind_that_is_mapped_shows_in_a_run_that_has_it() -> None:
    """The scripted model sends every mapped kind; what each becomes is there."""
    gate = Gate()
    citation = {"type": "file_citation", "file_id": "f", "filename": "plan.pdf", "index": 3}
    reply: list[Output] = [
        Reasoning(Text("Th", "ought")),
        Image("QQ==", partial=["QQ=="]),
        Message(Text("Text", citations=[citation]), Refusal("Refused", gate)),
    ]
    async with scripted_model(reply) as model:
        chat = AgentChat(Agent(name="Ada", model=model.responses()))
        reader = Reader(await chat.saying())
        await reader.hears("'Refused'")
        gate.open()
        await reader.task
    shown = {
        "+workflow",
        "task 0 added: Th",
        "task 0 updated: Thought",
        "+generated_image",
        "generated image.updated",
        "=generated_image",
        "=workflow",
        *MESSAGE,
        "'Text'",
        "content part.annotation added",
        "'Refused'",
        *MESSAGE_END,
    }
    assert shown <= set(reader.told)
