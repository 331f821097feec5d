"""How S3 is asked to encrypt what is written: the same for uploads by link, writes and copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")

ALGORITHM_HEADER = "x-amz-server-side-encryption"
KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


@dataclass(frozen=True)
class Encryption:
    """What to ask for; nothing leaves it to the bucket's own settings.

    Args:
        algorithm: ``AES256`` for keys of S3's own (SSE-S3), ``aws:kms`` for keys of the Key
            Management Service (SSE-KMS), ``aws:kms:dsse`` for the same in two layers.
        key_id: Which key of the Key Management Service; ``None`` for the account's own.

    Raises:
        ValueError: They are none of these, or do not belong together.
    """

    algorithm: str | None = None
    key_id: str | None = None

    def __post_init__(self) -> None:
        if self.algorithm is not None and self.algorithm not in ALGORITHMS:
            raise ValueError(
                f"encryption= must be one of {', '.join(ALGORITHMS)}, got {self.algorithm!r}"
            )
        if self.key_id is not None and self.algorithm in (None, "AES256"):
            raise ValueError(
                f"kms_key_id= needs encryption='aws:kms' or 'aws:kms:dsse', got {self.algorithm!r}"
            )

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the client's methods are called with."""
        return _given({"ServerSideEncryption": self.algorithm, "SSEKMSKeyId": self.key_id})

    @property
    def headers(self) -> Mapping[str, str]:
        """What whoever follows an upload link must send."""
        return _given({ALGORITHM_HEADER: self.algorithm, KEY_HEADER: self.key_id})


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
