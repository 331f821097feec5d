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


BUILT = (
    "import chatkit.server as server, chatkit.types as types, chatkit.widgets as widgets\n"
    "models = [model for module in (types, widgets) for model in vars(module).values()\n"
    "          if isinstance(model, type) and hasattr(model, '__pydantic_complete__')]\n"
    "def built(): return sum(model.__pydantic_complete__ for model in models)\n"
    "assert len(models) > 100\n"
    "FEW = 3\n"  # constants of the server are instances
)


def test_importing_builds_next_to_no_model_and_the_first_server_builds_them_all() -> None:
    code = BUILT + (
        "class Server(server.ChatKitServer): respond = None\n"
        "print(built() <= FEW)\n"
        "Server(None)\n"
        "print(len(models) - built())\n"
    )
    assert run(code).split() == ["True", "0"]


def test_the_first_store_builds_all_models() -> None:
    code = BUILT + (
        "from chatkit.records.codec import ITEMS\n"
        "print(built() <= FEW)\n"
        "try: ITEMS.load(b'{}', 'an item')\n"
        "except Exception: print(len(models) - built())\n"
    )
    assert run(code).split() == ["True", "0"]


def test_a_model_is_of_use_before_there_is_a_server() -> None:
    code = BUILT + (
        "from pydantic import TypeAdapter\n"
        "card = widgets.DynamicWidgetRoot(type='Card', children=[])\n"
        "print(TypeAdapter(types.ThreadStreamEvent).validate_python("
        "{'type': 'error', 'message': 'm'}).message, card.type, built() > 0)\n"
    )
    assert run(code).split() == ["m", "Card", "True"]


def test_jinja_comes_with_the_first_template() -> None:
    code = (
        "import sys, chatkit.widgets as w\n"
        "before = 'jinja2' in sys.modules\n"
        "w.WidgetTemplate({'version': '1.0', 'name': 'n', 'template': '{}', 'jsonSchema': {}})\n"
        "print(before, 'jinja2' in sys.modules)"
    )
    assert run(code).strip() == "False True"
