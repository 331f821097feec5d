"""The open workflow of a context: what opens, fills, ends and continues it, as events.

Changes do not wait, so that a change and its event are one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from chatkit.server.scopes import ContinuedItemDoneEvent
from chatkit.types import (
    ClientToolCallItem,
    DurationSummary,
    Task,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    Workflow,
    WorkflowItem,
    WorkflowSummary,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)

if TYPE_CHECKING:
    from chatkit.agents.context import AgentContext

LOOK_BACK = 20
"""How many items are read to find the workflow behind its client tool calls."""


class OpenWorkflow:
    """Changes ``context.workflow_item``, and knows of it what the item itself does not say.

    Attributes:
        shown: The id of the workflow that the client has been told of.
        stored: The workflow as the store holds it, if it does.
    """

    def __init__(self) -> None:
        self.shown: str | None = None
        self.stored: WorkflowItem | None = None

    def start(self, context: AgentContext[Any], workflow: Workflow) -> WorkflowItem:
        """Open a workflow, for ``show`` or its first task to tell the client of."""
        context.workflow_item = item = WorkflowItem(
            id=context.generate_id("workflow"),
            thread_id=context.thread.id,
            created_at=datetime.now(timezone.utc),
            workflow=workflow.model_copy(deep=True),
        )
        return item

    def show(self, context: AgentContext[Any]) -> list[ThreadStreamEvent]:
        """Tell the client of the workflow as it is."""
        item = context.workflow_item
        if item is None:
            return []
        self.shown = item.id
        return [ThreadItemAddedEvent(item=item.model_copy(deep=True))]

    def add_task(self, context: AgentContext[Any], task: Task) -> list[ThreadStreamEvent]:
        """Add a task to the workflow, which begins if there is none."""
        item = context.workflow_item
        if item is None:
            item = self.start(context, Workflow(type="custom", tasks=[]))
        item.workflow.tasks.append(task.model_copy(deep=True))
        if self.shown != item.id:
            return self.show(context)
        update = WorkflowTaskAdded(
            task_index=len(item.workflow.tasks) - 1, task=task.model_copy(deep=True)
        )
        return [ThreadItemUpdatedEvent(item_id=item.id, update=update)]

    def update_task(
        self, context: AgentContext[Any], task: Task, index: int
    ) -> list[ThreadStreamEvent]:
        """Replace a task of the workflow. Raises ``ValueError`` if there is none of that index."""
        item = context.workflow_item
        if item is None:
            raise ValueError("there is no open workflow whose task could be updated")
        if not 0 <= index < len(item.workflow.tasks):
            count = len(item.workflow.tasks)
            raise ValueError(f"there is no task {index}: the workflow has {count}")
        item.workflow.tasks[index] = task.model_copy(deep=True)
        update = WorkflowTaskUpdated(task_index=index, task=task.model_copy(deep=True))
        return [ThreadItemUpdatedEvent(item_id=item.id, update=update)]

    def end(
        self,
        context: AgentContext[Any],
        summary: WorkflowSummary | None = None,
        expanded: bool = False,
    ) -> list[ThreadStreamEvent]:
        """End the workflow, if one is open."""
        item, context.workflow_item = context.workflow_item, None
        if item is None:
            return []
        item.workflow.summary = summary or item.workflow.summary or _duration(item)
        item.workflow.expanded = expanded
        kind = ContinuedItemDoneEvent if self._is_stored(item) else ThreadItemDoneEvent
        return [kind(item=item.model_copy(deep=True))]

    async def go_on(self, context: AgentContext[Any]) -> None:
        """Open the workflow again that the thread's last turn has left open, if it did."""
        page = await context.store.load_thread_items(
            context.thread.id, None, LOOK_BACK, "desc", context.request_context
        )
        item = _left_open(page.data)
        if item is not None and context.workflow_item is None:
            context.workflow_item = item.model_copy(deep=True)
            self.shown = item.id
            self.stored = item.model_copy(deep=True)

    async def keep(self, context: AgentContext[Any]) -> None:
        """Store the workflow as it stands, without a word to the client, for a later turn."""
        item, store = context.workflow_item, context.store
        if item is None:
            return
        own = item.model_copy(deep=True)
        save = store.save_item if self._is_stored(item) else store.add_thread_item
        await save(context.thread.id, own, context.request_context)
        self.stored = own

    def _is_stored(self, item: WorkflowItem) -> bool:
        return self.stored is not None and self.stored.id == item.id


def _duration(item: WorkflowItem) -> DurationSummary:
    # a store may give back a naive time, which is local
    took = datetime.now(timezone.utc) - item.created_at.astimezone(timezone.utc)
    return DurationSummary(duration=max(0, int(took.total_seconds())))


def _left_open(latest: Sequence[ThreadItem]) -> WorkflowItem | None:
    """The last item before client tool calls, if any, provided that it is an unended workflow."""
    for item in latest:
        if isinstance(item, WorkflowItem):
            return item if item.workflow.summary is None else None
        if not isinstance(item, ClientToolCallItem):
            return None
    return None
