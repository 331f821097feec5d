"""boto3's client: built when it is first needed, which takes a tenth of a second and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MOST_CONNECTIONS = 32
ATTEMPTS = 2
CONNECT_SHARE, READ_SHARE = 0.15, 0.3
"""Of the timeout, for each attempt: all attempts together stay below it."""


class Credentials(Protocol):
    """What is asked of boto3's credentials."""

    def get_frozen_credentials(self) -> object: ...


class Connected(NamedTuple):
    """A client, and the credentials that it signs with, if any were found."""

    client: S3Client
    credentials: Credentials | None


@dataclass(frozen=True)
class Connection:
    """Where the service is, and how to speak to it.

    Args:
        region: The bucket's region; ``None`` leaves it to boto3's settings.
        endpoint_url: Where a server other than Amazon's is; ``None`` leaves it to boto3's settings.
        path_style: Whether the bucket is in the path of a URL and not in its host name; ``None``
            for: if ``endpoint_url`` is given.
        timeout: Seconds that a call may take, all attempts included.

    Raises:
        ValueError: ``endpoint_url`` is no URL of a server, or holds a password.
    """

    region: str | None = None
    endpoint_url: str | None = None
    path_style: bool | None = None
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.endpoint_url is None:
            return
        parts = urlsplit(self.endpoint_url)
        if "@" in parts.netloc:
            raise ValueError("endpoint_url= must hold no user and no password")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(
                "endpoint_url= must be the URL of an S3 server, such as 'https://s3.example.com', "
                f"got {self.endpoint_url!r}"
            )

    def connect(self) -> Connected:
        """Build the client. Looks for credentials where boto3 does, which may ask the network."""
        import boto3
        from botocore.config import Config

        in_path = self.endpoint_url is not None if self.path_style is None else self.path_style
        session: Any = boto3.Session()  # its types name every service there is
        client: S3Client = session.client(
            "s3",
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            config=Config(
                signature_version="s3v4",  # the default may sign links as of old, without headers
                # "virtual" also puts the region into links: the global host name redirects, which
                # browsers do not follow across origins.
                s3={"addressing_style": "path" if in_path else "virtual"},
                connect_timeout=self.timeout * CONNECT_SHARE,
                read_timeout=self.timeout * READ_SHARE,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=MOST_CONNECTIONS,
                # Checksums beyond those of S3's signatures are unknown to many other servers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        credentials: Credentials | None = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()  # now, and not in the event loop
        return Connected(client, credentials)


def must_be_fetched(credentials: Credentials | None) -> bool:
    """Whether signing with these credentials would ask the network for newer ones."""
    refresh_needed = getattr(credentials, "refresh_needed", None)  # of those that expire
    return refresh_needed is not None and bool(refresh_needed())
