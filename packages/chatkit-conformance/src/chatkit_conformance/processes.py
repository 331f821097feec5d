"""Part of a case in another process, over the same backend.

The other process imports the factory (``Target``) and a function of a case's module, and runs
that function with a bench of its own, whose owners and ids are those of the bench here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from chatkit_conformance import expect
from chatkit_conformance.capabilities import Target

if TYPE_CHECKING:
    from chatkit_conformance.bench import StoreBench


class Parent(Protocol):
    """The process that runs the case, seen from the one that helps it."""

    def say(self, line: str) -> None:
        """Tell it a line of text, at once."""
        ...

    async def hear(self) -> str:
        """Wait for a line from it; empty when it has none left."""
        ...


Job = Callable[["StoreBench", Parent], Awaitable[None]]
"""What another process does: a function at the top of its module."""


class Process:
    """A process that helps a case, seen from the case."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hear(self) -> str:
        """Its next line; empty when it has none left."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return (await self._process.stdout.readline()).decode().rstrip("\n")

    def say(self, line: str) -> None:
        """Tell it a line of text."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{line}\n".encode())

    async def ends(self) -> list[str]:
        """Wait for its end, which is a good one, and return the lines it had left."""
        out, errors = await self._process.communicate()
        if self._process.returncode != 0:
            told = errors.decode(errors="replace").strip()[-2000:]
            expect.fail("another process over the same backend", expected="no error", got=told)
        return _whole_lines(out)

    async def kill(self) -> list[str]:
        """End it with SIGKILL, at once, and return the whole lines that it had said."""
        self._process.kill()
        out, _ = await self._process.communicate()
        return _whole_lines(out)


@asynccontextmanager
async def start(
    target: Target, job: Job, token: str, environment: dict[str, str]
) -> AsyncGenerator[Process]:
    """Run ``job`` in a process of its own, which does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
    )
    helper = Process(process)
    helper.say(
        json.dumps(
            {
                "target": target.path,
                "arguments": dict(target.arguments),
                "job": f"{job.__module__}:{job.__name__}",
                "token": token,
            }
        )
    )
    try:
        yield helper
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def imported(path: str) -> Any:
    """What ``package.module:name`` stands for.

    Raises:
        ImportError: The module cannot be imported, or has nothing of that name.
        ValueError: The path is not of that form.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ValueError(f"expected 'package.module:name', got {path!r}")
    found: Any = import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ImportError(f"{module} has no {name}")
        found = getattr(found, part)
    return found


def _whole_lines(out: bytes) -> list[str]:
    """The lines but for one that a kill cut off."""
    return out.decode(errors="replace").split("\n")[:-1]


class _Pipe:
    """The parent, at the other end of the pipes."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)  # whatever else prints does not disturb

    def say(self, line: str) -> None:
        os.write(self._out, f"{line}\n".encode())

    async def hear(self) -> str:
        line: str = await asyncio.to_thread(sys.stdin.readline)
        return line.rstrip("\n")


async def _help() -> None:
    from chatkit_conformance.bench import Setup, StoreBench, default_context

    parent = _Pipe()
    task = json.loads(await parent.hear())
    module = import_module(task["target"].partition(":")[0])
    setup = Setup(
        partial(imported(task["target"]), **task["arguments"]),
        getattr(module, "make_context", default_context),
    )
    await imported(task["job"])(StoreBench(setup, task["token"]), parent)


if __name__ == "__main__":
    asyncio.run(_help())
