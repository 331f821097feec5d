"""``AgentContext``: what the tools of a run are given, and through which they show things."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Generic

from pydantic import BaseModel, ConfigDict, PrivateAttr, SkipValidation
from typing_extensions import TypeVar

from chatkit.agents.merge import ToolEvents
from chatkit.agents.workflows import OpenWorkflow
from chatkit.server import stream_widget
from chatkit.store import Store, StoreItemType
from chatkit.types import (
    ClientToolCallItem,
    GeneratedImageItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    Task,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    Workflow,
    WorkflowItem,
    WorkflowSummary,
)
from chatkit.widgets import WidgetRoot

TContext = TypeVar("TContext", default=Any)

LEAVE_WORKFLOWS_OPEN = (ClientToolCallItem, HiddenContextItem, SDKHiddenContextItem)
"""Items of a tool that do not end an open workflow."""


class ClientToolCall(BaseModel):
    """A tool that the client is to run when the agent's run has ended."""

    name: str
    arguments: dict[str, Any]


class AgentContext(BaseModel, Generic[TContext]):
    """The context of an agent's run: pass it to ``Runner.run_streamed`` and to
    ``stream_agent_response``. Subclass it to give tools more.

    What tools put on it is copied, and comes out between the run's own events, in order of
    arrival. Its methods are for the event loop in which the run is streamed. They wait while
    the reader is far behind.

    Attributes:
        thread: The thread of the turn; changes to its title and so on are saved and sent.
        store: The server's store.
        request_context: As it was passed to ``process``.
        previous_response_id: The integration's own, for conversations that the model's side keeps.
        client_tool_call: Set by a tool to have the client called when the run has ended.
        workflow_item: The open workflow, if any.
        generated_image_item: The image that the run is making, if any.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    thread: ThreadMetadata
    store: SkipValidation[Store[TContext]]
    request_context: TContext
    previous_response_id: str | None = None
    client_tool_call: ClientToolCall | None = None
    workflow_item: WorkflowItem | None = None
    generated_image_item: GeneratedImageItem | None = None

    _tools: ToolEvents = PrivateAttr(default_factory=ToolEvents)
    _workflow: OpenWorkflow = PrivateAttr(default_factory=OpenWorkflow)
    _begun: set[str] = PrivateAttr(default_factory=set[str])

    def generate_id(self, type: StoreItemType, thread: ThreadMetadata | None = None) -> str:
        """An id from the store, for an item of ``thread`` or of the context's own."""
        if type == "thread":
            return self.store.generate_thread_id(self.request_context)
        return self.store.generate_item_id(type, thread or self.thread, self.request_context)

    async def stream(self, event: ThreadStreamEvent) -> None:
        """Show, store or say something: the same events as ``respond`` may yield.

        A new item that the user can see ends an open workflow.
        """
        own = event.model_copy(deep=True)
        async with self._tools.admission():
            self._put([*self._ended_by(own), own])

    async def stream_widget(
        self,
        widget: WidgetRoot | AsyncGenerator[WidgetRoot, None],
        copy_text: str | None = None,
    ) -> None:
        """Show a widget, or one that grows; see ``chatkit.server.stream_widget``."""
        shown = _copies(widget) if isinstance(widget, AsyncGenerator) else widget
        async for event in stream_widget(self.thread, shown, copy_text, self.generate_id):
            await self.stream(event)

    async def start_workflow(self, workflow: Workflow) -> None:
        """Open a workflow; one that is open ends. Without tasks it is shown with its first."""
        own = workflow.model_copy(deep=True)
        async with self._tools.admission():
            self._put(self._workflow.end(self))
            self._workflow.start(self, own)
            if own.tasks:
                self._put(self._workflow.show(self))

    async def end_workflow(
        self, summary: WorkflowSummary | None = None, expanded: bool = False
    ) -> None:
        """End the open workflow; without one nothing happens.

        Args:
            summary: Its heading from now on; by default the one that it has, or how long it took.
            expanded: Whether the client goes on showing its tasks.
        """
        async with self._tools.admission():
            self._put(self._workflow.end(self, summary, expanded))

    async def add_workflow_task(self, task: Task) -> None:
        """Add a task to the open workflow; without one, a workflow begins."""
        own = task.model_copy(deep=True)
        async with self._tools.admission():
            self._put(self._workflow.add_task(self, own))

    async def update_workflow_task(self, task: Task, task_index: int) -> None:
        """Replace a task of the open workflow.

        Raises:
            ValueError: No workflow is open, or it has no such task.
        """
        own = task.model_copy(deep=True)
        async with self._tools.admission():
            self._put(self._workflow.update_task(self, own, task_index))

    def _put(self, events: Sequence[ThreadStreamEvent]) -> None:
        for event in events:
            self._tools.put(event)

    def _ended_by(self, event: ThreadStreamEvent) -> list[ThreadStreamEvent]:
        """What ends the open workflow if ``event`` does."""
        if not isinstance(event, (ThreadItemAddedEvent, ThreadItemDoneEvent)):
            return []
        item, is_new = event.item, event.item.id not in self._begun
        self._begun.add(item.id)
        if self.workflow_item is not None and item.id == self.workflow_item.id:
            return []
        if isinstance(item, LEAVE_WORKFLOWS_OPEN) or not is_new:
            return []
        return self._workflow.end(self)


def tool_events_of(context: AgentContext[Any]) -> ToolEvents:
    """What tools have put on the context."""
    return context._tools  # pyright: ignore[reportPrivateUsage] - this module's own


def workflow_of(context: AgentContext[Any]) -> OpenWorkflow:
    """What is to be done with the context's workflow."""
    return context._workflow  # pyright: ignore[reportPrivateUsage] - this module's own


async def _copies(states: AsyncGenerator[WidgetRoot, None]) -> AsyncGenerator[WidgetRoot, None]:
    """The states of a widget as they were: a tool may change one and yield it again."""
    try:
        async for state in states:
            yield state.model_copy(deep=True)
    finally:
        await states.aclose()
