//! The reading connections.
//!
//! For: reads that never wait for a writer, a few at once in each runtime.
//! May not know: the writing connection. Connections are made when first needed and kept; one that failed is dropped,
//! and a read over a connection that had died unnoticed is made once more over a new one. One that cannot be made for want of room
//! fails its read and nothing else.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, Encode, Postgres, Row, Type};
use tokio::time::timeout;

use super::connect;
use super::doors;
use super::link::Link;
use super::options::Target;
use super::rows::{from_sql, recorded, recorded_columns, to_sql};
use super::trouble::Trouble;
use crate::doors::{DoorAnswer, DoorRead};
use crate::event::{Direction, Recorded};
use crate::limits::READ_WITHIN;
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::shelves::Shelves;
use crate::store::{Group, Scan};

/// A statement and what it is asked with, so that it can be asked again.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) sql: &'static str,
    pub(super) arguments: PgArguments,
}

impl Ask {
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            arguments: PgArguments::default(),
        }
    }

    /// With one more argument.
    pub(super) fn bind<'q, T>(mut self, value: T) -> Result<Self, Trouble>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        let added = self.arguments.add(value);
        added.map_err(|error| Trouble::Failed(error.to_string()))?;
        Ok(self)
    }

    pub(super) async fn of(self, sql: &mut PgConnection) -> Result<Vec<PgRow>, Trouble> {
        let query = sqlx::query_with(self.sql, self.arguments);
        Ok(query.fetch_all(sql).await?)
    }
}

pub(super) struct Readers {
    target: Arc<Target>,
    link: Arc<Link>,
    connections: Shelves<PgConnection>,
}

impl Readers {
    pub(super) fn new(target: Arc<Target>, link: Arc<Link>) -> Self {
        Self {
            target,
            link,
            connections: Shelves::new(),
        }
    }

    pub(super) async fn scan(
        &self,
        scan: Scan<'_>,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, Trouble> {
        recorded(&self.rows(statement(scan, limit)?).await?)
    }

    pub(super) async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, Trouble> {
        const SQL: &str = concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM streams s JOIN events e ON e.stream = s.id",
            " WHERE s.name = $1 AND e.id = $2 ORDER BY e.position DESC LIMIT 1"
        );
        let ask = Ask::new(SQL).bind(stream.as_str())?.bind(id.0)?;
        Ok(recorded(&self.rows(ask).await?)?.pop())
    }

    pub(super) async fn head(&self) -> Result<Position, Trouble> {
        let rows = self.rows(Ask::new("SELECT position FROM head WHERE one"));
        match rows.await?.first() {
            Some(row) => Ok(Position(from_sql(row.try_get(0)?)?)),
            None => Err(Trouble::Failed("the log has no head row".to_owned())),
        }
    }

    /// Streams, and the bytes of all tables with their indexes.
    pub(super) async fn size(&self) -> Result<(u64, u64), Trouble> {
        const SQL: &str = "SELECT streams, (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
             WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r') FROM head WHERE one";
        match self.rows(Ask::new(SQL)).await?.first() {
            Some(row) => Ok((from_sql(row.try_get(0)?)?, from_sql(row.try_get(1)?)?)),
            None => Ok((0, 0)),
        }
    }

    pub(super) async fn stream_head(
        &self,
        stream: &StreamName,
    ) -> Result<Option<Revision>, Trouble> {
        const SQL: &str = "SELECT max(revision) FROM events \
             WHERE stream = (SELECT id FROM streams WHERE name = $1)";
        let rows = self.rows(Ask::new(SQL).bind(stream.as_str())?).await?;
        let head = rows.first().map(|row| row.try_get::<Option<i64>, _>(0));
        let head = head.transpose()?.flatten();
        head.map(|head| from_sql(head).map(Revision)).transpose()
    }

    pub(super) async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, Trouble> {
        let (sql, name) = match group {
            Group::Category(name) => (NTH_OF_CATEGORY, name),
            Group::Kind(name) => (NTH_OF_KIND, name),
        };
        let ask = Ask::new(sql).bind(name)?.bind(to_sql(after.0))?;
        let rows = self.rows(ask.bind(to_sql(skip))?).await?;
        let found = rows.first().map(|row| row.try_get(0)).transpose()?;
        found.map(|found| from_sql(found).map(Position)).transpose()
    }

    pub(super) async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, Trouble> {
        let (sql, name) = match group {
            Group::Category(name) => (COUNT_OF_CATEGORY, name),
            Group::Kind(name) => (COUNT_OF_KIND, name),
        };
        let ask = Ask::new(sql).bind(name)?.bind(to_sql(after.0))?;
        let rows = self.rows(ask).await?;
        rows.first().map_or(Ok(0), |row| from_sql(row.try_get(0)?))
    }

    pub(super) async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, Trouble> {
        let rows = self.rows(doors::ask(read)?).await?;
        doors::answer(read, &rows)
    }

    /// Waits for the reads under way, then closes every connection; later reads fail.
    pub(super) async fn close(&self) {
        for connection in self.connections.close().await {
            connect::end(connection).await;
        }
    }

    /// Asks over a connection of ours; answered within [`READ_WITHIN`], waiting for a connection included.
    async fn rows(&self, ask: Ask) -> Result<Vec<PgRow>, Trouble> {
        self.link.check()?;
        let answer = timeout(READ_WITHIN, self.ask(ask)).await;
        let answer = answer.unwrap_or_else(|_| Err(Trouble::late(READ_WITHIN)));
        if let Err(Trouble::Lost(why)) = &answer {
            self.link.lost(why);
        }
        answer
    }

    async fn ask(&self, ask: Ask) -> Result<Vec<PgRow>, Trouble> {
        let closed = || Trouble::Failed("the log is closed".to_owned());
        let place = self.connections.place().await.ok_or_else(closed)?;
        if let Some(mut connection) = place.take() {
            match ask.clone().of(&mut connection).await {
                // The others lay idle just as long and have most likely died with it.
                Err(Trouble::Lost(_)) => place.clear(),
                answer => {
                    place.give_back(connection);
                    return answer;
                }
            }
        }
        let mut connection = connect::reading(&self.target).await?;
        let answer = ask.of(&mut connection).await?;
        place.give_back(connection);
        Ok(answer)
    }
}

