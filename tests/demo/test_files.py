"""Files in the demo: uploaded as the page does it, seen, read, and still there tomorrow."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.demo_process import SECONDS, Demo, demo_running, done, said, thread_of
from support.scripted_model import Message, Text, scripted_model

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


def pictures(items: list[dict[str, Any]]) -> list[str]:
    """The links to all pictures that users have attached."""
    attached = [file for item in items for file in item.get("attachments", [])]
    return [file["preview_url"] for file in attached if file["type"] == "image"]


def test_a_picture_can_be_seen_as_soon_as_it_is_uploaded_and_in_the_message(demo: Demo) -> None:
    attachment = demo.upload("sun.png", "image/png", PNG)
    assert demo.client.get(attachment["preview_url"]).content == PNG
    events = demo.show(attachment, text="Look")
    [message] = done(events, "user_message")
    [link] = pictures([message])
    assert demo.client.get(link).content == PNG
    assert "`sun.png`: 1,008 bytes of `image/png`" in said(events)


def test_files_without_words_make_a_message_and_a_title(demo: Demo) -> None:
    files = [demo.upload(name, "text/plain", b"text") for name in ("one.txt", "two `*x*`.txt")]
    events = demo.show(*files)
    assert demo.threads()[0]["title"] == "one.txt, two `*x*`.txt"
    assert "- `one.txt`: 4 bytes of `text/plain`\n- `two '*x*'.txt`: 4 bytes" in said(events)


def test_the_links_work_under_the_name_and_port_that_the_page_was_opened_at(demo: Demo) -> None:
    """The page takes only their paths, so that a forwarded port does no harm."""
    attachment = demo.upload("sun.png", "image/png", PNG)
    path = attachment["preview_url"].removeprefix(demo.url)
    assert path.startswith("/files/")
    port = demo.url.rpartition(":")[2]
    assert demo.client.get(path, headers={"host": f"localhost:{port}"}).content == PNG


def test_another_sites_upload_is_refused(demo: Demo) -> None:
    announced = {"name": "a", "mime_type": "text/plain", "size": 4}
    how = demo.answer("attachments.create", **announced)["upload_descriptor"]
    headers = {**how["headers"], "origin": "https://evil.example"}
    assert demo.client.put(how["url"], content=b"text", headers=headers).status_code == 403
    assert demo.client.put(how["url"], content=b"text", headers=how["headers"]).status_code == 201


def test_a_page_that_poses_as_a_picture_is_named_and_the_message_kept(demo: Demo) -> None:
    attachment = demo.upload("cat.png", "image/png", b"<html><script>alert(1)</script>")
    events = demo.show(attachment, text="Look")
    [error] = [event for event in events if event["type"] == "error"]
    assert error["code"] == "custom"
    assert error["message"].startswith("cat.png could not be attached")
    assert done(events, "user_message")[0]["attachments"] == []
    assert demo.client.get(attachment["preview_url"]).status_code == 404


def test_a_file_that_was_taken_back_is_gone(demo: Demo) -> None:
    attachment = demo.upload("sun.png", "image/png", PNG)
    demo.answer("attachments.delete", attachment_id=attachment["id"])
    assert demo.client.get(attachment["preview_url"]).status_code == 404


def test_deleting_the_chat_deletes_its_files(demo: Demo) -> None:
    events = demo.show(demo.upload("sun.png", "image/png", PNG))
    [link] = pictures(done(events, "user_message"))
    demo.answer("threads.delete", thread_id=thread_of(events))
    assert demo.client.get(link).status_code == 404


def test_a_page_that_is_loaded_again_gets_links_that_work(tmp_path: Path) -> None:
    with demo_running(tmp_path, LINK_SECONDS="1") as demo:
        events = demo.show(demo.upload("sun.png", "image/png", PNG))
        [old] = pictures(done(events, "user_message"))
        wait_until_expired(demo, old)
        for request in ("items.list", "threads.get_by_id"):
            answer = demo.answer(request, thread_id=thread_of(events))
            [new] = pictures(answer.get("items", answer)["data"])
            assert new != old
            assert demo.client.get(new).content == PNG
        assert demo.client.get(old).status_code == 403


def wait_until_expired(demo: Demo, link: str) -> None:
    deadline = time.monotonic() + SECONDS
    while demo.client.get(link).status_code != 403:
        assert time.monotonic() < deadline, "the link has not expired"


def test_links_survive_a_restart_and_so_does_what_they_lead_to(tmp_path: Path) -> None:
    with demo_running(tmp_path) as demo:
        port = demo.url.rpartition(":")[2]
        unused = demo.upload("later.png", "image/png", PNG)
        events = demo.show(demo.upload("sun.png", "image/png", PNG))
        [link] = pictures(done(events, "user_message"))
    with demo_running(tmp_path, PORT=port) as demo:
        assert demo.client.get(link).content == PNG
        [new] = pictures(demo.items(thread_of(events)))
        assert demo.client.get(new).content == PNG
        assert pictures([done(demo.show(unused), "user_message")[0]])


def test_what_no_message_has_used_is_swept_a_day_later(tmp_path: Path) -> None:
    with demo_running(tmp_path) as demo:
        demo.show(demo.upload("used.png", "image/png", PNG))
        demo.upload("old.png", "image/png", PNG)
        [old] = (tmp_path / "demo-files" / "pending").iterdir()
        demo.upload("new.png", "image/png", PNG)
    long_ago = (datetime.now() - timedelta(days=2)).timestamp()
    [used] = (tmp_path / "demo-files" / "kept").iterdir()
    for file in (old, used):
        os.utime(file, (long_ago, long_ago))
    with demo_running(tmp_path):
        assert not old.exists()
        assert used.exists()
        assert len(list((tmp_path / "demo-files" / "pending").iterdir())) == 1


@pytest.mark.parametrize("size", [0, 25 * 1024 * 1024])
def test_files_up_to_the_limit_are_taken(demo: Demo, size: int) -> None:
    events = demo.show(demo.upload("zeros", "application/x-zeros", bytes(size)))
    assert f"`zeros`: {size:,} bytes" in said(events)


def test_a_file_above_the_limit_is_refused_in_words(demo: Demo) -> None:
    params = {"name": "a", "mime_type": "text/plain", "size": 25 * 1024 * 1024 + 1}
    body = {"type": "attachments.create", "params": params}
    refused = demo.client.post("/chatkit", json=body)
    assert refused.status_code == 400
    assert "from 0 to 26214400 bytes" in refused.json()["error"]["message"]


async def test_with_a_key_the_model_sees_the_files(tmp_path: Path) -> None:
    def use() -> None:
        with demo_running(tmp_path, **settings) as demo:
            events = demo.show(demo.upload("sun.png", "image/png", PNG))
            assert said(events) == "A sun."
            assert demo.threads()[0]["title"] == "sun.png"

    async with scripted_model([Message(Text("A sun."))]) as model:
        url = str(model.client.base_url)
        settings = {"OPENAI_API_KEY": "sk-none", "OPENAI_BASE_URL": url, "NO_PROXY": "127.0.0.1"}
        await asyncio.to_thread(use)
    [part] = model.asked[0].input[0]["content"]
    assert part["type"] == "input_image"
    assert part["image_url"].startswith("data:image/png;base64,")
