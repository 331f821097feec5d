"""Direct uploads, at real sockets: to a folder, beside a chat that uses what was uploaded."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.asgi import ChatKitEndpoint, Request, UploadEndpoint
from chatkit.asgi.body import Body
from chatkit.asgi.forms import Form, FormFile
from chatkit.errors import InvalidRequestError
from chatkit.store import AttachmentStore
from chatkit.types import Attachment, FileAttachment
from chatkit_files import FolderAttachmentStore
from chatkit_sqlite import SQLiteStore
from support.chat_http import EchoServer, events_in, user_input
from support.live_server import SERVERS, Address, ServerName, raw_connection, serve
from support.memory_store import MemoryStore
from support.vault import Vault

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
ORIGIN = "https://shop.example"
LIMIT_S = 20
LIMIT = 1000
"""The largest file, unless a test says otherwise."""


def user_of(context: dict[str, str]) -> str:
    return context["user"]


class SignInFirstError(Exception):
    status_code = 401


def context_of(request: Request) -> dict[str, str]:
    if "x-user" not in request.headers:
        raise SignInFirstError
    return {"user": request.headers["x-user"]}


class Folder(FolderAttachmentStore[dict[str, str]]):
    """Tells when an upload has been given up."""

    given_up: asyncio.Event

    async def write(self, *arguments: Any) -> Attachment:
        try:
            return await super().write(*arguments)
        except BaseException:
            self.given_up.set()
            raise


@dataclass
class Site:
    """A server with a chat, an upload route, and the folder's own links."""

    address: Address
    client: httpx.AsyncClient
    folder: Path
    records: SQLiteStore[dict[str, str]]
    files: Folder

    async def upload(
        self, data: Any, mime_type: str = "text/plain", name: str = "a.txt", **headers: str
    ) -> httpx.Response:
        form = {"file": (name, data, mime_type)}
        return await self.client.post("/upload", files=form, headers=headers)

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """Send a body as it is, as a form with the boundary ``x``."""
        given = {"content-type": "multipart/form-data; boundary=x", **headers}
        return await self.client.post("/upload", content=body, headers=given)

    async def send_message(self, attachment_id: str, **headers: str) -> httpx.Response:
        given = {**user_input("Look"), "attachments": [attachment_id]}
        request = {"type": "threads.create", "params": {"input": given}}
        return await self.client.post("/chatkit", json=request, headers=headers)

    def leftovers(self) -> list[str]:
        """All that is in the folder, apart from its secret."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return sorted(path.name for path in found if path.name != "secret")

    async def records_of(self, attachment_id: str) -> Attachment:
        return await self.records.load_attachment(attachment_id, {"user": "ada"})


@asynccontextmanager
async def serving(
    folder: Path, server: ServerName = "uvicorn", *, stall_seconds: float = 60.0, **options: Any
) -> AsyncIterator[Site]:
    records = SQLiteStore[dict[str, str]](folder / "chat.db", owner=user_of)
    apps: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        first = "chatkit" if scope["type"] == "lifespan" else scope["path"].split("/")[1]
        await apps[first](scope, receive, send)

    async with serve(app, server) as address:
        options = {"max_bytes": LIMIT, **options}
        files = Folder(
            folder / "files", store=records, owner=user_of, url=f"{address.url}/files", **options
        )
        files.given_up = asyncio.Event()
        endpoint = ChatKitEndpoint(
            EchoServer(records, files), context=context_of, allow_origins=[ORIGIN]
        )
        uploads = UploadEndpoint(endpoint, stall_seconds=stall_seconds)
        apps |= {"chatkit": endpoint, "upload": uploads, "files": files.app}
        async with httpx.AsyncClient(base_url=address.url, timeout=LIMIT_S) as client:
            client.headers["x-user"] = "ada"
            yield Site(address, client, folder / "files", records, files)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(tmp_path) as site:
        yield site


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


def part(
    data: bytes, headers: bytes = b'Content-Disposition: form-data; name="file"; filename="a"'
) -> bytes:
    return b"--x\r\n" + headers + b"\r\n\r\n" + data + b"\r\n"


END = b"--x--\r\n"
FIELD = part(b"value", b'Content-Disposition: form-data; name="other"')


# --- what is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize("server", SERVERS)
async def test_an_upload_is_answered_with_the_attachment_which_a_message_can_use(
    tmp_path: Path, server: ServerName
) -> None:
    async with serving(tmp_path, server) as site:
        answer = await site.upload(PNG, "image/png", "sun.png")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        image = answer.json()
        shown = {"type": "image", "name": "sun.png", "mime_type": "image/png"}
        assert image == {**shown, "id": image["id"], "preview_url": image["preview_url"]}
        assert (await site.client.get(image["preview_url"])).content == PNG

        sent = events_in((await site.send_message(image["id"])).content)
        kept = next(event["item"] for event in sent if event["type"] == "thread.item.done")
        assert [attachment["id"] for attachment in kept["attachments"]] == [image["id"]]
        assert (await site.client.get(kept["attachments"][0]["preview_url"])).content == PNG


async def test_a_file_that_is_no_image_has_no_preview(site: Site) -> None:
    attachment = (await site.upload(b"text")).json()
    shown = {"type": "file", "name": "a.txt", "mime_type": "text/plain"}
    assert attachment == {**shown, "id": attachment["id"]}


@pytest.mark.parametrize("size", [0, 1, LIMIT])
async def test_files_up_to_the_limit_come_back_as_they_were(site: Site, size: int) -> None:
    data = bytes(range(256)) * 4
    answer = await site.upload(data[:size])
    attachment = await site.records_of(answer.json()["id"])
    assert await site.files.read(attachment, {"user": "ada"}) == data[:size]


async def test_what_looks_like_a_boundary_and_is_none_is_part_of_the_file(site: Site) -> None:
    data = b"--x--\r\n--\r\n--y\r--x\r\n-x--\n--x\r\n-\r\r\n"
    answer = await site.post(part(data) + END)
    attachment = await site.records_of(answer.json()["id"])
    assert await site.files.read(attachment, {"user": "ada"}) == data


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        'a"b.txt',
        "a;b=c.txt",
        "żółw 🐢.txt",
        "n" * 4096,
        " ",
        "%2e%2e%2f",
        "a\\b",
    ],
    ids=ascii,
)
async def test_a_name_comes_back_as_given_and_is_never_a_path(site: Site, name: str) -> None:
    quoted = name.replace('"', '\\"').encode()
    disposition = b'Content-Disposition: form-data; name="file"; filename="' + quoted + b'"'
    answer = await site.post(part(b"text", disposition) + END)
    assert answer.json()["name"] == name
    [stored] = site.leftovers()
    assert len(stored) == 64


async def test_line_ends_in_a_name_arrive_as_browsers_write_them(site: Site) -> None:
    """They have no others: a line end proper would end the header (WHATWG HTML, form data)."""
    answer = await site.upload(b"text", name="a\r\nX-Evil: 1\r\n\r\nb")
    assert answer.json()["name"] == "a%0D%0AX-Evil: 1%0D%0A%0D%0Ab"


async def test_a_name_that_is_no_utf_8_is_taken_all_the_same(site: Site) -> None:
    disposition = b'Content-Disposition: form-data; name="file"; filename="na\xefve"'
    assert (await site.post(part(b"text", disposition) + END)).json()["name"] == "naïve"


async def test_a_file_without_a_type_is_bytes(site: Site) -> None:
    answer = await site.post(part(b"text") + END)
    assert answer.json()["mime_type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "form",
    [
        FIELD + part(b"text") + END,
        part(b"text") + FIELD + FIELD + END,
        b"\r\n" + part(b"text") + END,
        part(b"text") + END + b"epilogue\r\n",
        part(b"", b'Content-Disposition: form-data; name="file"') + part(b"text") + END,
    ],
    ids=["field before", "fields after", "line end before", "epilogue", "field of that name"],
)
async def test_the_file_is_found_among_other_things(site: Site, form: bytes) -> None:
    attachment = await site.records_of((await site.post(form)).json()["id"])
    assert await site.files.read(attachment, {"user": "ada"}) == b"text"


async def test_a_form_may_be_cut_into_pieces_anywhere() -> None:
    """As a slow client's is; at a socket, the network decides where."""
    form, data = FIELD + part(PNG + b"\r\n--") + FIELD + END, PNG + b"\r\n--"
    for at in range(len(form) + 1):
        pieces = [form[:at], form[at:]]
        assert await read_form(pieces) == (FormFile("a", "application/octet-stream"), data), at
    bytewise = [bytes([byte]) for byte in form]
    assert await read_form(bytewise) == (FormFile("a", "application/octet-stream"), data)


