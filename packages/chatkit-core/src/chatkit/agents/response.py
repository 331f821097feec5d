"""From a run's events to the thread's: messages, thoughts, images and client tool calls.

``HANDLERS`` says which of the model's events are shown. The others say nothing that a reader has
not been told by these: progress of hosted tools, arguments of function calls, the response as a
whole, raw reasoning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timezone
from typing import Any, TypeAlias, cast

from agents import RawResponsesStreamEvent, RunItemStreamEvent, StreamEvent
from openai.types.responses import (
    ResponseContentPartAddedEvent,
    ResponseImageGenCallPartialImageEvent,
    ResponseOutputItem,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseOutputTextAnnotationAddedEvent,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningSummaryTextDoneEvent,
    ResponseRefusalDeltaEvent,
    ResponseRefusalDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from openai.types.responses.response_output_item import ImageGenerationCall
from pydantic import BaseModel

from chatkit.agents.context import AgentContext, ClientToolCall, workflow_of
from chatkit.agents.converter import ResponseStreamConverter, read_citation
from chatkit.agents.sdk import FAKE_ID
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ClientToolCallItem,
    GeneratedImage,
    GeneratedImageItem,
    GeneratedImageUpdated,
    ThoughtTask,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    Workflow,
)

Events: TypeAlias = Sequence[ThreadStreamEvent]
NOTHING: Events = ()


class StreamingThoughtTracker(BaseModel):
    """The thought that grows in front of the reader.

    Attributes:
        item_id: The model's reasoning item.
        index: Which of the item's summaries.
        task: The thought so far.
    """

    item_id: str
    index: int
    task: ThoughtTask


class RunTranslator:
    """Turns one run's events into the thread's, and remembers what the run has produced."""

    def __init__(self, context: AgentContext[Any], converter: ResponseStreamConverter) -> None:
        self._context = context
        self._converter = converter
        self._workflow = workflow_of(context)
        self._messages: dict[str, AssistantMessageItem] = {}
        self._spoken_ids: set[str] = set()
        self._annotations: defaultdict[tuple[str, int], list[Annotation]] = defaultdict(list)
        self._pieces: defaultdict[int, list[str]] = defaultdict(list)  # of the latest message
        self._images: dict[str, GeneratedImageItem] = {}
        self._thought: StreamingThoughtTracker | None = None
        self._calls: list[dict[str, Any]] = []
        self._produced: dict[str, None] = {}

    async def translate(self, event: StreamEvent) -> Events:
        """The thread's events for one of the run's."""
        if isinstance(event, RawResponsesStreamEvent):
            handler = HANDLERS.get(event.data.type)
            return NOTHING if handler is None else await handler(self, event.data)
        if isinstance(event, RunItemStreamEvent) and event.name == "tool_called":
            self._calls.append(_fields(event.item.raw_item))
        return NOTHING

    def note(self, event: ThreadStreamEvent) -> None:
        """Remember what has been shown, for ``take_back``."""
        if isinstance(event, (ThreadItemAddedEvent, ThreadItemDoneEvent)):
            self._produced[event.item.id] = None
        elif isinstance(event, ThreadItemRemovedEvent):
            self._produced.pop(event.item_id, None)

    def take_back(self) -> Events:
        """Remove all that the run has produced; a workflow of an earlier turn is as it was."""
        former = self._workflow.stored
        changed = self._context.workflow_item
        events: list[ThreadStreamEvent] = []
        if former is not None:
            if former.id in self._produced or (changed is not None and changed.id == former.id):
                events.append(ThreadItemReplacedEvent(item=former))
            self._produced.pop(former.id, None)
        self._context.workflow_item = None
        self._context.generated_image_item = None
        return [*(ThreadItemRemovedEvent(item_id=item_id) for item_id in self._produced), *events]

    def client_tool_call(self, call: ClientToolCall) -> Events:
        """The item that has the client run a tool, under the ids of the run's own call."""
        own = self._call_of(call.name)
        call_id, item_id = own.get("call_id"), own.get("id")
        item = ClientToolCallItem(
            id=self._context.generate_id("tool_call") if item_id in (None, FAKE_ID) else item_id,
            thread_id=self._context.thread.id,
            created_at=_now(),
            call_id=call_id or self._context.generate_id("tool_call"),
            name=call.name,
            arguments=deepcopy(call.arguments),
        )
        return [ThreadItemDoneEvent(item=item)]

    def _call_of(self, name: str) -> dict[str, Any]:
        """The latest call of that name; a tool that asks the client for another one: its own."""
        named = [call for call in self._calls if call.get("name") == name]
        found = named or self._calls
        return found[-1] if found else {}

    # --- items ---------------------------------------------------------------------------------

    async def item_added(self, event: ResponseOutputItemAddedEvent) -> Events:
        item = event.item
        if item.type == "message":
            return [*self._workflow.end(self._context), *self._begin_message(item.id)]
        if item.type == "reasoning":
            return self._begin_thinking()
        if item.type == "image_generation_call":
            return self._begin_image(item.id)
        return NOTHING

    async def item_done(self, event: ResponseOutputItemDoneEvent) -> Events:
        item: ResponseOutputItem = event.item
        if item.type == "message":
            return await self._end_message(item)
        if item.type == "image_generation_call":
            return await self._end_image(item)
        return NOTHING

    # --- messages ------------------------------------------------------------------------------

    def _begin_message(self, model_id: str) -> Events:
        item = AssistantMessageItem(
            id=self._fresh_id(model_id),
            thread_id=self._context.thread.id,
            created_at=_now(),
            content=[],
        )
        self._messages[model_id] = item
        self._pieces.clear()
        return [ThreadItemAddedEvent(item=item.model_copy(deep=True))]

    def _fresh_id(self, model_id: str) -> str:
        """The model's id for a message, or one of ours if it uses that for other messages too."""
        if not model_id or model_id == FAKE_ID or model_id in self._spoken_ids:
            return self._context.generate_id("message")
        self._spoken_ids.add(model_id)
        return model_id

    def _message_id(self, model_id: str) -> str:
        """The id of the message that the model, at this moment, means."""
        message = self._messages.get(model_id)
        return model_id if message is None else message.id

    def _update(self, model_id: str, update: ThreadItemUpdate) -> Events:
        return [ThreadItemUpdatedEvent(item_id=self._message_id(model_id), update=update)]

    async def part_added(self, event: ResponseContentPartAddedEvent) -> Events:
        if not isinstance(event.part, (ResponseOutputText, ResponseOutputRefusal)):
            return NOTHING
        content = await self._content(event.part)
        self._pieces[event.content_index].append(content.text)
        update = AssistantMessageContentPartAdded(
            content_index=event.content_index, content=content
        )
        return self._update(event.item_id, update)

    async def text_delta(self, event: ResponseTextDeltaEvent | ResponseRefusalDeltaEvent) -> Events:
        self._pieces[event.content_index].append(event.delta)
        update = AssistantMessageContentPartTextDelta(
            content_index=event.content_index, delta=event.delta
        )
        return self._update(event.item_id, update)

    async def text_done(self, event: ResponseTextDoneEvent) -> Events:
        return self._part_done(event.item_id, event.content_index, event.text)

    async def refusal_done(self, event: ResponseRefusalDoneEvent) -> Events:
        return self._part_done(event.item_id, event.content_index, event.refusal)

    def _part_done(self, model_id: str, index: int, text: str) -> Events:
        self._pieces[index] = [text]
        content = AssistantMessageContent(text=text)
        return self._update(
            model_id, AssistantMessageContentPartDone(content_index=index, content=content)
        )

    async def annotation_added(self, event: ResponseOutputTextAnnotationAddedEvent) -> Events:
        annotation = await read_citation(self._converter, event.annotation)
        if annotation is None:
            return NOTHING
        place = (self._message_id(event.item_id), event.content_index)
        update = AssistantMessageContentPartAnnotationAdded(
            content_index=event.content_index,
            annotation_index=len(self._annotations[place]),
            annotation=annotation,
        )
        self._annotations[place].append(annotation)
        return self._update(event.item_id, update)

    async def _end_message(self, message: ResponseOutputMessage) -> Events:
        begun: Events = NOTHING
        if message.id not in self._messages:
            begun = [*self._workflow.end(self._context), *self._begin_message(message.id)]
        parts = [await self._content(part) for part in message.content]
        item = self._messages.pop(message.id).model_copy(update={"content": parts})
        return [*begun, ThreadItemDoneEvent(item=item)]

    def refused(self, refusal: str) -> Events:
        """Complete the answer in which the model refuses.

        The SDK raises as soon as it knows the refusal, and drops what the reader had not come to.
        """
        texts = ["".join(self._pieces[index]) for index in sorted(self._pieces)]
        begun: Events = NOTHING
        if not self._messages:
            if texts[-1:] == [refusal]:
                return NOTHING
            begun, texts = [*self._workflow.end(self._context), *self._begin_message(FAKE_ID)], []
        if texts and refusal.startswith(texts[-1]):
            texts.pop()
        texts.append(refusal)
        _, item = self._messages.popitem()
        parts = [
            AssistantMessageContent(text=text, annotations=self._annotations[item.id, index])
            for index, text in enumerate(texts)
        ]
        done = ThreadItemDoneEvent(item=item.model_copy(update={"content": parts}))
        return [*begun, *self._part_done(item.id, len(texts) - 1, refusal), done]

    async def _content(
        self, part: ResponseOutputText | ResponseOutputRefusal
    ) -> AssistantMessageContent:
        if isinstance(part, ResponseOutputRefusal):
            return AssistantMessageContent(text=part.refusal)
        found = [await read_citation(self._converter, note) for note in part.annotations or ()]
        kept: list[Annotation] = [annotation for annotation in found if annotation is not None]
        return AssistantMessageContent(text=part.text, annotations=kept)

    # --- thoughts ------------------------------------------------------------------------------

    def _begin_thinking(self) -> Events:
        """Thoughts join the open workflow, or open one."""
        if self._context.workflow_item is not None:
            return NOTHING
        self._thought = None
        self._workflow.start(self._context, Workflow(type="reasoning", tasks=[]))
        return self._workflow.show(self._context)

    async def thought_delta(self, event: ResponseReasoningSummaryTextDeltaEvent) -> Events:
        begun, thought = self._begin_thinking(), self._thought
        if thought is not None and self._is_growing(event):
            thought.task.content += event.delta
            return self._workflow.update_task(self._context, thought.task, 0)
        item = self._context.workflow_item
        if item is None or item.workflow.type != "reasoning" or item.workflow.tasks:
            return begun  # it will come whole
        task = ThoughtTask(content=event.delta)
        self._thought = StreamingThoughtTracker(
            item_id=event.item_id, index=event.summary_index, task=task
        )
        return [*begun, *self._workflow.add_task(self._context, task)]

    async def thought_done(self, event: ResponseReasoningSummaryTextDoneEvent) -> Events:
        begun, task = self._begin_thinking(), ThoughtTask(content=event.text)
        if self._is_growing(event):
            self._thought = None
            return self._workflow.update_task(self._context, task, 0)
        return [*begun, *self._workflow.add_task(self._context, task)]

    def _is_growing(
        self,
        event: ResponseReasoningSummaryTextDeltaEvent | ResponseReasoningSummaryTextDoneEvent,
    ) -> bool:
        """Whether the event is about the thought that streams, always a workflow's first task."""
        thought = self._thought
        return thought is not None and (thought.item_id, thought.index) == (
            event.item_id,
            event.summary_index,
        )

    # --- images --------------------------------------------------------------------------------

    def _begin_image(self, model_id: str) -> Events:
        item = GeneratedImageItem(
            id=self._context.generate_id("message"),
            thread_id=self._context.thread.id,
            created_at=_now(),
        )
        self._images[model_id] = self._context.generated_image_item = item
        return [ThreadItemAddedEvent(item=item.model_copy(deep=True))]

    async def image_grows(self, event: ResponseImageGenCallPartialImageEvent) -> Events:
        item = self._images.get(event.item_id)
        if item is None:
            return NOTHING
        index = event.partial_image_index
        url = await self._converter.base64_image_to_url(
            event.item_id, event.partial_image_b64, index
        )
        update = GeneratedImageUpdated(
            image=GeneratedImage(id=event.item_id, url=url),
            progress=self._converter.partial_image_index_to_progress(index),
        )
        return [ThreadItemUpdatedEvent(item_id=item.id, update=update)]

    async def _end_image(self, call: ImageGenerationCall) -> Events:
        begun: Events = NOTHING if call.id in self._images else self._begin_image(call.id)
        item = self._images.pop(call.id)
        if self._context.generated_image_item is item:
            self._context.generated_image_item = None
        if not call.result:  # it failed: no place is kept for it
            return [] if begun else [ThreadItemRemovedEvent(item_id=item.id)]
        url = await self._converter.base64_image_to_url(call.id, call.result)
        image = GeneratedImage(id=call.id, url=url)
        return [*begun, ThreadItemDoneEvent(item=item.model_copy(update={"image": image}))]


