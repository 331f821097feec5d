"""The processes of a benchmark's sides, seen from outside."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

from benchmarks.harness.environments import ENVIRONMENTS, ROOT, python_of
from benchmarks.harness.rows import Benchmark, Environment, Round

LONGEST_ROUND_S = 300.0
LONGEST_ANSWER_BYTES = 2**27


class SideFailedError(Exception):
    """One side of a benchmark could not do its work."""


class Worker:
    """The process of one side."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    async def round(self) -> Round:
        """Have the side do one round.

        Raises:
            SideFailedError: It failed, ended or took too long.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(b"round\n")
            await stdin.drain()
            line = await asyncio.wait_for(stdout.readline(), LONGEST_ROUND_S)
        except ConnectionError:
            line = await stdout.readline()
        except asyncio.TimeoutError:
            raise SideFailedError(f"{self._name}: no answer in {LONGEST_ROUND_S} s") from None
        if not line:
            raise SideFailedError(f"{self._name}: ended with status {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SideFailedError(f"{self._name}: {answer['error']}")
        return Round(answer["costs"], answer["result"])

    async def end(self) -> None:
        """Let the side clean up; kill it if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 20)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()


def environment_variables() -> dict[str, str]:
    """As they are here, but with compiled files kept: workers are started many times."""
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(ENVIRONMENTS / "compiled")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


@asynccontextmanager
async def worker(
    module: str, benchmark: Benchmark, which: Literal["ours", "theirs"], quick: bool
) -> AsyncGenerator[Worker, None]:
    """A process for one side of a benchmark; ended at the end."""
    environment = Environment.WORKSPACE if which == "ours" else benchmark.environment
    process = await asyncio.create_subprocess_exec(
        str(python_of(environment)),
        *("-m", "benchmarks.harness.worker", module, benchmark.name, which),
        "quick" if quick else "full",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment_variables(),
        limit=LONGEST_ANSWER_BYTES,
    )
    started = Worker(f"{benchmark.name}, {which}, in {environment.value}", process)
    try:
        yield started
    finally:
        await started.end()
