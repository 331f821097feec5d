"""The requests that a client sends, and the small answers that have a type of their own."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypeIs

from chatkit._models import Model
from chatkit.actions import Action
from chatkit.types.items import ThreadItem
from chatkit.types.messages import UserMessageInput
from chatkit.types.structured_input import StructuredInputSubmission


class BaseReq(Model):
    """What all requests have in common; ``metadata`` is the integration's own."""

    metadata: dict[str, Any] = Field(default_factory=dict)


class ThreadCreateParams(Model):
    input: UserMessageInput


class ThreadsCreateReq(BaseReq):
    """Begin a thread with a message."""

    type: Literal["threads.create"] = "threads.create"
    params: ThreadCreateParams


class ThreadAddUserMessageParams(Model):
    input: UserMessageInput
    thread_id: str


class ThreadsAddUserMessageReq(BaseReq):
    """Say something in a thread."""

    type: Literal["threads.add_user_message"] = "threads.add_user_message"
    params: ThreadAddUserMessageParams


class ThreadAddClientToolOutputParams(Model):
    thread_id: str
    result: Any


class ThreadsAddClientToolOutputReq(BaseReq):
    """Hand in the result of the pending client tool call."""

    type: Literal["threads.add_client_tool_output"] = "threads.add_client_tool_output"
    params: ThreadAddClientToolOutputParams


class ThreadAddStructuredInputParams(Model):
    thread_id: str
    item_id: str
    input: StructuredInputSubmission


class ThreadsAddStructuredInputReq(BaseReq):
    """Hand in the answers to an item's questions."""

    type: Literal["threads.add_structured_input"] = "threads.add_structured_input"
    params: ThreadAddStructuredInputParams


class ThreadRetryAfterItemParams(Model):
    thread_id: str
    item_id: str


class ThreadsRetryAfterItemReq(BaseReq):
    """Answer a user message anew; what came after it is deleted."""

    type: Literal["threads.retry_after_item"] = "threads.retry_after_item"
    params: ThreadRetryAfterItemParams


class ThreadCustomActionParams(Model):
    thread_id: str
    item_id: str | None = None
    action: Action[str, Any]


class ThreadsCustomActionReq(BaseReq):
    """Take an action; the answer streams."""

    type: Literal["threads.custom_action"] = "threads.custom_action"
    params: ThreadCustomActionParams


class ThreadsSyncCustomActionReq(BaseReq):
    """Take an action; the answer comes at once."""

    type: Literal["threads.sync_custom_action"] = "threads.sync_custom_action"
    params: ThreadCustomActionParams


class ThreadGetByIdParams(Model):
    thread_id: str


class ThreadsGetByIdReq(BaseReq):
    """Open a thread."""

    type: Literal["threads.get_by_id"] = "threads.get_by_id"
    params: ThreadGetByIdParams


class ThreadListParams(Model):
    limit: int | None = None
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


class ThreadsListReq(BaseReq):
    """List threads."""

    type: Literal["threads.list"] = "threads.list"
    params: ThreadListParams


class ThreadUpdateParams(Model):
    thread_id: str
    title: str


class ThreadsUpdateReq(BaseReq):
    """Rename a thread."""

    type: Literal["threads.update"] = "threads.update"
    params: ThreadUpdateParams


class ThreadDeleteParams(Model):
    thread_id: str


class ThreadsDeleteReq(BaseReq):
    """Delete a thread."""

    type: Literal["threads.delete"] = "threads.delete"
    params: ThreadDeleteParams


class ItemsListParams(Model):
    thread_id: str
    limit: int | None = None
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


class ItemsListReq(BaseReq):
    """List a thread's items."""

    type: Literal["items.list"] = "items.list"
    params: ItemsListParams


FeedbackKind: TypeAlias = Literal["positive", "negative"]


class ItemFeedbackParams(Model):
    thread_id: str
    item_ids: list[str]
    kind: FeedbackKind


class ItemsFeedbackReq(BaseReq):
    """Say whether some items were good."""

    type: Literal["items.feedback"] = "items.feedback"
    params: ItemFeedbackParams


class AttachmentCreateParams(Model):
    """The upload to come; ``size`` in bytes."""

    name: str
    size: int
    mime_type: str


class AttachmentsCreateReq(BaseReq):
    """Announce an upload."""

    type: Literal["attachments.create"] = "attachments.create"
    params: AttachmentCreateParams


class AttachmentDeleteParams(Model):
    attachment_id: str


class AttachmentsDeleteReq(BaseReq):
    """Delete an attachment."""

    type: Literal["attachments.delete"] = "attachments.delete"
    params: AttachmentDeleteParams


class InputTranscribeParams(Model):
    """A recording in base64."""

    audio_base64: str
    mime_type: str


class InputTranscribeReq(BaseReq):
    """Put a recording into words."""

    type: Literal["input.transcribe"] = "input.transcribe"
    params: InputTranscribeParams


class AudioInput(Model):
    """A recording, as ``ChatKitServer.transcribe`` gets it."""

    data: bytes
    mime_type: str

    @property
    def media_type(self) -> str:
        """The MIME type without parameters: ``audio/webm`` of ``audio/webm;codecs=opus``."""
        return self.mime_type.partition(";")[0].strip()


class TranscriptionResult(Model):
    """What was said in a recording."""

    text: str


class SyncCustomActionResponse(Model):
    """The answer to a synchronous action: the item that it changed, if any."""

    updated_item: ThreadItem | None = None


StreamingReq: TypeAlias = (
    ThreadsCreateReq
    | ThreadsAddUserMessageReq
    | ThreadsAddClientToolOutputReq
    | ThreadsAddStructuredInputReq
    | ThreadsRetryAfterItemReq
    | ThreadsCustomActionReq
)
"""Requests that are answered with a stream of events."""

NonStreamingReq: TypeAlias = (
    ThreadsGetByIdReq
    | ThreadsListReq
    | ItemsListReq
    | ItemsFeedbackReq
    | AttachmentsCreateReq
    | AttachmentsDeleteReq
    | ThreadsUpdateReq
    | ThreadsDeleteReq
    | InputTranscribeReq
    | ThreadsSyncCustomActionReq
)
"""Requests that are answered at once with one JSON document."""

ChatKitReq: TypeAlias = Annotated[StreamingReq | NonStreamingReq, Field(discriminator="type")]


def is_streaming_req(request: ChatKitReq) -> TypeIs[StreamingReq]:
    """Whether ``request`` is answered with a stream."""
    return isinstance(request, StreamingReq)
