"""``python -m chatkit.copy``: its exit status, what it says, and what it never shows."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatkit_sqlite import SQLiteStore
from support.copies import fill, shown
from support.record_samples import item, thread

COMMAND = [sys.executable, "-W", "error", "-m", "chatkit.copy"]
SECONDS = 60
SECRET = "s3cr/et"


def store(path: Path) -> SQLiteStore[str]:
    return SQLiteStore(path, owner=str, synchronous="off")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a full source.db."""
    async with store(tmp_path / "source.db") as source:
        await fill(source)
    return tmp_path


async def test_it_copies_everything_says_so_and_a_second_run_skips_it(folder: Path) -> None:
    first, second = (run(folder, "sqlite:///source.db", "sqlite:///target.db") for _ in range(2))
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert f"from {folder / 'source.db'} to {folder / 'target.db'}" in first.stderr
    assert re.search(r"Done: \d+ copied, 0 there already, \d+ compared", first.stderr)
    assert "has what the source has" in first.stderr
    assert second.returncode == 0, second.stderr
    assert "Done: 0 copied, " in second.stderr
    async with store(folder / "source.db") as source, store(folder / "target.db") as target:
        assert await shown(target) == await shown(source)


async def test_differences_are_named_and_have_status_1(folder: Path) -> None:
    async with store(folder / "target.db") as target:
        for number in range(30):
            await target.save_thread(thread(f"extra \x1b[31m\n{number}"), "eve")
    done = run(folder, "sqlite:///source.db", "sqlite:///target.db")
    assert done.returncode == 1
    assert r"- thread 'extra \x1b[31m\n0' of owner 'eve': only the target has it" in done.stderr
    assert "- and 10 more" in done.stderr
    assert "NOT EQUAL: 30 differences" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "SOURCE_URL"),
        (["sqlite:///source.db"], "TARGET_URL"),
        (["sqlite:///source.db", "chat.db"], "must begin with one of"),
        (["sqlite:///source.db", f"oracle://u:{SECRET}@h"], "no installed package has a store"),
        (["sqlite:///source.db", f"sqlite://u:{SECRET}@h"], "must be sqlite:///relative"),
        (["sqlite:///source.db", "sqlite:///t.db", f"redis://:{SECRET}@h"], "two URLs"),
        (["sqlite:///source.db", "sqlite:///t.db", "--page-size", "0"], "1 or more, got 0"),
        (["sqlite:///source.db", "sqlite:///./source.db"], "source and target are the same"),
        (["sqlite:///typo.db", "sqlite:///t.db"], "there is nothing in"),
        (["sqlite:///no/where.db", "sqlite:///t.db"], "where.db"),
        (["sqlite:///source.db", "sqlite:///no/where.db"], "where.db"),
        (["sqlite:///source.db", "sqlite:///text.db"], "text.db"),
    ],
)
async def test_what_cannot_run_has_status_2_and_a_reason(
    folder: Path, arguments: list[str], reason: str
) -> None:
    (folder / "text.db").write_text("no database " * 100, encoding="utf-8")
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr


TALKATIVE = """
from chatkit.records import RecordStore
from support.memory_records import AwayError, MemoryRecords

class Away(MemoryRecords):
    def __init__(self, url):
        super().__init__()
        self.name = "talkative"
        self.failing = AwayError(f"cannot reach {url}")

class Talkative(RecordStore):
    @classmethod
    def from_url(cls, url, *, owner, **settings):
        if "away" not in url:
            raise ValueError(f"bad port in {url.partition('@')[0]}")
        return cls(Away(url), owner=owner, **settings)
"""


@pytest.mark.parametrize("place", ["here", "away"])
def test_a_password_that_a_driver_puts_into_its_error_is_not_shown(
    folder: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "talkative.py").write_text(TALKATIVE, encoding="utf-8")
    (folder / "talkative-1.dist-info").mkdir()
    (folder / "talkative-1.dist-info" / "METADATA").write_text("Name: talkative\nVersion: 1\n")
    (folder / "talkative-1.dist-info" / "entry_points.txt").write_text(
        "[chatkit.stores]\ntalkative = talkative:Talkative\n"
    )
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), tests]))
    done = run(folder, "sqlite:///source.db", f"talkative://me:{SECRET}@{place}")
    assert done.returncode == 2
    assert "cannot reach" in done.stderr or "bad port" in done.stderr
    assert "***" in done.stderr
    assert SECRET not in done.stderr


async def test_ctrl_c_says_how_to_go_on_and_the_same_command_ends_it(tmp_path: Path) -> None:
    async with store(tmp_path / "source.db") as source:
        await source.save_thread(thread("t"), "a")
        await asyncio.gather(
            *(source.add_thread_item("t", item(str(number)), "a") for number in range(5000))
        )
    arguments = ["sqlite:///source.db", "sqlite:///target.db", "--page-size", "10"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        assert "Copying from" in process.stderr.readline()
        assert " copied, " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 130
    assert "run the same command again" in rest
    assert "Traceback" not in rest
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert ", 0 there already" not in done.stderr


def test_the_server_does_not_bring_the_command() -> None:
    code = "import sys, chatkit.server, chatkit.asgi; print('chatkit.copy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
