"""The tables of the file, and how a file of an earlier version gets them.

The version is kept in the file, in ``PRAGMA user_version``; ``PRAGMA application_id`` says that
it is a ChatKit store at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files

from chatkit.store import StoreUnavailableError

APPLICATION_ID = 0x43484B54  # "CHKT"

SCRIPTS: Sequence[str] = ("schema.sql",)
"""The scripts that lead from an empty file to the newest version, one for each version."""


class UnusableFileError(StoreUnavailableError):
    """The file is no ChatKit store, or one of a newer version. Waiting does not help."""


def check_version(connection: sqlite3.Connection, path: str) -> int:
    """The version of the file, 0 for an empty one.

    Raises:
        UnusableFileError: The file belongs to something else, or to a newer version.
    """
    # One transaction, because another process may be making the file just now.
    connection.execute("BEGIN")
    try:
        return _version(connection, path)
    finally:
        connection.rollback()


def upgrade(connection: sqlite3.Connection, path: str) -> None:
    """Bring the file to the newest version, in one transaction, if it is not there yet.

    Raises:
        UnusableFileError: The file belongs to something else, or to a newer version.
    """
    if check_version(connection, path) == len(SCRIPTS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited.
        for script in SCRIPTS[_version(connection, path) :]:
            text = files("chatkit_sqlite").joinpath(script).read_text("utf-8")
            for statement in _statements(text):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(SCRIPTS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _version(connection: sqlite3.Connection, path: str) -> int:
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID:
        if version or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise UnusableFileError(f"{path}: this SQLite file is not a ChatKit store")
        return 0
    if version > len(SCRIPTS):
        raise UnusableFileError(
            f"{path}: the file has version {version}, and this chatkit-sqlite knows versions up "
            f"to {len(SCRIPTS)}; upgrade it: pip install --upgrade chatkit-sqlite"
        )
    return version


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
