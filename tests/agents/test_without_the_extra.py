"""Without openai-agents, importing the bridge says how to get it, and nothing else is affected."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter's output."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=False, capture_output=True, text=True)


WITHOUT = "import sys; sys.modules[{name!r}] = None\n"


def test_importing_the_bridge_names_the_command_that_installs_the_extra() -> None:
    for name in ("agents", "openai"):
        result = run(WITHOUT.format(name=name) + "import chatkit.agents")
        last_line = result.stderr.strip().splitlines()[-1]
        assert last_line.startswith(("ImportError", "ModuleNotFoundError")), result.stderr
        assert "pip install" in last_line
        assert "chatkit-core[agents]" in last_line


def test_the_rest_of_the_package_does_not_need_it() -> None:
    result = run(
        WITHOUT.format(name="agents")
        + WITHOUT.format(name="openai")
        + "import chatkit.server, chatkit.asgi, chatkit.records, chatkit.types, chatkit.widgets"
    )
    assert result.returncode == 0, result.stderr


def test_a_broken_sdk_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("import a_part_that_is_missing\n")
    result = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport chatkit.agents")
    assert "No module named 'a_part_that_is_missing'" in result.stderr


def test_importing_the_bridge_prints_and_starts_nothing() -> None:
    code = "import threading, chatkit.agents; print(threading.active_count())"
    result = run(code)
    assert (result.stdout.strip(), result.stderr) == ("1", "")
