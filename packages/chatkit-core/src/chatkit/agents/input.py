"""``ThreadItemConverter``: a thread as the model's input, one method for each kind of item."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

from agents import TResponseInputItem
from openai.types.responses import (
    ResponseInputContentParam,
    ResponseInputTextParam,
    ResponseOutputTextParam,
)
from openai.types.responses.response_input_item_param import Message

from chatkit.types import (
    AssistantMessageItem,
    Attachment,
    ClientToolCallItem,
    CustomTask,
    EndOfTurnItem,
    GeneratedImageItem,
    HiddenContextItem,
    SDKHiddenContextItem,
    StructuredInputItem,
    Task,
    TaskItem,
    ThreadItem,
    UserMessageContent,
    UserMessageItem,
    UserMessageTagContent,
    WidgetItem,
    WorkflowItem,
)

Input: TypeAlias = TResponseInputItem | list[TResponseInputItem] | None
"""What an item becomes: one input item, several, or none."""


class ThreadItemConverter:
    """Turns thread items into model input; override the methods of the kinds that need more.

    Each method may return one input item, several, or ``None`` to leave the item out.
    """

    async def to_agent_input(
        self, thread_items: Sequence[ThreadItem] | ThreadItem
    ) -> list[TResponseInputItem]:
        """The input for a run.

        Args:
            thread_items: In the order of the conversation, oldest first.
        """
        items = thread_items if isinstance(thread_items, Sequence) else [thread_items]
        asked = [item for item in items if isinstance(item, UserMessageItem)]
        inputs: list[TResponseInputItem] = []
        for item in items:
            if isinstance(item, UserMessageItem):
                found = await self.user_message_to_input(item, is_last_message=item is asked[-1])
            else:
                found = await CONVERTERS[type(item)](self, item)
            inputs += found if isinstance(found, list) else [] if found is None else [found]
        return inputs

    async def user_message_to_input(
        self, item: UserMessageItem, is_last_message: bool = True
    ) -> Input:
        """A user's message: what they typed, with attachments; the quotation; what tags mean.

        Args:
            is_last_message: Whether it is the last one by the user; only then what they quoted
                is said again.
        """
        content: list[ResponseInputContentParam] = []
        if text := "".join(_typed(part) for part in item.content):
            content.append(_text(text))
        content += [await self.attachment_to_message_content(file) for file in item.attachments]
        tags: dict[str, UserMessageTagContent] = {}
        for part in item.content:
            if isinstance(part, UserMessageTagContent):
                tags.setdefault(part.text, part)
        meanings = [await self.tag_to_message_content(tag) for tag in tags.values()]
        inputs: list[TResponseInputItem] = [_message(content)] if content else []
        if item.quoted_text and is_last_message:
            inputs.append(_said(f"The user is referring to this passage: {item.quoted_text}"))
        if meanings:
            lead = _text("What the user mentioned with @:")
            inputs.append(_message([lead, *meanings]))
        return inputs

    async def attachment_to_message_content(
        self, attachment: Attachment
    ) -> ResponseInputContentParam:
        """A file as part of a user's message; ``AttachmentReadingConverter`` reads most kinds."""
        told = _override(self, "attachment_to_message_content", "attachments")
        raise NotImplementedError(f"{told}, or use AttachmentReadingConverter")

    async def tag_to_message_content(self, tag: UserMessageTagContent) -> ResponseInputContentParam:
        """What a tag in a user's message stands for."""
        raise NotImplementedError(_override(self, "tag_to_message_content", "tags"))

    async def assistant_message_to_input(self, item: AssistantMessageItem) -> Input:
        """An answer, as the model gave it.

        Override this for models behind the SDK's chat-completions path, which in recent versions
        (seen with 0.24.0) takes answers as plain text only.
        """
        parts: list[ResponseOutputTextParam] = [
            {"type": "output_text", "text": part.text, "annotations": []} for part in item.content
        ]
        if not parts:
            return None
        message: dict[str, Any] = {"type": "message", "role": "assistant", "content": parts}
        # The API takes an answer without the id and status that the SDK's type wants: ids are
        # for answers that the API itself keeps, and this one may come from anywhere.
        return cast("TResponseInputItem", message)

    async def client_tool_call_to_input(self, item: ClientToolCallItem) -> Input:
        """A client tool's call and its result; nothing while it is pending."""
        if item.status == "pending":
            return None
        return [
            {
                "type": "function_call",
                "call_id": item.call_id,
                "name": item.name,
                "arguments": json.dumps(item.arguments),
            },
            {
                "type": "function_call_output",
                "call_id": item.call_id,
                "output": json.dumps(item.output),
            },
        ]

    async def widget_to_input(self, item: WidgetItem) -> Input:
        """A widget, as JSON."""
        widget = item.widget.model_dump_json(exclude_none=True, by_alias=True)
        return _said(f"The user was shown this widget (id {item.id}): {widget}")

    async def generated_image_to_input(self, item: GeneratedImageItem) -> Input:
        """An image that the assistant made; nothing while there is none."""
        if item.image is None:
            return None
        return _message(
            [
                _text("The assistant made this image:"),
                {"type": "input_image", "detail": "auto", "image_url": item.image.url},
            ]
        )

    async def structured_input_to_input(self, item: StructuredInputItem) -> Input:
        """Questions to the user, and what they answered."""
        lines = [f"The user was asked the following (status: {item.status})."]
        for question in item.inputs:
            answer = question.answer
            if answer is None:
                given = "(no answer yet)"
            elif answer.skipped or not answer.values:
                given = "(skipped)"
            else:
                given = ", ".join(answer.values)
            lines.append(f"{question.question}: {given}")
        return _said("\n".join(lines))

    async def task_to_input(self, item: TaskItem) -> Input:
        """A task of the integration's own kind; other kinds are left out."""
        text = _task_text(item.task)
        return None if text is None else _said(text)

    async def workflow_to_input(self, item: WorkflowItem) -> Input:
        """The tasks of the integration's own kind; other kinds, thoughts too, are left out."""
        texts = (_task_text(task) for task in item.workflow.tasks)
        return [_said(text) for text in texts if text is not None]

    async def hidden_context_to_input(self, item: HiddenContextItem) -> Input:
        """The integration's own context for the model; only text is understood."""
        if not isinstance(item.content, str):
            raise NotImplementedError(
                _override(self, "hidden_context_to_input", "hidden context that is not text")
            )
        return _said(f"Context that the user does not see: {item.content}")

    async def sdk_hidden_context_to_input(self, item: SDKHiddenContextItem) -> Input:
        """Context that chatkit itself has noted for the model."""
        return _said(f"Context that the user does not see: {item.content}")

    async def end_of_turn_to_input(self, item: EndOfTurnItem) -> Input:
        """Nothing: the mark is for the client."""
        return None


