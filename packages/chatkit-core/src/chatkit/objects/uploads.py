"""What the attachment's private metadata says of its bytes. No client ever sees it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from chatkit.types import Attachment

FIELD = "upload"
"""Its name in the metadata, beside whatever an integration keeps there."""


class Upload(BaseModel):
    """An upload as it was announced, and how far it has come."""

    model_config = ConfigDict(frozen=True)

    object: str
    """The name of its objects, which only its owner's context leads to."""
    size: int
    """In bytes, as it was declared."""
    kept: bool = False
    """Whether a message has used it: then its bytes have been checked and are under ``kept/``."""


def upload_of(attachment: Attachment) -> Upload | None:
    """What the metadata says; ``None`` if the attachment was announced by some other store."""
    try:
        return Upload.model_validate((attachment.metadata or {}).get(FIELD))
    except ValidationError:
        return None


def with_upload(attachment: Attachment, upload: Upload) -> Attachment:
    """The attachment with other metadata on its bytes; what an integration keeps there stays."""
    metadata = {**(attachment.metadata or {}), FIELD: upload.model_dump()}
    return attachment.model_copy(update={"metadata": metadata})
