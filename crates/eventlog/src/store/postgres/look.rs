//! Looking up what a batch is decided on.
//!
//! For: the batch's streams as they stand, and the events it may repeat, for the whole batch at once.
//! May not know: what fits (the plan decides); when the transaction ends.

use std::collections::{HashMap, HashSet};

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::literal;
use super::rows::{from_sql, standing, to_sql};
use super::trouble::Trouble;
use crate::name::{EventId, Revision, StreamName};
use crate::store::Write;
use crate::store::plan::{Known, goes_by_ids, members};

/// Which wanted (stream, id), the stream's number and last revision, and where the id last stands.
pub(super) const LOOK_UP: &str = "SELECT w.at, s.id, h.revision, e.revision, e.position, e.recorded_at \
     FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w (name, id, at) \
     JOIN streams s ON s.name = w.name \
     CROSS JOIN LATERAL (SELECT revision FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1) h \
     LEFT JOIN LATERAL (SELECT revision, position, recorded_at FROM events \
       WHERE stream = s.id AND id = w.id ORDER BY revision DESC LIMIT 1) e ON true";

/// Which wanted place, and what stands there.
pub(super) const PLACES: &str = "SELECT w.at, e.id, e.revision, e.position, e.recorded_at \
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS w (stream, first, count, at) \
     CROSS JOIN LATERAL (SELECT id, revision, position, recorded_at FROM events \
       WHERE stream = w.stream AND revision >= w.first ORDER BY revision LIMIT w.count) e";

/// What the tables say about a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamRow {
    pub(super) id: i64,
    pub(super) head: Revision,
}

pub(super) type StreamRows = HashMap<StreamName, StreamRow>;

/// Streams, each with an id to look for in it or none.
#[derive(Debug)]
pub(super) struct Wanted<'a>(Vec<(&'a StreamName, Option<EventId>)>);

impl<'a> Wanted<'a> {
    /// What a batch needs of streams about which `remembered` is all that is known.
    pub(super) fn of(batch: &'a [Write], remembered: &StreamRows) -> Self {
        let mut wanted = HashSet::new();
        for member in members(batch) {
            let id = member.events.first().map(|event| event.id);
            let id = id.filter(|_| goes_by_ids(member));
            if id.is_some() || !remembered.contains_key(&member.stream) {
                wanted.insert((&member.stream, id));
            }
        }
        Self(wanted.into_iter().collect())
    }

    /// The streams of `remembered` that are not among these.
    pub(super) fn rest(&self, remembered: &'a StreamRows) -> Self {
        let looked: HashSet<_> = self.0.iter().map(|(stream, _)| *stream).collect();
        let rest = remembered.keys().filter(|stream| !looked.contains(stream));
        Self(rest.map(|stream| (stream, None)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The arguments of [`LOOK_UP`] as text.
    pub(super) fn literals(&self) -> Result<String, Trouble> {
        let names = literal::texts(&self.names())?;
        Ok(format!("{names}, {}", literal::uuids(self.ids())))
    }

    pub(super) async fn look_up(&self, sql: &mut PgConnection) -> Result<Vec<PgRow>, Trouble> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(LOOK_UP).bind(self.names()).bind(self.ids());
        Ok(query.fetch_all(sql).await?)
    }

    /// Takes in what [`LOOK_UP`] found.
    pub(super) fn learn(
        &self,
        found: &[PgRow],
        known: &mut Known,
        rows: &mut StreamRows,
    ) -> Result<(), Trouble> {
        for row in found {
            let Some((stream, id)) = self.0.get(place(row)?) else {
                continue;
            };
            let stream_row = StreamRow {
                id: row.try_get(1)?,
                head: Revision(from_sql(row.try_get(2)?)?),
            };
            known.set_head(stream, stream_row.head);
            rows.insert((*stream).clone(), stream_row);
            if let Some(id) = id
                && row.try_get::<Option<i64>, _>(3)?.is_some()
            {
                known.add_event(stream, *id, standing(row, 3)?);
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<&'a str> {
        self.0.iter().map(|(stream, _)| stream.as_str()).collect()
    }

    fn ids(&self) -> Vec<Option<Uuid>> {
        self.0.iter().map(|(_, id)| id.map(|id| id.0)).collect()
    }
}

/// Looks for what only repeats need: the other ids of appends whose first is there, and what stands right after the
/// expected revisions that streams have passed. Mostly there is nothing to look for.
pub(super) async fn look_for_repeats(
    sql: &mut PgConnection,
    batch: &[Write],
    known: &mut Known,
    rows: &mut StreamRows,
) -> Result<(), Trouble> {
    let further = known.further_ids(batch).into_iter();
    let further = Wanted(further.map(|(stream, id)| (stream, Some(id))).collect());
    let found = further.look_up(sql).await?;
    further.learn(&found, known, rows)?;

    let places = known.wanted_places(batch);
    if places.is_empty() {
        return Ok(());
    }
    let column = |pick: &dyn Fn(&(&StreamName, Revision, usize)) -> i64| -> Vec<i64> {
        places.iter().map(pick).collect()
    };
    let id = |stream: &StreamName| rows.get(stream).map_or(-1, |row| row.id);
    let found = sqlx::query(PLACES)
        .bind(column(&|(stream, ..)| id(stream)))
        .bind(column(&|(_, from, _)| to_sql(from.0)))
        .bind(column(&|(.., count)| to_sql(*count as u64)))
        .fetch_all(sql)
        .await?;
    for row in &found {
        if let Some((stream, ..)) = places.get(place(row)?) {
            known.add_event(stream, EventId(row.try_get(1)?), standing(row, 2)?);
        }
    }
    Ok(())
}

/// Which of the things asked for a row is about; the statements count them from 1.
pub(super) fn place(row: &PgRow) -> Result<usize, Trouble> {
    let at = from_sql(row.try_get(0)?)?;
    Ok(usize::try_from(at).unwrap_or(usize::MAX).wrapping_sub(1))
}
