"""A bucket of its own for each test, and a client of its links."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import httpx
import pytest

from chatkit_s3 import S3AttachmentStore
from services.service import Service
from support.attachment_refusals import Storage, user_of

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_s3 import S3Client

ORIGIN = "https://page.example"


def administrator(url: str) -> S3Client:
    """A client that may do everything."""
    session: Any = boto3.Session()
    client: S3Client = session.client("s3", endpoint_url=url)
    return client


@dataclass(kw_only=True)
class Bucket(Storage):
    """An empty bucket.

    Args:
        name: Its name.
        url: The URL of its server.
        s3: A client that may do everything.
    """

    name: str
    url: str
    s3: S3Client

    def store(self, **options: Any) -> S3AttachmentStore[Any]:
        own = {"store": self.records(), "owner": user_of, "endpoint_url": self.url}
        return S3AttachmentStore(self.name, **{**own, **options})

    async def keys(self) -> list[str]:
        return await asyncio.to_thread(self.list)

    def list(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found.get("Key", "") for page in pages for found in page.get("Contents", [])]

    def remove(self) -> None:
        """Delete the bucket and what is in it."""
        for key in self.list():
            self.s3.delete_object(Bucket=self.name, Key=key)
        self.s3.delete_bucket(Bucket=self.name)
        self.s3.close()


@contextmanager
def new_bucket(url: str) -> Iterator[Bucket]:
    """A bucket until the end of the block."""
    s3 = administrator(url)
    name = f"chatkit-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    bucket = Bucket(client=httpx.AsyncClient(timeout=60), name=name, url=url, s3=s3)
    yield bucket
    bucket.remove()


@pytest.fixture
def bucket(s3_server: Service) -> Iterator[Bucket]:
    with new_bucket(s3_server.url) as bucket:
        yield bucket


@pytest.fixture
async def storage(bucket: Bucket) -> AsyncIterator[Bucket]:
    async with bucket.client:
        yield bucket


@pytest.fixture
def own_server(s3_server: Service) -> Service:
    """The server, if it is one of the tests' own, which does as S3 does; others do less."""
    if not s3_server.servers:
        pytest.skip("a given server may know no IAM, encryption or conditions of copies")
    return s3_server


@contextmanager
def only_allowed(policy: Sequence[Any], url: str) -> Iterator[None]:
    """Have boto3 find, until the end of the block, the credentials of a user with this policy.

    Args:
        policy: The statements of an IAM policy.
        url: Where the server is, which takes calls of IAM, too.
    """
    session: Any = boto3.Session()
    iam: IAMClient = session.client("iam", endpoint_url=url)
    user = f"user-{uuid.uuid4().hex}"
    iam.create_user(UserName=user)
    document = {"Version": "2012-10-17", "Statement": policy}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    found = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    with patch.dict(os.environ, found):
        yield
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="p")
    iam.delete_user(UserName=user)
    iam.close()
