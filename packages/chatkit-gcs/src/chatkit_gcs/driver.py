"""google-cloud-storage: imported when it is needed, called in threads of its own, ending in time.

The driver has no types, so what comes from it is ``Any`` here and in the modules beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from typing_extensions import ParamSpec

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 10
"""As many as the driver's pool keeps connections. Of their own, so that a storage that does not
answer takes none from the rest of the server."""


def driver_errors() -> tuple[type[Exception], ...]:
    """The driver's errors that mean: the storage cannot be reached or cannot be used now."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
        DataCorruption,
        InvalidResponse,
    )
    from urllib3.exceptions import HTTPError

    return (GoogleAPIError, GoogleAuthError, DataCorruption, InvalidResponse, HTTPError, OSError)


def new_client(endpoint_url: str | None) -> Any:
    """A client with the credentials that Google's library finds. Blocks."""
    from google.cloud import storage  # pyright: ignore[reportMissingTypeStubs]

    driver: Any = storage.Client
    options = {"api_endpoint": endpoint_url} if endpoint_url else None
    return driver(project=None, client_options=options)  # objects need no project


class Driver:
    """A client, and the threads that wait for it.

    Args:
        client: One that was lent, which is never closed; ``None`` for one of its own.
        endpoint_url: Where the service is, if not at Google.
        timeout: Seconds below which each call ends by itself.

    Attributes:
        client: The client, from ``open`` to ``close``.
        limits: The arguments with which each call ends in time.
    """

    def __init__(self, client: Any, endpoint_url: str | None, timeout: float) -> None:
        self._lent = client
        self._endpoint_url = endpoint_url
        self._timeout = timeout
        self.client: Any = None
        self.limits: dict[str, Any] = {}

    async def open(self) -> None:
        """Build the client, which takes a tenth of a second and more."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chatkit-gcs")
        try:
            await self.run(self._build)
        except BaseException:
            self._threads.shutdown(wait=False)
            raise

    def close(self) -> None:
        """Close the client, unless it was lent; that waits for no connection."""
        if self._lent is None:
            self.client.close()
        self._threads.shutdown(wait=False)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, which may block. A thread cannot be stopped: if this is
        cancelled, the function goes on to its end."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *args, **kwargs))

    def _build(self) -> None:
        from google.cloud.storage import retry  # pyright: ignore[reportMissingTypeStubs]

        policy: Any = retry.DEFAULT_RETRY
        # Together below the store's timeout: the last attempt begins before 0.3 of it are over,
        # and then has the time to connect and the time to wait for an answer.
        self.limits = {
            "timeout": (0.2 * self._timeout, 0.4 * self._timeout),
            "retry": policy.with_delay(0.1, 1.0, 2.0).with_timeout(0.3 * self._timeout),
        }
        self.client = self._lent or new_client(self._endpoint_url)