async def read_form(pieces: list[bytes]) -> tuple[FormFile, bytes]:
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages[-1]["more_body"] = False

    async def receive() -> Any:
        return messages.pop(0)

    form = Form("multipart/form-data; boundary=x", Body(receive))
    file = await form.file()
    return file, b"".join([chunk async for chunk in form.chunks()])


async def test_a_slow_client_is_waited_for(site: Site) -> None:
    form = FIELD + part(PNG) + END
    async with raw_connection(site.address) as (reader, writer):
        writer.write(request(b"content-length: %d" % len(form), b"connection: close"))
        for byte in form:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)  # the server's turn
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    attachment = await site.records_of(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])
    assert await site.files.read(attachment, {"user": "ada"}) == PNG


async def test_memory_stays_flat(tmp_path: Path) -> None:
    chunk, count = bytes(64 * 1024), 512

    async def large() -> AsyncIterator[bytes]:
        yield part(b"")[:-2]
        for _ in range(count):
            yield chunk
        yield b"\r\n" + END

    async with serving(tmp_path, max_bytes=len(chunk) * count) as site:
        assert (await site.upload(b"warm up")).status_code == 200
        tracemalloc.start()
        try:
            answer = await site.post(large())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        attachment = await site.records_of(answer.json()["id"])
        assert (attachment.metadata or {})["upload"]["size"] == len(chunk) * count
    assert peak < len(chunk) * count / 4