pub(super) const NTH_OF_CATEGORY: &str = "SELECT position FROM events WHERE category = $1 AND position > $2 ORDER BY position LIMIT 1 OFFSET $3";
pub(super) const NTH_OF_KIND: &str = "SELECT position FROM events WHERE kind = $1 AND position > $2 ORDER BY position LIMIT 1 OFFSET $3";
const COUNT_OF_CATEGORY: &str = "SELECT count(*) FROM events WHERE category = $1 AND position > $2";
const COUNT_OF_KIND: &str = "SELECT count(*) FROM events WHERE kind = $1 AND position > $2";

/// The statement of a scan.
pub(super) fn statement(scan: Scan<'_>, limit: usize) -> Result<Ask, Trouble> {
    let limit = to_sql(limit as u64);
    macro_rules! events {
        ($rest:literal, $limit:literal) => {
            concat!(
                "SELECT ",
                recorded_columns!(),
                " FROM events e JOIN streams s ON s.id = e.stream WHERE ",
                $rest,
                " LIMIT ",
                $limit
            )
        };
    }
    match scan {
        Scan::Stream {
            stream,
            from,
            direction,
        } => {
            let sql = match direction {
                Direction::Forward => events!(
                    "e.stream = (SELECT id FROM streams WHERE name = $1) AND e.revision >= $2 ORDER BY e.revision",
                    "$3"
                ),
                Direction::Backward => events!(
                    "e.stream = (SELECT id FROM streams WHERE name = $1) AND e.revision <= $2 ORDER BY e.revision DESC",
                    "$3"
                ),
            };
            Ask::new(sql).bind(stream.as_str())?.bind(to_sql(from.0))?.bind(limit)
        }
        Scan::StreamAfter { stream, after } => Ask::new(events!(
            "e.stream = (SELECT id FROM streams WHERE name = $1) AND e.position > $2 ORDER BY e.revision",
            "$3"
        ))
        .bind(stream.as_str())?
        .bind(to_sql(after.0))?
        .bind(limit),
        Scan::All { from, direction } => {
            let sql = match direction {
                Direction::Forward => events!("e.position > $1 ORDER BY e.position", "$2"),
                Direction::Backward => events!("e.position <= $1 ORDER BY e.position DESC", "$2"),
            };
            Ask::new(sql).bind(to_sql(from.0))?.bind(limit)
        }
        Scan::Category {
            category,
            from,
            direction,
        } => {
            let sql = match direction {
                Direction::Forward => {
                    events!("e.category = $1 AND e.position > $2 ORDER BY e.position", "$3")
                }
                Direction::Backward => {
                    events!("e.category = $1 AND e.position <= $2 ORDER BY e.position DESC", "$3")
                }
            };
            Ask::new(sql).bind(category)?.bind(to_sql(from.0))?.bind(limit)
        }
        Scan::Kind {
            kind,
            from,
            direction,
        } => {
            let sql = match direction {
                Direction::Forward => {
                    events!("e.kind = $1 AND e.position > $2 ORDER BY e.position", "$3")
                }
                Direction::Backward => {
                    events!("e.kind = $1 AND e.position <= $2 ORDER BY e.position DESC", "$3")
                }
            };
            Ask::new(sql).bind(kind)?.bind(to_sql(from.0))?.bind(limit)
        }
        // The page first, then the names: asked together, the server may begin with all streams.
        Scan::Filed { after } => Ask::new(concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM (SELECT * FROM events WHERE position > $1 ORDER BY position LIMIT $2) e",
            " JOIN streams s ON s.id = e.stream WHERE e.category = split_part(s.name, '-', 1)",
            " ORDER BY e.position"
        ))
        .bind(to_sql(after.0))?
        .bind(limit),
    }
}
