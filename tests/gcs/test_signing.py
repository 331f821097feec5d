"""Who signs links: a key on this machine, or Google's IAM in the name of a service account."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.auth import compute_engine, iam, impersonated_credentials
from google.auth.compute_engine import _metadata
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import credentials as user_credentials

from chatkit.store import StoreError, StoreUnavailableError
from gcs.conftest import Bucket
from support.attachment_refusals import ADA


@pytest.fixture
def google_is_here(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM and the metadata server are the front, which signs as they do."""
    url = bucket.service.url
    sign = f"{url}/v1/projects/-/serviceAccounts/{{}}:signBlob"
    monkeypatch.setattr(iam, "_IAM_SIGN_ENDPOINT", sign)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", url.removeprefix("http://"))


@contextmanager
def lent(bucket: Bucket, credentials: Any) -> Iterator[Any]:
    client = storage.Client(
        project="p", credentials=credentials, client_options={"api_endpoint": bucket.service.url}
    )
    yield client
    client.close()


def signatures_of_iam(bucket: Bucket) -> int:
    return sum(request.path.endswith(":signBlob") for request in bucket.service.front.seen)


def user(bucket: Bucket) -> Any:
    """Credentials of a person, as ``gcloud auth application-default login`` makes them."""
    token = bucket.service.front.account.new_token()
    driver: Any = user_credentials.Credentials
    return driver(token)


async def round_trip(bucket: Bucket, **options: Any) -> None:
    """Upload by a link, use, and download by a link."""
    async with bucket.store(endpoint_url=None, **options) as store:
        used = await store.keep_attachment(await bucket.upload(store, b"hello"), ADA)
        reply = await bucket.client.get(await store.download_url(used, ADA))
        assert (reply.status_code, reply.content) == (200, b"hello")


async def test_a_key_signs_without_asking_anybody(bucket: Bucket) -> None:
    async with bucket.store() as store:
        seen = len(bucket.service.front.seen)
        attachment = await bucket.announce(store, 5)
        await store.download_url(attachment, ADA)
        assert len(bucket.service.front.seen) == seen


@pytest.mark.usefixtures("google_is_here")
async def test_a_machine_has_iam_sign_in_the_name_of_its_account(bucket: Bucket) -> None:
    before = signatures_of_iam(bucket)
    driver: Any = compute_engine.Credentials
    with lent(bucket, driver()) as client:
        await round_trip(bucket, client=client)
    assert signatures_of_iam(bucket) == before + 2


@pytest.mark.usefixtures("google_is_here")
async def test_iam_signs_in_the_name_of_a_named_account(bucket: Bucket) -> None:
    before = signatures_of_iam(bucket)
    email = bucket.service.front.account.email
    with lent(bucket, user(bucket)) as client:
        await round_trip(bucket, client=client, service_account_email=email)
    assert signatures_of_iam(bucket) == before + 2
    asked = [r.path for r in bucket.service.front.seen if r.path.endswith(":signBlob")]
    assert f"/serviceAccounts/{email}:" in asked[-1]


@pytest.mark.usefixtures("google_is_here")
async def test_credentials_that_stand_for_an_account_have_iam_sign(bucket: Bucket) -> None:
    before = signatures_of_iam(bucket)
    driver: Any = impersonated_credentials.Credentials
    email = bucket.service.front.account.email
    credentials = driver(user(bucket), email, ["https://www.googleapis.com/auth/cloud-platform"])
    credentials.token = bucket.service.front.account.new_token()
    with lent(bucket, credentials) as client:
        async with bucket.store(endpoint_url=None, client=client) as store:
            reply = await bucket.put(await bucket.announce(store, 5), b"hello")
            assert reply.status_code == 200
    assert signatures_of_iam(bucket) == before + 1


@pytest.mark.parametrize("kind", ["AnonymousCredentials", "Credentials"])
async def test_credentials_that_cannot_sign_are_told_what_to_do(bucket: Bucket, kind: str) -> None:
    driver: Any = AnonymousCredentials
    credentials = driver() if kind == "AnonymousCredentials" else user(bucket)
    with lent(bucket, credentials) as client:
        async with bucket.store(endpoint_url=None, client=client) as store:
            with pytest.raises(StoreError, match=rf"\({kind}\) cannot sign.*account_email=") as at:
                await bucket.announce(store, 5)
            assert type(at.value) is StoreError  # waiting does not mend it


async def test_an_iam_that_is_away_is_said_to_be_away(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iam, "_IAM_SIGN_ENDPOINT", "http://127.0.0.1:1/{}:signBlob")
    with lent(bucket, user(bucket)) as client:
        options: dict[str, Any] = {"client": client, "service_account_email": "a@b.com"}
        async with bucket.store(endpoint_url=None, timeout=2, **options) as store:
            with pytest.raises(StoreUnavailableError, match="bucket"):
                await bucket.announce(store, 5)


@pytest.mark.usefixtures("google_is_here")
async def test_a_machine_that_cannot_be_asked_who_it_is_can_be_asked_later(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver: Any = compute_engine.Credentials
    here = _metadata._GCE_METADATA_HOST
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", "127.0.0.1:1")
    with lent(bucket, driver(universe_domain="googleapis.com")) as client:
        store = bucket.store(client=client, endpoint_url=None)
        with pytest.raises(StoreUnavailableError, match="metadata"):
            await bucket.announce(store, 5)
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", here)
        reply = await bucket.put(await bucket.announce(store, 5), b"hello")
        assert reply.status_code == 200
        await store.aclose()


SCRIPT = """
import asyncio, json, sys
from chatkit.owners import SINGLE_OWNER
from chatkit.types import AttachmentCreateParams
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_gcs import GCSAttachmentStore

async def main():
    records = ReferenceStore(Memory(), owner=SINGLE_OWNER)
    bucket, endpoint = sys.argv[1:]
    store = GCSAttachmentStore(bucket, store=records, owner=SINGLE_OWNER, endpoint_url=endpoint)
    assert "google.cloud.storage" not in sys.modules
    async with store:
        params = AttachmentCreateParams(name="a", size=5, mime_type="text/plain")
        created = await store.create_attachment(params, None)
        print(created.upload_descriptor.model_dump_json())

asyncio.run(main())
"""


def run_elsewhere(bucket: Bucket, **environment: str) -> subprocess.CompletedProcess[str]:
    """Have a process print an upload descriptor that has only its environment to go by."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, bucket.name, bucket.service.url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_credentials_are_found_as_googles_libraries_find_them(bucket: Bucket) -> None:
    done = run_elsewhere(bucket, GOOGLE_APPLICATION_CREDENTIALS=bucket.service.key_file)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    reply = await bucket.client.put(made["url"], content=b"hello", headers=made["headers"])
    assert reply.status_code == 200


def test_missing_credentials_are_told(bucket: Bucket, tmp_path: Path) -> None:
    done = run_elsewhere(bucket, HOME=str(tmp_path), NO_GCE_CHECK="true")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("chatkit.store.StoreUnavailableError: Google Cloud Storage bucket ")
    assert "default credentials were not found" in last