async def test_a_store_of_ones_own_that_writes_needs_nothing_else(tmp_path: Path) -> None:
    class Own(Vault):
        async def write(
            self, name: str, mime_type: str, chunks: AsyncIterator[bytes], context: Any
        ) -> Attachment:
            data = b"".join([chunk async for chunk in chunks])
            return FileAttachment(
                id="atc",
                name=name,
                mime_type=mime_type,
                metadata={"of": context, "bytes": len(data)},
            )

    records = MemoryStore()
    endpoint = ChatKitEndpoint(EchoServer(records, Own()), context=context_of)
    async with serve(UploadEndpoint(endpoint)) as address, httpx.AsyncClient() as client:
        form = {"file": ("a", b"text", "text/plain")}
        answer = await client.post(address.url, files=form, headers={"x-user": "ada"})
    assert answer.json() == {"id": "atc", "type": "file", "name": "a", "mime_type": "text/plain"}
    assert records.attachments["atc"].metadata == {"of": {"user": "ada"}, "bytes": 4}


# --- whose it is --------------------------------------------------------------------------------


async def test_an_upload_belongs_to_whom_the_context_function_says(site: Site) -> None:
    id = (await site.upload(b"text")).json()["id"]
    assert (await site.send_message(id, **{"x-user": "bob"})).status_code == 404
    assert (await site.send_message(id)).status_code == 200


async def test_who_is_turned_away_uploads_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        del site.client.headers["x-user"]
        answer = await site.upload(b"text")
        assert (answer.status_code, error_of(answer)["type"]) == (401, "unauthorized")
        assert site.leftovers() == []


async def test_only_posts_are_served(site: Site) -> None:
    answer = await site.client.put("/upload", content=b"text")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 200), ("https://evil.example", 403)])
