"""What the store is built with: refused if it cannot be meant, and used once, when it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_s3 import S3AttachmentStore
from chatkit_s3.client import Connected, Connection
from s3.conftest import Bucket
from support.attachment_refusals import ADA, link_of

REGION = "eu-central-1"


def build(bucket: str = "my-bucket", **options: Any) -> S3AttachmentStore[Any]:
    records = ReferenceStore[Any](Memory(), owner=SINGLE_OWNER)
    return S3AttachmentStore(bucket, **{"store": records, "owner": SINGLE_OWNER, **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bucket": ""}, "bucket= .* got ''"),
        ({"bucket": "a b"}, "bucket= .* got 'a b'"),
        ({"bucket": "https://b"}, "bucket= "),
        ({"endpoint_url": "localhost:8333"}, "endpoint_url= .* got 'localhost:8333'"),
        ({"endpoint_url": "ftp://host"}, "endpoint_url= "),
        ({"endpoint_url": "https://"}, "endpoint_url= "),
        ({"encryption": "AES"}, "encryption= must be one of AES256, .* got 'AES'"),
        ({"kms_key_id": "k"}, "kms_key_id= needs encryption="),
        ({"kms_key_id": "k", "encryption": "AES256"}, "kms_key_id= needs encryption="),
        ({"prefix": "/x"}, "prefix= "),
        ({"link_seconds": 0}, "link_seconds= "),
        ({"link_seconds": 8 * 24 * 3600}, "link_seconds= "),
        ({"max_bytes": 0}, "max_bytes= "),
        ({"timeout": 0}, "timeout= "),
    ],
)
def test_a_setting_out_of_range_is_refused_and_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(**options)


def test_importing_and_building_load_no_boto3_and_start_no_thread() -> None:
    code = (
        "import sys, threading\n"
        "from chatkit.owners import SINGLE_OWNER\n"
        "from chatkit_s3 import S3AttachmentStore\n"
        "S3AttachmentStore('my-bucket', store=None, owner=SINGLE_OWNER)\n"
        "assert 'boto3' not in sys.modules\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


async def test_first_calls_at_once_build_one_client_and_not_in_the_loop(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    connect = Connection.connect

    def noted(self: Connection) -> Connected:
        threads.append(threading.current_thread())
        return connect(self)

    monkeypatch.setattr(Connection, "connect", noted)
    async with storage.store() as store:
        await asyncio.gather(*(storage.announce(store, 3) for _ in range(10)))
    [thread] = threads
    assert thread is not threading.main_thread()


async def test_a_closed_store_says_so(storage: Bucket) -> None:
    async with storage.store() as store:
        attachment = await storage.upload(store, b"abc")
    await store.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await store.read(attachment, ADA)


@pytest.mark.parametrize(
    ("name", "options", "host_and_path"),
    [
        ("my-bucket", {"region": REGION}, f"https://my-bucket.s3.{REGION}.amazonaws.com/"),
        ("my.bucket", {"region": REGION}, f"https://s3.{REGION}.amazonaws.com/my.bucket/"),
        (
            "my-bucket",
            {"region": REGION, "path_style": True},
            f"https://s3.{REGION}.amazonaws.com/my-bucket/",
        ),
        ("my-bucket", {"endpoint_url": "https://s3.test"}, "https://s3.test/my-bucket/"),
        (
            "my-bucket",
            {"endpoint_url": "https://s3.test", "path_style": False},
            "https://my-bucket.s3.test/",
        ),
    ],
)
async def test_links_lead_to_the_buckets_region_or_to_the_given_server(
    storage: Bucket, name: str, options: dict[str, Any], host_and_path: str
) -> None:
    other = Bucket(client=storage.client, name=name, url="", s3=storage.s3)
    async with other.store(**{"endpoint_url": None, **options}) as store:
        attachment = await storage.announce(store, 3)
    assert link_of(attachment).startswith(f"{host_and_path}pending/")
