"""S3: SeaweedFS, which checks signatures, expiry, signed headers and preconditions as S3 does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from services.recipe import HOST, Recipe, free_port
from services.server import START_S
from services.service import Service
from services.way import started

IMAGE = "chrislusf/seaweedfs:4.48"
BUCKET = "chat-attachments"
"""A bucket that is there from the beginning."""

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "AKIATESTTESTTESTTEST", "s3cr3t/key+of/the+tests"
GRPC = 10_000
"""Each of its ports has another one beside it, so much higher."""
KMS_KEY = "alias/tests"
"""Keys of such names are made when they are first used."""

_CONFIG = {
    "identities": [
        {
            "name": "admin",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin"],
        }
    ],
    "kms": {
        "default_provider": "local",
        "providers": {"local": {"type": "local", "enableOnDemandCreate": True}},
    },
}


@contextmanager
def s3_server() -> Generator[Service]:
    """A server that knows one administrator, and takes calls of IAM at the same URL."""
    ports = _free_ports(5)
    port = ports[0]
    recipe = Recipe(
        "weed",
        IMAGE,
        port,
        lambda folder: _arguments(folder, *ports),
        _ready,
        {"s3.json": json.dumps(_CONFIG)},
    )
    server = started(recipe)
    url = f"http://{HOST}:{port}"
    try:
        _wait_for(url)
        yield Service("S3", url, version_at(url), [server], partial(_wait_for, url))
    finally:
        server.close()
        for port in ports:  # no option puts these elsewhere
            for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port + GRPC}.sock"):
                path.unlink(missing_ok=True)


@contextmanager
def credentials(service: Service) -> Generator[None]:
    """Have boto3 find the administrator's credentials, and none of this machine's.

    For a server that was there already, boto3 must find them by itself.
    """
    found = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with patch.dict(os.environ, found if service.servers else {}):
        yield


def version_at(url: str) -> str:
    """What the server at a URL says of itself."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().headers.get("server", "unknown")
    finally:
        connection.close()


def _free_ports(number: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < number:
        ports.add(free_port())
    return list(ports)


def _arguments(folder: str, s3: int, master: int, volume: int, filer: int, admin: int) -> list[str]:
    return [
        "-logtostderr=true", "mini", f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}",
        f"-s3.port={s3}", f"-s3.config={folder}/s3.json", f"-s3.localSocket={folder}/s3.sock",
        "-s3.iam.readOnly=false", "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-master.port={master}", "-master.telemetry=false", f"-volume.port={volume}",
        f"-filer.port={filer}", f"-filer.localSocket={folder}/filer.sock",
        f"-admin.port={admin}", "-admin.ui=false", "-webdav=false",
    ]  # fmt: skip


def _wait_for(url: str) -> None:
    """Return when the server takes and gives objects, which is later than it answers."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    deadline = time.monotonic() + START_S
    while True:
        try:
            client.put_object(Bucket=BUCKET, Key="there", Body=b"x")  # makes the bucket, too
            client.get_object(Bucket=BUCKET, Key="there")["Body"].read()
            return
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _ready(port: int) -> None:
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != 200:
        raise RuntimeError(f"/healthz says {status}")
