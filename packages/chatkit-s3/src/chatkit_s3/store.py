"""``S3AttachmentStore``: attachments in a bucket of Amazon S3, or of a server like it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chatkit.objects import DEFAULT_LINK_SECONDS, DEFAULT_MAX_BYTES, ObjectAttachmentStore
from chatkit.owners import Owner
from chatkit.store import Store, TContext
from chatkit_s3.client import Connection
from chatkit_s3.encryption import Encryption
from chatkit_s3.objects import S3Objects

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


class S3AttachmentStore(ObjectAttachmentStore[TContext]):
    """Keeps attachments' bytes in a bucket; browsers upload there and download from there.

    Credentials are found where boto3 finds them: the environment, its files, the machine's role.

    Args:
        bucket: Its name. It must exist, and have the rules of ``chatkit_s3.cors_rule``.
        store: The server's own ``Store``, which keeps the metadata; it is not closed here.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        max_bytes: The largest upload. S3 itself takes up to 5 GiB by link.
        allowed_types: Types that may be uploaded, such as ``"application/pdf"`` or ``"image/*"``;
            all by default.
        link_seconds: How long a link works: 1 second to 7 days; with credentials that expire, no
            longer than these.
        prefix: What all keys begin with: nothing, or names that each end in a slash.
        region: The bucket's region; boto3's settings by default.
        endpoint_url: Where a server other than Amazon's is, as browsers reach it; boto3's settings
            by default.
        path_style: Whether the bucket is in the path of URLs and not in their host name; by
            default if ``endpoint_url`` is given.
        encryption: How S3 shall encrypt: ``"AES256"`` (SSE-S3), ``"aws:kms"`` (SSE-KMS) or
            ``"aws:kms:dsse"``; by default as the bucket says.
        kms_key_id: Which key of the Key Management Service; the account's own by default.
        create_only: Whether the server knows ``If-None-Match: *`` for writes, as S3 does. If it
            does not, a link can be used again until its attachment is used in a message.
        timeout: Seconds within which each call to S3 returns or raises ``StoreUnavailableError``;
            copying and writing get a second more for each MiB.

    Raises:
        TypeError: ``owner`` is neither, or ``allowed_types`` a single string.
        ValueError: Another argument is out of range.
    """

    def __init__(
        self,
        bucket: str,
        *,
        store: Store[TContext],
        owner: Owner[TContext],
        max_bytes: int = DEFAULT_MAX_BYTES,
        allowed_types: Iterable[str] | None = None,
        link_seconds: int = DEFAULT_LINK_SECONDS,
        prefix: str = "",
        region: str | None = None,
        endpoint_url: str | None = None,
        path_style: bool | None = None,
        encryption: str | None = None,
        kms_key_id: str | None = None,
        create_only: bool = True,
        timeout: float = 10.0,
    ) -> None:
        if not _BUCKET.fullmatch(bucket):
            raise ValueError(
                "bucket= must be a name of 3 to 255 letters, digits and ._- that begins and ends "
                f"with a letter or digit, got {bucket!r}"
            )
        connection = Connection(region, endpoint_url, path_style, timeout)
        objects = S3Objects(bucket, connection, Encryption(encryption, kms_key_id), create_only)
        super().__init__(
            objects,
            store=store,
            owner=owner,
            max_bytes=max_bytes,
            allowed_types=allowed_types,
            link_seconds=link_seconds,
            prefix=prefix,
            timeout=timeout,
        )
