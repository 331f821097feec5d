"""Every code block in a README or in docs/ works.

Python blocks are run as scripts, as pasted, in a folder that has nothing but the page's modules:
the blocks whose first line is a comment with a file name; a database on ``localhost`` is replaced
by the tests' own. Those that define an ``app`` are also
asked something over HTTP. Blocks of ``docs/http.md`` are served and talked to by the tests in
``test_http_examples.py``. Of console blocks, each command is one that the tests know how to check.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.records import by_url
from chatkit_sqlite import SQLiteStore
from support.chat_http import assistant_texts, chat, create_thread, events_in
from support.record_samples import thread
from support.served_file import LIMIT_S, served

ROOT = Path(__file__).parents[2]
SERVED_ELSEWHERE = {"docs/http.md"}
DATABASES = {
    "redis://localhost:6379": "redis_server",
    "mongodb://localhost:27017": "mongo_server",
    "http://localhost:8333": "s3_server",
}
"""The fixtures that stand in for the databases of a reader's own."""
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("packages/*/*.md")])


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            page=page.relative_to(ROOT).as_posix(),
            line=text[: found.start()].count("\n") + 1,
            language=found["language"],
            text=found["text"],
        )
        for found in re.finditer(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", text, re.M | re.S)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SCRIPTS = [b for b in BLOCKS if b.language == "python" and b.page not in SERVED_ELSEWHERE]
PARROT = next(block for block in SCRIPTS if block.page == "README.md")
BY_HAND = [block for block in SCRIPTS if "from parrot import" in block.text]
COMMANDS = [
    (block, line)
    for block in BLOCKS
    if block.language == "console"
    for line in block.text.strip().splitlines()
]


def test_every_block_has_a_language_that_is_tested() -> None:
    assert {block.language for block in BLOCKS} <= {"python", "console", "json", "toml"}
    assert len(SCRIPTS) >= 4
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_a_python_block_runs_as_pasted(
    block: Block, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    save_parrot(tmp_path)
    save_modules(block.page, tmp_path)
    script = tmp_path / "pasted.py"
    script.write_text(with_own_databases(block.text, request))
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def with_own_databases(text: str, request: pytest.FixtureRequest) -> str:
    for url, fixture in DATABASES.items():
        if url in text:
            text = text.replace(url, request.getfixturevalue(fixture).url)
    return text


def save_modules(page: str, folder: Path) -> None:
    """Do as the page says: save the blocks that begin with a file name under it."""
    for block in SCRIPTS:
        named = re.match(r"# (\w+\.py)\n", block.text)
        if named and block.page == page:
            (folder / named[1]).write_text(block.text)


# --- the README's servers ------------------------------------------------------------------------


def save_parrot(folder: Path) -> None:
    """Do as the README says: save its first block as ``parrot.py``."""
    (folder / "parrot.py").write_text(PARROT.text)


def test_the_server_in_the_readme_has_20_lines() -> None:
    assert len([line for line in PARROT.text.splitlines() if line.strip()]) <= 20


async def test_the_server_in_the_readme_answers_and_keeps_users_apart(tmp_path: Path) -> None:
    with served(PARROT.text, tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            said = await client.post("/", json=create_thread("Polly"), headers={"x-user": "ada"})
            assert assistant_texts(events_in(said.content)) == ["You said: Polly"]
            for user, count in (("ada", 1), ("bob", 0)):
                request = {"type": "threads.list", "params": {}}
                listed = await client.post("/", json=request, headers={"x-user": user})
                assert len(listed.json()["data"]) == count
    assert (tmp_path / "chat.db").exists()


@pytest.mark.parametrize("block", BY_HAND, ids=str)
async def test_a_framework_in_the_readme_serves_a_chat(block: Block, tmp_path: Path) -> None:
    save_parrot(tmp_path)
    with served(block.text, tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            await chat(client, "/chatkit")
            refused = await client.post("/chatkit", json={"type": "unknown"})
            assert (refused.status_code, refused.json()["error"]["field"]) == (400, "type")


def test_the_readme_shows_three_frameworks() -> None:
    names = ("fastapi", "django", "flask")
    assert [[f"from {name}" in block.text for name in names].index(True) for block in BY_HAND] == [
        0,
        1,
        2,
    ]


# --- commands ------------------------------------------------------------------------------------


def check_make(words: list[str], folder: Path) -> None:
    target = words[-1]
    listed = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
    assert listed.returncode == 0, listed.stderr


def check_pip(words: list[str], folder: Path) -> None:
    """Only packages of this house, or ones that the tests themselves have installed."""
    assert words[1] in ("install", "uninstall")
    ours = {path.name for path in (ROOT / "packages").iterdir()}
    known = ours | {"openai-chatkit", "uvicorn", "fastapi", "django", "flask", "starlette"}
    given = [word.strip("'\"") for word in words[2:] if not word.startswith("-")]
    names = [name.partition("[")[0] for name in given]
    assert names
    assert set(names) <= known


def check_uvicorn(words: list[str], folder: Path) -> None:
    """The named module is one that the page tells the reader to save."""
    module, _, variable = words[1].partition(":")
    assert variable == "app"
    assert any(f"`{module}.py`" in page.read_text() for page in PAGES)


def check_that_it_succeeds(words: list[str], folder: Path) -> None:
    """A command of an installed package, with the page's modules."""
    command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_python(words: list[str], folder: Path) -> None:
    assert words[1] == "-m"
    checks = {
        "chatkit.copy": check_copy,
        "chatkit_gcs": check_that_it_succeeds,
        "chatkit_s3": check_that_it_succeeds,
    }
    checks[words[2]](words, folder)


def check_copy(words: list[str], folder: Path) -> None:
    """It succeeds between two files; servers have their tests in tests/copy."""
    urls = [url if url.startswith("sqlite:") else "sqlite:///server.db" for url in words[3:]]
    asyncio.run(save_a_thread(folder / urls[0].removeprefix("sqlite:///")))
    command = [sys.executable, *words[1:3], *urls]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Done: 1 copied" in done.stderr


async def save_a_thread(path: Path) -> None:
    async with SQLiteStore(path, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread(), None)


CHECKS: dict[str, Callable[[list[str], Path], None]] = {
    "chatkit-conformance": check_that_it_succeeds,
    "pytest": check_that_it_succeeds,
    "make": check_make,
    "pip": check_pip,
    "python": check_python,
    "uvicorn": check_uvicorn,
}


@pytest.mark.parametrize(("block", "line"), COMMANDS, ids=lambda value: str(value))
def test_a_console_block_holds_commands_that_work(block: Block, line: str, tmp_path: Path) -> None:
    save_modules(block.page, tmp_path)
    for command in line.split("&&"):
        words = command.split()
        CHECKS[words[0]](words, tmp_path)


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_examples_of_entry_points_are_those_that_the_core_looks_for() -> None:
    for block in BLOCKS:
        if block.language == "toml":
            table = ConfigParser()
            table.read_string(block.text)  # TOML this simple is also INI
            assert table.sections() == [f'project.entry-points."{by_url.GROUP}"']


def test_examples_of_json_are_json() -> None:
    for block in BLOCKS:
        if block.language == "json":
            json.loads(block.text)
