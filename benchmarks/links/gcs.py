"""Presigning an upload to Google Cloud Storage, beside the driver's own call, with a key that is
here."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from benchmarks.harness.environments import ROOT
from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.links.rounds import BUCKET, KEY, SECONDS, SIZE, TYPE, rounds

sys.path.append(str(ROOT / "tests"))  # services, with the account of the tests


def times(quick: bool) -> int:
    return 50 if quick else 200


def new_client() -> Any:
    """A client with the key of an account that nobody else has ever seen."""
    from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]
    from google.oauth2 import service_account

    from services.gcs_account import ServiceAccount

    credentials: Any = service_account.Credentials
    info = ServiceAccount().key_file("https://oauth2.googleapis.com/token")
    driver: Any = storage.Client
    return driver(project=None, credentials=credentials.from_service_account_info(info))


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from chatkit_gcs.driver import Driver
    from chatkit_gcs.objects import GCSObjects

    driver = Driver(new_client(), None, 10.0)
    objects = GCSObjects(BUCKET, driver, kms_key_name=None, service_account_email=None)
    await objects.open()

    async def presign(times: int) -> str:
        for _ in range(times - 1):
            await objects.sign_upload(KEY, TYPE, SIZE, SECONDS)
        return str((await objects.sign_upload(KEY, TYPE, SIZE, SECONDS)).url)

    async for one in rounds("presign-gcs", times(quick), presign):
        yield one


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    client = new_client()
    bucket = client.bucket(BUCKET)
    headers = {
        "x-goog-content-length-range": f"{SIZE},{SIZE}",
        "x-goog-if-generation-match": "0",
    }

    async def presign(times: int) -> str:
        url = ""
        for _ in range(times):
            url = bucket.blob(KEY).generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=SECONDS),
                method="PUT",
                content_type=TYPE,
                headers=dict(headers),
            )
        return url

    async for one in rounds("presign-gcs", times(quick), presign):
        yield one


BENCHMARKS = [
    Benchmark(
        name="presign-gcs",
        rows=[Row("presign-gcs", "presign an upload to Google Cloud", Target(1.15, at_most=True))],
        ours=ours,
        peer="the driver's call alone",
        theirs=theirs,
    )
]
