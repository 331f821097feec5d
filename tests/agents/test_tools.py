"""What tools put on the context while the run goes on, and calls and hand-offs of the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from agents import Agent, FunctionTool, RunContextWrapper, Runner, function_tool
from pydantic import Field

from chatkit.agents import AgentContext, stream_agent_response
from chatkit.agents.merge import AHEAD_LIMIT
from chatkit.types import (
    CustomTask,
    HiddenContextItem,
    NoticeEvent,
    ProgressUpdateEvent,
    ThreadItemDoneEvent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from chatkit.widgets import WidgetRoot
from support.agent_chat import MESSAGE, MESSAGE_END, QUIET, AgentChat, new_context, outline
from support.chat import card, hidden, kinds, now, of_type, text_of
from support.scripted_model import (
    Call,
    Message,
    Reasoning,
    Reply,
    ScriptedModel,
    Text,
    scripted_model,
)

Context = RunContextWrapper[AgentContext[Any]]


def chat_of(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> AgentChat:
    return AgentChat(Agent(name="Ada", model=model.responses(), tools=[*tools]), **options)


def says(text: str) -> Reply:
    return [Message(Text(text))]


NO_STATES: list[WidgetRoot] = []


def words_of(item: Any) -> str:
    assert isinstance(item, WidgetItem)
    return str(item.widget.model_dump()["children"][0]["value"])


@function_tool
async def note(ctx: Context, text: str) -> str:
    """Tell the user."""
    await ctx.context.stream(ProgressUpdateEvent(text=text))
    return f"noted {text}"


# --- calls and hand-offs -------------------------------------------------------------------------


async def test_a_call_is_not_shown_and_its_result_goes_to_the_model() -> None:
    async with scripted_model([Call("note", {"text": "A"})], says("Done")) as model:
        chat = chat_of(model, note)
        told = outline(await chat.say())
    assert told == ["progress_update A", *MESSAGE, "'Done'", *MESSAGE_END]
    assert "noted A" in str(model.asked[1].input)


async def test_what_tools_put_comes_between_the_messages_around_the_call() -> None:
    async with scripted_model(
        [Message(Text("Before")), Call("note", {"text": "A"})], says("After")
    ) as model:
        chat = chat_of(model, note)
        told = outline(await chat.say())
    assert told == [
        *(*MESSAGE, "'Before'", *MESSAGE_END),
        "progress_update A",
        *(*MESSAGE, "'After'", *MESSAGE_END),
    ]


async def test_several_tools_of_one_response_are_all_heard() -> None:
    meeting = asyncio.Event()

    @function_tool
    async def first(ctx: Context) -> str:
        await meeting.wait()
        await ctx.context.stream(ProgressUpdateEvent(text="second"))
        return "one"

    @function_tool
    async def second(ctx: Context) -> str:
        await ctx.context.stream(ProgressUpdateEvent(text="first"))
        meeting.set()
        return "two"

    async with scripted_model([Call("first"), Call("second")], says("Both")) as model:
        chat = chat_of(model, first, second)
        told = outline(await chat.say())
    assert told[:2] == ["progress_update first", "progress_update second"]
    assert [text_of(item) for item in await chat.items()] == ["Both"]


async def test_after_a_hand_off_both_agents_have_spoken() -> None:
    async with scripted_model(
        [Message(Text("Ask Bo.")), Call("transfer_to_bo")], says("Bo here.")
    ) as model:
        chat = AgentChat(
            Agent(
                name="Ada",
                model=model.responses(),
                handoffs=[Agent(name="Bo", model=model.responses())],
            )
        )
        told = outline(await chat.say())
        assert chat.runs[0].last_agent.name == "Bo"
    assert told == [
        *(*MESSAGE, "'Ask Bo.'", *MESSAGE_END),
        *(*MESSAGE, "'Bo here.'", *MESSAGE_END),
    ]
    assert [item.id for item in await chat.items()] == ["msg_1", "msg_2"]


async def test_a_tool_may_change_the_threads_title() -> None:
    @function_tool
    async def rename(ctx: Context) -> str:
        ctx.context.thread.title = "Oslo"
        await ctx.context.stream(ProgressUpdateEvent(text="renamed"))
        return "ok"

    async with scripted_model([Call("rename")], says("Done")) as model:
        chat = chat_of(model, rename)
        told = outline(await chat.say())
    assert told[:2] == ["progress_update renamed", "updated"]
    page = await chat.ask("threads.list")
    assert [thread["title"] for thread in page["data"]] == ["Oslo"]


# --- widgets and items ---------------------------------------------------------------------------


async def test_a_tool_may_show_a_widget_ready_or_growing() -> None:
    async def states() -> AsyncGenerator[WidgetRoot, None]:
        yield card("Lo")
        yield card("Lorem")

    @function_tool
    async def show(ctx: Context) -> str:
        await ctx.context.stream_widget(card("ready"), copy_text="copied")
        await ctx.context.stream_widget(states())
        return "shown"

    async with scripted_model([Call("show")], says("Look")) as model:
        chat = chat_of(model, show)
        told = outline(await chat.say())
    assert told[0] == "=widget"
    assert (told[1], told[3]) == ("+widget", "=widget")
    ready, grown, _ = await chat.items()
    assert isinstance(ready, WidgetItem)
    assert ready.copy_text == "copied"
    assert (words_of(ready), words_of(grown)) == ("ready", "Lorem")


async def test_an_empty_widget_generator_gives_no_item() -> None:
    async def states() -> AsyncGenerator[WidgetRoot, None]:
        for state in NO_STATES:
            yield state

    @function_tool
    async def show(ctx: Context) -> str:
        await ctx.context.stream_widget(states())
        return "nothing"

    async with scripted_model([Call("show")], says("Done")) as model:
        chat = chat_of(model, show)
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'Done'", *MESSAGE_END]


async def test_a_later_change_by_the_tool_does_not_alter_what_is_waiting() -> None:
    @function_tool
    async def change(ctx: Context) -> str:
        context = ctx.context
        notice = NoticeEvent(level="info", message="as put")
        await context.stream(notice)
        notice.message = "changed"
        shown = WidgetItem(
            id="w", thread_id=context.thread.id, created_at=now(),
            widget=card("as put"),
        )  # fmt: skip
        await context.stream(ThreadItemDoneEvent(item=shown))
        shown.widget = card("changed")
        task = CustomTask(title="as put")
        await context.add_workflow_task(task)
        task.title = "changed"
        return "ok"

    async with scripted_model([Call("change")], says("Done")) as model:
        chat = chat_of(model, change)
        events = await chat.say()
    assert outline(events)[0] == "notice as put"
    shown, workflow, _ = await chat.items()
    assert words_of(shown) == "as put"
    assert isinstance(workflow, WorkflowItem)
    assert workflow.workflow.tasks == [CustomTask(title="as put")]


# --- workflows -----------------------------------------------------------------------------------


async def test_tools_open_change_and_close_a_workflow() -> None:
    @function_tool
    async def work(ctx: Context) -> str:
        await ctx.context.start_workflow(Workflow(type="custom", tasks=[]))
        await ctx.context.add_workflow_task(CustomTask(title="One"))
        await ctx.context.add_workflow_task(CustomTask(title="Two"))
        await ctx.context.update_workflow_task(CustomTask(title="One, done"), 0)
        await ctx.context.end_workflow(expanded=True)
        return "ok"

    async with scripted_model([Call("work")], says("Done")) as model:
        chat = chat_of(model, work)
        told = outline(await chat.say())
    assert told[:4] == [
        "+workflow",
        "task 1 added: Two",
        "task 0 updated: One, done",
        "=workflow",
    ]
    workflow, _ = await chat.items()
    assert isinstance(workflow, WorkflowItem)
    assert workflow.workflow.expanded
    assert workflow.workflow.tasks == [CustomTask(title="One, done"), CustomTask(title="Two")]


async def test_two_equal_tasks_keep_their_own_indexes() -> None:
    @function_tool
    async def work(ctx: Context) -> str:
        same = CustomTask(title="Same")
        await ctx.context.start_workflow(Workflow(type="custom", tasks=[same]))
        await ctx.context.add_workflow_task(same)
        await ctx.context.add_workflow_task(CustomTask(title="Same"))
        await ctx.context.update_workflow_task(CustomTask(title="Last"), 2)
        return "ok"

    async with scripted_model([Call("work")], says("Done")) as model:
        chat = chat_of(model, work)
        told = outline(await chat.say())
    assert told[1:4] == ["task 1 added: Same", "task 2 added: Same", "task 2 updated: Last"]
    workflow, _ = await chat.items()
    assert isinstance(workflow, WorkflowItem)
    titles = [task.title for task in workflow.workflow.tasks if isinstance(task, CustomTask)]
    assert titles == ["Same", "Same", "Last"]


async def test_thoughts_join_a_workflow_that_a_tool_has_opened_each_whole() -> None:
    @function_tool
    async def fetch(ctx: Context) -> str:
        await ctx.context.add_workflow_task(CustomTask(title="Fetch"))
        return "ok"

    second = [Reasoning(Text("Was that ", "enough?")), Message(Text("It was"))]
    async with scripted_model([Call("fetch")], second) as model:
        chat = chat_of(model, fetch)
        told = outline(await chat.say())
    assert told[:3] == ["+workflow", "task 1 added: Was that enough?", "=workflow"]
    assert kinds(await chat.items()) == ["workflow", "assistant_message"]


async def test_a_widget_ends_an_open_workflow_and_a_hidden_note_does_not() -> None:
    @function_tool
    async def work(ctx: Context) -> str:
        await ctx.context.add_workflow_task(CustomTask(title="One"))
        note = hidden("psst", thread_id=ctx.context.thread.id)
        assert isinstance(note, HiddenContextItem)
        await ctx.context.stream(ThreadItemDoneEvent(item=note))
        await ctx.context.add_workflow_task(CustomTask(title="Two"))
        await ctx.context.stream_widget(card("closer"))
        return "ok"

    async with scripted_model([Call("work")], says("Done")) as model:
        chat = chat_of(model, work)
        told = outline(await chat.say())
    assert told[:4] == ["+workflow", "task 1 added: Two", "=workflow", "=widget"]
    stored = kinds(await chat.items())
    assert sorted(stored) == sorted(
        ["hidden_context_item", "workflow", "widget", "assistant_message"]
    )


# --- contexts of one's own -----------------------------------------------------------------------


class Basket(AgentContext[Any]):
    """A context with a field of the integration's own."""

    fruit: list[str] = Field(default_factory=list)
    price: int = 3


