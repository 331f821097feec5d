"""``GCSAttachmentStore``: attachments as objects in a Google Cloud Storage bucket."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from chatkit.objects import DEFAULT_LINK_SECONDS, DEFAULT_MAX_BYTES, ObjectAttachmentStore
from chatkit.owners import Owner
from chatkit.store import Store, TContext
from chatkit_gcs.driver import Driver
from chatkit_gcs.objects import GCSObjects

if TYPE_CHECKING:
    from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_KMS_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")


class GCSAttachmentStore(ObjectAttachmentStore[TContext]):
    """Keeps attachments' bytes in a bucket; clients upload and download there, at signed links.

    Credentials are those that Google's libraries find ("application default credentials"), or the
    given client's. Any number of servers may share a bucket.

    Args:
        bucket: The bucket's name. It must exist, and let browsers in (``chatkit_gcs.cors_rule``).
        store: The server's own ``Store``, which keeps the metadata; it is not closed here.
        owner: How to find whose data a request context stands for: a synchronous function from
            context to a non-empty string, or ``chatkit.owners.SINGLE_OWNER``.
        max_bytes: The largest upload.
        allowed_types: Types that may be uploaded, such as ``"application/pdf"`` or ``"image/*"``;
            all by default.
        link_seconds: How long a link works: 1 second to 7 days.
        prefix: What all keys begin with: nothing, or names that each end in a slash.
        timeout: Seconds within which each call to the service returns or raises
            ``StoreUnavailableError``; copying and writing get a second more for each MiB.
        client: A ``google.cloud.storage.Client`` to use; it is not closed here. By default the
            store has one of its own, built at the first call.
        endpoint_url: Where the service is, for emulators, such as ``"http://127.0.0.1:4443"``;
            Google's by default.
        kms_key_name: The Cloud KMS key that encrypts objects,
            ``"projects/…/locations/…/keyRings/…/cryptoKeys/…"``; by default the bucket's.
        service_account_email: In whose name IAM signs links, when the credentials have no key to
            sign with; by default the credentials' own account.

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
        timeout: float = 10.0,
        client: storage.Client | None = None,
        endpoint_url: str | None = None,
        kms_key_name: str | None = None,
        service_account_email: str | None = None,
    ) -> None:
        if not _BUCKET.fullmatch(bucket):
            raise ValueError(f"bucket must be the name of a bucket, without gs://, got {bucket!r}")
        if kms_key_name is not None and not _KMS_KEY.fullmatch(kms_key_name):
            raise ValueError(
                "kms_key_name= must be 'projects/…/locations/…/keyRings/…/cryptoKeys/…', "
                f"got {kms_key_name!r}"
            )
        if client is not None and endpoint_url is not None:
            raise ValueError(
                "endpoint_url= is for a client of the store's own, not for the given one"
            )
        objects = GCSObjects(
            bucket,
            Driver(client, endpoint_url, timeout),
            kms_key_name=kms_key_name,
            service_account_email=service_account_email,
        )
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
