"""An attachment store whose bytes are imaginary; it remembers what it was asked."""

from __future__ import annotations

from typing import Any

from pydantic import AnyUrl

from chatkit.store import AttachmentStore
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
)


class Vault(AttachmentStore[Any]):
    """Takes every upload; ``broken`` makes deletions fail."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.broken = False
        self.closed = False

    async def create_attachment(self, input: AttachmentCreateParams, context: Any) -> Attachment:
        return FileAttachment(
            id=self.generate_attachment_id(input.mime_type, context),
            name=input.name,
            mime_type=input.mime_type,
            metadata={"bucket": "private"},
            upload_descriptor=AttachmentUploadDescriptor(
                url=AnyUrl("https://files.example/put"), method="PUT"
            ),
        )

    async def delete_attachment(self, attachment_id: str, context: Any) -> None:
        if self.broken:
            raise OSError("the bucket is away")
        self.deleted.append(attachment_id)

    async def aclose(self) -> None:
        self.closed = True
