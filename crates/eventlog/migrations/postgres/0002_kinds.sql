-- Reading all events of one type.
CREATE INDEX events_by_kind ON events (kind, position);
