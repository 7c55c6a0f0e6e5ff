-- Wrapped keys, in a file of their own, so that no copy of the log is a copy of them.

CREATE TABLE secrets (
    key_id  TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) WITHOUT ROWID;

-- Names whose key was destroyed; they never have one again.
CREATE TABLE destroyed (
    key_id TEXT PRIMARY KEY
) WITHOUT ROWID;
