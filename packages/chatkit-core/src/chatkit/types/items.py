"""The items of a thread, one class for each kind."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.types.attachments import Attachment
from chatkit.types.messages import AssistantMessageContent, InferenceOptions, UserMessageContent
from chatkit.types.structured_input import StructuredInput
from chatkit.types.tasks import Task, Workflow
from chatkit.widgets import WidgetRoot


class ThreadItemBase(Model):
    """What all items have in common. ``created_at`` is kept as given, aware or naive."""

    id: str
    thread_id: str
    created_at: datetime


class UserMessageItem(ThreadItemBase):
    """What the user said."""

    type: Literal["user_message"] = "user_message"
    content: list[UserMessageContent]
    attachments: list[Attachment] = Field(default_factory=list[Attachment])
    quoted_text: str | None = None
    inference_options: InferenceOptions


class AssistantMessageItem(ThreadItemBase):
    """What the assistant said."""

    type: Literal["assistant_message"] = "assistant_message"
    content: list[AssistantMessageContent]


class ClientToolCallItem(ThreadItemBase):
    """Work that the page around the chat does for the assistant, and its result."""

    type: Literal["client_tool_call"] = "client_tool_call"
    status: Literal["pending", "completed"] = "pending"
    call_id: str
    name: str
    arguments: dict[str, Any]
    output: Any | None = None


class WidgetItem(ThreadItemBase):
    """A widget; ``copy_text`` is what the user gets who copies it."""

    type: Literal["widget"] = "widget"
    widget: WidgetRoot
    copy_text: str | None = None


class GeneratedImage(Model):
    """An image that a model made."""

    id: str
    url: str


class GeneratedImageItem(ThreadItemBase):
    """The place of an image; ``image`` is ``None`` while it is being made."""

    type: Literal["generated_image"] = "generated_image"
    image: GeneratedImage | None = None


class StructuredInputItem(ThreadItemBase):
    """Questions to the user, and the answers."""

    type: Literal["structured_input"] = "structured_input"
    status: Literal["pending", "answered", "skipped"] = "pending"
    inputs: list[StructuredInput]


class WorkflowItem(ThreadItemBase):
    """A list of tasks under one heading."""

    type: Literal["workflow"] = "workflow"
    workflow: Workflow


class TaskItem(ThreadItemBase):
    """A task that stands alone."""

    type: Literal["task"] = "task"
    task: Task


class HiddenContextItem(ThreadItemBase):
    """Context for the model, in the integration's own form; no client ever sees it."""

    type: Literal["hidden_context_item"] = "hidden_context_item"
    content: Any


class SDKHiddenContextItem(ThreadItemBase):
    """Context for the model that chatkit itself adds; no client ever sees it."""

    type: Literal["sdk_hidden_context"] = "sdk_hidden_context"
    content: str


class EndOfTurnItem(ThreadItemBase):
    """Says that the assistant has finished, where the client could not tell otherwise."""

    type: Literal["end_of_turn"] = "end_of_turn"


ThreadItem: TypeAlias = Annotated[
    UserMessageItem
    | AssistantMessageItem
    | ClientToolCallItem
    | WidgetItem
    | GeneratedImageItem
    | StructuredInputItem
    | WorkflowItem
    | TaskItem
    | HiddenContextItem
    | SDKHiddenContextItem
    | EndOfTurnItem,
    Field(discriminator="type"),
]
