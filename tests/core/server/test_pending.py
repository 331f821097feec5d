"""What a turn that breaks off knows of the items that were still open."""

from __future__ import annotations

import pytest

from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageItem,
    CustomTask,
    ThreadItem,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    URLSource,
    UserMessageItem,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from support.chat import Chat, Events, assistant, begun, delta, now, says

PAGE = Annotation(source=URLSource(title="A page", url="https://example.com"))
BOOK = Annotation(source=URLSource(title="A book", url="https://example.org"))


def part(text: str) -> AssistantMessageContent:
    return AssistantMessageContent(text=text)


def update(change: ThreadItemUpdate, id: str = "answer") -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(item_id=id, update=change)


def source(annotation: Annotation, index: int) -> ThreadItemUpdatedEvent:
    return update(
        AssistantMessageContentPartAnnotationAdded(
            content_index=0, annotation_index=index, annotation=annotation
        )
    )


async def open_when_stopped(item: ThreadItem, *events: ThreadStreamEvent) -> ThreadItem:
    """The one item that the hook for stops gets when a turn is stopped after these events."""
    pending: list[ThreadItem] = []

    class Hooked(Chat):
        async def handle_stream_cancelled(
            self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: object
        ) -> None:
            pending.extend(pending_items)

    async def respond(thread: ThreadMetadata, message: UserMessageItem | None) -> Events:
        yield begun(item)
        for event in events:
            yield event
        yield delta("never read", id="last")

    stream = await Hooked(respond).stream("threads.create", input=says("go"))
    async for chunk in stream.json_events:
        if b"never read" in chunk:
            break
    await stream.json_events.aclose()
    [found] = pending
    return found


@pytest.mark.parametrize(
    ("events", "content"),
    [
        ([delta("a"), delta("b"), delta("c", index=2)], [part("ab"), part(""), part("c")]),
        (
            [
                update(AssistantMessageContentPartAdded(content_index=0, content=part("Once "))),
                delta("upon"),
            ],
            [part("Once upon")],
        ),
        (
            [
                delta("first thoght"),
                update(AssistantMessageContentPartDone(content_index=0, content=part("thought"))),
            ],
            [part("thought")],
        ),
        (
            [delta("text"), source(PAGE, 0), source(BOOK, 0)],
            [AssistantMessageContent(text="text", annotations=[BOOK, PAGE])],
        ),
    ],
    ids=["text", "a part that begins", "a part that is done", "annotations"],
)
async def test_an_open_message_is_as_the_user_last_saw_it(
    events: list[ThreadStreamEvent], content: list[AssistantMessageContent]
) -> None:
    item = await open_when_stopped(assistant(), *events)
    assert isinstance(item, AssistantMessageItem)
    assert item.content == content


async def test_an_open_workflow_is_as_the_user_last_saw_it() -> None:
    workflow = Workflow(type="custom", tasks=[])
    item = WorkflowItem(id="steps", thread_id="", created_at=now(), workflow=workflow)

    def added(title: str, index: int) -> ThreadItemUpdatedEvent:
        return update(WorkflowTaskAdded(task=CustomTask(title=title), task_index=index), "steps")

    found = await open_when_stopped(
        item,
        added("second", 0),
        added("first", 0),
        update(WorkflowTaskUpdated(task=CustomTask(title="2nd"), task_index=1), "steps"),
        update(WorkflowTaskUpdated(task=CustomTask(title="none"), task_index=7), "steps"),
    )
    assert isinstance(found, WorkflowItem)
    assert found.workflow.tasks == [CustomTask(title="first"), CustomTask(title="2nd")]
    assert workflow.tasks == []  # what is kept is a copy, not the integration's own object
