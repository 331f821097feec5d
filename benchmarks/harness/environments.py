"""The virtual environments in which the sides of benchmarks run.

The workspace's own is the one that runs this. Others are made by uv in ``.envs``, from a list of
what is measured; whatever that shares with the workspace it gets in the workspace's versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.rows import Environment

ROOT: Path = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "benchmarks" / ".envs"
REQUIREMENTS = ROOT / "benchmarks" / "peers"


class CannotPrepareError(Exception):
    """An environment could not be made."""


def python_of(environment: Environment) -> Path:
    """The interpreter of an environment, which is made if it is not there or out of date.

    Raises:
        CannotPrepareError: It could not be made; says what went wrong.
    """
    if environment is Environment.WORKSPACE:
        return Path(sys.executable)
    name: str = environment.value
    requirements, folder = REQUIREMENTS / f"{name}.txt", ENVIRONMENTS / name
    mark, wanted = folder / "made-from", _fingerprint(requirements)
    python = folder / "bin" / "python"
    if not (mark.exists() and mark.read_text() == wanted and python.exists()):
        _make(folder, python, requirements)
        mark.write_text(wanted)
    return python


def _fingerprint(requirements: Path) -> str:
    parts = [requirements.read_bytes(), (ROOT / "uv.lock").read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _make(folder: Path, python: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    locked = folder / "workspace.txt"
    locked.write_text(
        _uv("export", "--quiet", "--frozen", "--all-packages", "--all-groups", "--no-hashes")
    )
    constraints = folder / "constraints.txt"
    constraints.write_text(
        "".join(
            f"{line}\n"
            for line in locked.read_text().splitlines()
            if line and not line.lstrip().startswith(("#", "-e", "./"))
        )
    )
    _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    install = ("pip", "install", "--quiet", "--python", str(python))
    _uv(*install, "--constraints", str(constraints), "--requirements", str(requirements))


def _uv(*arguments: str) -> str:
    program = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    try:
        done = subprocess.run(
            [program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise CannotPrepareError(f"uv is missing ({program}); run: make install") from error
    except subprocess.CalledProcessError as error:
        command = " ".join(("uv", *arguments))
        raise CannotPrepareError(f"{command} failed:\n{error.stderr}") from error
    return done.stdout


def versions_in(environment: Environment, packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of these packages; without those that are not installed."""
    script = (
        "import json, sys\n"
        "from importlib.metadata import PackageNotFoundError, version\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = version(name)\n"
        "    except PackageNotFoundError: pass\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [str(python_of(environment)), "-c", script, *packages],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found
