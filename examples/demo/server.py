"""The demo, from the command line: `python examples/demo/server.py`, or `make demo`.

Settings, all from the environment:

PORT            where to listen on 127.0.0.1 (8000; 0 takes any free port)
STORE_URL       where conversations are kept (sqlite:///demo.db, a file in the current folder)
FILES_FOLDER    where attached files are kept (demo-files, in the current folder)
DEMO_PACE       seconds between two words of a reply (0.03)
LINK_SECONDS    how long a link to a file works (600); the page gets new ones
OPENAI_API_KEY  when set, a model answers instead of the script: ../agent/model_assistant.py
OPENAI_BASE_URL where that model is (OpenAI)
MODEL           which one it is (the default of the Agents SDK)

What the demo says is in assistant.py; how it is served is in web.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from datetime import timedelta
from pathlib import Path

import uvicorn
from typing_extensions import override

from assistant import DemoAssistant
from chatkit.owners import SINGLE_OWNER
from chatkit.records import RecordStore, store_from_url
from chatkit.server import ChatKitServer
from chatkit.store import AttachmentStore, StoreError
from chatkit_files import FolderAttachmentStore
from web import DemoSite

HOST = "127.0.0.1"  # one user, no login: never open this to a network
AGENT_EXAMPLE = Path(__file__).resolve().parents[1] / "agent"
UNUSED_FOR = timedelta(days=1)  # after that, what no message has used is swept at the start
SECONDS_TO_FINISH = 10  # for storing what replies had said when the demo was stopped


def main() -> None:
    """Serve until Ctrl-C; leave with status 1 and a plain sentence when that cannot be."""
    port = whole_number("PORT", 8000, most=65535)
    pace = seconds("DEMO_PACE", 0.03)
    asyncio.run(try_out())
    door = listen(port)

    store = open_store()
    files = open_files(store, door.getsockname()[1])
    assistant = choose_assistant(store, files, pace)
    config = uvicorn.Config(
        DemoSite(assistant, files.app),
        lifespan="on",
        log_level="warning",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    greet(door.getsockname()[1], store.name)
    with contextlib.suppress(KeyboardInterrupt):
        PromptServer(config).run(sockets=[door])


def open_store() -> RecordStore[None]:
    """A store at the URL from the environment, which is never shown: it may hold a password."""
    url = os.environ.get("STORE_URL") or "sqlite:///demo.db"
    try:
        store: RecordStore[None] = store_from_url(url, owner=SINGLE_OWNER)
    except (ImportError, ValueError) as error:
        sys.exit(f"STORE_URL cannot be used: {error}.")
    return store


def open_files(store: RecordStore[None], port: int) -> FolderAttachmentStore[None]:
    """The folder of attached files, which the demo serves itself."""
    return FolderAttachmentStore(
        files_folder(),
        store=store,
        owner=SINGLE_OWNER,
        url=f"http://{HOST}:{port}/files",
        link_seconds=whole_number("LINK_SECONDS", 600, least=1, most=86400),
    )


def files_folder() -> Path:
    """Where attached files are kept."""
    return Path(os.environ.get("FILES_FOLDER") or "demo-files").absolute()


def choose_assistant(
    store: RecordStore[None], files: AttachmentStore[None], pace: float
) -> ChatKitServer[None]:
    """The model's assistant if there is a key for a model, or else the one with the script."""
    if not model_answers():
        return DemoAssistant(store, files, pace=pace)
    sys.path.append(str(AGENT_EXAMPLE))
    from model_assistant import ModelAssistant  # needs the Agents SDK

    return ModelAssistant(store, files)


def model_answers() -> bool:
    """Whether there is a key for a model."""
    return bool(os.environ.get("OPENAI_API_KEY"))


def whole_number(name: str, default: int, *, least: int = 0, most: int) -> int:
    """A number from the environment."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        sys.exit(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def seconds(name: str, default: float) -> float:
    """A duration from the environment."""
    text = os.environ.get(name) or str(default)
    try:
        duration = float(text)
    except ValueError:
        duration = -1
    if not 0 <= duration <= 60:
        sys.exit(f"{name} must be a number of seconds from 0 to 60, not {text!r}.")
    return duration


class PromptServer(uvicorn.Server):
    """Hangs up when it is told to stop, instead of waiting for replies that may take minutes.

    To the assistant that is as if every reader had pressed Stop: what they read is stored.
    """

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets)


async def try_out() -> None:
    """Use the stores once before anybody relies on them; these are for nothing else."""
    try:
        async with open_store() as store:
            await store.load_threads(1, None, "desc", None)
    except StoreError as error:
        sys.exit(f"Cannot keep conversations: {error}")
    try:
        async with open_files(open_store(), port=0) as files:
            await files.sweep(older_than=UNUSED_FOR)
    except StoreError as error:
        sys.exit(f"Cannot keep files: {error}")


def listen(port: int) -> socket.socket:
    """The listening socket; a port that is taken ends the start with a plain sentence."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((HOST, port))
        door.listen()  # so that who reads the address below can connect at once
    except OSError as error:
        sys.exit(
            f"Cannot listen on {HOST}:{port} ({error.strerror}). "
            f"Is another program using it? Choose another port: PORT={port % 65535 + 1}"
        )
    return door


def greet(port: int, place: str) -> None:
    """Say where the demo is, where it keeps things, and how to go on from here."""
    print(f"ChatKit demo: http://{HOST}:{port}/", flush=True)
    print(f"Conversations are kept in {place}, files in {files_folder()}.", end=" ")
    print("Ctrl-C stops the demo.", flush=True)
    if model_answers():
        place = os.environ.get("OPENAI_BASE_URL") or "OpenAI"
        print(
            f"OPENAI_API_KEY is set: a model answers, at {place}; what is written in the chat is "
            f"sent there. To change what it can do, edit {AGENT_EXAMPLE / 'model_assistant.py'}.",
            flush=True,
        )


if __name__ == "__main__":
    main()