async def test_preflights_are_answered_as_the_endpoint_does(
    site: Site, origin: str, status: int
) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = await site.client.options("/upload", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (ORIGIN if status == 200 else None)


async def test_pages_of_allowed_origins_may_read_answers_and_refusals(site: Site) -> None:
    for data, status in ((b"text", 200), (bytes(LIMIT + 1), 400)):
        answer = await site.upload(data, origin=ORIGIN)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN


# --- what is refused ----------------------------------------------------------------------------


async def test_one_byte_too_many_is_refused_and_names_the_limit(site: Site) -> None:
    answer = await site.upload(bytes(LIMIT + 1))
    error = error_of(answer)
    assert (answer.status_code, error["field"]) == (400, "size")
    assert f"from 0 to {LIMIT} bytes" in error["message"]
    assert site.leftovers() == []


async def test_an_endless_file_is_cut_off_at_the_limit(site: Site) -> None:
    async with raw_connection(site.address) as (reader, writer):
        writer.write(request(b"transfer-encoding: chunked") + http_chunk(part(b"")[:-2]))
        answer = asyncio.create_task(reader.read(4096))
        while not answer.done():
            writer.write(http_chunk(bytes(1000)))
            await asyncio.wait([answer], timeout=0.001)
        assert (await answer).startswith(b"HTTP/1.1 400 ")
    assert site.leftovers() == []


@pytest.mark.parametrize("mime_type", ["text/html", "no type", "a/b\x00", "é/x"])
async def test_a_type_that_is_not_allowed_is_refused(tmp_path: Path, mime_type: str) -> None:
    async with serving(tmp_path, allowed_types=["image/*", "text/plain"]) as site:
        headers = part(b"")[5:-4] + b"\r\nContent-Type: " + mime_type.encode()
        answer = await site.post(part(b"text", headers) + END)
        assert (answer.status_code, error_of(answer)["field"]) == (400, "mime_type")
        assert site.leftovers() == []


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=" + "x" * 5000,
    ],
    ids=lambda text: text[:40],
)
async def test_what_is_no_form_is_refused(site: Site, content_type: str) -> None:
    answer = await site.post(part(b"text") + END, **{"content-type": content_type})
    assert (answer.status_code, error_of(answer)["field"]) == (400, "content-type")


MANY_HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))

MALFORMED = {
    "empty": b"",
    "no boundary": b"text",
    "another boundary": (part(b"text") + END).replace(b"--x", b"--y"),
    "no headers": b"--x\r\ntext\r\n--x--\r\n",
    "no end": part(b"text"),
    "half an end": part(b"text") + b"--x-",
    "bare line ends": (part(b"text") + END).replace(b"\r\n", b"\n"),
    "line end in a header": part(
        b"text", b'Content-Disposition: form-data;\nname="file"; filename="a"\r\n\r'
    ),
    "no file": FIELD + END,
    "nothing at all": END,
    "a file in another field": part(
        b"text", b'Content-Disposition: form-data; name="other"; filename="a"'
    )
    + END,
    "a file without a name": part(
        b"text", b'Content-Disposition: form-data; name="file"; filename=""'
    )
    + END,
    "a part without a name": part(b"text", b"Content-Type: text/plain") + END,
    "two files": part(b"one") + part(b"two") + END,
    "many files": part(b"one") * 5000 + END,
    "many fields": FIELD * 2000 + part(b"text") + END,
    "many fields after": part(b"text") + FIELD * 2000 + END,
    "many headers": part(b"text", MANY_HEADERS + part(b"")[5:-6]) + END,
    "a huge header": part(b"text", b"X: " + b"y" * 1_000_000) + END,
    "a huge name": part(b"text", part(b"")[5:-6].replace(b'"a"', b'"' + b"a" * 1_000_000 + b'"'))
    + END,
    "a huge field": part(bytes(1_000_000), b'Content-Disposition: form-data; name="other"')
    + part(b"text")
    + END,
    "a huge preamble": b"\r\n" * 500_000 + part(b"text") + END,
    "a huge epilogue": part(b"text") + END + bytes(1_000_000),
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_form_is_refused_and_leaves_nothing(site: Site, form: bytes) -> None:
    answer = await site.post(form)
    assert (answer.status_code, error_of(answer)["type"]) == (400, "invalid_request"), answer.text
    assert site.leftovers() == []
    assert (await site.upload(b"text")).status_code == 200


PIECES = [b"--x", b"--x--", b"\r\n", b"\r", b"\n", b"-", b":", b";", b'"', b"x", b"\0", b"file"]
PIECES += [
    part(b"")[5:-6],
    b"Content-Type: text/plain",
    part(b"text"),
    FIELD,
    END,
    b"\xff" * 70_000,
]


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join), min_size=1, max_size=8)
)
async def test_whatever_comes_as_a_form_is_read_or_refused(pieces: list[bytes]) -> None:
    """And if it is read, then also when it comes at once."""
    try:
        whole = await read_form(list(pieces))
    except InvalidRequestError:
        return
    assert await read_form([b"".join(pieces)]) == whole


