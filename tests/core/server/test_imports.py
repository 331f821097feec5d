"""I18: what importing the server brings with it, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

FOREIGN = [
    "agents",
    "openai",
    "uvicorn",
    "httpx",
    "httpcore",
    "requests",
    "aiohttp",
    "starlette",
    "fastapi",
    "django",
    "flask",
    "jinja2",
    "sqlite3",
    "aiosqlite",
]


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_the_server_imports_no_agents_sdk_no_http_client_and_no_web_framework() -> None:
    code = (
        "import sys, chatkit.server, chatkit.asgi, chatkit.records\n"
        f"print([name for name in {FOREIGN!r} if name in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_importing_adds_no_handler_and_starts_no_thread() -> None:
    code = (
        "import logging, threading, chatkit.server\n"
        "print(logging.getLogger('chatkit').handlers, logging.getLogger().handlers,"
        " threading.active_count())"
    )
    assert run(code).strip() == "[] [] 1"


def test_jinja_comes_with_the_first_template() -> None:
    code = (
        "import sys, chatkit.widgets as w\n"
        "before = 'jinja2' in sys.modules\n"
        "w.WidgetTemplate({'version': '1.0', 'name': 'n', 'template': '{}', 'jsonSchema': {}})\n"
        "print(before, 'jinja2' in sys.modules)"
    )
    assert run(code).strip() == "False True"
