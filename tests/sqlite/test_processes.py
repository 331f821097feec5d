"""Several processes, killed processes, time zones, and processes that forget to close."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from chatkit.owners import SINGLE_OWNER
from chatkit.store import walk_items
from chatkit_sqlite import SQLiteStore
from support.record_samples import item, thread

PRELUDE = """
import asyncio, os, sys
from datetime import datetime, timedelta, timezone
from chatkit.owners import SINGLE_OWNER
from chatkit_sqlite import SQLiteStore
from support.record_samples import NOON, item, thread

path = sys.argv[1]
"""


def start(script: str, path: Path, *args: str, **environment: str) -> subprocess.Popen[str]:
    """Run a Python script that gets the path as its first argument."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PRELUDE + script, str(path), *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends_well(process: subprocess.Popen[str]) -> str:
    try:
        out, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, errors
    assert errors == ""
    return out


def lines(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


ADDING = """
async def main(name):
    print("ready", flush=True)
    sys.stdin.readline()
    async with SQLiteStore(path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        async def write(task):
            for n in range(20):
                await store.add_thread_item("t", item(f"{name}.{task}.{n}"), None)
        await asyncio.gather(*(write(task) for task in range(4)))

asyncio.run(main(sys.argv[2]))
"""


async def test_cc2_three_processes_write_to_one_file_which_none_had_made_before(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chat.db"
    processes = [start(ADDING, path, str(number)) for number in range(3)]
    for process in processes:
        assert lines(process.stdout).readline() == "ready\n"
    for process in processes:
        lines(process.stdin).write("go\n")
        lines(process.stdin).flush()
    for process in processes:
        ends_well(process)
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        seen = [one.id async for one in walk_items(store, "t", None, order="asc")]
    expected = [f"{p}.{t}.{n}" for p in range(3) for t in range(4) for n in range(20)]
    assert sorted(seen) == sorted(expected)
    for writer in {id.rpartition(".")[0] for id in expected}:
        own = [id for id in seen if id.startswith(writer + ".")]
        assert own == [f"{writer}.{n}" for n in range(20)]


WRITING_FOR_EVER = """
async def main():
    async with SQLiteStore(path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        async def write(task):
            n = 0
            while True:
                await store.add_thread_item("t", item(f"{task}.{n}"), None)
                os.write(1, f"{task}.{n}\\n".encode())  # only now has the call returned
                n += 1
        await asyncio.gather(*(write(task) for task in range(8)))

asyncio.run(main())
"""


async def test_du1_whatever_a_killed_process_had_stored_is_there(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    process = start(WRITING_FOR_EVER, path)
    returned = [lines(process.stdout).readline().strip() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    # The last line may be cut off by the kill.
    returned += [line.strip() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        found = [one.id async for one in walk_items(store, "t", None, order="asc")]
        assert set(returned) <= set(found)
        await store.add_thread_item("t", item("after"), None)


NEW_YORK = """
import time
time.tzset()

async def main():
    async with SQLiteStore(path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)
        # Noon in New York in summer is 16:00 in UTC; in winter it is 17:00.
        for id, at in [
            ("16:30 utc", datetime(2024, 7, 1, 16, 30, tzinfo=timezone.utc)),
            ("12:00 local", datetime(2024, 7, 1, 12)),
            ("15:59 utc", datetime(2024, 7, 1, 15, 59, tzinfo=timezone.utc)),
            ("winter noon", datetime(2024, 1, 1, 12)),
            ("winter 16:30 utc", datetime(2024, 1, 1, 16, 30, tzinfo=timezone.utc)),
            # The hour that the autumn has twice.
            ("second 01:30", datetime(2024, 11, 3, 1, 30, fold=1)),
            ("first 01:59", datetime(2024, 11, 3, 1, 59)),
        ]:
            await store.add_thread_item("t", item(id, at), None)
        page = await store.load_thread_items("t", None, 10, "asc", None)
        assert [one.id for one in page.data] == [
            "winter 16:30 utc", "winter noon", "15:59 utc", "12:00 local", "16:30 utc",
            "first 01:59", "second 01:30",
        ]
        assert page.data[1].created_at == datetime(2024, 1, 1, 12)  # naive, as it was given
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        again = await store.load_thread_items("t", None, 10, "asc", None)
        assert again == page  # the place was resolved once, at the first write
        await store.save_item("t", page.data[1], None)
        assert (await store.load_thread_items("t", None, 10, "asc", None)) == page

asyncio.run(main())
"""


def test_pg1_naive_times_are_those_of_the_machine(tmp_path: Path) -> None:
    ends_well(start(NEW_YORK, tmp_path / "chat.db", TZ="America/New_York"))


FORGETTING = """
async def main():
    store = SQLiteStore(path, owner=SINGLE_OWNER)
    await store.save_thread(thread(), None)

asyncio.run(main())
print("end")
"""


async def test_a_process_that_forgets_to_close_its_store_ends_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    assert ends_well(start(FORGETTING, path)) == "end\n"
    assert [file.name for file in tmp_path.iterdir()] == ["chat.db"]
    async with SQLiteStore[None](path, owner=SINGLE_OWNER) as store:
        assert await store.load_thread("t", None) == thread()
