"""The CORS rules that browsers need: what they say, the command that applies them, their effect."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from chatkit.types import Attachment
from chatkit_gcs import apply_cors, cors_rule
from gcs.conftest import Bucket
from support.attachment_refusals import ADA

ORIGIN = "https://chat.example.com"
OTHER = {
    "origin": ["https://other.example"],
    "method": ["GET"],
    "responseHeader": ["Content-Type"],
    "maxAgeSeconds": 60,
}


def command(bucket: Bucket, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "chatkit_gcs", "cors", bucket.name, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def rules_of(bucket: Bucket) -> list[dict[str, Any]]:
    with bucket.service.client() as client:
        found: list[dict[str, Any]] = client.get_bucket(bucket.name).cors
        return found


async def may_upload(bucket: Bucket, attachment: Attachment, origin: str) -> bool:
    """Whether a browser would let a page of that origin follow the upload link."""
    descriptor = attachment.upload_descriptor
    assert descriptor is not None
    names = sorted(name.lower() for name in descriptor.headers)
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": descriptor.method,
        "Access-Control-Request-Headers": ",".join(names),
    }
    reply = await bucket.client.options(str(descriptor.url), headers=asks)
    return (
        reply.headers.get("access-control-allow-origin") == origin
        and descriptor.method in reply.headers["access-control-allow-methods"]
        and set(names) <= set(reply.headers["access-control-allow-headers"].split(", "))
    )


@pytest.mark.parametrize(
    "options", [{}, {"kms_key_name": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}]
)
async def test_pages_of_the_given_origins_may_upload_and_download(
    bucket: Bucket, options: dict[str, Any]
) -> None:
    async with bucket.store(**options) as store:
        attachment = await bucket.announce(store, 5)
        assert not await may_upload(bucket, attachment, ORIGIN)
        apply_cors(bucket.name, [ORIGIN], endpoint_url=bucket.service.url)
        assert await may_upload(bucket, attachment, ORIGIN)
        assert not await may_upload(bucket, attachment, "https://evil.example")
        reply = await bucket.put(attachment, b"hello", Origin=ORIGIN)
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        url = await store.download_url(attachment, ADA)
        reply = await bucket.client.get(url, headers={"Origin": ORIGIN})
        assert reply.headers["access-control-allow-origin"] == ORIGIN


def test_the_rule_replaces_an_earlier_one_and_other_rules_stay(bucket: Bucket) -> None:
    with bucket.service.client() as client:
        found = client.get_bucket(bucket.name)
        found.cors = [OTHER]
        found.patch()
    for origin in ("https://old.example", ORIGIN, ORIGIN):
        apply_cors(bucket.name, [origin], endpoint_url=bucket.service.url)
    assert rules_of(bucket) == [cors_rule([ORIGIN]), OTHER]


def test_the_command_prints_the_rule(bucket: Bucket) -> None:
    done = command(bucket, "--origin", ORIGIN, "--origin", "http://localhost:3000")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [cors_rule([ORIGIN, "http://localhost:3000"])]
    assert rules_of(bucket) == []


def test_the_command_applies_the_rule(bucket: Bucket) -> None:
    done = command(bucket, "--origin", ORIGIN, "--apply", "--endpoint-url", bucket.service.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert rules_of(bucket) == [cors_rule([ORIGIN])]


def test_the_command_says_why_it_could_not(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "name", "no-such-bucket")
    done = command(bucket, "--origin", ORIGIN, "--apply", "--endpoint-url", bucket.service.url)
    assert done.returncode == 1
    assert done.stderr.startswith("404 GET")


@pytest.mark.parametrize(
    "origin", ["chat.example.com", "https://a.example/", "https://", "http://@", "null"]
)
def test_what_is_no_origin_is_refused(bucket: Bucket, origin: str) -> None:
    done = command(bucket, "--origin", origin)
    assert done.returncode == 1
    assert repr(origin) in done.stderr
    with pytest.raises(TypeError, match="a list"):
        cors_rule(origin)
    with pytest.raises(ValueError, match="at least one"):
        cors_rule([])
