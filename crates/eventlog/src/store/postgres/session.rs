//! The one writing connection of this process and what it remembers.
//!
//! For: a batch in one transaction and, mostly, two messages: take the head row and look up, in a later statement, what
//! the plan needs; insert what fits and commit.
//! May not know: queues; what fits (the plan decides); whether the server is there. It is dropped whole after any
//! trouble.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::connect;
use super::doors::Doors;
use super::insert::{INSERT, INSERT_TYPES, Insertion};
use super::link::Link;
use super::lives::look_at_lives;
use super::look::{LOOK_UP, StreamRow, StreamRows, Wanted, look_for_repeats};
use super::options::Target;
use super::rows::from_sql;
use super::trouble::Trouble;
use super::warning::Ear;
use crate::event::Recorded;
use crate::limits::{CONNECT_WITHIN, HEAD_CACHE};
use crate::name::{Position, StreamName};
use crate::store::cache::Cache;
use crate::store::plan::{Known, Life, Planner, members};
use crate::store::restore::{check_follows, streams_of};
use crate::store::{Answer, Committed, Write};

pub(super) struct Session {
    connection: PgConnection,
    channel: String,
    link: Arc<Link>,
    /// The log's last position when we last committed: while it is still that, what we remember of streams holds.
    left_at: Option<Position>,
    /// Whether it was still that the last time; when others write too, what we remember is not counted on beforehand.
    alone: bool,
    streams: Cache<StreamName, StreamRow>,
    /// How streams stand with outside programs.
    lives: Cache<StreamName, Life>,
    ear: Ear,
}

/// The head row, which is ours until the transaction ends.
struct Head {
    position: Position,
    streams: i64,
    now_micros: i64,
    doors: Doors,
}