Handler: TypeAlias = Callable[[RunTranslator, Any], Awaitable[Events]]

HANDLERS: dict[str, Handler] = {
    "response.output_item.added": RunTranslator.item_added,
    "response.output_item.done": RunTranslator.item_done,
    "response.content_part.added": RunTranslator.part_added,
    "response.output_text.delta": RunTranslator.text_delta,
    "response.output_text.done": RunTranslator.text_done,
    "response.output_text.annotation.added": RunTranslator.annotation_added,
    "response.refusal.delta": RunTranslator.text_delta,
    "response.refusal.done": RunTranslator.refusal_done,
    "response.reasoning_summary_text.delta": RunTranslator.thought_delta,
    "response.reasoning_summary_text.done": RunTranslator.thought_done,
    "response.image_generation_call.partial_image": RunTranslator.image_grows,
}
"""The model's events that become events of the thread, by type."""


def _fields(raw_item: object) -> dict[str, Any]:
    """A call's fields, whatever it is given as."""
    names = ("name", "call_id", "id")
    if isinstance(raw_item, Mapping):
        call = cast("Mapping[str, Any]", raw_item)
        return {name: call.get(name) for name in names}
    return {name: getattr(raw_item, name, None) for name in names}


def _now() -> datetime:
    return datetime.now(timezone.utc)
