"""Files and images that users attach to messages: their metadata, never their bytes."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AnyUrl,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from chatkit._models import Model

WIRE_CONTEXT: Final[dict[str, bool]] = {"wire": True}
"""The serialization context of everything that is sent to a client.

A dump with it leaves out the ``metadata`` of attachments, at any depth. All other dumps, those
of stores among them, have it.
"""


def _is_for_the_wire(info: SerializationInfo) -> bool:
    context: object = info.context
    return isinstance(context, dict) and bool(context.get("wire"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] - whatever the caller passes


class AttachmentUploadDescriptor(Model):
    """Where and how the client sends an attachment's bytes."""

    url: AnyUrl
    method: Literal["POST", "PUT"]
    headers: dict[str, str] = Field(default_factory=dict)


class AttachmentBase(Model):
    """What files and images have in common.

    ``metadata`` is the integration's own: stores keep it, no client ever sees it.
    """

    id: str
    name: str
    mime_type: str
    upload_descriptor: AttachmentUploadDescriptor | None = None
    thread_id: str | None = None
    metadata: dict[str, Any] | None = None

    # Without a return type on purpose: pydantic would put it in place of the fields' schema.
    @model_serializer(mode="wrap")
    def _keep_metadata_off_the_wire(  # type: ignore[no-untyped-def]
        self, dump: SerializerFunctionWrapHandler, info: SerializationInfo
    ):
        fields = dump(self)
        if _is_for_the_wire(info):
            fields.pop("metadata", None)
        return fields


class FileAttachment(AttachmentBase):
    """Any attachment that is not shown as a picture."""

    type: Literal["file"] = "file"


class ImageAttachment(AttachmentBase):
    """A picture, and where the client finds a preview of it."""

    type: Literal["image"] = "image"
    preview_url: AnyUrl


Attachment: TypeAlias = Annotated[FileAttachment | ImageAttachment, Field(discriminator="type")]
