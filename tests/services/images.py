"""Images for the containers: those that are there, those of a registry, or else such as are built
here, under the same names, from a program of this machine and the libraries that it needs."""

from __future__ import annotations

import fcntl
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.programs import executable, find_program, version_of
from services.server import CannotStartError

LOCK = Path(tempfile.gettempdir()) / "chatkit-images.lock"


def provide(client: Any, image: str, program: str) -> str:
    """See to it that the Docker engine has the image, and say where it came from.

    Args:
        client: A client of the Docker SDK.
        image: Its name and tag.
        program: What it must have, to be built of if it cannot be pulled.

    Raises:
        CannotStartError: It can neither be pulled nor built.
    """
    with _alone():
        found = _find(client, image) or _pull(client, image) or _build(client, image, program)
    return f"{image} (built here)" if found.labels.get("chatkit") == "built" else image


def _find(client: Any, image: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(image)
    except ImageNotFound:
        return None


def _pull(client: Any, image: str) -> Any:
    from docker.errors import APIError

    try:
        return client.images.pull(image)
    except APIError:  # no registry can be reached
        return None


def _build(client: Any, image: str, program: str) -> Any:
    repository, _, tag = image.partition(":")
    try:
        path = find_program(program)
        _check_version(path, tag)
    except CannotStartError as error:
        raise CannotStartError(
            f"the image {image} can neither be pulled nor built: {error}"
        ) from error
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(Path(path).resolve(), f"usr/bin/{executable(program)}", filter=_executable)
            for library in _libraries(path):
                tar.add(Path(library).resolve(), library.lstrip("/"))
            for folder in ("tmp", "data"):
                tar.addfile(_open_folder(folder))
        file.flush()
        client.api.import_image(
            src=file.name,
            repository=repository,
            tag=tag,
            changes=["ENV PATH=/usr/bin", "LABEL chatkit=built"],
        )
    return client.images.get(image)


def _check_version(path: str, tag: str) -> None:
    """Refuse to give an image the name of another version than it holds."""
    found = version_of(path)
    if not f"{found}.".startswith(f"{tag}."):
        raise CannotStartError(f"{path} is not version {tag}, but {found or 'says none'}")


def _libraries(path: str) -> list[str]:
    """The shared libraries that the program needs, the loader included; none if it is static."""
    told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    return sorted(set(re.findall(r"(/\S+) \(0x", told.stdout)))


def _executable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode = 0o755
    return entry


def _open_folder(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    return entry


@contextmanager
def _alone() -> Generator[None]:
    """Tests that run side by side provide images one after the other."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
