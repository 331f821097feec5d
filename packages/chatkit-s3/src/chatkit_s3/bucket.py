"""The calls to the bucket. They block, until the service has answered or the client gives up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from chatkit.objects import Listed, Listing, NoObjectError
from chatkit_s3.copying import Copying
from chatkit_s3.encryption import Encryption
from chatkit_s3.errors import MISSING, NotDeletedError, code_of

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ErrorTypeDef, HeadObjectOutputTypeDef


class Bucket:
    """A bucket and a client.

    Args:
        client: The service.
        name: The bucket.
        encryption: How to encrypt what is written.
        create_only: Whether the service knows ``If-None-Match: *`` for writes.
    """

    def __init__(
        self, client: S3Client, name: str, encryption: Encryption, create_only: bool
    ) -> None:
        self._client = client
        self._name = name
        self._encryption = encryption
        self._condition: Mapping[str, Any] = {"IfNoneMatch": "*"} if create_only else {}
        self._copying = Copying(client, name, encryption.arguments, self._condition)

    def sign_upload(self, key: str, mime_type: str, size: int, seconds: int) -> str:
        """A link that takes one object; made here, the service is not asked."""
        return self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ContentType": mime_type,
                "ContentLength": size,
                **self._condition,
                **self._encryption.arguments,
            },
            ExpiresIn=seconds,
        )

    def sign_download(self, key: str, content_type: str, disposition: str, seconds: int) -> str:
        """A link that gives the object; made here, the service is not asked."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._name,
                "Key": key,
                "ResponseContentType": content_type,
                "ResponseContentDisposition": disposition,
            },
            ExpiresIn=seconds,
        )

    def size(self, key: str) -> int | None:
        """The number of bytes, ``None`` if there is no such object."""
        found = self._look(key)
        return None if found is None else found["ContentLength"]

    def open(self, key: str, start: int, end: int) -> StreamingBody | None:
        """The bytes from ``start`` up to ``end``; ``None`` if the object ends before."""
        try:
            found = self._client.get_object(
                Bucket=self._name, Key=key, Range=f"bytes={start}-{end - 1}"
            )
        except ClientError as error:
            if code_of(error) in MISSING:
                raise NoObjectError from error
            if code_of(error) == "InvalidRange":
                return None
            raise
        return found["Body"]

    def copy(self, source: str, target: str) -> None:
        """Copy an object, unless there is one at ``target``."""
        if self.size(target) is not None:  # not every service would refuse to write over it
            return
        try:
            found = self._look(source)
            if found is None:
                self._client.head_bucket(Bucket=self._name)  # raises if that is what is missing
                raise NoObjectError
            self._copying.copy(source, target, found)
        except (NoObjectError, ClientError) as error:
            # Another call may have made the copy meanwhile, and deleted the source.
            if self.size(target) is not None:
                return
            if isinstance(error, ClientError) and code_of(error) == "NoSuchKey":
                raise NoObjectError from error
            raise

    def write(self, key: str, file: BinaryIO, mime_type: str) -> None:
        """Store a file from its current position, in parts if it is large."""
        from boto3.s3.transfer import TransferConfig

        self._client.upload_fileobj(
            file,
            self._name,
            key,
            ExtraArgs={"ContentType": mime_type, **self._encryption.arguments},
            # In this thread, part by part: so that no more than one part is in memory.
            Config=TransferConfig(use_threads=False, preferred_transfer_client="classic"),
        )

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that do not exist are passed over."""
        answer = self._client.delete_objects(
            Bucket=self._name, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        errors = [e for e in answer.get("Errors", []) if e.get("Code") not in MISSING]
        if errors:
            raise NotDeletedError(_told(errors[0], len(errors), len(keys)))

    def list(self, prefix: str, next: str | None, limit: int) -> Listing:
        """A page of the objects whose keys begin with ``prefix``."""
        position: Mapping[str, Any] = {} if next is None else {"ContinuationToken": next}
        page = self._client.list_objects_v2(
            Bucket=self._name, Prefix=prefix, MaxKeys=limit, **position
        )
        objects = [
            Listed(found["Key"], found["LastModified"].timestamp())
            for found in page.get("Contents", [])
            if "Key" in found and "LastModified" in found  # always; the types do not know
        ]
        return Listing(objects, page.get("NextContinuationToken"))

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _look(self, key: str) -> HeadObjectOutputTypeDef | None:
        try:
            return self._client.head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise


def _told(error: ErrorTypeDef, errors: int, keys: int) -> str:
    why = f"{error.get('Code')}, {error.get('Message')}"
    return f"{errors} of {keys} objects were not deleted, the first {error.get('Key')}: {why}"
