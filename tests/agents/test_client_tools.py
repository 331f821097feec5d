"""Client tools: the call ends the turn, its result starts the next, a workflow goes on over it."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, FunctionTool, RunContextWrapper, StopAtTools, function_tool

from chatkit.agents import AgentContext, ClientToolCall
from chatkit.types import ClientToolCallItem, CustomTask, ThoughtTask, WorkflowItem
from support.agent_chat import MESSAGE, MESSAGE_END, AgentChat, new_context, outline
from support.chat import kinds, of_type
from support.scripted_model import (
    Call,
    Message,
    Reasoning,
    Reply,
    ScriptedModel,
    Text,
    scripted_model,
)
from support.slow_store import SlowStore

Context = RunContextWrapper[AgentContext[Any]]


@function_tool
async def locate(ctx: Context, precise: bool = False) -> str:
    """Ask the browser where it is."""
    ctx.context.client_tool_call = ClientToolCall(name="locate", arguments={"precise": precise})
    return "asked"


def chat_of(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> AgentChat:
    agent = Agent[Any](
        name="Ada",
        model=model.responses(),
        tools=[locate, *tools],
        tool_use_behavior=StopAtTools(stop_at_tool_names=["locate"]),
    )
    return AgentChat(agent, **options)


FOUND: Reply = [Message(Text("Found you"))]


async def test_a_client_tool_call_ends_the_turn_with_the_runs_own_ids() -> None:
    async with scripted_model(
        [Message(Text("Where?")), Call("locate", {"precise": True})], FOUND
    ) as model:
        chat = chat_of(model)
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'Where?'", *MESSAGE_END, "=client_tool_call"]
    call = (await chat.items())[-1]
    assert isinstance(call, ClientToolCallItem)
    assert (call.id, call.call_id, call.status) == ("fc_1", "call_1", "pending")
    assert (call.name, call.arguments) == ("locate", {"precise": True})


async def test_its_result_starts_the_next_run_and_reaches_the_model() -> None:
    async with scripted_model([Call("locate")], FOUND) as model:
        chat = chat_of(model)
        await chat.say()
        told = outline(await chat.hand_in({"city": "Turin"}))
    assert told == [*MESSAGE, "'Found you'", *MESSAGE_END]
    sent = [item for item in model.asked[1].input if "call_id" in item]
    assert [(item["type"], item["call_id"]) for item in sent] == [
        ("function_call", "call_1"),
        ("function_call_output", "call_1"),
    ]
    assert sent[1]["output"] == '{"city": "Turin"}'


async def test_a_call_that_has_a_call_id_but_no_item_id_is_no_error() -> None:
    async with scripted_model(
        [Call("locate", call_id="call-7", has_item_id=False)], FOUND
    ) as model:
        chat = chat_of(model)
        assert outline(await chat.say()) == ["=client_tool_call"]
        [call] = await chat.items()
        assert isinstance(call, ClientToolCallItem)
        assert call.call_id == "call-7"
        assert call.id
        assert outline(await chat.hand_in("here"))[-1] == "=assistant_message"


async def test_a_call_that_the_run_never_made_gets_ids_from_the_store() -> None:
    def with_call(**fields: Any) -> AgentContext[Any]:
        context = AgentContext[Any](**fields)
        context.client_tool_call = ClientToolCall(name="open_door", arguments={})
        return context

    async with scripted_model([Message(Text("Opening"))]) as model:
        chat = chat_of(model, new_context=with_call)
        await chat.say()
    call = (await chat.items())[-1]
    assert isinstance(call, ClientToolCallItem)
    assert call.name == "open_door"
    assert call.id.startswith("tc_")
    assert call.call_id.startswith("tc_")
    assert call.id != call.call_id


async def test_of_several_calls_the_client_tools_own_gives_the_ids() -> None:
    @function_tool
    async def look(ctx: Context) -> str:
        return "seen"

    async with scripted_model([Call("look"), Call("locate"), Call("look")], FOUND) as model:
        chat = chat_of(model, look)
        await chat.say()
    [call] = await chat.items()
    assert isinstance(call, ClientToolCallItem)
    assert (call.id, call.call_id) == ("fc_2", "call_2")


async def test_an_open_workflow_goes_on_after_the_result_as_one_item() -> None:
    first: Reply = [Reasoning(Text("Look first")), Call("locate")]
    second: Reply = [Reasoning(Text("Seen")), Message(Text("Blue"))]
    store = SlowStore(delay=0, keep_duplicates=True)
    async with scripted_model(first, second) as model:
        chat = chat_of(model, store=store)
        assert outline(await chat.say()) == [
            "+workflow",
            "task 0 added: Look first",
            "task 0 updated: Look first",
            "=client_tool_call",
        ]
        assert kinds(await chat.items()) == ["workflow", "client_tool_call"]
        assert outline(await chat.hand_in("here")) == [
            "task 1 added: Seen",
            "=workflow",
            *MESSAGE,
            "'Blue'",
            *MESSAGE_END,
        ]
    items = await chat.items()
    assert kinds(items) == ["workflow", "client_tool_call", "assistant_message"]
    workflow = items[0]
    assert isinstance(workflow, WorkflowItem)
    assert workflow.workflow.summary is not None
    thoughts = [task.content for task in workflow.workflow.tasks if isinstance(task, ThoughtTask)]
    assert thoughts == ["Look first", "Seen"]
    assert store.added_ids.count(workflow.id) == 1


async def test_a_tools_workflow_goes_on_over_two_client_tools() -> None:
    @function_tool
    async def step(ctx: Context, title: str) -> str:
        await ctx.context.add_workflow_task(CustomTask(title=title))
        return "ok"

    script: list[Reply] = [
        [Call("step", {"title": "One"})],
        [Call("locate")],
        [Call("step", {"title": "Two"})],
        [Call("locate")],
        [Call("step", {"title": "Three"})],
        FOUND,
    ]
    async with scripted_model(*script) as model:
        chat = chat_of(model, step)
        await chat.say()
        await chat.hand_in(1)
        await chat.hand_in(2)
    items = await chat.items()
    assert kinds(items).count("workflow") == 1
    workflow = next(item for item in items if isinstance(item, WorkflowItem))
    titles = [task.title for task in workflow.workflow.tasks if isinstance(task, CustomTask)]
    assert titles == ["One", "Two", "Three"]


async def test_a_new_message_after_a_finished_workflow_opens_a_new_one() -> None:
    script: list[Reply] = [[Reasoning(Text("One")), Message(Text("A"))]] * 2
    async with scripted_model(*script) as model:
        chat = chat_of(model)
        await chat.say()
        events = await chat.say()
    assert outline(events)[0] == "+workflow"
    assert len({item.id for item in await chat.items()}) == 5


async def test_the_call_is_sent_once_per_context() -> None:
    async with scripted_model([Call("locate")], FOUND) as model:
        chat = chat_of(model)
        events = await chat.say()
        assert len(of_type(events, "thread.item.done")) == 1
        assert "client_tool_call" not in str(outline(await chat.hand_in(None)))


async def test_changing_a_task_without_a_workflow_is_an_error_and_ending_none_is_not() -> None:
    context = new_context()
    await context.end_workflow()
    with pytest.raises(ValueError, match="workflow"):
        await context.update_workflow_task(CustomTask(title="One"), 0)
