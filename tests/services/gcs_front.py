"""What stands before fake-gcs-server, which takes any signature and any token, copies over what is
there and knows no CORS rules. The front refuses what Google Cloud Storage would refuse, and hands
the rest on.

gcs_signatures.py   whether a signed URL is one, and its body as long as it says
gcs_account.py      the account whose signatures and tokens are taken
gcs_identity.py     where its tokens and signatures are to be had
gcs_cors.py         what CORS rules let pages of other origins do
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from urllib.parse import parse_qs, parse_qsl, quote, unquote

from services.gcs_account import ServiceAccount
from services.gcs_cors import Rules, cors_headers, preflight_headers
from services.gcs_identity import identity_answer
from services.gcs_signatures import Refused, check_length, check_signed, is_signed
from services.relay import Exchange, Relay, Request

JSON_API = ("/storage/", "/upload/", "/download/", "/resumable/")
BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
REWRITE = re.compile(r"/storage/v1/b/[^/]+/o/[^/]+/rewriteTo/b/([^/]+)/o/([^/]+)")
OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-disposition": "Content-Disposition",
}


class Front(Relay):
    """The front, for one account.

    Attributes:
        cors: The rules of each bucket.
        forbidden: Requests with this in their query are; none, if it is empty.
        rewrite_steps: In how many requests an object is copied, as large ones are.
    """

    def __init__(self, account: ServiceAccount) -> None:
        super().__init__(_Exchange)
        self.account = account
        self.cors: dict[str, Rules] = {}
        self.forbidden = ""
        self.rewrite_steps = 1
        self.creating = threading.Lock()


class _Exchange(Exchange):
    server: Front
    dropped = frozenset({"access-control-allow-origin"})  # the server behind lets every page in

    def answer(self, request: Request) -> None:
        try:
            if request.path.startswith(JSON_API):
                self._answer_json_api(request)
            elif request.method == "OPTIONS":
                self.send(200, b"", preflight_headers(self._rules(request), request.headers))
            elif is_signed(request):
                self._answer_signed(request)
            else:
                self._answer_for_other_services(request)
        except Refused as refused:
            body = (
                f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{refused.code}</Code></Error>"
            )
            self.send(refused.status, body.encode(), {"Content-Type": "application/xml"})

    # The JSON API, for whoever has a token

    def _answer_json_api(self, request: Request) -> None:
        if not self._is_authorized(request):
            self._send_json(401, {"error": {"code": 401, "message": "Login Required."}})
        elif self.server.forbidden and self.server.forbidden in request.query:
            self._send_json(403, {"error": {"code": 403, "message": "Permission denied."}})
        elif BUCKET.fullmatch(request.path):
            self._answer_for_a_bucket(request)
        elif REWRITE.fullmatch(request.path):
            self._answer_for_a_rewrite(request)
        else:
            self.hand_on({})

    def _answer_for_a_rewrite(self, request: Request) -> None:
        """Tokens of rewrites that are not done say how many steps have been made."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        step = int(asked.get("rewriteToken", "0")) + 1
        if step < self.server.rewrite_steps:
            progress = {"totalBytesRewritten": "0", "objectSize": "1", "done": False}
            self._send_json(200, {**progress, "rewriteToken": str(step)})
            return
        bucket, key = REWRITE.sub(r"\1 \2", request.path).split(" ")
        with self._creating(bucket, key, asked.get("ifGenerationMatch")):
            self.hand_on({})

    def _answer_for_a_bucket(self, request: Request) -> None:
        bucket = request.path.rpartition("/")[2]
        sent = self.read()
        status, body = self.ask_behind(request.method, self.path, sent)
        if request.method == "PATCH" and status == 200:
            self.server.cors[bucket] = json.loads(sent).get("cors", [])
        self._send_json(status, {**json.loads(body), "cors": self.server.cors.get(bucket, [])})

    def _is_authorized(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and self.server.account.is_token(token)

    # The XML API, for whoever has a signed URL

    def _answer_signed(self, request: Request) -> None:
        check_signed(request, self.server.account, datetime.now(timezone.utc))
        check_length(request)
        said = dict(parse_qsl(request.query))
        extra = {header: said[name] for name, header in OVERRIDES.items() if name in said}
        extra |= cors_headers(self._rules(request), request.method, request.headers)
        bucket, _, key = request.path.lstrip("/").partition("/")
        with self._creating(bucket, key, request.headers.get("x-goog-if-generation-match")):
            self.hand_on(extra)

    def _rules(self, request: Request) -> Rules:
        return self.server.cors.get(request.path.split("/")[1], [])

    @contextmanager
    def _creating(self, bucket: str, key: str, generation: str | None) -> Iterator[None]:
        """If there must be no object yet, refuse if there is, and let nobody else create one."""
        if generation != "0":
            yield
            return
        with self.server.creating:
            path = f"/storage/v1/b/{bucket}/o/{quote(unquote(key), safe='')}"
            if self.ask_behind("GET", path)[0] == 200:
                raise Refused(412, "PreconditionFailed")
            yield

    # Other services of Google's

    def _answer_for_other_services(self, request: Request) -> None:
        answer = identity_answer(
            request, self.read(), self.server.account, self._is_authorized(request)
        )
        if answer is None:
            raise Refused(403, "AccessDenied")
        self._send_json(*answer)

    def _send_json(self, status: int, content: object) -> None:
        headers = {"Content-Type": "application/json", "Metadata-Flavor": "Google"}
        self.send(status, json.dumps(content).encode(), headers)
