"""The command line: what it says, what it writes, and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

STORES = """
import time
from chatkit_conformance import Capabilities
from chatkit_conformance.reference import Memory, ReferenceStore

memory = Memory()
target = None  # the memory is this process's own
capabilities = Capabilities(house_rules=True)

def make_context(owner):
    return {"tenant": owner}

def tenant(context):
    return context["tenant"]

class Forgetful(ReferenceStore):
    async def delete_thread_item(self, thread_id, item_id, context):
        pass

class Blocking(ReferenceStore):
    async def load_thread(self, thread_id, context):
        time.sleep(3600)

def open_store():
    return ReferenceStore(memory, owner=tenant)

def open_forgetful():
    return Forgetful(memory, owner=tenant)

def open_blocking():
    return Blocking(memory, owner=tenant)

def open_broken():
    raise OSError("no such database")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module of factories."""
    (tmp_path / "stores.py").write_text(STORES, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "chatkit_conformance", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_conformant_store_gives_a_table_and_exit_0(folder: Path) -> None:
    done = run(folder, "stores:open_store")
    assert done.returncode == 0, done.stdout
    assert "\nCONFORMANT: chatkit_conformance.reference.ReferenceStore" in done.stdout
    assert "  PG3  " in done.stdout
    assert "passed" in done.stderr.splitlines()[0]  # progress, while it ran
    assert "not declared: a limit on records, several processes, outages" in done.stdout


def test_a_fault_is_named_with_what_was_expected_and_how_to_run_it_alone(folder: Path) -> None:
    done = run(folder, "stores:open_forgetful", "--only", "IT5")
    assert done.returncode == 1
    assert "FAILED IT5.deleting-again-does-nothing" in done.stdout
    assert "expected: ['a', 'c']" in done.stdout
    assert "got:      ['a', 'b', 'c']" in done.stdout
    alone = "chatkit-conformance stores:open_forgetful --only IT5.deleting-again-does-nothing"
    assert alone in done.stdout
    again = run(folder, *alone.split()[1:])
    assert again.returncode == 1
    assert "1 failed, " in again.stdout


def test_the_reports_in_files_say_the_same(folder: Path) -> None:
    done = run(
        folder, "stores:open_forgetful", "--only", "IT5", "--json", "r.json", "--junit", "r.xml"
    )
    assert done.returncode == 1
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert report["ok"] is False
    outcomes = {case["id"]: case["outcome"] for case in report["cases"]}
    assert outcomes["IT5.deleting-again-does-nothing"] == "failed"
    assert report["counts"]["failed"] == sum(outcome == "failed" for outcome in outcomes.values())
    suite = ElementTree.parse(folder / "r.xml").getroot()[0]
    assert suite.get("tests") == str(len(outcomes))
    assert suite.get("failures") == str(report["counts"]["failed"])
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {id for id, outcome in outcomes.items() if outcome == "failed"}


def test_known_failures_do_not_count_unless_they_pass(folder: Path) -> None:
    known = folder / "known.txt"
    faults = ["IT5.deleting-again-does-nothing", "IT5.the-same-id-elsewhere-stays"]
    known.write_text("# until the next version\n\n" + "\n".join(f"{id}: slow" for id in faults))
    arguments = ("--only", "IT5", "--known-failures", "known.txt")
    done = run(folder, "stores:open_forgetful", *arguments)
    assert done.returncode == 0, done.stdout
    assert f"known failure: {faults[0]}: slow" in done.stdout
    done = run(folder, "stores:open_store", *arguments)
    assert done.returncode == 1
    assert "it passes, but is among the known failures: slow" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_module:open_store"], "cannot import no_such_module:open_store"),
        (["stores:no_such_name"], "stores has no no_such_name"),
        (["stores"], "expected 'package.module:name'"),
        (["stores:memory"], "is no function that builds a store"),
        (["stores:open_broken"], "the factory raised OSError: no such database"),
        (["stores:open_store", "--only", "PG99"], "there is no case 'PG99'"),
        (["stores:open_store", "--known-failures", "none.txt"], "none.txt"),
        ([], "say where the factory is"),
    ],
)
def test_what_cannot_run_is_said_plainly_with_exit_2(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_blocks_the_event_loop_is_named_and_ended(folder: Path) -> None:
    done = run(folder, "stores:open_blocking", "--only", "TH3", "--timeout", "0.5")
    assert done.returncode == 1
    assert "TH3.an-unknown-thread-is-named did not end" in done.stderr


def test_the_list_shows_every_case_with_its_line_and_its_needs(folder: Path) -> None:
    listed = run(folder, "--list").stdout
    assert "\nPG3.hundreds-share-one-time\n    Walks over hundreds of items" in listed
    assert "    needs several processes\n" in listed
    assert "AS1." in run(folder, "--list", "--attachments").stdout
