//! The one writing connection of this process and what it remembers.
//!
//! For: a batch in one transaction with few round trips: take the head row, look up what the plan needs in a later
//! statement, insert what fits, commit.
//! May not know: queues; what fits (the plan decides); whether the server is there. It is dropped whole after any
//! trouble.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::connect;
use super::doors::Doors;
use super::link::Link;
use super::options::Target;
use super::rows::{from_sql, standing, to_sql};
use super::trouble::Trouble;
use super::warning::Ear;
use crate::event::Recorded;
use crate::limits::{CONNECT_WITHIN, HEAD_CACHE};
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::cache::Cache;
use crate::store::plan::{Known, Planner, goes_by_ids, members};
use crate::store::{Answer, Committed, Write};

/// What the tables say about a stream.
#[derive(Clone, Copy, Debug)]
struct StreamRow {
    id: i64,
    head: Revision,
}

pub(super) struct Session {
    connection: PgConnection,
    channel: String,
    link: Arc<Link>,
    /// The log's last position when we last committed: while it is still that, what we remember of streams holds.
    left_at: Option<Position>,
    streams: Cache<StreamName, StreamRow>,
    ear: Ear,
}

/// The head row, which is ours until the transaction ends.
struct Head {
    position: Position,
    streams: i64,
    now_micros: i64,
}

type StreamRows = HashMap<StreamName, StreamRow>;

impl Session {
    pub(super) async fn open(target: &Target, link: &Arc<Link>) -> Result<Self, Trouble> {
        /// Takes the head row and, in advance, as many positions as the batch has events.
        const TAKE_HEAD: &str = "PREPARE take_head (bigint) AS \
             UPDATE head SET position = position + $1 WHERE one RETURNING position - $1, streams, \
             (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
             cursors, leases, snapshots, secrets, sessions";
        let mut connection = connect::plain(target).await?;
        connect::for_writing(&mut connection, target).await?;
        let prepare = sqlx::raw_sql(TAKE_HEAD).execute(&mut connection);
        connect::bounded(CONNECT_WITHIN, prepare).await?;
        Ok(Self {
            connection,
            channel: target.channel(),
            link: Arc::clone(link),
            left_at: None,
            streams: Cache::new(HEAD_CACHE),
            ear: Ear::new(),
        })
    }

