"""The demo as its users have it: a process of its own, talked to over HTTP.

with demo_running(folder) as demo:
    events = demo.say("story")
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.chat_http import events_in, user_input

SERVER = Path(__file__).parents[2] / "examples" / "demo" / "server.py"
SECONDS = 30
"""How long anything here may take: far more than it needs."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str
    greeting: str
    process: subprocess.Popen[str]
    client: httpx.Client

    def answer(self, request: str, /, **params: Any) -> dict[str, Any]:
        """The JSON that a request gets."""
        response = self.client.post("/chatkit", json=body_of(request, params))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def events(self, request: str, /, **params: Any) -> list[Event]:
        """All events of a request that streams."""
        response = self.client.post("/chatkit", json=body_of(request, params))
        assert response.status_code == 200, response.text
        return events_in(response.content)

    def say(self, text: str, thread_id: str | None = None) -> list[Event]:
        """What a message brings, in a new thread or in an existing one."""
        request, params = saying(text, thread_id)
        return self.events(request, **params)

    def upload(self, name: str, mime_type: str, data: bytes) -> dict[str, Any]:
        """An attachment, announced and uploaded as the page does it."""
        announced = {"name": name, "mime_type": mime_type, "size": len(data)}
        attachment = self.answer("attachments.create", **announced)
        how = attachment["upload_descriptor"]
        response = self.client.request(
            how["method"], how["url"], content=data, headers=how["headers"]
        )
        assert response.status_code == 201, response.text
        return attachment

    def show(self, *attachments: dict[str, Any], text: str = "") -> list[Event]:
        """What a message with attachments brings, in a new thread."""
        content = [{"type": "input_text", "text": text}] if text else []
        ids = [attachment["id"] for attachment in attachments]
        given = {**user_input(""), "content": content, "attachments": ids}
        return self.events("threads.create", input=given)

    def click(self, thread_id: str, item_id: str, action: dict[str, Any]) -> list[Event]:
        """What a widget's action brings."""
        return self.events(
            "threads.custom_action", thread_id=thread_id, item_id=item_id, action=action
        )

    @contextmanager
    def listening(self, request: str, /, **params: Any) -> Iterator[Iterator[Event]]:
        """The events of a request as they come; leaving the block hangs up."""
        with self.client.stream("POST", "/chatkit", json=body_of(request, params)) as response:
            assert response.status_code == 200
            lines = response.iter_lines()
            yield (event for line in lines for event in events_in(line.encode()))

    def items(self, thread_id: str) -> list[dict[str, Any]]:
        """All items of a thread, oldest first, as a page gets them after a reload."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = self.answer("items.list", thread_id=thread_id, order="asc", limit=7, **after)
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"after": page["after"]}

    def threads(self) -> list[dict[str, Any]]:
        """The newest threads, newest first."""
        data: list[dict[str, Any]] = self.answer("threads.list", limit=100)["data"]
        return data

    def interrupt(self) -> str:
        """End the process as Ctrl-C does; what it still said."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=SECONDS)[0]

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait(SECONDS)


def body_of(request: str, params: dict[str, Any]) -> dict[str, Any]:
    """A request's body."""
    return {"type": request, "params": params}


def saying(text: str, thread_id: str | None = None) -> tuple[str, dict[str, Any]]:
    """The request for a message, in a new thread or in an existing one, and its parameters."""
    if thread_id is None:
        return "threads.create", {"input": user_input(text)}
    return "threads.add_user_message", {"thread_id": thread_id, "input": user_input(text)}


@contextmanager
def demo_running(folder: Path, **environment: str) -> Iterator[Demo]:
    """Start the demo in ``folder``, on a free port and without pauses; stop it as Ctrl-C would."""
    process = start(folder, **environment)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", first)
        assert url, first + process.communicate(timeout=SECONDS)[0]
        greeting = first + process.stdout.readline()
        with httpx.Client(base_url=url[0], timeout=SECONDS, trust_env=False) as client:
            yield Demo(url[0], greeting, process, client)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)  # reads and closes the pipe, and waits


def start(folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The demo's process, with what it says on one stream."""
    inherited = {name: os.environ[name] for name in os.environ if name not in OURS}
    return subprocess.Popen(
        [sys.executable, str(SERVER)],
        cwd=folder,
        env={**inherited, "PORT": "0", "DEMO_PACE": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


OURS = {
    "PORT",
    "STORE_URL",
    "FILES_FOLDER",
    "DEMO_PACE",
    "LINK_SECONDS",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "MODEL",
}


def kinds(events: list[Event]) -> list[str]:
    """The events' types, each run of updates once."""
    found: list[str] = []
    for event in events:
        if not (event["type"] == "thread.item.updated" and found[-1:] == [event["type"]]):
            found.append(event["type"])
    return found


def thread_of(events: list[Event]) -> str:
    """The id of the thread that was created."""
    created = [event["thread"]["id"] for event in events if event["type"] == "thread.created"]
    assert len(created) == 1
    thread_id: str = created[0]
    return thread_id


def done(events: list[Event], kind: str) -> list[dict[str, Any]]:
    """The finished items of one kind."""
    items = [event["item"] for event in events if event["type"] == "thread.item.done"]
    return [item for item in items if item["type"] == kind]


def replaced(events: list[Event]) -> list[dict[str, Any]]:
    """The items that took the place of an earlier state."""
    return [event["item"] for event in events if event["type"] == "thread.item.replaced"]


def text_of(item: dict[str, Any]) -> str:
    """The text of a message."""
    return "".join(part["text"] for part in item["content"])


def said(events: list[Event]) -> str:
    """The text of the only assistant message that was finished."""
    messages = done(events, "assistant_message")
    assert len(messages) == 1, messages
    return text_of(messages[0])


def streamed(events: list[Event]) -> str:
    """What the text deltas add up to."""
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    return "".join(update.get("delta", "") for update in updates)


def components(widget: Any, kind: str) -> list[dict[str, Any]]:
    """All components of one type in a widget, in reading order."""
    if isinstance(widget, list):
        return [found for child in widget for found in components(child, kind)]
    if not isinstance(widget, dict):
        return []
    own = [widget] if widget["type"] == kind else []
    return own + components(widget.get("children"), kind)
