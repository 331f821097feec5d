"""What the README promises: its server works, and its JSON is what S3 and the store need."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import chatkit_s3
from chatkit.store import StoreUnavailableError, UnusableAttachmentError
from chatkit_s3 import copying
from docs.test_blocks import blocks_of
from s3.conftest import Bucket, only_allowed
from support.attachment_refusals import ADA, MEBIBYTE, PNG
from support.chat_http import events_in, user_input
from support.served_file import LIMIT_S, served

README = Path(chatkit_s3.__file__).parents[2] / "README.md"
BUCKET = "chat-attachments"
SERVER = next(block.text for block in blocks_of(README) if block.language == "python")
POLICY, LIFECYCLE = (block.text for block in blocks_of(README) if block.language == "json")


async def ask(client: httpx.AsyncClient, kind: str, **params: Any) -> httpx.Response:
    reply = await client.post("/", json={"type": kind, "params": params})
    assert reply.is_success, reply.text
    return reply


async def upload(storage: Bucket, client: httpx.AsyncClient) -> str:
    """What a browser does with a picture; returns the attachment's id."""
    announced = {"name": "a.png", "size": len(PNG), "mime_type": "image/png"}
    attachment = (await ask(client, "attachments.create", **announced)).json()
    link = attachment["upload_descriptor"]
    reply = await storage.client.request(
        link["method"], link["url"], content=PNG, headers=link["headers"]
    )
    assert reply.is_success, reply.text
    return str(attachment["id"])


async def test_the_server_in_the_readme_takes_a_picture_and_shows_it(
    storage: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", storage.url)  # as S3 itself, which is not at hand
    code = SERVER.replace(BUCKET, storage.name)
    assert code != SERVER
    with served(code, tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            attachment_id = await upload(storage, client)
            message = {**user_input("Look"), "attachments": [attachment_id]}
            answer = await ask(client, "threads.create", input=message)
            events = events_in(answer.content)
            told = [event["text"] for event in events if event["type"] == "progress_update"]
            assert told == [f"a.png has {len(PNG)} bytes"]
            thread = events[0]["thread"]["id"]
            shown = (await ask(client, "threads.get_by_id", thread_id=thread)).json()
            [picture] = shown["items"]["data"][0]["attachments"]
            assert (await storage.client.get(picture["preview_url"])).content == PNG
            await ask(client, "threads.delete", thread_id=thread)
    assert await storage.keys() == []


@pytest.mark.usefixtures("own_server")
async def test_the_policy_in_the_readme_is_enough(
    storage: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART_BYTES", 5 * MEBIBYTE)
    policy = json.loads(POLICY.replace(BUCKET, storage.name))
    with only_allowed(policy["Statement"], storage.url):
        async with storage.store() as store:
            missing = await storage.announce(store, 3)
            with pytest.raises(UnusableAttachmentError, match="has not been uploaded"):
                await store.keep_attachment(missing, ADA)
            for size in (3, 6 * MEBIBYTE):
                used = await store.keep_attachment(await storage.upload(store, bytes(size)), ADA)
                assert await store.read(used, ADA) == bytes(size)
                reply = await storage.client.get(await store.download_url(used, ADA))
                assert reply.content == bytes(size)
                await store.delete_attachment(used.id, ADA)
            await store.sweep(older_than=timedelta(days=1))


@pytest.mark.usefixtures("own_server")
async def test_the_policy_in_the_readme_is_for_that_bucket_alone(storage: Bucket) -> None:
    policy = json.loads(POLICY)
    with only_allowed(policy["Statement"], storage.url):
        async with storage.store() as store:
            attachment = await storage.announce(store, 3)
            assert (await storage.put(attachment, b"abc")).status_code == 403
            with pytest.raises(StoreUnavailableError, match="AccessDenied"):
                await store.sweep(older_than=timedelta(days=1))


def test_the_lifecycle_in_the_readme_is_one(bucket: Bucket) -> None:
    rules: Any = json.loads(LIFECYCLE)
    bucket.s3.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration=rules)
    found = bucket.s3.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"]
    days = {
        rule.get("Filter", {}).get("Prefix"): rule.get("AbortIncompleteMultipartUpload")
        for rule in found
    }
    assert days == {
        rule["Filter"]["Prefix"]: rule["AbortIncompleteMultipartUpload"] for rule in rules["Rules"]
    }
