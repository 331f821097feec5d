"""The examples of docs/http.md, served as they stand, and chatted with at a socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.chat_http import assistant_texts, chat, create_thread, events_in
from support.served_file import LIMIT_S, served

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
LIST_THREADS = {"type": "threads.list", "params": {}}
ADA = {"Authorization": "Bearer secret-of-ada"}
ALAN = {"Authorization": "Bearer secret-of-alan"}


def examples() -> dict[str, str]:
    """The page's Python blocks, by the heading that each is under."""
    found: dict[str, str] = {}
    heading = ""
    for match in re.finditer(
        r"^#+ (?P<heading>[^\n]+)$|^```python\n(?P<code>.*?)^```$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    ):
        heading = match["heading"] or heading
        if match["code"]:
            assert heading not in found, f"two examples under {heading!r}"
            found[heading] = match["code"]
    return found


EXAMPLES = examples()


def test_the_page_shows_every_way_to_serve() -> None:
    assert list(EXAMPLES) == [
        "The endpoint",
        "In Starlette",
        "In FastAPI",
        "By hand: FastAPI",
        "By hand: Django",
        "By hand: Flask",
    ]


@pytest.fixture(scope="module", params=EXAMPLES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an example, each in turn, is served."""
    with served(EXAMPLES[request.param], tmp_path_factory.mktemp("example")) as url:
        yield url


async def test_an_example_serves_a_chat(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S, headers=ADA) as client:
        await chat(client, "/chatkit")

        greeted = await client.post("/chatkit", json=create_thread())
        assert assistant_texts(events_in(greeted.content)) == ["Hello, ada!"]
        assert greeted.headers["cache-control"] == "no-cache"


async def test_an_example_keeps_users_apart_and_survives_bad_input(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
        created = await client.post("/chatkit", json=create_thread(), headers=ADA)
        thread_id = events_in(created.content)[0]["thread"]["id"]
        by_id = {"type": "threads.get_by_id", "params": {"thread_id": thread_id}}

        for request, user, status in [
            (by_id, ADA, 200),
            (by_id, ALAN, 404),
            (by_id, {}, 401),
            ({"type": "unknown"}, ADA, 400),
        ]:
            answer = await client.post("/chatkit", json=request, headers=user)
            assert answer.status_code == status, answer.text
        listed = await client.post("/chatkit", json=LIST_THREADS, headers=ALAN)
        assert listed.json()["data"] == []
        assert (await client.put("/chatkit", headers=ADA)).status_code == 405


async def test_the_first_example_remembers_after_a_restart(tmp_path: Path) -> None:
    for already_there in range(2):
        with served(EXAMPLES["The endpoint"], tmp_path) as url:
            async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S, headers=ADA) as client:
                listed = await client.post("/chatkit", json=LIST_THREADS)
                assert len(listed.json()["data"]) == already_there
                await client.post("/chatkit", json=create_thread())


TALKING = """
import asyncio
import socket

from chatkit.types import ProgressUpdateEvent


async def talk(self, thread, input_user_message, context):
    try:
        while True:
            yield ProgressUpdateEvent(text="thinking")
            await asyncio.sleep(0.05)
    finally:
        socket.create_connection(("127.0.0.1", {port})).close()


Greeter.respond = talk
"""
"""Appended to an example: its turns never end, and tell a port when they are stopped."""


@pytest.mark.parametrize("heading", [heading for heading in EXAMPLES if "By hand" in heading])
async def test_an_example_written_by_hand_stops_the_turn_when_the_client_leaves(
    heading: str, tmp_path: Path
) -> None:
    stopped = asyncio.Event()

    async def be_told(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        stopped.set()

    told = await asyncio.start_server(be_told, "127.0.0.1", 0)
    code = EXAMPLES[heading] + TALKING.format(port=told.sockets[0].getsockname()[1])
    async with told:
        with served(code, tmp_path) as url:
            async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S, headers=ADA) as client:
                async with client.stream("POST", "/chatkit", json=create_thread()) as answer:
                    async for chunk in answer.aiter_bytes():
                        if b"thinking" in chunk:
                            break
                await asyncio.wait_for(stopped.wait(), LIMIT_S)
