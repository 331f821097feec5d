"""Who signs links: a key in this process, or Google's IAM over the network."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


class Signer(NamedTuple):
    """Who signs.

    Attributes:
        credentials: What signs, in the driver's terms; ``None`` if nothing here can.
        local: Whether that is pure computation.
        kind: What the client's credentials are.
    """

    credentials: Any
    local: bool
    kind: str


def find_signer(client: Any, email: str | None, timeout: tuple[float, float]) -> Signer:
    """Who signs for a client. May ask a machine's metadata server who the machine is.

    Args:
        client: The client, whose own credentials sign if they can.
        email: The service account in whose name IAM shall sign, if not the credentials' own.
        timeout: Seconds to connect and to wait for an answer, whenever somebody is asked.
    """
    from google.auth import credentials, crypt, iam
    from google.auth.transport.requests import Request
    from google.oauth2 import service_account

    own: Any = client._credentials  # the driver has no public name for them
    kind = type(own).__name__
    if isinstance(client._credentials, credentials.Signing) and email in (None, own.signer_email):
        # Impersonated ones have no key, and ask IAM by themselves.
        return Signer(own, isinstance(own.signer, crypt.RSASigner), kind)
    request: Any = partial(Request(), timeout=timeout)  # pyright: ignore[reportArgumentType]
    email = email or _own_email(own, request)
    if email is None:
        return Signer(None, False, kind)
    driver: Any = credentials
    scoped = driver.with_scopes_if_required(own, [CLOUD_PLATFORM])  # one for storage is too narrow
    iam_signer: Any = iam.Signer
    remote: Any = service_account.Credentials
    return Signer(remote(iam_signer(request, scoped, email), email, token_uri=""), False, kind)


def _own_email(credentials: Any, request: Any) -> str | None:
    email: str | None = getattr(credentials, "service_account_email", None)
    if email == "default":  # a machine's, which has not been asked yet
        credentials.refresh(request)
        email = credentials.service_account_email
    return email
