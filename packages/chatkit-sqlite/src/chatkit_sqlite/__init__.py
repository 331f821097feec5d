"""A durable ChatKit store in one SQLite file."""

from chatkit_sqlite.schema import UnusableFileError
from chatkit_sqlite.store import SQLiteStore

__all__ = ["SQLiteStore", "UnusableFileError"]
