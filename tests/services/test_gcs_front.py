"""The front takes what Google's own client has signed, and refuses what Google would refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from google.auth import crypt, jwt
from google.oauth2 import service_account

from services.gcs import GCSService
from services.gcs_account import ServiceAccount
from services.gcs_signatures import Refused, check_length, check_signed
from services.relay import Request

UPLOAD = {"x-goog-content-length-range": "5,5", "x-goog-if-generation-match": "0"}
TEXT = {**UPLOAD, "Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def account() -> ServiceAccount:
    return ServiceAccount()


def signed(account: ServiceAccount, seconds: int = 60) -> Request:
    """A request for an upload that Google's own library has signed."""
    from google.cloud import storage

    driver: Any = service_account.Credentials
    credentials = driver.from_service_account_info(account.key_file("https://x/token"))
    client = storage.Client(project="p", credentials=credentials)
    url = (
        client.bucket("b")
        .blob("pending/ü 1.txt")
        .generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=seconds),
            method="PUT",
            content_type="text/plain",
            headers=dict(UPLOAD),
        )
    )
    client.close()
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "content-length": "5"}
    return Request(
        "PUT", parts.path, parts.query, {**headers, **{k.lower(): v for k, v in TEXT.items()}}
    )


def now(seconds: float = 0) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


def test_what_googles_library_has_signed_is_taken(account: ServiceAccount) -> None:
    request = signed(account)
    check_signed(request, account, now())
    check_signed(request, account, now(30))
    check_length(request)


def test_a_link_is_refused_when_it_has_expired(account: ServiceAccount) -> None:
    with pytest.raises(Refused, match="ExpiredToken"):
        check_signed(signed(account), account, now(62))


def test_a_link_is_refused_long_before_its_date(account: ServiceAccount) -> None:
    with pytest.raises(Refused, match="AuthorizationQueryParametersError"):
        check_signed(signed(account), account, now(-1000))


def test_what_another_key_has_signed_is_refused(account: ServiceAccount) -> None:
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        check_signed(signed(ServiceAccount()), account, now())


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("method", "PUT", "GET"),
        ("path", "pending", "kept"),
        ("query", "Expires=60", "Expires=61"),
        ("query", "Expires=60", "Expires=60&response-content-type=text%2Fhtml"),
    ],
)
def test_a_link_is_good_for_one_request_alone(
    account: ServiceAccount, field: str, old: str, new: str
) -> None:
    request = signed(account)
    altered = request._replace(**{field: getattr(request, field).replace(old, new)})
    assert altered != request
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        check_signed(altered, account, now())


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {"content-type": ""},
        {"host": "elsewhere.example"},
        {"x-goog-content-length-range": "0,9"},
        {"x-goog-if-generation-match": ""},
    ],
)
def test_signed_headers_are_sent_as_they_were_signed(
    account: ServiceAccount, headers: Mapping[str, str]
) -> None:
    request = signed(account)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        check_signed(request._replace(headers={**request.headers, **headers}), account, now())


def test_headers_of_googles_must_be_signed(account: ServiceAccount) -> None:
    request = signed(account)
    with pytest.raises(Refused, match="AccessDenied"):
        check_signed(
            request._replace(headers={**request.headers, "x-goog-acl": "public-read"}),
            account,
            now(),
        )


@pytest.mark.parametrize("left_out", ["Algorithm", "Credential", "Date", "Expires", "Signature"])
def test_each_part_of_a_signature_is_needed(account: ServiceAccount, left_out: str) -> None:
    request = signed(account)
    query = request.query.replace(f"X-Goog-{left_out}=", "X-Goog-Other=")
    with pytest.raises(Refused, match=r"InvalidArgument|AuthorizationQueryParametersError"):
        check_signed(request._replace(query=query), account, now())


def test_a_link_works_for_a_week_at_most(account: ServiceAccount) -> None:
    request = signed(account)
    query = request.query.replace("Expires=60", "Expires=604801")
    with pytest.raises(Refused, match="AuthorizationQueryParametersError"):
        check_signed(request._replace(query=query), account, now())


@pytest.mark.parametrize(
    ("length", "code"),
    [("4", "EntityTooSmall"), ("6", "EntityTooLarge"), (None, "MissingContentLength")],
)
def test_a_body_of_another_length_is_refused(
    account: ServiceAccount, length: str | None, code: str
) -> None:
    request = signed(account)
    headers = {k: v for k, v in request.headers.items() if k != "content-length"}
    if length is not None:
        headers["content-length"] = length
    with pytest.raises(Refused, match=code):
        check_length(request._replace(headers=headers))


