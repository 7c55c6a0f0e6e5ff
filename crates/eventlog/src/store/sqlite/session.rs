//! The one writing connection and what it remembers.
//!
//! For: a batch in one transaction with few statements: look up what the plan needs, insert what fits, commit.
//! May not know: queues; what fits (the plan decides). It is dropped whole after any failure.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::doors::Doors;
use super::insert;
use super::keys::Kept;
use super::rows::{chunks, from_sql, groups, standing, to_sql};
use crate::event::Recorded;
use crate::limits::HEAD_CACHE;
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::cache::Cache;
use crate::store::plan::{Known, Life, Planner, members};
use crate::store::restore::{check_follows, streams_of};
use crate::store::{Answer, Committed, StoreError, Write};

/// What the tables say about a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamRow {
    pub(super) id: i64,
    pub(super) category: i64,
    pub(super) head: Revision,
}

pub(super) type StreamRows = HashMap<StreamName, StreamRow>;

pub(super) struct Session {
    pub(super) connection: SqliteConnection,
    head: Position,
    next_stream: i64,
    next_category: i64,
    streams: Cache<StreamName, StreamRow>,
    /// How streams stand with outside programs.
    pub(super) lives: Cache<StreamName, Life>,
    categories: Cache<String, i64>,
    doors: Doors,
}

