-- The log: events in one gap-free order, and the doors beside it. Names of streams stand once each.
-- Every batch first takes the one row of `head` and holds it until its commit, so that positions become visible in
-- their order. Text is compared byte by byte; bodies are bytes and nothing else.

CREATE TABLE head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint NOT NULL,
    streams   bigint NOT NULL,
    -- How many rows each door has.
    cursors   bigint NOT NULL,
    leases    bigint NOT NULL,
    snapshots bigint NOT NULL,
    secrets   bigint NOT NULL,
    sessions  bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO head (position, streams, cursors, leases, snapshots, secrets, sessions) VALUES (0, 0, 0, 0, 0, 0, 0);

CREATE TABLE streams (
    id   bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE events (
    position    bigint PRIMARY KEY,
    stream      bigint NOT NULL,
    revision    bigint NOT NULL,
    recorded_at bigint NOT NULL,
    id          uuid NOT NULL,
    category    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    body        bytea NOT NULL,
    meta        bytea NOT NULL
);

CREATE UNIQUE INDEX events_by_revision ON events (stream, revision);
-- Not unique: the same id may legally stand twice.
CREATE INDEX events_by_id ON events (stream, id);
CREATE INDEX events_by_category ON events (category, position);

CREATE TABLE cursors (
    name     text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE leases (
    name       text COLLATE "C" PRIMARY KEY,
    holder     text COLLATE "C" NOT NULL,
    epoch      bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE snapshots (
    name         text COLLATE "C" PRIMARY KEY,
    position     bigint NOT NULL,
    code_version bigint NOT NULL,
    bytes        bytea NOT NULL
);

CREATE TABLE secrets (
    key_id  text COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL
);

CREATE TABLE sessions (
    token_hash    bytea PRIMARY KEY,
    bytes         bytea NOT NULL,
    expires_at_ms bigint NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
