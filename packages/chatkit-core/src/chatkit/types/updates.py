"""Changes to an item that is still growing."""

from typing import Literal, TypeAlias

from chatkit._models import Model
from chatkit.types.items import GeneratedImage
from chatkit.types.messages import AssistantMessageContent
from chatkit.types.sources import Annotation
from chatkit.types.tasks import Task
from chatkit.widgets import WidgetComponent, WidgetRoot


class AssistantMessageContentPartAdded(Model):
    """A part of an assistant's message begins."""

    type: Literal["assistant_message.content_part.added"] = "assistant_message.content_part.added"
    content_index: int
    content: AssistantMessageContent


class AssistantMessageContentPartTextDelta(Model):
    """A part of an assistant's message goes on."""

    type: Literal["assistant_message.content_part.text_delta"] = (
        "assistant_message.content_part.text_delta"
    )
    content_index: int
    delta: str


class AssistantMessageContentPartAnnotationAdded(Model):
    """A source is put to a part of an assistant's message."""

    type: Literal["assistant_message.content_part.annotation_added"] = (
        "assistant_message.content_part.annotation_added"
    )
    content_index: int
    annotation_index: int
    annotation: Annotation


class AssistantMessageContentPartDone(Model):
    """A part of an assistant's message is complete."""

    type: Literal["assistant_message.content_part.done"] = "assistant_message.content_part.done"
    content_index: int
    content: AssistantMessageContent


class WidgetStreamingTextValueDelta(Model):
    """The text of a widget's component goes on; ``done`` says that it is complete."""

    type: Literal["widget.streaming_text.value_delta"] = "widget.streaming_text.value_delta"
    component_id: str
    delta: str
    done: bool


class WidgetComponentUpdated(Model):
    """A component of a widget is replaced."""

    type: Literal["widget.component.updated"] = "widget.component.updated"
    component_id: str
    component: WidgetComponent


class WidgetRootUpdated(Model):
    """A widget is replaced as a whole."""

    type: Literal["widget.root.updated"] = "widget.root.updated"
    widget: WidgetRoot


class WorkflowTaskAdded(Model):
    """A task joins a workflow."""

    type: Literal["workflow.task.added"] = "workflow.task.added"
    task_index: int
    task: Task


class WorkflowTaskUpdated(Model):
    """A task of a workflow is replaced."""

    type: Literal["workflow.task.updated"] = "workflow.task.updated"
    task_index: int
    task: Task


class GeneratedImageUpdated(Model):
    """An image takes shape; ``progress`` runs from 0 to 1."""

    type: Literal["generated_image.updated"] = "generated_image.updated"
    image: GeneratedImage
    progress: float | None = None


ThreadItemUpdate: TypeAlias = (
    AssistantMessageContentPartAdded
    | AssistantMessageContentPartTextDelta
    | AssistantMessageContentPartAnnotationAdded
    | AssistantMessageContentPartDone
    | WidgetStreamingTextValueDelta
    | WidgetComponentUpdated
    | WidgetRootUpdated
    | WorkflowTaskAdded
    | WorkflowTaskUpdated
    | GeneratedImageUpdated
)
