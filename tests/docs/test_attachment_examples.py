"""The servers of docs/attachments.md, served as they stand, and given files at a socket."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from support.chat_http import assistant_texts, events_in, user_input
from support.served_file import LIMIT_S, served

PAGE = Path(__file__).parents[2] / "docs" / "attachments.md"
MODULES = dict(
    re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
)
THERE = "http://127.0.0.1:8000"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def send(client: httpx.AsyncClient, kind: str, **params: Any) -> httpx.Response:
    answer = await client.post("/chatkit", json={"type": kind, "params": params})
    assert answer.status_code == 200, answer.text
    return answer


async def use(client: httpx.AsyncClient, attachment: dict[str, Any]) -> None:
    """Send a message with the attachment, and see that it was read and can be seen."""
    given = {**user_input("Look"), "attachments": [attachment["id"]]}
    events = events_in((await send(client, "threads.create", input=given)).content)
    assert assistant_texts(events) == [f"Thank you. sun.png has {len(PNG)} bytes."]
    thread_id = events[0]["thread"]["id"]
    items = (await send(client, "items.list", thread_id=thread_id, order="asc")).json()["data"]
    preview = items[0]["attachments"][0]["preview_url"]
    assert (await client.get(preview.removeprefix(THERE))).content == PNG


async def test_the_first_server_takes_an_upload_in_two_phases(tmp_path: Path) -> None:
    with served(MODULES["chat_with_files.py"], tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            announced = {"name": "sun.png", "size": len(PNG), "mime_type": "image/png"}
            attachment = (await send(client, "attachments.create", **announced)).json()
            how = attachment["upload_descriptor"]
            link = how["url"].removeprefix(THERE)
            uploaded = await client.request(
                how["method"], link, content=PNG, headers=how["headers"]
            )
            assert uploaded.is_success
            await use(client, attachment)


async def test_the_second_server_takes_a_direct_upload(tmp_path: Path) -> None:
    (tmp_path / "chat_with_files.py").write_text(MODULES["chat_with_files.py"], encoding="utf-8")
    with served(MODULES["with_direct_uploads.py"], tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            uploaded = await client.post("/upload", files={"file": ("sun.png", PNG, "image/png")})
            assert uploaded.status_code == 200, uploaded.text
            await use(client, uploaded.json())
