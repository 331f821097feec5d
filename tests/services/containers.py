"""Servers in containers. They use the host's network, since the nodes of a cluster must be
reachable under the addresses that they tell, and one way for all is enough."""

from __future__ import annotations

import gc
import os
import shutil
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from services.images import provide
from services.processes import make_folder
from services.programs import executable
from services.recipe import Recipe
from services.server import CannotStartError, Server

_DATA = "/data"


class ServerContainer(Server):
    """A server in a container.

    Raises:
        CannotStartError: There is no Docker engine, or no image.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        client = engine()
        self.how = f"container {provide(client, recipe.image, recipe.program)}"
        self._folder = make_folder()
        recipe.write_files(Path(self._folder))
        self._container: Any = None

    def launch(self) -> None:
        from testcontainers.core.container import DockerContainer

        if self._container is not None:
            self._container.get_wrapped_container().start()
            return
        self._container = (
            DockerContainer(self.recipe.image)
            .with_command(list(self.recipe.arguments(_DATA)))
            .with_volume_mapping(self._folder, _DATA, "rw")
            .with_kwargs(
                # Some images begin with a script or with arguments of their own.
                entrypoint=[executable(self.recipe.program)],
                network_mode="host",
                user=f"{os.getuid()}:{os.getgid()}",
            )
        )
        self._container.start()

    def runs(self) -> bool:
        if self._container is None:
            return False
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def log(self) -> str:
        return "".join(part.decode(errors="replace") for part in self._container.get_logs())

    def kill(self) -> None:
        if self.runs():
            wrapped = self._container.get_wrapped_container()
            wrapped.kill()
            wrapped.wait()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def close(self) -> None:
        if self._container is not None:
            self._container.stop()
            # Each container has a client of its own, which nobody else closes.
            self._container.get_docker_client().client.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def engine() -> Any:
    """A client of the Docker engine.

    Raises:
        CannotStartError: There is none.
    """
    client = _find_engine()
    if isinstance(client, str):
        raise CannotStartError(f"no Docker engine answers: {client}")
    return client


@cache
def _find_engine() -> Any:
    """A client, or why there is none."""
    from docker.errors import DockerException
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.docker_client import DockerClient

    client: Any = None
    reason = ""
    with warnings.catch_warnings():
        # The SDK forgets the socket that found nobody at its other end.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = DockerClient().client
            client.ping()
        except (DockerException, OSError) as error:
            reason = str(error)
        gc.collect()
    if reason:
        return reason
    testcontainers_config.ryuk_disabled = not _has_reaper(client, testcontainers_config.ryuk_image)
    return client


def _has_reaper(client: Any, image: str) -> bool:
    """Whether the container can be had that removes the others when the tests are killed."""
    from docker.errors import APIError, ImageNotFound

    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except APIError:
            return False
    return True
