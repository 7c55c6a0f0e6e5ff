-- Reading all events of one type. The row's key, its position, is the index's last column.
CREATE INDEX events_by_kind ON events (kind);
