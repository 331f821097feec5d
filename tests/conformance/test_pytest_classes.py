"""The pytest classes in a user's own test suite, whatever plugin for asyncio is there."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

SUITE = """
import pytest
from chatkit_conformance import AttachmentStoreConformance, Capabilities, StoreConformance
from chatkit_conformance.reference import (
    ByteService, Memory, ReferenceAttachmentStore, ReferenceStore
)

def user_of(context):
    return context["user_id"]

class Forgetful(ReferenceStore):
    async def delete_thread_item(self, thread_id, item_id, context):
        pass

class TestMyStore(StoreConformance):
    quick = True

    @pytest.fixture
    def open_store(self):
        memory = Memory()
        return lambda: ReferenceStore(memory, owner=user_of)
"""

FORGETFUL = (
    SUITE
    + """
    @pytest.fixture
    def open_store(self):
        memory = Memory()
        return lambda: Forgetful(memory, owner=user_of)
"""
)

SCOPE = "asyncio_default_fixture_loop_scope = function\n"
NO_PLUGIN = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:timeout")


def run(folder: Path, suite: str, *arguments: str, ini: str = "") -> tuple[str, dict[str, int]]:
    """Run pytest on the suite; what it says, and how many tests came out how."""
    (folder / "test_suite.py").write_text(suite, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    words = done.stdout.strip().splitlines()[-1].replace(",", "").split()
    return done.stdout, {
        {"errors": "error"}.get(word, word): int(number)
        for number, word in pairwise(words)
        if number.isdigit()
    }


@pytest.mark.parametrize(
    ("arguments", "ini"),
    [
        (NO_PLUGIN, ""),
        (
            ("-p", "no:anyio"),
            f"asyncio_mode = auto\n{SCOPE}",
        ),
        (
            ("-p", "no:anyio"),
            f"asyncio_mode = strict\n{SCOPE}",
        ),
        (("-p", "no:asyncio"), "anyio_mode = auto\n"),
    ],
    ids=["no plugin", "asyncio auto", "asyncio strict", "anyio auto"],
)
def test_the_cases_run_under_any_plugin_and_under_none(
    tmp_path: Path, arguments: tuple[str, ...], ini: str
) -> None:
    said, counts = run(tmp_path, SUITE, *arguments, "-k", "TH or CC1 or LC", ini=ini)
    assert counts["passed"] > 20, said
    assert "failed" not in counts, said
    assert "error" not in counts, said


def test_a_fault_fails_the_test_of_its_case_and_says_why(tmp_path: Path) -> None:
    said, counts = run(tmp_path, FORGETFUL, "-k", "IT5_deleting_again", *NO_PLUGIN)
    assert counts["failed"] == 1
    assert "IT5.deleting-again-does-nothing: " in said
    assert "expected: ['a', 'c']" in said


def test_a_known_failure_is_expected_and_strict(tmp_path: Path) -> None:
    known = '\n    known_failures = {"IT5.deleting-again-does-nothing": "later"}\n'
    selected = ("-k", "IT5_deleting_again", *NO_PLUGIN)
    _, counts = run(tmp_path, FORGETFUL + known, *selected)
    assert counts["xfailed"] == 1
    said, counts = run(tmp_path, SUITE + known, *selected)
    assert counts["failed"] == 1
    assert "passes, but is in known_failures: later" in said


def test_an_unknown_known_failure_is_an_error(tmp_path: Path) -> None:
    said, counts = run(
        tmp_path, SUITE + '\n    known_failures = {"PG3.no-such": "why"}\n', *NO_PLUGIN
    )
    assert counts["error"] == 1
    assert "there is no case 'PG3.no-such'" in said


def test_overriding_a_case_is_an_error(tmp_path: Path) -> None:
    override = "\n    def test_TH3_an_unknown_thread_is_named(self):\n        pass\n"
    said, counts = run(tmp_path, SUITE + override, *NO_PLUGIN)
    assert counts["error"] == 1
    assert "overrides the case TH3.an-unknown-thread-is-named" in said


def test_a_class_without_a_factory_is_told_so(tmp_path: Path) -> None:
    suite = SUITE + "\nclass TestNothing(StoreConformance):\n    pass\n"
    said, _ = run(tmp_path, suite, "-k", "TestNothing and TH3", *NO_PLUGIN)
    assert "TestNothing must have a fixture open_store" in said


def test_a_call_that_blocks_ends_in_a_failure_that_names_the_case(tmp_path: Path) -> None:
    blocking = """
    case_timeout = 0.2

    @pytest.fixture
    def open_store(self):
        class Blocking(ReferenceStore):
            async def load_thread(self, thread_id, context):
                import time
                time.sleep(3600)
        return lambda: Blocking(Memory(), owner=user_of)
"""
    said, counts = run(tmp_path, SUITE + blocking, "-k", "TH3", *NO_PLUGIN)
    assert counts["failed"] == 1
    assert "TH3.an-unknown-thread-is-named did not end within" in said


def test_contexts_are_the_users_own(tmp_path: Path) -> None:
    own = """
    def make_context(self, owner):
        return ("tenant", owner)

    @pytest.fixture
    def open_store(self):
        memory = Memory()
        return lambda: ReferenceStore(memory, owner=lambda context: context[1])
"""
    _, counts = run(tmp_path, SUITE + own, "-k", "SC1 or SC2", *NO_PLUGIN)
    assert counts["passed"] >= 5


def test_attachment_stores_have_a_class_too(tmp_path: Path) -> None:
    suite = (
        SUITE
        + """
class TestBytes(AttachmentStoreConformance):
    capabilities = Capabilities(max_upload_bytes=9_000_000)

    @pytest.fixture
    def open_store(self):
        service = ByteService()
        yield lambda: ReferenceAttachmentStore(service, owner=user_of, max_bytes=9_000_000)
        service.close()
"""
    )
    said, counts = run(tmp_path, suite, "-k", "TestBytes", *NO_PLUGIN)
    assert counts["passed"] >= 18, said
    assert "failed" not in counts, said
