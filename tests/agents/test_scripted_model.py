"""The scripted model speaks as real ones do: the SDK's own runner reads it without warnings."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from agents import (
    Agent,
    AgentsException,
    RunConfig,
    Runner,
    RunResultStreaming,
    function_tool,
)
from openai import InternalServerError, OpenAIError

from support.scripted_model import (
    Break,
    Call,
    Failure,
    Gate,
    Image,
    Message,
    Output,
    Raw,
    Reasoning,
    Refusal,
    Reply,
    ScriptedModel,
    Status,
    Text,
    scripted_model,
)

QUIET = RunConfig(tracing_disabled=True)
CITATION = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 0,
    "end_index": 2,
}
LOST = (OpenAIError, httpx.HTTPError)
"""Newer clients have an exception of their own for a lost connection."""
FAILED = (AgentsException, OpenAIError)
HELLO = [Message(Text("Hel", "lo"))]


@function_tool
def look(where: str = "up") -> str:
    """Look somewhere."""
    return f"saw {where}"


def run(model: ScriptedModel, *, chat: bool = False, **options: Any) -> RunResultStreaming:
    sdk_model = model.chat_completions() if chat else model.responses()
    agent = Agent(name="Ada", model=sdk_model, tools=[look], **options)
    return Runner.run_streamed(agent, "go", run_config=QUIET)


async def raw_events(result: RunResultStreaming) -> list[Any]:
    events = result.stream_events()
    return [event.data async for event in events if event.type == "raw_response_event"]


async def raw_types(result: RunResultStreaming) -> list[str]:
    return [event.type for event in await raw_events(result)]


@pytest.mark.parametrize("chat", [False, True], ids=["responses", "chat completions"])
async def test_a_text_streams_in_its_pieces(chat: bool) -> None:
    async with scripted_model(HELLO) as model:
        result = run(model, chat=chat)
        events = await raw_events(result)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["Hel", "lo"]
    assert result.final_output == "Hello"
    assert result.is_complete


async def test_every_event_is_of_the_class_that_the_sdk_has_for_it() -> None:
    reply: list[Output] = [
        Reasoning(Text("One"), Text("Two")),
        Image("Qw==", partial=["QQ=="]),
        Message(Text("Hello", citations=[CITATION]), Refusal("No", ".")),
    ]
    async with scripted_model([*reply, Call("look", {})], HELLO) as model:
        events = await raw_events(run(model))
    named = [(event.type, type(event).__name__) for event in events]
    assert [name for kind, name in named if name in ("BaseModel", "dict")] == []
    assert {kind for kind, _ in named} >= {
        "response.created",
        "response.reasoning_summary_text.delta",
        "response.image_generation_call.partial_image",
        "response.output_text.annotation.added",
        "response.refusal.delta",
        "response.function_call_arguments.done",
        "response.completed",
    }


@pytest.mark.parametrize("chat", [False, True], ids=["responses", "chat completions"])
async def test_several_calls_in_one_response_all_run_and_their_results_are_recorded(
    chat: bool,
) -> None:
    calls = [Call("look", {"where": "here"}), Call("look", {"where": "there"})]
    async with scripted_model(calls, HELLO) as model:
        result = run(model, chat=chat)
        await raw_events(result)
    assert result.final_output == "Hello"
    assert len(model.asked) == 2
    assert "saw here" in str(model.asked[1].input)
    assert "saw there" in str(model.asked[1].input)


async def test_a_hand_off_moves_to_the_other_agent() -> None:
    async with scripted_model([Call("transfer_to_bo", {})], HELLO) as model:
        bo = Agent(name="Bo", model=model.responses())
        result = run(model, handoffs=[bo])
        await raw_events(result)
        assert result.last_agent is bo


@pytest.mark.parametrize("chat", [False, True], ids=["responses", "chat completions"])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Status(500), InternalServerError),
        ([Message(Text("Hel", Failure("too hot")))], FAILED),
        ([Message(Text("Hel", Failure("too hot", "failed")))], FAILED),
        ([Message(Text("Hel", Break(clean=False)))], LOST),
    ],
    ids=["at once", "error event", "failed response", "connection lost"],
)
async def test_a_failure_of_the_model_is_raised_by_the_run(
    reply: Reply, error: type[Exception] | tuple[type[Exception], ...], chat: bool
) -> None:
    async with scripted_model(reply) as model:
        with pytest.raises(error):
            await raw_events(run(model, chat=chat))


async def test_a_response_that_breaks_off_has_no_final_event() -> None:
    async with scripted_model([Message(Text("Hel", Break()))]) as model:
        with pytest.raises(AgentsException):
            await raw_events(run(model))


async def test_a_gate_holds_the_stream_until_it_is_opened() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate, "lo"))]) as model:
        result = run(model)
        reading = asyncio.create_task(raw_types(result))
        await gate.reached.wait()
        assert not reading.done()
        gate.open()
        assert "response.completed" in await reading
        assert not model.hung_up.is_set()


async def test_a_client_that_leaves_at_a_gate_is_noticed() -> None:
    gate = Gate()
    async with scripted_model([Message(Text("Hel", gate, "lo"))]) as model:
        result = run(model)
        reading = asyncio.create_task(raw_types(result))
        await gate.reached.wait()
        result.cancel()
        await reading
        await model.hung_up.wait()


async def test_requests_are_recorded_with_headers_and_body() -> None:
    async with scripted_model(HELLO) as model:
        await raw_events(run(model, instructions="Be kind."))
    [asked] = model.asked
    assert asked.path == "/v1/responses"
    assert asked.user_agent.startswith("Agents/Python")
    assert asked.body["instructions"] == "Be kind."
    assert asked.input == [{"content": "go", "role": "user"}]


async def test_an_event_of_the_tests_own_making_goes_out_as_it_is() -> None:
    odd = Raw({"type": "response.queued", "response": {"id": "resp_1", "output": []}})
    async with scripted_model([odd, *HELLO]) as model:
        assert "response.queued" in await raw_types(run(model))
