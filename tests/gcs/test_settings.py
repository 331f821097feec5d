"""The store's settings, and what it leaves alone until it is used."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest
from google.cloud import storage

from chatkit.owners import SINGLE_OWNER
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_gcs import GCSAttachmentStore
from gcs.conftest import Bucket
from support.attachment_refusals import ADA

KMS_KEY = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bucket": "gs://mine"}, "bucket"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": "a/b"}, "bucket"),
        ({"kms_key_name": "k"}, "kms_key_name="),
        ({"prefix": "no-slash"}, "prefix="),
        ({"timeout": 0}, "timeout="),
        ({"link_seconds": 604_801}, "link_seconds="),
        ({"client": object(), "endpoint_url": "http://x"}, "endpoint_url="),
    ],
)
def test_a_setting_out_of_range_is_refused(change: dict[str, Any], named: str) -> None:
    records = ReferenceStore[Any](Memory(), owner=SINGLE_OWNER)
    settings: dict[str, Any] = {"bucket": "mine", "store": records, "owner": SINGLE_OWNER, **change}
    with pytest.raises(ValueError, match=named):
        GCSAttachmentStore(**settings)


def test_importing_the_package_leaves_the_driver_alone() -> None:
    code = "import sys, chatkit_gcs; assert not [m for m in sys.modules if m.startswith('google')]"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_the_client_is_built_once_at_the_first_call_and_off_the_loop(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[threading.Thread] = []
    initialise: Any = storage.Client.__init__

    def noting(self: Any, *args: Any, **kwargs: Any) -> None:
        built.append(threading.current_thread())
        initialise(self, *args, **kwargs)

    monkeypatch.setattr(storage.Client, "__init__", noting)
    store = bucket.store()
    assert built == []
    await asyncio.gather(*(bucket.announce(store, 5) for _ in range(20)))
    await store.aclose()
    assert len(built) == 1
    assert built[0] is not threading.current_thread()


async def test_a_client_that_was_lent_is_used_and_never_closed(bucket: Bucket) -> None:
    with bucket.service.client() as client:
        async with bucket.store(client=client, endpoint_url=None) as store:
            used = await store.keep_attachment(await bucket.upload(store, b"hello"), ADA)
            assert await store.read(used, ADA) == b"hello"
        assert len(list(client.list_blobs(bucket.name))) == 1


async def test_a_client_of_its_own_is_closed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Any] = []
    close: Any = storage.Client.close

    def noting(self: Any) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(storage.Client, "close", noting)
    async with bucket.store() as store:
        await bucket.announce(store, 5)
        assert closed == []
    assert len(closed) == 1


async def test_all_keys_begin_with_the_prefix(bucket: Bucket) -> None:
    async with bucket.store(prefix="chat/files/") as store:
        await store.keep_attachment(await bucket.upload(store, b"used"), ADA)
        unused = await bucket.upload(store, b"unused")
        kept, pending = await bucket.keys()
        assert kept.startswith("chat/files/kept/")
        assert pending.startswith("chat/files/pending/")
        assert await store.read(unused, ADA) == b"unused"


async def chunks(data: bytes) -> Any:
    yield data


async def test_every_object_is_encrypted_with_the_given_key(bucket: Bucket) -> None:
    """As far as the server is told: the one of the tests encrypts nothing."""
    async with bucket.store(kms_key_name=KMS_KEY) as store:
        attachment = await bucket.upload(store, b"hello")
        assert attachment.upload_descriptor is not None
        header = "x-goog-encryption-kms-key-name"
        assert attachment.upload_descriptor.headers[header] == KMS_KEY
        refused = await bucket.put(attachment, b"hello", **{header: KMS_KEY[:-1] + "j"})
        assert refused.status_code == 403
        for size in (5, 9_000_000):
            await store.write("a", "text/plain", chunks(b"x" * size), ADA)
        await store.keep_attachment(attachment, ADA)
    seen = bucket.service.front.seen
    asked = [parse_qs(request.query) for request in seen if bucket.name in request.path]
    written = [query for query in asked if "uploadType" in query and "upload_id" not in query]
    copied = [query for query in asked if "destinationKmsKeyName" in query]
    assert [query["kmsKeyName"] for query in written] == [[KMS_KEY]] * 2
    assert [query["destinationKmsKeyName"] for query in copied] == [[KMS_KEY]]
