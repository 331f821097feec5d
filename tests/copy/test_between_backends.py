"""Copies between files and real servers, in both directions."""

from __future__ import annotations

import gc
import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatkit.records import CopyProgress, RecordStore, copy, store_from_url
from chatkit.store import StoreUnavailableError
from services.proxy import Proxy
from services.service import Service
from support.copies import fill, records_of, shown
from support.forgotten_sockets import FORGETS_SOCKETS

SERVERS = {"redis": "redis_server", "redis cluster": "redis_cluster", "mongo": "mongo_server"}
PAIRS = [
    (source, target)
    for source, target in itertools.permutations(("sqlite", *SERVERS), 2)
    if "sqlite" in (source, target) or (source, target) == ("redis", "mongo")
]


def on_server(url: str, **settings: Any) -> RecordStore[str]:
    """An empty store: the servers are everybody's."""
    name = "prefix" if url.startswith("redis") else "database"
    return store_from_url(url, owner=str, **{name: f"copy-{uuid.uuid4().hex}"}, **settings)


@pytest.fixture
def empty_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[str], RecordStore[str]]:
    """Opens an empty store of a kind."""

    def opened(kind: str) -> RecordStore[str]:
        if kind == "sqlite":
            return store_from_url(
                f"sqlite:///{tmp_path / uuid.uuid4().hex}", owner=str, synchronous="off"
            )
        server: Service = request.getfixturevalue(SERVERS[kind])
        return on_server(server.url)

    return opened


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda kind: str(kind))
async def test_everything_arrives_and_is_shown_the_same(
    empty_store: Callable[[str], RecordStore[str]], source: str, target: str
) -> None:
    async with empty_store(source) as ours, empty_store(target) as theirs:
        await fill(ours)
        result = await copy(ours, theirs, page_size=30)
        assert result.ok, result.differences
        assert result.progress.copied == len(await records_of(ours))
        same = await shown(theirs) == await shown(ours)
        assert same
        again = await copy(ours, theirs)
        assert (again.ok, again.progress.copied) == (True, 0)


@pytest.fixture(params=["redis", "mongo"])
def server(request: pytest.FixtureRequest) -> Service:
    found: Service = request.getfixturevalue(SERVERS[request.param])
    return found


@pytest.fixture
def proxy(server: Service) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy
    gc.collect()  # of sockets that a driver forgot: no other test is to find them


@FORGETS_SOCKETS
@pytest.mark.parametrize("side", ["source", "target"])
async def test_a_server_that_goes_away_in_the_middle_raises_and_the_copy_goes_on_later(
    empty_store: Callable[[str], RecordStore[str]], server: Service, proxy: Proxy, side: str
) -> None:
    async with (
        empty_store("sqlite") as file,
        on_server(proxy.url_of(server.url), timeout=2.0) as remote,
    ):
        source, target = (file, remote) if side == "target" else (remote, file)
        await fill(source)

        def cut(_: CopyProgress) -> None:
            proxy.down()

        with pytest.raises(StoreUnavailableError):
            await copy(source, target, page_size=20, progress=cut)
        proxy.up()
        result = await copy(source, target)
        assert result.ok, result.differences
        assert result.progress.skipped >= 20
        same = await shown(target) == await shown(source)
        assert same