impl Session {
    /// Connects to a file that was opened before.
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = SqliteConnection::connect_with(options).await?;
        Self::load(connection).await
    }

    /// Finds out where the log stands.
    pub(super) async fn load(mut connection: SqliteConnection) -> Result<Self, StoreError> {
        const SQL: &str = "SELECT (SELECT max(position) FROM events), (SELECT max(id) FROM streams), \
             (SELECT max(id) FROM categories)";
        let row = sqlx::query(SQL).fetch_one(&mut connection).await?;
        let last = |column: usize| -> Result<i64, StoreError> {
            Ok(row.try_get::<Option<i64>, _>(column)?.unwrap_or(0))
        };
        Ok(Self {
            head: Position(from_sql(last(0)?)?),
            next_stream: last(1)? + 1,
            next_category: last(2)? + 1,
            streams: Cache::new(HEAD_CACHE),
            lives: Cache::new(HEAD_CACHE),
            categories: Cache::new(HEAD_CACHE),
            doors: Doors::default(),
            connection,
        })
    }

    /// Makes a batch durable; what it does to keys is `kept` already. After an error the session must be given up.
    ///
    /// Nobody else writes to the file, so what is looked up holds until it is decided on, and the transaction need not
    /// begin before there is something to write; doors write while they decide.
    pub(super) async fn commit(
        &mut self,
        batch: &[Write],
        mut kept: Kept,
        now: i64,
    ) -> Result<Committed, StoreError> {
        let has_doors = batch.iter().any(|write| matches!(write, Write::Door(_)));
        if has_doors {
            self.run("BEGIN IMMEDIATE").await?;
        }
        let mut rows = self.stream_rows(batch).await?;
        let mut known = Known::default();
        self.look_at_lives(batch, &mut known, &mut rows).await?;
        self.look_up(&mut known, batch, &rows).await?;
        let mut planner = Planner::new(known, self.head, now);
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.push(match write {
                Write::Append(streams) => Answer::Append(planner.append(streams)),
                Write::Outside(write) => Answer::Append(planner.outside(write)),
                Write::Door(door) if door.is_of_keys() => kept.next(),
                Write::Door(door) => {
                    Answer::Door(self.doors.write(&mut self.connection, door).await?)
                }
            });
        }
        let head = planner.head();
        let (events, lives) = planner.into_parts();
        self.write(&events, &mut rows, has_doors).await?;
        self.remember(head, &events, rows);
        for (stream, life) in lives {
            self.lives.insert(stream, life);
        }
        Ok(Committed {
            answers,
            events,
            head,
        })
    }

    /// Puts restored records at their places. After an error the session must be given up.
    pub(super) async fn restore(
        &mut self,
        records: &[std::sync::Arc<Recorded>],
    ) -> Result<Position, StoreError> {
        let mut rows = self.stream_rows(&streams_of(records)).await?;
        check_follows(records, self.head, |stream| {
            rows.get(stream).map(|row| row.head)
        })?;
        self.write(records, &mut rows, false).await?;
        let head = records.last().map_or(self.head, |last| last.position);
        self.remember(head, records, rows);
        Ok(head)
    }

    /// Ends the connection in an orderly way, leaving one file with everything in it.
    pub(super) async fn close(mut self) {
        if let Err(error) = self.run("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%error, "the write-ahead file was left as it is; it is read at the next start");
        }
        self.give_up().await;
    }

    /// Ends the connection; an unfinished transaction is undone by that.
    pub(super) async fn give_up(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the writing connection did not close in order");
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    /// What the tables say about the batch's streams, as far as these exist.
    async fn stream_rows(&mut self, batch: &[Write]) -> Result<StreamRows, StoreError> {
        let mut rows = HashMap::new();
        let mut missing = HashSet::new();
        for member in members(batch) {
            match self.streams.get(&member.stream) {
                Some(row) => drop(rows.insert(member.stream.clone(), row)),
                None => drop(missing.insert(member.stream.clone())),
            }
        }
        let missing: Vec<_> = missing.into_iter().collect();
        for chunk in chunks(&missing) {
            let sql = format!(
                "SELECT s.name, s.id, s.category, (SELECT max(revision) FROM events WHERE stream = s.id) \
                 FROM streams s WHERE s.name IN {}",
                groups(1, chunk.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for name in chunk {
                query = query.bind(name.as_str());
            }
            for row in query.fetch_all(&mut self.connection).await? {
                let found = StreamRow {
                    id: row.try_get(1)?,
                    category: row.try_get(2)?,
                    head: Revision(from_sql(row.try_get(3)?)?),
                };
                rows.insert(StreamName::stored(row.try_get::<&str, _>(0)?), found);
            }
        }
        Ok(rows)
    }

    /// Looks up what the plan needs, for the whole batch at once.
    async fn look_up(
        &mut self,
        known: &mut Known,
        batch: &[Write],
        rows: &StreamRows,
    ) -> Result<(), StoreError> {
        for (stream, row) in rows {
            known.set_head(stream, row.head);
        }
        let ids = known.first_ids(batch);
        self.find_ids(known, &ids, rows).await?;
        let ids = known.further_ids(batch);
        self.find_ids(known, &ids, rows).await?;
        for (stream, from, count) in known.wanted_places(batch) {
            let Some(row) = rows.get(stream) else {
                continue;
            };
            let found = sqlx::query(
                "SELECT id, revision, position, recorded_at FROM events \
                 WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?",
            )
            .bind(row.id)
            .bind(to_sql(from.0))
            .bind(to_sql(count as u64))
            .fetch_all(&mut self.connection)
            .await?;
            for row in &found {
                let (id, at) = standing(row, 0)?;
                known.add_event(stream, id, at);
            }
        }
        Ok(())
    }

    async fn find_ids(
        &mut self,
        known: &mut Known,
        wanted: &[(&StreamName, EventId)],
        rows: &StreamRows,
    ) -> Result<(), StoreError> {
        let names: HashMap<i64, &StreamName> = wanted
            .iter()
            .filter_map(|(stream, _)| Some((rows.get(*stream)?.id, *stream)))
            .collect();
        for chunk in chunks(wanted) {
            // The wanted ids first, then the index for each: a cross join keeps SQLite to that order.
            let sql = format!(
                "WITH wanted (stream, id) AS (VALUES {}) \
                 SELECT e.stream, e.id, e.revision, e.position, e.recorded_at FROM wanted w \
                 CROSS JOIN events e INDEXED BY events_by_id ON e.stream = w.stream AND e.id = w.id",
                groups(chunk.len(), 2)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (stream, id) in chunk {
                query = query
                    .bind(rows.get(*stream).map(|row| row.id))
                    .bind(id.0.as_bytes().to_vec());
            }
            for row in query.fetch_all(&mut self.connection).await? {
                let stream: i64 = row.try_get(0)?;
                let (id, at) = standing(&row, 1)?;
                if let Some(stream) = names.get(&stream) {
                    known.add_event(stream, id, at);
                }
            }
        }
        Ok(())
    }

    /// Writes events, with the streams and categories that are new with them, and commits. `begun` says that the
    /// transaction is open.
    async fn write(
        &mut self,
        events: &[std::sync::Arc<Recorded>],
        rows: &mut StreamRows,
        begun: bool,
    ) -> Result<(), StoreError> {
        let (categories, streams) = self.number_new(events, rows).await?;
        let statements = insert::categories(&categories)
            .chain(insert::streams(&streams))
            .chain(insert::events(events, rows));
        insert::commit(&mut self.connection, statements, begun).await
    }

    /// Gives the new streams among `events`, and the new categories among these, their numbers.
    async fn number_new(
        &mut self,
        events: &[std::sync::Arc<Recorded>],
        rows: &mut StreamRows,
    ) -> Result<(Vec<(i64, String)>, Vec<(StreamRow, StreamName)>), StoreError> {
        let mut categories = Vec::new();
        let mut streams = Vec::new();
        for event in events {
            if rows.contains_key(&event.stream) {
                continue;
            }
            let name = event.stream.category();
            let category = match self.category(name).await? {
                Some(id) => id,
                None => {
                    let id = self.next_category;
                    self.next_category += 1;
                    self.categories.insert(name.to_owned(), id);
                    categories.push((id, name.to_owned()));
                    id
                }
            };
            let row = StreamRow {
                id: self.next_stream,
                category,
                head: event.revision,
            };
            self.next_stream += 1;
            rows.insert(event.stream.clone(), row);
            streams.push((row, event.stream.clone()));
        }
        Ok((categories, streams))
    }

    /// A category's number, if it has one.
    async fn category(&mut self, name: &str) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self.categories.get(name) {
            return Ok(Some(id));
        }
        let found: Option<i64> = sqlx::query_scalar("SELECT id FROM categories WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await?;
        if let Some(id) = found {
            self.categories.insert(name.to_owned(), id);
        }
        Ok(found)
    }

    /// Keeps what the committed batch taught.
    fn remember(
        &mut self,
        head: Position,
        events: &[std::sync::Arc<Recorded>],
        mut rows: StreamRows,
    ) {
        self.head = head;
        for event in events {
            if let Some(row) = rows.get_mut(&event.stream) {
                row.head = event.revision;
            }
        }
        for (stream, row) in rows {
            self.streams.insert(stream, row);
        }
    }
}
