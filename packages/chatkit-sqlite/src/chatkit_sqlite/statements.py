"""Every statement that the store runs. Each uses an index; the tests ask SQLite whether."""

from __future__ import annotations

from chatkit.records import Kind

_WHERE = {
    Kind.THREAD: "owner = :owner",
    Kind.ITEM: "owner = :owner AND thread = :parent",
    Kind.ATTACHMENT: "owner = :owner",
}

_READ = "SELECT json FROM {table} WHERE {where} AND id = :id"

_ADD = """
    INSERT INTO {table} (owner, id, created, json) VALUES (:owner, :id, :created, :json)
    ON CONFLICT (owner, id) DO UPDATE SET json = excluded.json
"""

# Which of the threads that have had this id it is: a sequence is never used again.
_INCARNATION = "SELECT sequence FROM thread WHERE owner = :owner AND id = :parent"

# No row changes if this very thread does not exist. `WHERE` also keeps the parser from taking
# `ON CONFLICT` for a join's condition.
_ADD_ITEM = """
    INSERT INTO item (owner, thread, id, created, json)
    SELECT owner, id, :id, :created, :json FROM thread
    WHERE owner = :owner AND id = :parent AND sequence = :incarnation
    ON CONFLICT (owner, thread, id) DO UPDATE SET json = excluded.json
"""

_REPLACE = "UPDATE {table} SET json = :new WHERE {where} AND id = :id AND json = :old"

_FIRST_PAGE = """
    SELECT json FROM {table} WHERE {where} ORDER BY created {order}, sequence {order} LIMIT :limit
"""

# The cursor's own row comes first: without it, the cursor is unknown. Two ranges, because SQLite
# would use only `created` of a row value `(created, sequence)` and walk through all its ties.
_PAGE = """
    SELECT json, created, sequence FROM {table}
    WHERE {where} AND created = (SELECT created FROM {table} WHERE {where} AND id = :after)
    AND sequence {beyond}= (SELECT sequence FROM {table} WHERE {where} AND id = :after)
    UNION ALL
    SELECT json, created, sequence FROM {table}
    WHERE {where} AND created {beyond} (SELECT created FROM {table} WHERE {where} AND id = :after)
    ORDER BY created {order}, sequence {order} LIMIT :limit
"""

_REMOVE = "DELETE FROM {table} WHERE {where} AND id = :id"

_PLACE = "SELECT created, sequence FROM {table} WHERE {where} AND id = :id"

_REMOVE_TIES_AFTER = """
    DELETE FROM {table} WHERE {where} AND created = :created AND sequence > :sequence
"""

_REMOVE_LATER = "DELETE FROM {table} WHERE {where} AND created > :created"

_SCAN = """
    SELECT sequence, owner, {parent}, id, created, json FROM {table}
    WHERE sequence > :sequence ORDER BY sequence LIMIT :limit
"""


class Statements:
    """The statements for one kind of record, all with the same named parameters."""

    def __init__(self, kind: Kind) -> None:
        def fill(template: str, **words: str) -> str:
            return template.format(table=kind.value, where=_WHERE[kind], **words)

        self.read = fill(_READ)
        self.write = _ADD_ITEM if kind is Kind.ITEM else fill(_ADD)
        self.incarnation = _INCARNATION
        self.replace = fill(_REPLACE)
        self.first_page = {
            newest_first: fill(_FIRST_PAGE, order="DESC" if newest_first else "ASC")
            for newest_first in (False, True)
        }
        self.page = {
            False: fill(_PAGE, beyond=">", order="ASC"),
            True: fill(_PAGE, beyond="<", order="DESC"),
        }
        self.remove = fill(_REMOVE)
        self.place = fill(_PLACE)
        self.remove_ties_after = fill(_REMOVE_TIES_AFTER)
        self.remove_later = fill(_REMOVE_LATER)
        self.scan = fill(_SCAN, parent="thread" if kind is Kind.ITEM else "''")


STATEMENTS = {kind: Statements(kind) for kind in Kind}