async def test_a_context_may_have_fields_of_its_own() -> None:
    @function_tool
    async def buy(ctx: RunContextWrapper[Basket]) -> str:
        ctx.context.fruit.append("apple")
        told = f"{ctx.context.price} for {len(ctx.context.fruit)} apple"
        await ctx.context.stream(ProgressUpdateEvent(text=told))
        return "bought"

    async with scripted_model([Call("buy")], says("Done"), [Call("buy")], says("Done")) as model:
        chat = chat_of(model, buy, new_context=Basket)
        assert outline(await chat.say())[0] == "progress_update 3 for 1 apple"
        assert outline(await chat.say())[0] == "progress_update 3 for 1 apple"


def test_the_queue_is_the_contexts_own_business() -> None:
    fields = {"thread", "store", "request_context", "previous_response_id", "client_tool_call"}
    assert set(AgentContext.model_fields) == fields | {"workflow_item", "generated_image_item"}
    first, second = new_context(), new_context()
    assert not set(map(id, _private(first))) & set(map(id, _private(second)))


def _private(context: AgentContext[Any]) -> list[object]:
    return [value for value in (context.__pydantic_private__ or {}).values() if _mutable(value)]


def _mutable(value: object) -> bool:
    return not isinstance(value, (type(None), bool, int, float, str, tuple, frozenset))