# --- the front as a whole ------------------------------------------------------------------------


@pytest.fixture
def bucket(gcs_server: GCSService) -> Iterator[Any]:
    with gcs_server.client() as client:
        yield client.bucket(gcs_server.new_bucket())


def upload_link(bucket: Any) -> str:
    blob = bucket.blob("pending/a")
    return str(
        blob.generate_signed_url(
            version="v4",
            expiration=timedelta(minutes=1),
            method="PUT",
            content_type="text/plain",
            headers=dict(UPLOAD),
        )
    )


async def test_one_upload_passes_and_later_ones_are_refused(bucket: Any) -> None:
    link = upload_link(bucket)
    async with httpx.AsyncClient() as client:
        bodies = [letter * 5 for letter in "abcdef"]
        replies = await asyncio.gather(
            *(client.put(link, content=body, headers=TEXT) for body in bodies)
        )
    assert sorted(reply.status_code for reply in replies) == [200] + [412] * 5
    won = next(body for body, reply in zip(bodies, replies, strict=True) if reply.is_success)
    assert bucket.blob("pending/a").download_as_bytes() == won.encode()


async def blocks() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield b"x" * 100_000


async def test_a_refused_upload_leaves_the_connection_usable(bucket: Any) -> None:
    link = upload_link(bucket)
    async with httpx.AsyncClient() as client:
        for body, status, code in (
            (b"x" * 1_000_000, 400, "EntityTooLarge"),
            (blocks(), 411, "MissingContentLength"),
        ):
            refused = await client.put(link, content=body, headers=TEXT)
            assert (refused.status_code, code in refused.text) == (status, True)
        assert (await client.put(link, content=b"right", headers=TEXT)).status_code == 200


def test_a_copy_that_must_be_new_never_replaces(bucket: Any) -> None:
    from google.api_core.exceptions import PreconditionFailed

    bucket.blob("a").upload_from_string("a")
    bucket.blob("b").upload_from_string("b")
    with pytest.raises(PreconditionFailed):
        bucket.blob("b").rewrite(bucket.blob("a"), if_generation_match=0)
    assert bucket.blob("b").download_as_bytes() == b"b"


@pytest.mark.parametrize("path", ["/storage/v1/b", "/upload/storage/v1/b/x/o", "/x/y", "/"])
@pytest.mark.parametrize("token", [None, "ya29.made-up"])
async def test_nobody_is_let_in_without_a_token_or_a_signature(
    gcs_server: GCSService, path: str, token: str | None
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=gcs_server.url, headers=headers) as client:
        for method in ("GET", "PUT", "POST", "DELETE"):
            assert (await client.request(method, path)).status_code in (401, 403)


async def test_a_token_is_given_for_an_assertion_of_the_accounts_own(
    gcs_server: GCSService,
) -> None:
    driver: Any = crypt.RSASigner
    answers = {}
    for account in (gcs_server.front.account, ServiceAccount()):
        signer = driver.from_service_account_info(account.key_file(""))
        seconds = int(now().timestamp())
        claims = {"iss": account.email, "iat": seconds, "exp": seconds + 60}
        encode: Any = jwt.encode
        form = {"assertion": encode(signer, claims).decode()}
        async with httpx.AsyncClient(base_url=gcs_server.url) as client:
            answers[account] = (await client.post("/token", data=form)).status_code
    assert list(answers.values()) == [200, 400]


async def test_pages_of_other_origins_may_do_what_the_buckets_rules_say(bucket: Any) -> None:
    link = upload_link(bucket)
    bucket.reload()
    bucket.cors = [
        {"origin": ["https://a.example"], "method": ["PUT"], "responseHeader": ["Content-Type"]}
    ]
    bucket.patch()
    asks = [
        ("https://a.example", "PUT", "content-type", True),
        ("https://b.example", "PUT", "content-type", False),
        ("https://a.example", "DELETE", "content-type", False),
        ("https://a.example", "PUT", "content-type, x-goog-acl", False),
    ]
    async with httpx.AsyncClient() as client:
        for origin, method, names, allowed in asks:
            headers = {
                "Origin": origin,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": names,
            }
            reply = await client.options(link, headers=headers)
            assert ("access-control-allow-methods" in reply.headers) == allowed
        for origin, allowed in (("https://a.example", True), ("https://b.example", False)):
            sent = {**TEXT, "Origin": origin}
            reply = await client.put(link, content=b"right", headers=sent)
            assert ("access-control-allow-origin" in reply.headers) == allowed
            bucket.blob("pending/a").delete()
