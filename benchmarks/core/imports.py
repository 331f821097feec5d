"""Importing ``chatkit.server``, in a fresh process each time, from compiled files.

Each side has a folder of its own for them, filled by the round that does not count.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from tempfile import TemporaryDirectory

from benchmarks.harness.rows import Benchmark, Environment, Round, Row, Target, Unit

SCRIPT = """
import json, resource, time
started = time.process_time()
import chatkit.server
took = time.process_time() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([took, peak, chatkit.server.ChatKitServer.__name__]))
"""


async def import_server(quick: bool) -> AsyncGenerator[Round, None]:
    with TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", SCRIPT), env=environment, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            seconds, kibibytes, name = json.loads(output)
            yield Round({"import-time": seconds, "import-memory": kibibytes * 1024}, name)


BENCHMARKS = [
    Benchmark(
        name="import",
        rows=(
            Row("import-time", "import chatkit.server, CPU time", Target(5)),
            Row(
                "import-memory",
                "import chatkit.server, peak memory of the process",
                Target(2.5),
                Unit.BYTES,
            ),
        ),
        ours=import_server,
        peer="openai-chatkit",
        theirs=import_server,
        environment=Environment.OPENAI_CHATKIT,
        rounds=9,
        quick_rounds=2,
    )
]
