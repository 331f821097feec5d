-- Version 1. An upgrade is a new script beside this one, named in schema.py; this one stays.
--
-- All three tables have the same shape: whose record it is and where (owner, thread, id), its
-- place in the order (created, in microseconds since 1970 in UTC, then sequence), and its JSON,
-- the canonical copy: UTF-8, as a BLOB because some tools end a TEXT at its first U+0000.

CREATE TABLE thread (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    json BLOB NOT NULL
);

CREATE UNIQUE INDEX thread_by_id ON thread (owner, id);
CREATE INDEX thread_in_order ON thread (owner, created, sequence);

CREATE TABLE item (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    thread TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    json BLOB NOT NULL,
    FOREIGN KEY (owner, thread) REFERENCES thread (owner, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX item_by_id ON item (owner, thread, id);
CREATE INDEX item_in_order ON item (owner, thread, created, sequence);

CREATE TABLE attachment (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    json BLOB NOT NULL
);

CREATE UNIQUE INDEX attachment_by_id ON attachment (owner, id);
