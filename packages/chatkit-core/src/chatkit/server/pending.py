"""What the user has seen and the store has not: items that have begun and are not done."""

from __future__ import annotations

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItem,
    ThreadItemUpdate,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)


class PendingItems:
    """Isolated copies of open items, kept up to date with what is streamed.

    Text deltas are collected and joined when asked for, so that a long message costs linear time.
    """

    def __init__(self) -> None:
        self._items: dict[str, ThreadItem] = {}
        self._deltas: dict[tuple[str, int], list[str]] = {}

    def add(self, item: ThreadItem) -> None:
        """An item has begun."""
        self.remove(item.id)
        self._items[item.id] = item.model_copy(deep=True)

    def update(self, item_id: str, update: ThreadItemUpdate) -> None:
        """Something was streamed into an item; what cannot be kept is passed over."""
        item = self._items.get(item_id)
        if isinstance(item, AssistantMessageItem):
            self._update_message(item, update)
        elif isinstance(item, WorkflowItem):
            _update_workflow(item, update)

    def pieces(self, item_id: str, content_index: int) -> list[str] | None:
        """Where the deltas of a text are collected, until anything else happens to its item.

        ``None`` if there are none, such as those of an item that has not begun.
        """
        return self._deltas.get((item_id, content_index))

    def remove(self, item_id: str) -> None:
        """The item is done, replaced or withdrawn."""
        item = self._items.pop(item_id, None)
        if isinstance(item, AssistantMessageItem):
            for index in range(len(item.content)):
                self._deltas.pop((item_id, index), None)

    def snapshot(self) -> list[ThreadItem]:
        """The open items as far as they have been streamed, in the order in which they began."""
        for (item_id, index), deltas in self._deltas.items():
            item = self._items[item_id]
            if isinstance(item, AssistantMessageItem):
                item.content[index].text += "".join(deltas)
                deltas.clear()
        return [item.model_copy(deep=True) for item in self._items.values()]

    def _update_message(self, item: AssistantMessageItem, update: ThreadItemUpdate) -> None:
        if isinstance(update, AssistantMessageContentPartTextDelta):
            self._add_text(item, update)
        elif isinstance(
            update, (AssistantMessageContentPartAdded, AssistantMessageContentPartDone)
        ):
            self._set_part(item, update)
        elif isinstance(update, AssistantMessageContentPartAnnotationAdded):
            annotation = update.annotation.model_copy(deep=True)
            _part(item, update.content_index).annotations.insert(
                update.annotation_index, annotation
            )

    def _add_text(
        self, item: AssistantMessageItem, update: AssistantMessageContentPartTextDelta
    ) -> None:
        _part(item, update.content_index)
        self._deltas.setdefault((item.id, update.content_index), []).append(update.delta)

    def _set_part(
        self,
        item: AssistantMessageItem,
        update: AssistantMessageContentPartAdded | AssistantMessageContentPartDone,
    ) -> None:
        _part(item, update.content_index)
        item.content[update.content_index] = update.content.model_copy(deep=True)
        self._deltas.pop((item.id, update.content_index), None)


def has_text(item: AssistantMessageItem) -> bool:
    """Whether the message holds more than white space."""
    return any(part.text.strip() for part in item.content)


def _part(item: AssistantMessageItem, index: int) -> AssistantMessageContent:
    """The part at ``index``, after empty ones where parts before it have not been seen."""
    while len(item.content) <= index:
        item.content.append(AssistantMessageContent(text=""))
    return item.content[index]


def _update_workflow(item: WorkflowItem, update: ThreadItemUpdate) -> None:
    tasks = item.workflow.tasks
    if isinstance(update, WorkflowTaskAdded):
        tasks.insert(update.task_index, update.task.model_copy(deep=True))
    elif isinstance(update, WorkflowTaskUpdated) and update.task_index < len(tasks):
        tasks[update.task_index] = update.task.model_copy(deep=True)