    /// Makes a batch durable, recorded at `now`, or by the server's clock. After an error the session must be dropped.
    pub(super) async fn commit(
        &mut self,
        batch: &[Write],
        now: Option<i64>,
    ) -> Result<Committed, Trouble> {
        let places = members(batch).map(|member| member.events.len()).sum();
        let (head, mut doors) = self.take_head(places).await?;
        let mut rows = self.remembered(batch);
        let known = self.known(batch, &mut rows).await?;
        let now = now.unwrap_or(head.now_micros);
        let mut planner = Planner::new(known, head.position, now);
        let mut door_answers = doors
            .write_all(&mut self.connection, batch)
            .await?
            .into_iter();
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.extend(match write {
                Write::Append(streams) => Some(Answer::Append(planner.append(streams))),
                Write::Door(_) => door_answers.next().map(Answer::Door),
            });
        }
        let last = planner.head();
        let events = planner.into_events();
        let taken = Position(head.position.0 + places as u64);
        let settled = taken == last && !doors.changed();
        self.insert(&events, &mut rows, &head, (last, settled), &doors)
            .await?;
        self.finish().await?;
        self.remember(last, &events, rows);
        Ok(Committed {
            answers,
            events,
            head: last,
        })
    }

    pub(super) async fn close(self) {
        connect::end(self.connection).await;
    }

    /// Begins, and waits for the head row. Whoever wrote since we last did has made what we remember stale.
    async fn take_head(&mut self, places: usize) -> Result<(Head, Doors), Trouble> {
        // One message for both; the statement is prepared already. Each has a snapshot of its own, and whatever is read
        // after this one sees all that was committed before the row was ours.
        let sql =
            format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; EXECUTE take_head({places})");
        let row = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_one(&mut self.connection)
            .await?;
        let head = Head {
            position: Position(from_sql(row.try_get(0)?)?),
            streams: row.try_get(1)?,
            now_micros: row.try_get(2)?,
        };
        // The row is ours, so nothing can have been committed since that it does not show.
        self.link.check_head(head.position, self.link.seen())?;
        if self.left_at != Some(head.position) {
            self.streams.clear();
        }
        self.left_at = None;
        Ok((head, Doors::from_row(&row, 3)?))
    }

    /// What is remembered of the batch's streams.
    fn remembered(&mut self, batch: &[Write]) -> StreamRows {
        let known = members(batch).filter_map(|member| {
            let row = self.streams.get(&member.stream)?;
            Some((member.stream.clone(), row))
        });
        known.collect()
    }

    /// Looks up what the plan needs, for the whole batch at once; mostly in one statement, often in none.
    async fn known(&mut self, batch: &[Write], rows: &mut StreamRows) -> Result<Known, Trouble> {
        let mut known = Known::default();
        let mut wanted = HashSet::new();
        for member in members(batch) {
            let id = member.events.first().map(|event| event.id);
            let id = id.filter(|_| goes_by_ids(member));
            if id.is_some() || !rows.contains_key(&member.stream) {
                wanted.insert((&member.stream, id));
            }
        }
        for (stream, row) in rows.iter() {
            known.set_head(stream, row.head);
        }
        self.look_up(&mut known, rows, wanted.into_iter().collect())
            .await?;
        let further = known.further_ids(batch).into_iter();
        let further = further.map(|(stream, id)| (stream, Some(id))).collect();
        self.look_up(&mut known, rows, further).await?;
        self.look_at_places(&mut known, rows, batch).await?;
        Ok(known)
    }

    /// Streams as they stand, and the last event with an id in each.
    async fn look_up(
        &mut self,
        known: &mut Known,
        rows: &mut StreamRows,
        wanted: Vec<(&StreamName, Option<EventId>)>,
    ) -> Result<(), Trouble> {
        if wanted.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = wanted.iter().map(|(stream, _)| stream.as_str()).collect();
        let ids: Vec<Option<Uuid>> = wanted.iter().map(|(_, id)| id.map(|id| id.0)).collect();
        let found = sqlx::query(LOOK_UP)
            .bind(names)
            .bind(ids)
            .fetch_all(&mut self.connection)
            .await?;
        for row in &found {
            let at = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
            let Some((stream, id)) = at.checked_sub(1).and_then(|at| wanted.get(at)) else {
                continue;
            };
            let head = Revision(from_sql(row.try_get(2)?)?);
            known.set_head(stream, head);
            let id_of_row = row.try_get(1)?;
            rows.insert(
                (*stream).clone(),
                StreamRow {
                    id: id_of_row,
                    head,
                },
            );
            if let Some(id) = id
                && row.try_get::<Option<i64>, _>(3)?.is_some()
            {
                known.add_event(stream, *id, standing(row, 3)?);
            }
        }
        Ok(())
    }

    /// What stands right after the expected revisions that streams have passed.
    async fn look_at_places(
        &mut self,
        known: &mut Known,
        rows: &StreamRows,
        batch: &[Write],
    ) -> Result<(), Trouble> {
        let wanted = known.wanted_places(batch);
        if wanted.is_empty() {
            return Ok(());
        }
        let column = |pick: &dyn Fn(&(&StreamName, Revision, usize)) -> i64| -> Vec<i64> {
            wanted.iter().map(pick).collect()
        };
        let found = sqlx::query(PLACES)
            .bind(column(&|(stream, ..)| {
                rows.get(*stream).map_or(-1, |row| row.id)
            }))
            .bind(column(&|(_, from, _)| to_sql(from.0)))
            .bind(column(&|(.., count)| to_sql(*count as u64)))
            .fetch_all(&mut self.connection)
            .await?;
        for row in &found {
            let at = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
            if let Some((stream, ..)) = at.checked_sub(1).and_then(|at| wanted.get(at)) {
                known.add_event(stream, EventId(row.try_get(1)?), standing(row, 2)?);
            }
        }
        Ok(())
    }

    /// Writes the events and their new streams, puts the head row right, and tells the others: one statement.
    async fn insert(
        &mut self,
        events: &[Arc<Recorded>],
        rows: &mut StreamRows,
        head: &Head,
        (last, settled): (Position, bool),
        doors: &Doors,
    ) -> Result<(), Trouble> {
        let fresh = number_new_streams(events, rows, head.streams);
        if events.is_empty() && settled {
            return Ok(());
        }
        let new_ids: Vec<i64> = fresh.iter().map(|(id, _)| *id).collect();
        let new_names: Vec<&str> = fresh.iter().map(|(_, name)| name.as_str()).collect();
        let numbers = |pick: &dyn Fn(&Recorded) -> i64| -> Vec<i64> {
            events.iter().map(|event| pick(event)).collect()
        };
        let texts = |pick: fn(&Recorded) -> &str| -> Vec<&str> {
            events.iter().map(|event| pick(event)).collect()
        };
        let bytes = |pick: fn(&Recorded) -> &[u8]| -> Vec<&[u8]> {
            events.iter().map(|event| pick(event)).collect()
        };
        let stream = |event: &Recorded| rows.get(&event.stream).map_or(-1, |row| row.id);
        let query = sqlx::query(INSERT)
            .bind(new_ids)
            .bind(new_names)
            .bind(numbers(&|event| to_sql(event.position.0)))
            .bind(numbers(&stream))
            .bind(numbers(&|event| to_sql(event.revision.0)))
            .bind(numbers(&|event| event.recorded_at))
            .bind(events.iter().map(|event| event.id.0).collect::<Vec<_>>())
            .bind(texts(|event| event.stream.category()))
            .bind(texts(|event| &event.kind))
            .bind(bytes(|event| &event.body))
            .bind(bytes(|event| &event.meta))
            .bind(!fresh.is_empty() || !settled)
            .bind(to_sql(last.0))
            .bind(head.streams + to_sql(fresh.len() as u64));
        let query = doors.bind_counts(query);
        let told = (!events.is_empty()).then_some(self.channel.as_str());
        query.bind(told).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Commits. A warning means that the standby was not waited for: as good as no answer.
    async fn finish(&mut self) -> Result<(), Trouble> {
        let commit = sqlx::raw_sql("COMMIT").execute(&mut self.connection);
        let (done, warned) = self.ear.listen(commit).await;
        done?;
        if warned {
            let why = "the server confirmed a commit with a warning";
            return Err(Trouble::Lost(why.to_owned()));
        }
        Ok(())
    }

    /// Keeps what the committed batch taught.
    fn remember(&mut self, head: Position, events: &[Arc<Recorded>], mut rows: StreamRows) {
        self.left_at = Some(head);
        self.link.saw(head);
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

/// Gives the new streams among `events` the numbers after `last`.
fn number_new_streams(
    events: &[Arc<Recorded>],
    rows: &mut StreamRows,
    last: i64,
) -> Vec<(i64, StreamName)> {
    let mut fresh = Vec::new();
    for event in events {
        if !rows.contains_key(&event.stream) {
            let id = last + 1 + to_sql(fresh.len() as u64);
            let head = event.revision;
            rows.insert(event.stream.clone(), StreamRow { id, head });
            fresh.push((id, event.stream.clone()));
        }
    }
    fresh
}

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

const INSERT: &str = "WITH new_streams AS (\
       INSERT INTO streams (id, name) SELECT * FROM unnest($1::bigint[], $2::text[])), \
     new_events AS (\
       INSERT INTO events (position, stream, revision, recorded_at, id, category, kind, body, meta) \
       SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::uuid[], $8::text[], \
         $9::text[], $10::bytea[], $11::bytea[])), \
     new_head AS (\
       UPDATE head SET position = $13, streams = $14, cursors = $15, leases = $16, snapshots = $17, secrets = $18, \
         sessions = $19 WHERE one AND $12) \
     SELECT pg_notify($20, $13::text) WHERE $20::text IS NOT NULL";
