"""Starting and stopping the demo: what it says, and what it says when it cannot start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.demo_process import SECONDS, demo_running, start


def test_it_says_where_it_is_and_where_it_keeps_things(tmp_path: Path) -> None:
    with demo_running(tmp_path) as demo:
        assert f"ChatKit demo: {demo.url}/" in demo.greeting
        assert (
            f"kept in {tmp_path / 'demo.db'}, files in {tmp_path / 'demo-files'}." in demo.greeting
        )
        demo.say("story")
    assert (tmp_path / "demo.db").exists()
    assert (tmp_path / "demo-files").is_dir()
    assert demo.process.returncode == 0


def test_the_file_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with demo_running(tmp_path, STORE_URL="sqlite:///kept/mine.db") as demo:
        demo.say("story")
    assert (tmp_path / "kept" / "mine.db").exists()
    assert not (tmp_path / "demo.db").exists()


def test_the_folder_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with demo_running(tmp_path, FILES_FOLDER="kept/mine") as demo:
        demo.upload("a", "text/plain", b"text")
    assert len(list((tmp_path / "kept" / "mine" / "pending").iterdir())) == 1
    assert not (tmp_path / "demo-files").exists()


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start(tmp_path, PORT=str(port))
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in output
    assert "Choose another port: PORT=" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("DEMO_PACE", "fast"),
        ("DEMO_PACE", "nan"),
        ("LINK_SECONDS", "0"),
        ("LINK_SECONDS", "86401"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, name: str, value: str) -> None:
    process = start(tmp_path, **{name: value})
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert output.startswith(f"{name} must be a ")
    assert repr(value) in output
    assert "Traceback" not in output


def test_a_missing_folder_is_named_at_the_start(tmp_path: Path) -> None:
    process = start(tmp_path, STORE_URL="sqlite:///nowhere/mine.db")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert str(tmp_path / "nowhere" / "mine.db") in output
    assert "Traceback" not in output


def test_a_missing_folder_for_files_is_named_at_the_start(tmp_path: Path) -> None:
    process = start(tmp_path, FILES_FOLDER="nowhere/files")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert output.startswith("Cannot keep files: ")
    assert str(tmp_path / "nowhere" / "files") in output
    assert "Traceback" not in output


def test_an_unusable_file_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("this is no database, " * 100, encoding="utf-8")
    process = start(tmp_path, STORE_URL="sqlite:///notes.txt")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert str(tmp_path / "notes.txt") in output
    assert "Traceback" not in output


def test_a_url_that_no_store_takes_is_refused_without_showing_it(tmp_path: Path) -> None:
    process = start(tmp_path, STORE_URL="oracle://user:s3cret@host")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert output.startswith("STORE_URL cannot be used: no installed package has a store")
    assert "s3cret" not in output
    assert "Traceback" not in output
