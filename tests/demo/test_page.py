"""The page: that it needs nothing from outside, knows the whole protocol, and who may use it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import get_args

import pytest
from pydantic import BaseModel

from chatkit.types import ThreadItem, ThreadItemUpdate, ThreadStreamEvent
from support.chat_http import create_thread
from support.demo_process import SERVER, Demo

PAGE = SERVER.with_name("page.html").read_text(encoding="utf-8")
HIDDEN = {"hidden_context_item", "sdk_hidden_context"}


class Elements(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    return parser.found


def texts_of(tag: str) -> list[str]:
    return re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, flags=re.DOTALL)


def type_names(union: object) -> set[str]:
    """The ``type`` of every member of a union of models, annotated or not."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        return {str(union.model_fields["type"].default)}
    return set().union(*(type_names(member) for member in get_args(union)), set())


def test_the_page_is_served_at_the_root(demo: Demo) -> None:
    response = demo.client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.text == PAGE


def test_the_page_loads_nothing_from_outside() -> None:
    for tag, attributes in elements_of(PAGE):
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            target = attributes.get(name) or ""
            assert target == "" or target.startswith("data:"), (tag, name, target)
    (style,) = texts_of("style")
    (script,) = texts_of("script")
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"\bimport\b\s*[({\"']|WebSocket|sendBeacon", script)
    assert re.findall(r"fetch\(([^,)]+)", script) == ['"/chatkit"']
    assert script.count("new XMLHttpRequest") == 1
    assert re.findall(r"\.open\(method, (.*)\);", script) == ["here(url)"]


def test_the_page_never_turns_text_into_markup() -> None:
    (script,) = texts_of("script")
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(markup, script)


def test_the_policy_allows_the_pages_own_script_and_style_and_no_other(demo: Demo) -> None:
    policy = demo.client.get("/").headers["content-security-policy"]
    for tag in ("script", "style"):
        (text,) = texts_of(tag)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self';" in policy
    assert "img-src 'self' https: data:;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("union", [ThreadStreamEvent, ThreadItem, ThreadItemUpdate])
def test_the_page_knows_every_kind_that_the_protocol_has(union: object) -> None:
    (script,) = texts_of("script")
    names = type_names(union) - HIDDEN
    assert len(names) >= 9
    assert {name for name in names if not re.search(rf'"?{re.escape(name)}"?:', script)} == set()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/other", 404),
        ("GET", "/chatkit", 405),
        ("GET", "/files", 404),
        ("GET", "/files/none", 403),
        ("PUT", "/files/none", 403),
    ],
)
def test_other_methods_and_paths_are_refused(
    demo: Demo, method: str, path: str, status: int
) -> None:
    assert demo.client.request(method, path).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/chatkit", "/files/any"])
def test_a_foreign_name_for_this_machine_is_refused(demo: Demo, host: str, path: str) -> None:
    body = create_thread("from outside")
    response = demo.client.post(path, json=body, headers={"host": host})
    assert response.status_code == 403
    assert demo.client.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_another_sites_request_is_refused_and_does_nothing(demo: Demo, origin: str) -> None:
    text = f"from {origin}"
    headers = {"origin": origin, "content-type": "text/plain"}  # what a form can send, unasked
    body = json.dumps(create_thread(text))
    response = demo.client.post("/chatkit", content=body, headers=headers)
    assert response.status_code == 403
    assert text not in [thread.get("title") for thread in demo.threads()]


def test_the_pages_own_requests_are_answered(demo: Demo) -> None:
    port = demo.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"host": host, "origin": f"http://{host}"}
        response = demo.client.post("/chatkit", json=create_thread("story"), headers=headers)
        assert response.status_code == 200
