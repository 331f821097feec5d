"""Google Cloud Storage: fake-gcs-server behind a front that refuses what Google would refuse."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from google.auth import credentials
from google.cloud import storage

from services.gcs_account import ServiceAccount
from services.gcs_front import Front
from services.processes import ServerProcess
from services.programs import find_program, version_of
from services.recipe import HOST, Recipe, free_port
from services.server import Server
from services.service import Service
from services.way import started

PROGRAM = "fake-gcs-server"
VERSION = "1.54"
IMAGE = f"fsouza/fake-gcs-server:{VERSION}"


@dataclass(frozen=True, kw_only=True)
class GCSService(Service):
    """The service, and how to be let in.

    Args:
        front: What stands before the server.
        key_file: That of the service account which may do everything.
    """

    front: Front
    key_file: str

    @property
    def port(self) -> int:
        """The port of the front, which is what clients talk to."""
        return urlsplit(self.url).port or 0

    @contextmanager
    def client(self) -> Generator[Any]:
        """A client of Google's, let in with the key file."""
        client = storage.Client.from_service_account_json(
            self.key_file, client_options={"api_endpoint": self.url}
        )
        try:
            yield client
        finally:
            client.close()

    def new_bucket(self) -> str:
        """Make a bucket, and say its name."""
        name = f"bucket-{uuid4().hex}"
        with self.client() as client:
            client.create_bucket(name)
        return name


@contextmanager
def gcs_server() -> Generator[GCSService]:
    """A server with no buckets, and an account of its own."""
    front = Front(ServiceAccount())
    with _no_word_to_google(), front.serving(), _server(front) as server, _folder() as folder:
        front.behind = server.recipe.port
        key_file = folder / "key.json"
        key_file.write_text(json.dumps(front.account.key_file(f"{front.url}/token")))
        yield GCSService(
            "Google Cloud Storage",
            front.url,
            _version(server),
            [server],
            front=front,
            key_file=str(key_file),
        )


@contextmanager
def _server(front: Front) -> Generator[Server]:
    port = free_port()
    recipe = Recipe(
        PROGRAM,
        IMAGE,
        port,
        lambda folder: [
            "-scheme", "http", "-host", HOST, "-port", str(port),
            "-public-host", urlsplit(front.url).netloc, "-external-url", front.url,
            "-backend", "filesystem", "-filesystem-root", folder, "-log-level", "error",
        ],
        _ready,
    )  # fmt: skip
    server = started(recipe)
    try:
        yield server
    finally:
        server.close()


def _version(server: Server) -> str:
    """It does not tell: that of the image, or what is known of the program."""
    return version_of(find_program(PROGRAM)) if isinstance(server, ServerProcess) else VERSION


@contextmanager
def _folder() -> Generator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def _no_word_to_google() -> Generator[None]:
    """google-auth asks Google itself, in a thread, in which regions an account may be used, and
    has no setting against that."""
    with pytest.MonkeyPatch.context() as patch:
        asking = getattr(credentials, "CredentialsWithRegionalAccessBoundary", None)
        if asking is not None:  # only newer versions do
            name = "_is_regional_access_boundary_lookup_required"
            patch.setattr(asking, name, lambda self: False, raising=False)
        yield


def _ready(port: int) -> None:
    requests.get(f"http://{HOST}:{port}/_internal/healthcheck", timeout=1).raise_for_status()