async def test_two_turns_at_once_hear_only_their_own_tools() -> None:
    both = asyncio.Event()
    waiting: list[str] = []

    @function_tool
    async def meet(ctx: Context) -> str:
        waiting.append(ctx.context.thread.id)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        await ctx.context.stream(ProgressUpdateEvent(text=ctx.context.thread.id))
        return "met"

    async with scripted_model([Call("meet")], [Call("meet")], says("A"), says("B")) as model:
        chats = [chat_of(model, meet), chat_of(model, meet)]
        told = await asyncio.gather(*(chat.say() for chat in chats))
    for chat, events in zip(chats, told, strict=True):
        assert [event["text"] for event in of_type(events, "progress_update")] == [chat.thread_id]


# --- how much may wait ---------------------------------------------------------------------------

MANY = 5_000


async def settled(count: list[int]) -> int:
    """The number once nobody adds to it any more."""
    quiet = 0
    while quiet < 50:
        before = len(count)
        await asyncio.sleep(0)
        quiet = quiet + 1 if len(count) == before else 0
    return len(count)


async def test_a_tool_that_puts_events_faster_than_they_are_read_is_held_back() -> None:
    put: list[int] = []

    @function_tool
    async def flood(ctx: Context) -> str:
        for number in range(MANY):
            await ctx.context.stream(ProgressUpdateEvent(text=str(number)))
            put.append(number)
        return "all out"

    context = new_context()
    async with scripted_model([Call("flood")], says("Done")) as model:
        agent = Agent(name="Ada", model=model.responses(), tools=[flood])
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        async with aclosing(_generator(stream_agent_response(context, result))) as events:
            first = await anext(events)
            assert await settled(put) < MANY / 4
            rest = [event async for event in events]
    texts = [event.text for event in [first, *rest] if isinstance(event, ProgressUpdateEvent)]
    assert texts == [str(number) for number in range(MANY)]


