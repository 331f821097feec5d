"""How an object is copied within a bucket: in one step, or large ones part by part.

S3 itself copies up to 5 GiB in one step. Parts are much smaller than that, since other servers
copy byte by byte and say nothing in the meantime, and a connection on which nothing happens for
long is taken for dead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CopySourceTypeDef,
        HeadObjectOutputTypeDef,
    )

PART_BYTES = 32 * 1024 * 1024
"""What is larger than this is copied in parts of so many bytes."""

MOST_PARTS = 10_000
"""S3 allows no more."""


def copy_object(
    client: S3Client,
    source: CopySourceTypeDef,
    target: str,
    found: HeadObjectOutputTypeDef,
    *,
    encryption: Mapping[str, Any],
    condition: Mapping[str, Any],
) -> None:
    """Copy an object within its bucket, whole or not at all.

    Args:
        client: The service.
        source: Where it is.
        target: The key of the copy.
        found: What the service says of the object.
        encryption: Arguments for what is written.
        condition: Arguments of the step in which the copy comes to be.
    """
    if found["ContentLength"] > PART_BYTES:
        _copy_in_parts(client, source, target, found, encryption, condition)
    else:
        client.copy_object(
            Bucket=source["Bucket"],
            Key=target,
            CopySource=source,
            **encryption,
            **condition,
        )


def _copy_in_parts(
    client: S3Client,
    source: CopySourceTypeDef,
    target: str,
    found: HeadObjectOutputTypeDef,
    encryption: Mapping[str, Any],
    condition: Mapping[str, Any],
) -> None:
    bucket = source["Bucket"]
    begun = client.create_multipart_upload(
        Bucket=bucket, Key=target, ContentType=found["ContentType"], **encryption
    )
    upload: Mapping[str, Any] = {"Bucket": bucket, "Key": target, "UploadId": begun["UploadId"]}
    try:
        parts: list[CompletedPartTypeDef] = []
        for number, part in enumerate(_ranges(found["ContentLength"]), start=1):
            copied = client.upload_part_copy(
                PartNumber=number,
                CopySource=source,
                CopySourceRange=part,
                CopySourceIfMatch=found["ETag"],  # all parts are of the same object
                **upload,
            )
            parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"].get("ETag", "")})
        client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload, **condition)
    except BaseException:
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(**upload)
        raise


def _ranges(size: int) -> Iterator[str]:
    part = max(PART_BYTES, -(-size // MOST_PARTS))
    for start in range(0, size, part):
        yield f"bytes={start}-{min(start + part, size) - 1}"
