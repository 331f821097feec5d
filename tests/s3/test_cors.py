"""The rule that lets pages of a site upload: made, printed, applied, and obeyed by the server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from chatkit_s3 import apply_cors, cors_rule
from s3.conftest import Bucket
from support.attachment_refusals import ADA, link_of

ORIGIN, OTHER = "https://page.example", "https://evil.example"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chatkit_s3", "cors", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def in_any_order(rule: Any) -> dict[str, Any]:
    return {name: sorted(v) if isinstance(v, list) else v for name, v in rule.items()}


def rules_of(bucket: Bucket) -> list[dict[str, Any]]:
    found = bucket.s3.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    return [in_any_order(rule) for rule in found]


async def preflight(storage: Bucket, origin: str) -> httpx.Response:
    """What a browser asks before a page of that origin uploads."""
    async with storage.store(encryption="AES256") as store:
        attachment = await storage.announce(store, 3)
    assert attachment.upload_descriptor is not None
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": ",".join(
            sorted(name.lower() for name in attachment.upload_descriptor.headers)
        ),
    }
    return await storage.client.options(link_of(attachment), headers=asked)


async def test_pages_of_the_origin_may_upload_and_download_and_others_may_not(
    storage: Bucket,
) -> None:
    apply_cors(storage.name, [ORIGIN], endpoint_url=storage.url)
    allowed = await preflight(storage, ORIGIN)
    assert allowed.is_success
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    refused = await preflight(storage, OTHER)
    assert "access-control-allow-origin" not in refused.headers
    async with storage.store(encryption="AES256") as store:
        attachment = await storage.announce(store, 3)
        uploaded = await storage.put(attachment, b"abc", Origin=ORIGIN)
        assert uploaded.headers["access-control-allow-origin"] == ORIGIN
        url = await store.download_url(attachment, ADA)
        downloaded = await storage.client.get(url, headers={"Origin": ORIGIN})
        assert downloaded.headers["access-control-allow-origin"] == ORIGIN


def test_the_rule_replaces_itself_and_leaves_others(bucket: Bucket) -> None:
    other = {"ID": "mine", "AllowedOrigins": [OTHER], "AllowedMethods": ["GET"]}
    configuration: Any = {"CORSRules": [other]}
    bucket.s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration=configuration)
    for origins in ([OTHER, "http://localhost:8000"], [ORIGIN]):
        apply_cors(bucket.name, origins, endpoint_url=bucket.url)
        theirs, ours = rules_of(bucket)
        assert {name: theirs[name] for name in other} == other
        assert ours == in_any_order(cors_rule(origins))


def test_the_command_prints_what_s3_takes(bucket: Bucket) -> None:
    done = run(bucket.name, "--origin", ORIGIN, "--origin", "http://localhost:8000")
    assert done.returncode == 0, done.stderr
    bucket.s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration=json.loads(done.stdout))
    assert rules_of(bucket) == [in_any_order(cors_rule([ORIGIN, "http://localhost:8000"]))]


def test_the_command_applies_it(bucket: Bucket) -> None:
    done = run(bucket.name, "--origin", ORIGIN, "--apply", "--endpoint-url", bucket.url)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert rules_of(bucket) == [in_any_order(cors_rule([ORIGIN]))]


def test_the_command_says_why_it_could_not(bucket: Bucket) -> None:
    done = run(f"{bucket.name}-none", "--origin", ORIGIN, "--apply", "--endpoint-url", bucket.url)
    assert done.returncode == 1
    assert "NoSuchBucket" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "origin",
    ["https://page.example/", "http://@", "page.example", "https://", "ftp://page.example", ""],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match=r"an origin is such as 'https://example\.com'"):
        cors_rule([origin])
    assert run("any-bucket", "--origin", origin).returncode == 1


def test_origins_are_a_list_of_at_least_one() -> None:
    with pytest.raises(TypeError, match="a list"):
        cors_rule(ORIGIN)
    with pytest.raises(ValueError, match="at least one"):
        cors_rule([])
    assert cors_rule(["*"])["AllowedOrigins"] == ["*"]
