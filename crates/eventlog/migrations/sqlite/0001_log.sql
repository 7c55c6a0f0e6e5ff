-- The log: events in one gap-free order, and the doors beside it.
-- Stream and category names stand once each, so that an event is its own bytes and a few small numbers.

CREATE TABLE categories (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE streams (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    category INTEGER NOT NULL
);

CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    stream      INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    category    INTEGER NOT NULL,
    id          BLOB NOT NULL,
    kind        TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    body        BLOB NOT NULL,
    meta        BLOB NOT NULL
);

CREATE UNIQUE INDEX events_by_revision ON events (stream, revision);
-- Not unique: the same id may legally stand twice.
CREATE INDEX events_by_id ON events (stream, id);
-- The row's key, its position, is the index's last column.
CREATE INDEX events_by_category ON events (category);

CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE snapshots (
    name         TEXT PRIMARY KEY,
    position     INTEGER NOT NULL,
    code_version INTEGER NOT NULL,
    bytes        BLOB NOT NULL
);

CREATE TABLE secrets (
    key_id  TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash    BLOB PRIMARY KEY,
    bytes         BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