def _generator(events: Any) -> AsyncGenerator[Any, None]:
    assert isinstance(events, AsyncGenerator)
    return events


async def test_events_may_be_put_before_and_after_the_stream_without_limit() -> None:
    context = new_context()
    async with scripted_model(says("Hello")) as model:
        agent = Agent(name="Ada", model=model.responses())
        for number in range(MANY):
            await asyncio.wait_for(context.stream(ProgressUpdateEvent(text=str(number))), 5)
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        events = [event async for event in stream_agent_response(context, result)]
        for _ in range(MANY):
            await asyncio.wait_for(context.stream(ProgressUpdateEvent(text="late")), 5)
    texts = [event.text for event in events if isinstance(event, ProgressUpdateEvent)]
    assert texts == [str(number) for number in range(MANY)]


async def test_a_task_that_outlives_the_stream_can_still_put_events() -> None:
    """It is not held up by a reader that has gone."""
    go_on = asyncio.Event()
    helpers: list[asyncio.Task[None]] = []

    async def help_out(context: AgentContext[Any]) -> None:
        await context.stream(ProgressUpdateEvent(text="in time"))
        await go_on.wait()
        for _ in range(MANY):
            await context.stream(ProgressUpdateEvent(text="too late"))

    @function_tool
    async def hire(ctx: Context) -> str:
        helpers.append(asyncio.create_task(help_out(ctx.context)))
        return "hired"

    async with scripted_model([Call("hire")], says("Done")) as model:
        chat = chat_of(model, hire)
        told = outline(await chat.say())
        go_on.set()
        await asyncio.wait_for(helpers[0], 5)
    assert "progress_update in time" in told
    assert "progress_update too late" not in told


async def test_a_stream_that_is_closed_lets_a_held_back_helper_go() -> None:
    helpers: list[asyncio.Task[None]] = []

    async def help_out(context: AgentContext[Any]) -> None:
        for number in range(MANY):
            await context.stream(ProgressUpdateEvent(text=str(number)))

    @function_tool
    async def hire(ctx: Context) -> str:
        helpers.append(asyncio.create_task(help_out(ctx.context)))
        await helpers[0]
        return "hired"

    context = new_context()
    async with scripted_model([Call("hire")], says("Done")) as model:
        agent = Agent(name="Ada", model=model.responses(), tools=[hire])
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        async with aclosing(_generator(stream_agent_response(context, result))) as events:
            await anext(events)
        await asyncio.wait({helpers[0]}, timeout=5)
    assert helpers[0].done()


