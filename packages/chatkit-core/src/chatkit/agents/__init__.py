"""The bridge to the OpenAI Agents SDK, which the extra ``chatkit-core[agents]`` installs.

A run becomes a turn's events with ``stream_agent_response`` and ``AgentContext``; a thread
becomes model input with ``ThreadItemConverter``, and with what is in its attachments with
``AttachmentReadingConverter``. Importing this has one effect: requests that the SDK's models make
during a turn name this package in their user agent. Names of other modules that the public SDK's
``chatkit.agents`` can also be asked for are handed on.
"""
# pyright: reportDeprecated=false
# The public SDK hands on widget classes too.

from importlib.util import find_spec

if find_spec("agents") is None or find_spec("openai") is None:
    raise ImportError(
        'chatkit.agents needs the OpenAI Agents SDK: pip install "chatkit-core[agents]"'
    )

from chatkit.agents.attachments import (
    AttachmentReadingConverter,
    attachment_to_message_content,
)
from chatkit.agents.context import AgentContext, ClientToolCall
from chatkit.agents.converter import ResponseStreamConverter
from chatkit.agents.input import ThreadItemConverter, simple_to_agent_input
from chatkit.agents.response import StreamingThoughtTracker
from chatkit.agents.sdk import name_both_packages
from chatkit.agents.stream import stream_agent_response
from chatkit.agents.text import TWidget, accumulate_text
from chatkit.server import stream_widget
from chatkit.store import Store, StoreItemType
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    Attachment,
    ClientToolCallItem,
    DurationSummary,
    EndOfTurnItem,
    FileSource,
    GeneratedImage,
    GeneratedImageItem,
    GeneratedImageUpdated,
    HiddenContextItem,
    SDKHiddenContextItem,
    StructuredInputItem,
    Task,
    TaskItem,
    ThoughtTask,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    URLSource,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
    WorkflowSummary,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from chatkit.widgets import Markdown, Text, WidgetRoot

__all__ = [
    "AgentContext",
    "Annotation",
    "AssistantMessageContent",
    "AssistantMessageContentPartAdded",
    "AssistantMessageContentPartAnnotationAdded",
    "AssistantMessageContentPartDone",
    "AssistantMessageContentPartTextDelta",
    "AssistantMessageItem",
    "Attachment",
    "AttachmentReadingConverter",
    "ClientToolCall",
    "ClientToolCallItem",
    "DurationSummary",
    "EndOfTurnItem",
    "FileSource",
    "GeneratedImage",
    "GeneratedImageItem",
    "GeneratedImageUpdated",
    "HiddenContextItem",
    "Markdown",
    "ResponseStreamConverter",
    "SDKHiddenContextItem",
    "Store",
    "StoreItemType",
    "StreamingThoughtTracker",
    "StructuredInputItem",
    "TWidget",
    "Task",
    "TaskItem",
    "Text",
    "ThoughtTask",
    "ThreadItem",
    "ThreadItemAddedEvent",
    "ThreadItemConverter",
    "ThreadItemDoneEvent",
    "ThreadItemRemovedEvent",
    "ThreadItemUpdatedEvent",
    "ThreadMetadata",
    "ThreadStreamEvent",
    "URLSource",
    "UserMessageItem",
    "UserMessageTagContent",
    "UserMessageTextContent",
    "WidgetItem",
    "WidgetRoot",
    "Workflow",
    "WorkflowItem",
    "WorkflowSummary",
    "WorkflowTaskAdded",
    "WorkflowTaskUpdated",
    "accumulate_text",
    "attachment_to_message_content",
    "simple_to_agent_input",
    "stream_agent_response",
    "stream_widget",
]

name_both_packages()
