"""``stream_agent_response``: a run as the events of a turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import agents
from agents import (
    InputGuardrailTripwireTriggered,
    OutputGuardrailTripwireTriggered,
    RunResultStreaming,
    ToolInputGuardrailTripwireTriggered,
    ToolOutputGuardrailTripwireTriggered,
)

from chatkit.agents.context import AgentContext, tool_events_of, workflow_of
from chatkit.agents.converter import ResponseStreamConverter
from chatkit.agents.merge import FromTool, Merge
from chatkit.agents.response import RunTranslator
from chatkit.server.scopes import when_turn_ends
from chatkit.types import ThreadStreamEvent

TRIPWIRES = (
    InputGuardrailTripwireTriggered,
    OutputGuardrailTripwireTriggered,
    ToolInputGuardrailTripwireTriggered,
    ToolOutputGuardrailTripwireTriggered,
)

REFUSALS: tuple[type[Exception], ...] = tuple(
    getattr(agents, name) for name in ("ModelRefusalError",) if hasattr(agents, name)
)
"""Newer versions raise when the model has refused; older ones end the run like any other."""

DEFAULT_CONVERTER = ResponseStreamConverter()


async def stream_agent_response(
    context: AgentContext[Any],
    result: RunResultStreaming,
    *,
    converter: ResponseStreamConverter = DEFAULT_CONVERTER,
) -> AsyncIterator[ThreadStreamEvent]:
    """The events of a run and of its tools, in order of arrival; yield them from ``respond``.

    When the turn is stopped, or the events are read no further, the run is cancelled.

    Args:
        context: What was passed to the run as its context.
        result: What ``Runner.run_streamed`` returned.
        converter: How images and citations are shown.

    Raises:
        Exception: What the run raised, after the events that tools had put on the context. A
            guardrail's tripwire first takes back all that the run had produced. A refusal of
            the model is an answer and raises nothing.
    """
    merge = Merge(result, tool_events_of(context))
    when_turn_ends(merge.aclose)
    translator, workflow = RunTranslator(context, converter), workflow_of(context)
    try:
        if merge.is_main and context.workflow_item is None:
            await workflow.go_on(context)
        async for arrived in merge:
            if isinstance(arrived, FromTool):
                translator.note(arrived.event)
                yield arrived.event
                continue
            for event in await translator.translate(arrived):
                translator.note(event)
                yield event
        if merge.is_main:
            await workflow.keep(context)
            if context.client_tool_call is not None:
                for event in translator.client_tool_call(context.client_tool_call):
                    yield event
    except REFUSALS as error:
        for event in translator.refused(str(getattr(error, "refusal", ""))):
            yield event
    except TRIPWIRES:
        for event in translator.take_back():
            yield event
        raise
    except Exception:
        for event in workflow.end(context) if merge.is_main else ():
            yield event
        raise
    finally:
        await merge.aclose()
