"""The application of a folder and its clients: those that fall silent, and files that break."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from chatkit_files.app import FolderApp
from chatkit_files.folder import Folder
from chatkit_files.links import Ticket
from chatkit_files.objects import FolderObjects
from support.app_thread import listening, served_on

NAME = "0" * 64


class Site:
    """A folder's application, served, and links to it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = Folder(folder)
        self.folder.prepare()
        self.objects = FolderObjects(self.folder, f"{url}/files", b"s" * 32)

    def link(self, **ticket: object) -> httpx.URL:
        given = {"expires": time.time() + 600, "mime_type": "text/plain", **ticket}
        sealed = Ticket.model_validate(given)
        return httpx.URL(self.objects._link(sealed))  # pyright: ignore[reportPrivateUsage]


@contextmanager
def site_of(folder: Path, *, stall_seconds: float = 60.0) -> Iterator[Site]:
    with listening() as (listener, url):
        site = Site(folder, url)
        with served_on(listener, FolderApp(site.objects, stall_seconds=stall_seconds)):
            yield site


def put(link: httpx.URL, length: int) -> bytes:
    """The head of an upload of so many bytes."""
    head = f"PUT {link.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


async def test_an_upload_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    with site_of(tmp_path / "f", stall_seconds=0.2) as site:
        link = site.link(method="PUT", key=f"pending/{NAME}", size=1000)
        reader, writer = await asyncio.open_connection(link.host, link.port)
        writer.write(put(link, 1000) + b"x" * 500)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        writer.close()
        assert list(site.folder.path.glob("pending/*")) == []


async def test_a_length_that_was_not_announced_is_refused_before_a_byte_comes(
    tmp_path: Path,
) -> None:
    with site_of(tmp_path / "f") as site:
        link = site.link(method="PUT", key=f"pending/{NAME}", size=1000)
        reader, writer = await asyncio.open_connection(link.host, link.port)
        writer.write(put(link, 2_000_000))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        writer.close()


@pytest.mark.parametrize("size", [0, 999, 1001])
async def test_another_length_is_refused_also_if_it_was_not_told(tmp_path: Path, size: int) -> None:
    async def untold() -> AsyncIterator[bytes]:
        yield bytes(size)

    with site_of(tmp_path / "f") as site:
        link = site.link(method="PUT", key=f"pending/{NAME}", size=1000)
        async with httpx.AsyncClient(headers={"Content-Type": "text/plain"}) as client:
            reply = await client.put(link, content=untold())
        assert reply.request.headers["transfer-encoding"] == "chunked"
        assert (reply.status_code, "announced were 1000 bytes" in reply.text) == (400, True)
        assert list(site.folder.path.glob("pending/*")) == []


async def test_a_download_that_breaks_off_does_not_look_complete(tmp_path: Path) -> None:
    size = 50_000_000
    with site_of(tmp_path / "f") as site:
        file = site.folder.place(f"kept/{NAME}")
        file.write_bytes(bytes(size))
        link = site.link(method="GET", key=f"kept/{NAME}", disposition="attachment")
        async with httpx.AsyncClient() as client, client.stream("GET", link) as reply:
            assert reply.headers["content-length"] == str(size)
            os.truncate(file, 1000)
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
                [chunk async for chunk in reply.aiter_raw()]
