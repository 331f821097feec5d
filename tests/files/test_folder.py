"""The folder itself: its secret, uploads that break off, a full disk, and the sweep."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.store import StoreUnavailableError
from chatkit.types import AttachmentCreateParams
from chatkit_conformance.reference import Memory, ReferenceStore
from chatkit_files import FolderAttachmentStore
from chatkit_files.folder import Folder, Incoming
from files.conftest import ADA, Client

PARAMS = AttachmentCreateParams(name="a", size=1000, mime_type="text/plain")


def settings(**changes: Any) -> dict[str, Any]:
    records = ReferenceStore[Any](Memory(), owner=SINGLE_OWNER)
    return {"store": records, "owner": SINGLE_OWNER, "url": "http://x/files", **changes}


async def eventually(found: Callable[[], bool]) -> None:
    """Wait for another thread to have done something, for as long as the test may take."""
    while not found():
        await asyncio.sleep(0)


async def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folders = [Folder(tmp_path / "f") for _ in range(8)]
    await asyncio.gather(*(asyncio.to_thread(folder.prepare) for folder in folders))
    made = await asyncio.gather(*(asyncio.to_thread(folder.secret) for folder in folders))
    assert len(set(made)) == 1
    assert stat.S_IMODE((tmp_path / "f" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "f").iterdir() if path.is_file()] == ["secret"]


async def test_links_of_a_given_secret_need_no_file(tmp_path: Path) -> None:
    async with FolderAttachmentStore(tmp_path / "f", **settings(secret=b"s" * 16)) as store:
        await store.create_attachment(PARAMS, None)
    assert not (tmp_path / "f" / "secret").exists()


def test_building_a_store_touches_nothing(tmp_path: Path) -> None:
    FolderAttachmentStore(tmp_path / "f", **settings())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"url": "/files"}, {"url": "ftp://x"}, {"secret": b"short"}])
def test_a_setting_out_of_range_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))}="):
        FolderAttachmentStore(tmp_path, **settings(**change))


@pytest.mark.parametrize(
    "key", ["secret", "../x", "pending/../secret", "pending/x", "kept/" + "A" * 64]
)
def test_only_keys_are_paths(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        Folder(tmp_path).place(key)


async def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "f")
    folder.prepare()
    (tmp_path / "private").write_text("private")
    key = "kept/" + "0" * 64
    folder.place(key).symlink_to(tmp_path / "private")
    assert folder.size(key) is None
    with pytest.raises(OSError, match="symbolic links"):
        folder.open(key)


async def test_an_upload_that_breaks_off_leaves_nothing(served: Client) -> None:
    attachment = await served.store().create_attachment(PARAMS, ADA)
    assert attachment.upload_descriptor is not None
    url = httpx.URL(str(attachment.upload_descriptor.url))
    _, writer = await asyncio.open_connection("127.0.0.1", url.port)
    head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\n".encode() + b"x" * 500)
    await eventually(lambda: any(name.endswith(".part") for name in served.files()))
    writer.close()
    await eventually(lambda: served.files() == [])
    assert (await served.put(attachment, b"y" * 1000)).status_code == 201
    assert len(served.files()) == 1


def test_a_full_disk_leaves_nothing_half_done(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "f")
    folder.prepare()
    full = Incoming(folder, "pending/" + "0" * 64)
    with Path("/dev/full").open("wb", buffering=0) as device:
        os.dup2(device.fileno(), full._file.fileno())  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(OSError, match="No space left"):
        full.write(b"x" * 1_000_000)
    full.close()
    assert list((tmp_path / "f" / "pending").iterdir()) == []


async def test_the_sweep_removes_old_uploads_and_what_broke_off(served: Client) -> None:
    store = served.store()
    used = await store.keep_attachment(await served.upload(store, b"used"), ADA)
    await served.upload(store, b"unused")
    killed = served.folder / "pending" / f"{'1' * 64}.{'2' * 16}.part"
    killed.write_text("what a killed process has left")
    for path in served.files():
        os.utime(served.folder / path, (0, 0))
    (served.folder / "pending" / "note.txt").write_text("not ours")
    new = await served.upload(store, b"new")
    assert await store.sweep(older_than=timedelta(hours=1)) == 2
    assert len(served.files()) == 3
    assert await store.read(used, ADA) == b"used"
    assert await store.read(new, ADA) == b"new"


async def test_a_listing_goes_on_after_what_was_deleted(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "f")
    folder.prepare()
    keys = [f"pending/{number:064x}" for number in range(25)]
    for key in keys:
        folder.place(key).touch()
    seen: list[str] = []
    next: str | None = None
    while True:
        page = folder.list("pending/", next, 10)
        seen += [listed.key for listed in page.objects]
        folder.delete([listed.key for listed in page.objects])
        next = page.next
        if next is None:
            break
    assert seen == keys


async def test_a_folder_that_cannot_be_used_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a file")
    store = FolderAttachmentStore(tmp_path / "f", **settings())
    with pytest.raises(StoreUnavailableError, match="f: "):
        await store.create_attachment(PARAMS, None)
