"""Memory stays flat, whatever the size."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from itertools import repeat
from pathlib import Path

import pytest

from gcs.conftest import ADA, Bucket

SIZE = 200_000_000
BLOCK = 100_000
MOST_MIB = 48


async def blocks(block: bytes) -> AsyncIterator[bytes]:
    for each in repeat(block, SIZE // BLOCK):
        yield each


class Growth:
    """By how much this process has been larger since, in MiB, as Linux counts it."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = self._peak()

    @staticmethod
    def _peak() -> int:
        [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(line)

    def check(self, who: str) -> None:
        grown = (self._peak() - self._before) / 1024
        assert grown < MOST_MIB, f"{who} took {grown:.0f} MiB more"


@pytest.mark.timeout(300)
async def test_200_megabytes_go_up_by_a_link_and_come_back(bucket: Bucket) -> None:
    async with bucket.store(max_bytes=SIZE) as store:
        attachment = await bucket.announce(store, SIZE, "video/x-any")
        await bucket.upload(store, b"small")  # whatever is loaded only once
        growth = Growth()
        length = {"Content-Length": str(SIZE)}
        reply = await bucket.put(attachment, blocks(os.urandom(BLOCK)), **length)
        assert reply.status_code == 200
        used = await store.keep_attachment(attachment, ADA)
        received = 0
        async for chunk in store.stream(used, ADA):
            received += len(chunk)
        url = await store.download_url(used, ADA)
        async with bucket.client.stream("GET", url) as download:
            async for chunk in download.aiter_raw():
                received += len(chunk)
        assert received == 2 * SIZE
        growth.check("the store, the browser and the front")


@pytest.mark.timeout(300)
async def test_200_megabytes_are_written(bucket: Bucket) -> None:
    async with bucket.store(max_bytes=SIZE) as store:
        await bucket.upload(store, b"small")
        growth = Growth()
        block = os.urandom(BLOCK)
        written = await store.write("a", "video/x-any", blocks(block), ADA)
        growth.check("the store and the front")
        received = 0
        async for chunk in store.stream(written, ADA, SIZE - 10 * BLOCK):
            received += len(chunk)
        assert received == 10 * BLOCK
        assert [part async for part in store.stream(written, ADA, SIZE - BLOCK)] == [block]
