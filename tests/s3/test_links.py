"""What the links to S3 allow, and what they refuse."""

from __future__ import annotations

from support.attachment_refusals import AttachmentRefusals


class TestS3(AttachmentRefusals):
    pass