impl Session {
    pub(super) async fn open(target: &Target, link: &Arc<Link>) -> Result<Self, Trouble> {
        /// Takes the head row and, in advance, as many positions as the batch has events.
        const TAKE_HEAD: &str = "UPDATE head SET position = position + $1 WHERE one \
             RETURNING position - $1, streams, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
             cursors, leases, snapshots, secrets, sessions";
        let mut connection = connect::plain(target).await?;
        connect::for_writing(&mut connection, target).await?;
        for statement in [
            format!("PREPARE take_head (bigint) AS {TAKE_HEAD}"),
            format!("PREPARE look_up (text[], uuid[]) AS {LOOK_UP}"),
            format!("PREPARE insert_batch ({INSERT_TYPES}) AS {INSERT}"),
        ] {
            let prepare = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection);
            connect::bounded(CONNECT_WITHIN, prepare).await?;
        }
        let process = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection);
        let process: i32 = connect::bounded(CONNECT_WITHIN, process).await?;
        link.writer.store(process.unsigned_abs(), Ordering::SeqCst);
        Ok(Self {
            connection,
            channel: target.channel(),
            link: Arc::clone(link),
            left_at: None,
            alone: false,
            streams: Cache::new(HEAD_CACHE),
            lives: Cache::new(HEAD_CACHE),
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
        let (mut head, known, mut rows) = self.begin(batch, places).await?;
        let now = now.unwrap_or(head.now_micros);
        let mut planner = Planner::new(known, head.position, now);
        let doors = head.doors.write_all(&mut self.connection, batch).await?;
        let mut doors = doors.into_iter();
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.extend(match write {
                Write::Append(streams) => Some(Answer::Append(planner.append(streams))),
                Write::Outside(write) => Some(Answer::Append(planner.outside(write))),
                Write::Door(_) => doors.next().map(Answer::Door),
            });
        }
        let last = planner.head();
        let (events, lives) = planner.into_parts();
        let taken = Position(head.position.0 + places as u64);
        self.finish(&events, &mut rows, &head, (last, taken == last))
            .await?;
        self.remember(last, &events, rows);
        for (stream, life) in lives {
            self.lives.insert(stream, life);
        }
        Ok(Committed {
            answers,
            events,
            head: last,
        })
    }

    /// Puts restored records at their places. After an error the session must be dropped.
    pub(super) async fn restore(&mut self, records: &[Arc<Recorded>]) -> Result<Position, Trouble> {
        let batch = streams_of(records);
        let (head, _, mut rows) = self.begin(&batch, records.len()).await?;
        let known = |stream: &StreamName| rows.get(stream).map(|row| row.head);
        let follows = check_follows(records, head.position, known);
        follows.map_err(|error| Trouble::Failed(error.0))?;
        let last = Position(head.position.0 + records.len() as u64);
        self.finish(records, &mut rows, &head, (last, true)).await?;
        self.remember(last, records, rows);
        Ok(last)
    }

    pub(super) async fn close(self) {
        connect::end(self.connection).await;
    }

    /// Begins, waits for the head row, and looks up what the plan needs.
    async fn begin(
        &mut self,
        batch: &[Write],
        places: usize,
    ) -> Result<(Head, Known, StreamRows), Trouble> {
        let mut rows = self.remembered(batch);
        let wanted = Wanted::of(batch, &rows);
        let found = self.take_head(places, &wanted).await?;
        let Some((head, found)) = found.split_first() else {
            return Err(Trouble::Failed("the log has no head row".to_owned()));
        };
        let head = Head::from_row(head)?;
        // The row is ours, so nothing can have been committed since that it does not show.
        self.link.check_head(head.position, self.link.seen())?;
        let mut known = Known::default();
        self.alone = self.left_at.take() == Some(head.position);
        if !self.alone {
            // Whoever wrote since we last did has made what we remember stale.
            self.streams.clear();
            self.lives.clear();
            let stale = std::mem::take(&mut rows);
            let again = wanted.rest(&stale);
            let found = again.look_up(&mut self.connection).await?;
            again.learn(&found, &mut known, &mut rows)?;
        }
        for (stream, row) in &rows {
            known.set_head(stream, row.head);
        }
        wanted.learn(found, &mut known, &mut rows)?;
        let lives = &mut self.lives;
        look_at_lives(&mut self.connection, lives, batch, &mut known, &mut rows).await?;
        look_for_repeats(&mut self.connection, batch, &mut known, &mut rows).await?;
        Ok((head, known, rows))
    }

    /// One message. Each statement in it has a snapshot of its own, so what is looked up is what was committed before
    /// the row was ours.
    async fn take_head(
        &mut self,
        places: usize,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<PgRow>, Trouble> {
        let mut sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; EXECUTE take_head ({places})"
        );
        if !wanted.is_empty() {
            sql.push_str(&format!("; EXECUTE look_up ({})", wanted.literals()?));
        }
        let asked = sqlx::raw_sql(AssertSqlSafe(sql));
        Ok(asked.fetch_all(&mut self.connection).await?)
    }

    /// What is remembered of the batch's streams, if it is likely to hold.
    fn remembered(&mut self, batch: &[Write]) -> StreamRows {
        if !self.alone {
            return StreamRows::new();
        }
        let known = members(batch).filter_map(|member| {
            let row = self.streams.get(&member.stream)?;
            Some((member.stream.clone(), row))
        });
        known.collect()
    }

    /// Inserts and commits. A warning means that the standby was not waited for: as good as no answer.
    async fn finish(
        &mut self,
        events: &[Arc<Recorded>],
        rows: &mut StreamRows,
        head: &Head,
        last: (Position, bool),
    ) -> Result<(), Trouble> {
        let channel = &self.channel;
        let insertion = Insertion::new(events, rows, head.streams, last, &head.doors, channel);
        let mut sql = String::new();
        if insertion.is_nothing() {
            // The commit still waits for the disk, and with it for what a repeat was told stands there.
        } else if insertion.is_small() {
            sql = format!("EXECUTE insert_batch ({}); ", insertion.literals()?);
        } else {
            insertion.query().execute(&mut self.connection).await?;
        }
        sql.push_str("COMMIT");
        let commit = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
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

impl Head {
    fn from_row(row: &PgRow) -> Result<Self, Trouble> {
        Ok(Self {
            position: Position(from_sql(row.try_get(0)?)?),
            streams: row.try_get(1)?,
            now_micros: row.try_get(2)?,
            doors: Doors::from_row(row, 3)?,
        })
    }
}
