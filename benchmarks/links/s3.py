"""Presigning an upload to S3, beside boto3's own call. Nobody is asked: it is computation."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Any

from benchmarks.harness.rows import Benchmark, Round, Row, Target
from benchmarks.links.rounds import BUCKET, KEY, SECONDS, SIZE, TYPE, rounds

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHBENCHBENCH1",
    "AWS_SECRET_ACCESS_KEY": "of the benchmarks",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


def times(quick: bool) -> int:
    return 100 if quick else 500


async def ours(quick: bool) -> AsyncGenerator[Round, None]:
    from chatkit_s3.client import Connection
    from chatkit_s3.encryption import Encryption
    from chatkit_s3.objects import S3Objects

    os.environ.update(CREDENTIALS)
    objects = S3Objects(BUCKET, Connection(), Encryption(), create_only=True)
    await objects.open()

    async def presign(times: int) -> str:
        for _ in range(times - 1):
            await objects.sign_upload(KEY, TYPE, SIZE, SECONDS)
        return str((await objects.sign_upload(KEY, TYPE, SIZE, SECONDS)).url)

    async for one in rounds("presign-s3", times(quick), presign):
        yield one


async def theirs(quick: bool) -> AsyncGenerator[Round, None]:
    import boto3
    from botocore.config import Config

    os.environ.update(CREDENTIALS)
    driver: Any = boto3
    client = driver.client(
        "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    )
    parameters = {
        "Bucket": BUCKET,
        "Key": KEY,
        "ContentType": TYPE,
        "ContentLength": SIZE,
        "IfNoneMatch": "*",
    }

    async def presign(times: int) -> str:
        url = ""
        for _ in range(times):
            url = client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=SECONDS)
        return url

    async for one in rounds("presign-s3", times(quick), presign):
        yield one


BENCHMARKS = [
    Benchmark(
        name="presign-s3",
        rows=[Row("presign-s3", "presign an upload to S3", Target(1.15, at_most=True))],
        ours=ours,
        peer="boto3's call alone",
        theirs=theirs,
    )
]
