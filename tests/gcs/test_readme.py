"""The server in the README works as pasted, against a bucket."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gcs.conftest import Bucket
from support.chat_http import create_thread, events_in
from support.served_file import LIMIT_S, served

README = Path(__file__).parents[2] / "packages" / "chatkit-gcs" / "README.md"


PYTHON = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)


def code_for(bucket: Bucket, number: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the README's blocks, for a bucket of the tests."""
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", bucket.service.url)  # Google's driver looks there
    assert "my-chat-files" in PYTHON[number]
    code: str = PYTHON[number].replace("my-chat-files", bucket.name)
    return code


async def test_a_user_of_the_server_in_the_readme_uploads_a_file_and_uses_it(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(code_for(bucket, 0, monkeypatch), tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as client:
            params = {"name": "a.txt", "size": 5, "mime_type": "text/plain"}
            announced = await client.post(
                "/", json={"type": "attachments.create", "params": params}
            )
            assert announced.status_code == 200, announced.text
            upload = announced.json()["upload_descriptor"]
            reply = await bucket.client.put(
                upload["url"], content=b"hello", headers=upload["headers"]
            )
            assert reply.status_code == 200
            message = create_thread("Look")
            message["params"]["input"]["attachments"] = [announced.json()["id"]]
            events = events_in((await client.post("/", json=message)).content)
    texts = [event["text"] for event in events if event["type"] == "progress_update"]
    assert texts == ["a.txt has 5 bytes"]


async def test_the_sweep_in_the_readme_spares_what_is_new(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bucket.store() as store:
        await bucket.upload(store, b"hello")
    code = code_for(bucket, 1, monkeypatch) + "\nimport asyncio\nasyncio.run(sweep())\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("0 files removed\n", "")
    assert len(await bucket.keys()) == 1
