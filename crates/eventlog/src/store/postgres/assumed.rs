//! A batch decided before the head row is ours, and written in one message.
//!
//! For: holding the head row only as long as the server itself needs for the rows and the disk, and not for a trip to us and
//! our own thinking besides. What was assumed of the batch's streams is looked at again under the row; where it does
//! not hold, nothing is written.
//! May not know: how the batch was decided, nor what is done when the assumption was wrong.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::insert::{Columns, TEXT_BYTES};
use super::literal;
use super::rows::{from_sql, to_sql};
use super::trouble::Trouble;
use crate::event::Recorded;
use crate::name::{Position, Revision, StreamName};

/// Waits for the head row; what it says is read by the next statement, with a snapshot of its own.
pub(super) const TAKE_HEAD_ROW: &str = "SELECT 1 FROM head WHERE one FOR UPDATE";

/// Writes the batch if the log is not shorter than was seen ($1) and the streams ($2) still end where they were assumed to
/// ($3, -1 where there is none). Events have their streams' numbers, new ones those after the last, counted from -1 down.
pub(super) const WRITE_ASSUMED: &str = "WITH was AS MATERIALIZED (\
       SELECT position, streams, coalesce($5, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS now \
       FROM head WHERE one), \
     fits AS MATERIALIZED (\
       SELECT was.* FROM was WHERE was.position >= $1 AND NOT EXISTS (\
         SELECT FROM unnest($2::text[], $3::bigint[]) AS w (name, head) \
         LEFT JOIN streams s ON s.name = w.name \
         LEFT JOIN LATERAL (SELECT revision FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1) l ON true \
         WHERE coalesce(l.revision, -1) <> w.head)), \
     new_streams AS (\
       INSERT INTO streams (id, name) \
       SELECT fits.streams + n.at, n.name FROM fits, unnest($4::text[]) WITH ORDINALITY AS n (name, at)), \
     new_events AS (\
       INSERT INTO events (position, stream, revision, recorded_at, id, category, kind, body, meta) \
       SELECT fits.position + e.at, CASE WHEN e.stream < 0 THEN fits.streams - e.stream ELSE e.stream END, e.revision, \
         fits.now, e.id, e.category, e.kind, e.body, e.meta \
       FROM fits, unnest($6::bigint[], $7::bigint[], $8::uuid[], $9::text[], $10::text[], $11::bytea[], $12::bytea[]) \
         WITH ORDINALITY AS e (stream, revision, id, category, kind, body, meta, at)), \
     new_head AS (\
       UPDATE head SET position = fits.position + $13, streams = fits.streams + cardinality($4) FROM fits WHERE one) \
     SELECT was.position, was.streams, was.now, fits.position IS NOT NULL, \
       CASE WHEN fits.position IS NOT NULL THEN pg_notify($14, (fits.position + $13)::text)::text END \
     FROM was LEFT JOIN fits ON true";

/// The types of its arguments, in order.
pub(super) const WRITE_ASSUMED_TYPES: &str = "bigint, text[], bigint[], text[], bigint, bigint[], bigint[], uuid[], text[], \
     text[], bytea[], bytea[], bigint, text";

/// A batch decided on an assumption. Its events' positions count from 1.
pub(super) struct Assumed<'a> {
    /// Where the batch's streams are assumed to end; `None` where there is none.
    heads: Vec<(&'a str, Option<Revision>)>,
    fresh: Vec<&'a StreamName>,
    columns: Columns<'a>,
}

/// What the server says to it.
pub(super) struct Heard {
    /// The log's last position before the batch.
    pub(super) before: Position,
    /// How many streams there were.
    streams: i64,
    /// When the batch was recorded, in microseconds.
    pub(super) now: i64,
    /// Whether the assumption held, and the batch was written.
    pub(super) written: bool,
}

impl<'a> Assumed<'a> {
    /// `ids` are the numbers of the streams that are there.
    pub(super) fn new(
        events: &'a [Arc<Recorded>],
        heads: Vec<(&'a str, Option<Revision>)>,
        ids: &HashMap<StreamName, i64>,
    ) -> Self {
        let mut fresh: Vec<&StreamName> = Vec::new();
        let mut numbers: HashMap<&StreamName, i64> = HashMap::new();
        for event in events {
            if !ids.contains_key(&event.stream) && !numbers.contains_key(&event.stream) {
                fresh.push(&event.stream);
                numbers.insert(&event.stream, -to_sql(fresh.len() as u64));
            }
        }
        let id = |stream: &StreamName| {
            let known = ids.get(stream).or_else(|| numbers.get(stream));
            known.copied().unwrap_or_default()
        };
        Self {
            columns: Columns::of(events, id),
            heads,
            fresh,
        }
    }

    /// Whether it is little enough to be sent as text.
    pub(super) fn is_small(&self) -> bool {
        self.columns.bytes() <= TEXT_BYTES
    }

    /// The arguments of [`WRITE_ASSUMED`] as text.
    pub(super) fn literals(
        &self,
        seen: Position,
        now: Option<i64>,
        channel: &str,
    ) -> Result<String, Trouble> {
        let names: Vec<&str> = self.heads.iter().map(|(name, _)| *name).collect();
        let ends = self.heads.iter();
        let ends: Vec<i64> = ends
            .map(|(_, head)| head.map_or(-1, |head| to_sql(head.0)))
            .collect();
        let fresh: Vec<&str> = self.fresh.iter().map(|name| name.as_str()).collect();
        Ok([
            to_sql(seen.0).to_string(),
            literal::texts(&names)?,
            literal::numbers(&ends),
            literal::texts(&fresh)?,
            now.map_or("NULL".to_owned(), |now| now.to_string()),
            self.columns.literals()?,
            self.columns.len().to_string(),
            literal::text(channel),
        ]
        .join(", "))
    }

    /// The numbers that new streams were given.
    pub(super) fn numbered(&self, heard: &Heard) -> Vec<(StreamName, i64)> {
        let fresh = self.fresh.iter().zip(heard.streams + 1..);
        fresh.map(|(stream, id)| ((*stream).clone(), id)).collect()
    }
}

impl Heard {
    /// What the last of the message's statements said.
    pub(super) fn from_rows(rows: &[PgRow]) -> Result<Self, Trouble> {
        let last = rows.iter().rev().find(|row| Row::len(*row) == 5);
        let Some(row) = last else {
            return Err(Trouble::Failed("the log has no head row".to_owned()));
        };
        Ok(Self {
            before: Position(from_sql(row.try_get(0)?)?),
            streams: row.try_get(1)?,
            now: row.try_get(2)?,
            written: row.try_get(3)?,
        })
    }
}
