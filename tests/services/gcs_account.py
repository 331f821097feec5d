"""A Google service account that exists for one run of the tests: a key, and what Google's own
services do with it."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth import jwt

EMAIL = "tests@chatkit.iam.gserviceaccount.com"


class ServiceAccount:
    """A service account with a key of its own, which nobody else has ever seen."""

    email = EMAIL

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._tokens: set[str] = set()

    def key_file(self, token_uri: str) -> dict[str, Any]:
        """What the JSON file holds that Google hands out for a key."""
        private = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": "chatkit",
            "private_key_id": secrets.token_hex(20),
            "private_key": private.decode(),
            "client_email": self.email,
            "token_uri": token_uri,
        }

    def sign(self, message: bytes) -> bytes:
        """What IAM's ``signBlob`` gives."""
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this account's."""
        try:
            self._key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def new_token(self) -> str:
        """An access token, as the token service and the metadata server give it."""
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self._tokens.add(token)
        return token

    def is_token(self, token: str) -> bool:
        """Whether the access token is this account's."""
        return token in self._tokens

    def is_assertion(self, assertion: str) -> bool:
        """Whether a token may be had for this JWT: it is signed with the key, and for now."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            claims: Any = jwt.decode(assertion, certs=public)  # type: ignore[no-untyped-call]
        except ValueError:
            return False
        return bool(claims["iss"] == self.email)
