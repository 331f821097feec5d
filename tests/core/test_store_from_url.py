"""``store_from_url``: the class for a scheme, what is missing, and no password in any error."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoints
from pathlib import Path

import pytest

from chatkit.owners import SINGLE_OWNER
from chatkit.records import by_url, store_from_url
from chatkit_sqlite import SQLiteStore
from support.record_samples import thread

SECRET = "s3cret"


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_url, "entry_points", lambda **_: EntryPoints())


async def test_a_url_leads_to_the_store_of_its_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///a%20%3F.db", f"SQLite:///{tmp_path}/a ?.db".replace("?", "%3f")):
        async with store_from_url(url, owner=str, timeout=3.0) as store:
            assert isinstance(store, SQLiteStore)
            await store.save_thread(thread("t"), "a")
    assert [path.name for path in tmp_path.glob("*.db")] == ["a ?.db"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_sqlite_in_memory_has_a_url_too(url: str) -> None:
    async with store_from_url(url, owner=SINGLE_OWNER) as store:
        await store.save_thread(thread("t"), None)
        assert store.name == ":memory:"


@pytest.mark.parametrize(
    "url",
    [
        f"sqlite://{SECRET}.db",
        f"sqlite://user:{SECRET}@host/db",
        f"sqlite:///a.db?password={SECRET}",
        f"sqlite:///a.db#{SECRET}",
        "sqlite:///",
    ],
)
def test_what_is_no_url_of_a_file_is_refused_with_the_rule(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:////absolute/path") as caught:
        store_from_url(url, owner=SINGLE_OWNER)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "chat.db", f"user:{SECRET}@host", f"://{SECRET}", f"oracle://u:{SECRET}@h/{SECRET}"],
)
def test_an_unknown_scheme_is_refused_and_the_known_ones_are_named(url: str) -> None:
    with pytest.raises(ValueError, match=r"mongodb\+srv://.*redis://.*sqlite://") as caught:
        store_from_url(url, owner=SINGLE_OWNER)
    assert SECRET not in str(caught.value)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("scheme", "package"),
    [
        ("redis", "chatkit-redis"),
        ("rediss", "chatkit-redis"),
        ("mongodb", "chatkit-mongo"),
        ("mongodb+srv", "chatkit-mongo"),
        ("sqlite", "chatkit-sqlite"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    scheme: str, package: str
) -> None:
    with pytest.raises(ImportError, match=f"pip install {package}") as caught:
        store_from_url(f"{scheme}://user:{SECRET}@host", owner=SINGLE_OWNER)
    assert SECRET not in str(caught.value)


OWN_STORE = """
from chatkit.records import RecordStore
from support.memory_records import MemoryRecords

class OwnStore(RecordStore):
    @classmethod
    def from_url(cls, url, *, owner, **settings):
        return cls(MemoryRecords(), owner=owner, **settings)
"""


def test_a_package_of_somebody_else_declares_its_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_store.py").write_text(OWN_STORE, encoding="utf-8")
    info = tmp_path / "own-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[chatkit.stores]\nown = own_store:OwnStore\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    store = store_from_url("own://host", owner=SINGLE_OWNER, timeout=2.0)
    assert type(store).__name__ == "OwnStore"
    assert store.name == "memory"


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(TypeError, match="speed"):
        store_from_url("sqlite://", owner=SINGLE_OWNER, speed=3)


def test_the_installed_packages_declare_the_schemes_that_the_core_knows() -> None:
    declared = {entry.name for entry in importlib.metadata.entry_points(group=by_url.GROUP)}
    assert "sqlite" in declared
    assert declared <= set(by_url.PACKAGES)
