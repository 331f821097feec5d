"""What a client of Google Cloud Storage asks other services of Google's for: access tokens, of the
token service or of a machine's metadata server, and signatures of IAM's."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from services.gcs_account import ServiceAccount
from services.relay import Request

METADATA = "/computeMetadata/v1"
MACHINE = rf"{METADATA}/instance/service-accounts/(?:default|[^/]+@[^/]+)"


class Answer(NamedTuple):
    """An answer as JSON."""

    status: int
    content: Mapping[str, Any]


def identity_answer(
    request: Request, body: bytes, account: ServiceAccount, authorized: bool
) -> Answer | None:
    """The answer, if the path is one of those services'."""
    for method, pattern, answer in _ROUTES:
        if request.method == method and re.fullmatch(pattern, request.path):
            return answer(body, account, authorized)
    return None


def _token_for_an_assertion(body: bytes, account: ServiceAccount, authorized: bool) -> Answer:
    [assertion] = parse_qs(body.decode()).get("assertion", [""])
    if not account.is_assertion(assertion):
        return Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature"})
    return _token(body, account, authorized)


def _token(body: bytes, account: ServiceAccount, authorized: bool) -> Answer:
    token = account.new_token()
    return Answer(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


def _description(body: bytes, account: ServiceAccount, authorized: bool) -> Answer:
    return Answer(200, {"email": account.email, "aliases": ["default"], "scopes": []})


def _signed_blob(body: bytes, account: ServiceAccount, authorized: bool) -> Answer:
    if not authorized:
        return Answer(401, {"error": {"code": 401, "message": "Request had invalid credentials."}})
    signature = account.sign(b64decode(json.loads(body)["payload"]))
    return Answer(200, {"keyId": "1", "signedBlob": b64encode(signature).decode()})


def _the_usual_universe(body: bytes, account: ServiceAccount, authorized: bool) -> Answer:
    return Answer(404, {})


_Route = Callable[[bytes, ServiceAccount, bool], Answer]
_ROUTES: list[tuple[str, str, _Route]] = [
    ("POST", r"/token", _token_for_an_assertion),
    ("POST", r"/v1/projects/-/serviceAccounts/[^/]+:signBlob", _signed_blob),
    ("GET", rf"{MACHINE}/token", _token),
    ("GET", rf"{MACHINE}/", _description),
    ("GET", rf"{METADATA}/universe/universe-domain", _the_usual_universe),
]
