"""What users and assistants say: the contents of messages, and how users send them."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from chatkit._models import Model
from chatkit.types.sources import Annotation


class UserMessageTextContent(Model):
    """Text that the user wrote."""

    type: Literal["input_text"] = "input_text"
    text: str


class UserMessageTagContent(Model):
    """A thing that the user mentioned with ``@``; ``data`` is the integration's own."""

    type: Literal["input_tag"] = "input_tag"
    id: str
    text: str
    data: dict[str, Any]
    group: str | None = None
    interactive: bool = False


UserMessageContent: TypeAlias = Annotated[
    UserMessageTextContent | UserMessageTagContent, Field(discriminator="type")
]


class ToolChoice(Model):
    """The tool that the user chose in the composer."""

    id: str


class InferenceOptions(Model):
    """What the user chose in the composer: a tool, a model."""

    tool_choice: ToolChoice | None = None
    model: str | None = None


class UserMessageInput(Model):
    """A message as the client sends it; ``attachments`` are ids."""

    content: list[UserMessageContent]
    attachments: list[str]
    quoted_text: str | None = None
    inference_options: InferenceOptions


class AssistantMessageContent(Model):
    """A part of an assistant's message: Markdown and its sources."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Annotation] = Field(default_factory=list[Annotation])