async def test_all_but_a_little_of_what_the_run_has_ahead_waits_in_the_sdks_own_queue() -> None:
    taken: list[Any] = []
    context = new_context()
    async with scripted_model([Message(Text(*"a long answer in many pieces" * 20))]) as model:
        agent = Agent(name="Ada", model=model.responses())
        result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
        stream_events = result.stream_events

        async def counted() -> AsyncIterator[Any]:
            async for event in stream_events():
                taken.append(event)
                yield event

        result.stream_events = counted  # type: ignore[method-assign]  # to look on
        events = _generator(stream_agent_response(context, result))
        async with aclosing(events):
            for read in range(1, 20):
                await anext(events)
                ahead = await settled(taken)
                assert ahead <= read + RUN_EVENTS_WITHOUT_ECHO + AHEAD_LIMIT


RUN_EVENTS_WITHOUT_ECHO = 3
"""A new agent, and two about the response."""


async def test_an_event_makes_no_task() -> None:
    @function_tool
    async def chatter(ctx: Context) -> str:
        for number in range(200):
            await ctx.context.stream(ProgressUpdateEvent(text=str(number)))
        return "ok"

    deltas = [str(number) for number in range(200)]
    async with scripted_model([Message(Text(*deltas)), Call("chatter")], says("Done")) as model:
        context = new_context()
        agent = Agent(name="Ada", model=model.responses(), tools=[chatter])
        made: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_counting(made))
        try:
            result = Runner.run_streamed(agent, "go", context=context, run_config=QUIET)
            events = [event async for event in stream_agent_response(context, result)]
        finally:
            loop.set_task_factory(None)
    assert len(events) > 400
    assert len([name for name in made if "chatkit" in name]) <= 3


def _counting(made: list[str]) -> Any:
    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(f"{getattr(coro, '__qualname__', coro)} {_file_of(coro)}")
        return asyncio.Task(coro, loop=loop, **options)

    return factory


def _file_of(coro: Any) -> str:
    code = getattr(coro, "cr_code", None) or getattr(coro, "ag_code", None)
    return code.co_filename if code is not None else ""


# --- runs within runs -----------------------------------------------------------------------------


async def test_a_tool_may_stream_a_run_of_its_own_through_the_same_context() -> None:
    async with scripted_model(
        [Call("consult")], [Message(Text("Bo thinks so."))], says("So it is.")
    ) as model:
        bo = Agent[Any](name="Bo", model=model.responses())

        @function_tool
        async def consult(ctx: Context) -> str:
            inner = Runner.run_streamed(bo, "well?", context=ctx.context, run_config=QUIET)
            async for event in stream_agent_response(ctx.context, inner):
                await ctx.context.stream(event)
            return str(inner.final_output)

        chat = chat_of(model, consult)
        told = outline(await chat.say())
    assert told == [
        *(*MESSAGE, "'Bo thinks so.'", *MESSAGE_END),
        *(*MESSAGE, "'So it is.'", *MESSAGE_END),
    ]
    assert "Bo thinks so." in str(model.asked[2].input)
    assert [text_of(item) for item in await chat.items()] == ["Bo thinks so.", "So it is."]


async def test_an_agent_may_be_a_tool_of_another() -> None:
    async with scripted_model(
        [Call("ask_bo", {"input": "well?"})], says("Yes"), says("Bo says yes")
    ) as model:
        bo = Agent[Any](name="Bo", model=model.responses())
        tool = bo.as_tool("ask_bo", "Ask Bo.")
        chat = chat_of(model, tool)
        told = outline(await chat.say())
    assert told == [*MESSAGE, "'Bo says yes'", *MESSAGE_END]


async def test_ids_come_from_the_store_of_the_context() -> None:
    context = new_context()
    assert context.generate_id("message").startswith("msg_")
    assert context.generate_id("thread").startswith("thr_")
    assert context.generate_id("workflow") != context.generate_id("workflow")
