//! Writing a decided batch: events, their new streams, the head row, and word to the others, in one statement.
//!
//! For: sending it with its COMMIT in one message when it is small, and as bytes when it is not.
//! May not know: what fits, what was looked up.

use std::sync::Arc;

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use super::doors::Doors;
use super::literal;
use super::look::{StreamRow, StreamRows};
use super::rows::to_sql;
use super::trouble::Trouble;
use crate::event::Recorded;
use crate::name::{Position, StreamName};

/// Up to so many bytes of events a batch is written as text, twice as long, which saves a round trip. Ours: a press with
/// its neighbours is a few kilobytes; an import's batch is longer, and a round trip more does not hurt it.
const TEXT_BYTES: usize = 16 * 1024;

/// For the session to prepare, and to bind to.
pub(super) const INSERT: &str = "WITH new_streams AS (\
       INSERT INTO streams (id, name) SELECT * FROM unnest($1::bigint[], $2::text[])), \
     new_events AS (\
       INSERT INTO events (position, stream, revision, recorded_at, id, category, kind, body, meta) \
       SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::uuid[], $8::text[], \
         $9::text[], $10::bytea[], $11::bytea[])), \
     new_head AS (\
       UPDATE head SET position = $13, streams = $14, cursors = $15, leases = $16, snapshots = $17, secrets = $18, \
         sessions = $19 WHERE one AND $12) \
     SELECT pg_notify($20, $13::text) WHERE $20::text IS NOT NULL";

/// The types of its arguments, in order.
pub(super) const INSERT_TYPES: &str = "bigint[], text[], bigint[], bigint[], bigint[], bigint[], uuid[], text[], text[], \
     bytea[], bytea[], boolean, bigint, bigint, bigint, bigint, bigint, bigint, bigint, text";

/// A decided batch, column by column.
pub(super) struct Insertion<'a> {
    new_ids: Vec<i64>,
    new_names: Vec<&'a str>,
    positions: Vec<i64>,
    streams: Vec<i64>,
    revisions: Vec<i64>,
    recorded_at: Vec<i64>,
    ids: Vec<Uuid>,
    categories: Vec<&'a str>,
    kinds: Vec<&'a str>,
    bodies: Vec<&'a [u8]>,
    metas: Vec<&'a [u8]>,
    /// What the head row says afterwards, unless it says so already.
    head: i64,
    stream_count: i64,
    head_changes: bool,
    doors: &'a Doors,
    channel: Option<&'a str>,
}

impl<'a> Insertion<'a> {
    /// Gives the new streams among `events` the numbers after `stream_count`, also in `rows`. `settled` says that the
    /// head row has the batch's last position, `last`, already.
    pub(super) fn new(
        events: &'a [Arc<Recorded>],
        rows: &mut StreamRows,
        stream_count: i64,
        (last, settled): (Position, bool),
        doors: &'a Doors,
        channel: &'a str,
    ) -> Self {
        let fresh = number_new_streams(events, rows, stream_count);
        let each = |pick: &dyn Fn(&'a Recorded) -> i64| -> Vec<i64> {
            events.iter().map(|event| pick(event)).collect()
        };
        let id = |stream: &StreamName| rows.get(stream).map_or(-1, |row| row.id);
        Self {
            positions: each(&|event| to_sql(event.position.0)),
            streams: each(&|event| id(&event.stream)),
            revisions: each(&|event| to_sql(event.revision.0)),
            recorded_at: each(&|event| event.recorded_at),
            ids: events.iter().map(|event| event.id.0).collect(),
            categories: events.iter().map(|event| event.stream.category()).collect(),
            kinds: events.iter().map(|event| &*event.kind).collect(),
            bodies: events.iter().map(|event| &*event.body).collect(),
            metas: events.iter().map(|event| &*event.meta).collect(),
            head: to_sql(last.0),
            stream_count: stream_count + to_sql(fresh.len() as u64),
            head_changes: !fresh.is_empty() || !settled || doors.changed(),
            new_ids: fresh.iter().map(|(id, _)| *id).collect(),
            new_names: fresh.into_iter().map(|(_, name)| name.as_str()).collect(),
            doors,
            channel: (!events.is_empty()).then_some(channel),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.positions.is_empty() && !self.head_changes
    }

    pub(super) fn is_small(&self) -> bool {
        let sum = |column: &[&[u8]]| column.iter().map(|item| item.len()).sum::<usize>();
        sum(&self.bodies) + sum(&self.metas) <= TEXT_BYTES
    }

    /// The arguments as text.
    pub(super) fn literals(&self) -> Result<String, Trouble> {
        let counts = self.doors.counts().map(|count| count.to_string());
        Ok([
            literal::numbers(&self.new_ids),
            literal::texts(&self.new_names)?,
            literal::numbers(&self.positions),
            literal::numbers(&self.streams),
            literal::numbers(&self.revisions),
            literal::numbers(&self.recorded_at),
            literal::uuids(self.ids.iter().copied().map(Some)),
            literal::texts(&self.categories)?,
            literal::texts(&self.kinds)?,
            literal::bytes(&self.bodies),
            literal::bytes(&self.metas),
            self.head_changes.to_string(),
            self.head.to_string(),
            self.stream_count.to_string(),
            counts.join(", "),
            self.channel.map_or("NULL".to_owned(), literal::text),
        ]
        .join(", "))
    }

    /// The statement with its arguments as bytes.
    pub(super) fn query(self) -> sqlx::query::Query<'a, Postgres, PgArguments> {
        let query = sqlx::query(INSERT)
            .bind(self.new_ids)
            .bind(self.new_names)
            .bind(self.positions)
            .bind(self.streams)
            .bind(self.revisions)
            .bind(self.recorded_at)
            .bind(self.ids)
            .bind(self.categories)
            .bind(self.kinds)
            .bind(self.bodies)
            .bind(self.metas)
            .bind(self.head_changes)
            .bind(self.head)
            .bind(self.stream_count);
        let counts = self.doors.counts().into_iter();
        let query = counts.fold(query, |query, count| query.bind(count));
        query.bind(self.channel)
    }
}

fn number_new_streams<'a>(
    events: &'a [Arc<Recorded>],
    rows: &mut StreamRows,
    last: i64,
) -> Vec<(i64, &'a StreamName)> {
    let mut fresh = Vec::new();
    for event in events {
        if !rows.contains_key(&event.stream) {
            let id = last + 1 + to_sql(fresh.len() as u64);
            let head = event.revision;
            rows.insert(event.stream.clone(), StreamRow { id, head });
            fresh.push((id, &event.stream));
        }
    }
    fresh
}