Converter: TypeAlias = Callable[[ThreadItemConverter, Any], Awaitable[Input]]

CONVERTERS: dict[type[ThreadItem], Converter] = {
    AssistantMessageItem: lambda to, item: to.assistant_message_to_input(item),
    ClientToolCallItem: lambda to, item: to.client_tool_call_to_input(item),
    WidgetItem: lambda to, item: to.widget_to_input(item),
    GeneratedImageItem: lambda to, item: to.generated_image_to_input(item),
    StructuredInputItem: lambda to, item: to.structured_input_to_input(item),
    TaskItem: lambda to, item: to.task_to_input(item),
    WorkflowItem: lambda to, item: to.workflow_to_input(item),
    HiddenContextItem: lambda to, item: to.hidden_context_to_input(item),
    SDKHiddenContextItem: lambda to, item: to.sdk_hidden_context_to_input(item),
    EndOfTurnItem: lambda to, item: to.end_of_turn_to_input(item),
}


async def simple_to_agent_input(
    thread_items: Sequence[ThreadItem] | ThreadItem,
) -> list[TResponseInputItem]:
    """A thread as model input, with nothing overridden."""
    return await ThreadItemConverter().to_agent_input(thread_items)


def _typed(part: UserMessageContent) -> str:
    return f"@{part.text}" if isinstance(part, UserMessageTagContent) else part.text


def _task_text(task: Task) -> str | None:
    if not isinstance(task, CustomTask) or not (task.title or task.content):
        return None
    told = ": ".join(text for text in (task.title, task.content) if text)
    return f"The assistant showed the user this step of its work: {told}"


def _text(text: str) -> ResponseInputTextParam:
    return {"type": "input_text", "text": text}


def _said(text: str) -> Message:
    return _message([_text(text)])


def _message(content: Iterable[ResponseInputContentParam]) -> Message:
    return {"type": "message", "role": "user", "content": list(content)}


def _override(converter: ThreadItemConverter, method: str, what: str) -> str:
    return f"override {type(converter).__name__}.{method} to give {what} to the model"
