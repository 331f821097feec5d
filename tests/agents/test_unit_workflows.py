"""A workflow of an earlier turn, and what becomes of it when a run goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from agents import (
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailResult,
    InputGuardrailTripwireTriggered,
)

from chatkit.agents import AgentContext, stream_agent_response
from chatkit.types import (
    CustomTask,
    ThreadMetadata,
    UserMessageItem,
    Workflow,
    WorkflowItem,
)
from support.chat import CONTEXT, Chat, Events, kinds, types

Raise = Callable[[], Exception]


class FailingRun:
    """Adds a task, as a tool would, and raises."""

    def __init__(self, context: AgentContext[Any], error: Exception) -> None:
        self._context = context
        self._error = error

    def cancel(self) -> None:
        pass

    async def stream_events(self) -> AsyncIterator[Any]:
        await self._context.add_workflow_task(CustomTask(title="Two"))
        raise self._error
        yield


def tripwire() -> Exception:
    output = GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)
    guardrail: InputGuardrail[Any] = InputGuardrail(guardrail_function=lambda *_: output)
    return InputGuardrailTripwireTriggered(InputGuardrailResult(guardrail, output))


def chat_that(error: Exception) -> Chat:
    def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        own = AgentContext[Any](thread=thread, store=chat.store, request_context=CONTEXT)
        run: Any = FailingRun(own, error)
        return stream_agent_response(own, run)

    chat = Chat(respond, action=lambda thread, action, sender: respond(thread, None))
    return chat


def left_open(created_at: datetime) -> WorkflowItem:
    return WorkflowItem(
        id="wf_1",
        thread_id="",
        created_at=created_at,
        workflow=Workflow(type="custom", tasks=[CustomTask(title="One")]),
    )


@pytest.mark.parametrize("zone", [timezone.utc, None], ids=["aware", "naive"])
async def test_a_run_that_fails_ends_the_workflow_that_an_earlier_turn_had_left_open(
    zone: timezone | None,
) -> None:
    chat = chat_that(RuntimeError("model went away"))
    thread = await chat.new_thread(left_open(datetime.now(zone)))
    events = await chat.events("threads.custom_action", thread_id=thread.id, action={"type": "go"})
    assert types(events)[1:] == ["thread.item.updated", "thread.item.done", "error"]
    [item] = await chat.stored(thread.id)
    assert isinstance(item, WorkflowItem)
    assert len(item.workflow.tasks) == 2
    assert item.workflow.summary is not None


async def test_a_tripwire_gives_the_workflow_of_an_earlier_turn_back_as_it_was() -> None:
    chat = chat_that(tripwire())
    thread = await chat.new_thread(left_open(datetime.now(timezone.utc)))
    events = await chat.events("threads.custom_action", thread_id=thread.id, action={"type": "go"})
    assert types(events)[1:] == ["thread.item.updated", "thread.item.replaced", "error"]
    items = await chat.stored(thread.id)
    assert kinds(items) == ["workflow"]
    assert isinstance(items[0], WorkflowItem)
    assert items[0].workflow.tasks == [CustomTask(title="One")]
    assert items[0].workflow.summary is None