async def test_a_storage_that_is_away_is_said_so(site: Site) -> None:
    assert (await site.upload(b"text")).status_code == 200
    pending = site.folder / "pending"
    pending.rename(site.folder / "elsewhere")
    pending.write_text("no folder")
    answer = await site.upload(b"text")
    assert (answer.status_code, error_of(answer)["type"]) == (503, "unavailable")


# --- clients that do not keep to the rules ------------------------------------------------------


def request(*headers: bytes) -> bytes:
    lines = [
        b"POST /upload HTTP/1.1",
        b"host: localhost",
        b"x-user: ada",
        b"content-type: multipart/form-data; boundary=x",
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""])


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    tmp_path: Path, server: ServerName
) -> None:
    async with serving(tmp_path, server) as site:
        async with raw_connection(site.address) as (_, writer):
            writer.write(request(b"content-length: 500") + part(b"half of")[:-2])
            await writer.drain()
        await asyncio.wait_for(site.files.given_up.wait(), LIMIT_S)
        assert site.leftovers() == []
        assert (await site.upload(b"text")).status_code == 200


async def test_a_client_that_stops_sending_is_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path, stall_seconds=0.2) as site:
        async with raw_connection(site.address) as (reader, writer):
            writer.write(request(b"content-length: 500") + part(b"half of")[:-2])
            answer = await asyncio.wait_for(reader.read(), LIMIT_S)  # until it is closed
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["error"]["type"] == "timeout"
        assert site.leftovers() == []


async def test_a_client_that_is_refused_before_it_has_sent_anything_hears_so(site: Site) -> None:
    headers = request(b"content-length: 500").replace(b"multipart/form-data", b"text/plain")
    async with raw_connection(site.address) as (reader, writer):
        writer.write(headers)
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer


async def test_a_length_that_is_too_short_cuts_the_form_off(site: Site) -> None:
    form = part(b"text") + END
    async with raw_connection(site.address) as (reader, writer):
        length = b"content-length: %d" % (len(form) - 5)
        writer.write(request(length, b"connection: close") + form)
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"the form ends before its last boundary" in answer
    assert site.leftovers() == []


async def test_a_length_above_the_limit_is_no_matter_until_the_bytes_come(site: Site) -> None:
    """The rule is about the file; the length of the form around it says little."""
    form = part(b"text") + END
    padded = form + b"\r\n" * LIMIT
    assert len(padded) > LIMIT
    assert (await site.post(padded)).status_code == 200


# --- setting it up ------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [None, Vault()], ids=["no store", "a store without write"])
def test_a_store_that_takes_no_direct_uploads_is_refused_at_once(
    store: AttachmentStore[Any] | None,
) -> None:
    endpoint = ChatKitEndpoint(EchoServer(MemoryStore(), store), context=context_of)
    with pytest.raises(TypeError, match="attachment store with a write method"):
        UploadEndpoint(endpoint)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_stall_of_no_time_is_refused(seconds: float, tmp_path: Path) -> None:
    files = Folder(
        tmp_path, store=SQLiteStore(tmp_path / "db", owner=user_of), owner=user_of, url="http://a/b"
    )
    endpoint = ChatKitEndpoint(EchoServer(MemoryStore(), files), context=context_of)
    with pytest.raises(ValueError, match=f"above zero, not {seconds}"):
        UploadEndpoint(endpoint, stall_seconds=seconds)


def test_without_the_extra_the_error_names_the_command_and_nothing_else_is_affected() -> None:
    code = """
import sys
sys.modules["python_multipart"] = None
from chatkit.asgi import ChatKitEndpoint, UploadEndpoint
from chatkit.server import ChatKitServer
from chatkit.store import AttachmentStore

class Server(ChatKitServer):
    def respond(self, *_): ...

class Files(AttachmentStore):
    def delete_attachment(self, *_): ...
    def write(self, *_): ...

UploadEndpoint(ChatKitEndpoint(Server(None, Files()), context=print))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError")
    assert 'pip install "chatkit-core[uploads]"' in last_line
