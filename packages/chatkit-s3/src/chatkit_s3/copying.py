"""How an object is copied within a bucket: in one step, or large ones part by part.

S3 itself copies up to 5 GiB in one step. Parts are much smaller than that, since other servers
copy byte by byte and say nothing in the meantime, and a connection on which nothing happens for
long is taken for dead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chatkit_s3.errors import code_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef, HeadObjectOutputTypeDef

PART_BYTES = 32 * 1024 * 1024
"""What is larger than this is copied in parts of so many bytes."""

MOST_PARTS = 10_000
"""S3 allows no more."""


@dataclass(frozen=True)
class Copying:
    """Copies within a bucket.

    Args:
        client: The service.
        bucket: The bucket.
        encryption: Arguments for what is written.
        condition: Arguments of the step in which a copy comes to be.
    """

    client: S3Client
    bucket: str
    encryption: Mapping[str, Any]
    condition: Mapping[str, Any]

    def copy(self, source: str, target: str, found: HeadObjectOutputTypeDef) -> None:
        """Copy an object, whole or not at all; ``found`` is what the service says of it."""
        if found["ContentLength"] > PART_BYTES:
            try:
                self._copy_in_parts(source, target, found)
                return
            except ClientError as error:
                # Some servers copy no parts, or none of objects that they encrypt.
                if code_of(error) != "NotImplemented":
                    raise
        self._copy_in_one_step(source, target)

    def _copy_in_one_step(self, source: str, target: str) -> None:
        self.client.copy_object(
            Bucket=self.bucket,
            Key=target,
            CopySource={"Bucket": self.bucket, "Key": source},
            **self.encryption,
            **self.condition,
        )

    def _copy_in_parts(self, source: str, target: str, found: HeadObjectOutputTypeDef) -> None:
        begun = self.client.create_multipart_upload(
            Bucket=self.bucket, Key=target, ContentType=found["ContentType"], **self.encryption
        )
        upload: Mapping[str, Any] = {
            "Bucket": self.bucket,
            "Key": target,
            "UploadId": begun["UploadId"],
        }
        try:
            parts: list[CompletedPartTypeDef] = []
            for number, part in enumerate(_ranges(found["ContentLength"]), start=1):
                copied = self.client.upload_part_copy(
                    PartNumber=number,
                    CopySource={"Bucket": self.bucket, "Key": source},
                    CopySourceRange=part,
                    CopySourceIfMatch=found["ETag"],  # all parts are of the same object
                    **upload,
                )
                etag = copied["CopyPartResult"].get("ETag", "")
                parts.append({"PartNumber": number, "ETag": etag})
            self.client.complete_multipart_upload(
                MultipartUpload={"Parts": parts}, **upload, **self.condition
            )
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self.client.abort_multipart_upload(**upload)
            raise


def _ranges(size: int) -> Iterator[str]:
    part = max(PART_BYTES, -(-size // MOST_PARTS))
    for start in range(0, size, part):
        yield f"bytes={start}-{min(start + part, size) - 1}"
