//! The reading connections.
//!
//! For: reads that never wait for the writer, a few at once in each runtime.
//! May not know: the writing connection. Connections are made when first needed and kept; one that failed is dropped.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row, Sqlite};

use super::doors;
use super::rows::{from_sql, recorded, recorded_columns, to_sql};
use crate::doors::{DoorAnswer, DoorRead};
use crate::event::{Direction, Recorded};
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::shelves::{Place, Shelves};
use crate::store::{Group, Scan, StoreError};

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

pub(super) struct Readers {
    options: SqliteConnectOptions,
    connections: Shelves<SqliteConnection>,
}

/// A borrowed connection; only `give_back` keeps it, so one whose statement failed or was abandoned is closed.
struct Reader {
    place: Place<SqliteConnection>,
    connection: SqliteConnection,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self {
            options,
            connections: Shelves::new(),
        }
    }

    pub(super) async fn scan(
        &self,
        scan: Scan<'_>,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let mut events = self.events(statement(scan, limit)).await?;
        events.truncate(limit);
        Ok(events)
    }

    pub(super) async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, StoreError> {
        let query = sqlx::query(concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM streams s CROSS JOIN events e INDEXED BY events_by_id ON e.stream = s.id",
            " WHERE s.name = ? AND e.id = ? ORDER BY e.position DESC LIMIT 1"
        ))
        .bind(stream.as_str().to_owned())
        .bind(id.0.as_bytes().to_vec());
        Ok(self.events(query).await?.pop())
    }

    pub(super) async fn head(&self) -> Result<Position, StoreError> {
        let head = sqlx::query("SELECT max(position) FROM events");
        Ok(Position(self.number(head).await?.unwrap_or(0)))
    }

    pub(super) async fn streams(&self) -> Result<u64, StoreError> {
        // Numbers are given out one by one and never taken back.
        let last = sqlx::query("SELECT max(id) FROM streams");
        Ok(self.number(last).await?.unwrap_or(0))
    }

    pub(super) async fn stream_head(
        &self,
        stream: &StreamName,
    ) -> Result<Option<Revision>, StoreError> {
        let head = sqlx::query(
            "SELECT max(revision) FROM events WHERE stream = (SELECT id FROM streams WHERE name = ?)",
        );
        let head = self.number(head.bind(stream.as_str().to_owned())).await?;
        Ok(head.map(Revision))
    }

    pub(super) async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, StoreError> {
        let (sql, name) = match group {
            Group::Category(name) => (NTH_OF_CATEGORY, name),
            Group::Kind(name) => (NTH_OF_KIND, name),
        };
        let query = sqlx::query(sql).bind(name.to_owned());
        let query = query.bind(to_sql(after.0)).bind(to_sql(skip));
        Ok(self.number(query).await?.map(Position))
    }

    pub(super) async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError> {
        let (sql, name) = match group {
            Group::Category(name) => (COUNT_OF_CATEGORY, name),
            Group::Kind(name) => (COUNT_OF_KIND, name),
        };
        let query = sqlx::query(sql).bind(name.to_owned()).bind(to_sql(after.0));
        Ok(self.number(query).await?.unwrap_or(0))
    }

    pub(super) async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
        let mut reader = self.reader().await?;
        let answer = doors::read(&mut reader.connection, read).await?;
        reader.give_back();
        Ok(answer)
    }

    /// Waits for the reads under way, then closes every connection; later reads fail.
    pub(super) async fn close(&self) {
        for connection in self.connections.close().await {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a reading connection did not close in order");
            }
        }
    }

    async fn events(&self, query: Query) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = query.fetch_all(&mut reader.connection).await?;
        reader.give_back();
        recorded(&rows)
    }

    /// The first column of the first row, if there is any.
    async fn number(&self, query: Query) -> Result<Option<u64>, StoreError> {
        let mut reader = self.reader().await?;
        let row = query.fetch_optional(&mut reader.connection).await?;
        reader.give_back();
        let number = row
            .map(|row| row.try_get::<Option<i64>, _>(0))
            .transpose()?;
        number.flatten().map(from_sql).transpose()
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        let closed = || StoreError("the log is closed".to_owned());
        let place = self.connections.place().await.ok_or_else(closed)?;
        let connection = match place.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(Reader { place, connection })
    }
}

impl Reader {
    fn give_back(self) {
        self.place.give_back(self.connection);
    }
}

const NTH_OF_CATEGORY: &str = "SELECT position FROM events \
     WHERE category = (SELECT id FROM categories WHERE name = ?) AND position > ? ORDER BY position LIMIT 1 OFFSET ?";
const NTH_OF_KIND: &str = "SELECT position FROM events WHERE kind = ? AND position > ? ORDER BY position LIMIT 1 OFFSET ?";
const COUNT_OF_CATEGORY: &str = "SELECT count(*) FROM events \
     WHERE category = (SELECT id FROM categories WHERE name = ?) AND position > ?";
const COUNT_OF_KIND: &str = "SELECT count(*) FROM events WHERE kind = ? AND position > ?";

/// The most a statement's limit says; beyond it there is none.
const LIMIT_IN_TEXT: usize = 1 << 40;

/// The statement of a scan. A cross join keeps SQLite to events first, then their names. The limit stands in the text, as the
/// next power of two: where it is bound, SQLite prepares the statement anew for each value (a bound limit may change the
/// plan), which costs more than most reads.
fn statement(scan: Scan<'_>, limit: usize) -> Query {
    let query = |sql: &str| {
        let limit = limit.clamp(1, LIMIT_IN_TEXT).next_power_of_two();
        sqlx::query(AssertSqlSafe(format!("{sql} LIMIT {limit}")))
    };
    macro_rules! events {
        ($rest:literal) => {
            concat!(
                "SELECT ",
                recorded_columns!(),
                " FROM events e CROSS JOIN streams s ON s.id = e.stream WHERE ",
                $rest
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
                    "e.stream = (SELECT id FROM streams WHERE name = ?) AND e.revision >= ? ORDER BY e.revision"
                ),
                Direction::Backward => events!(
                    "e.stream = (SELECT id FROM streams WHERE name = ?) AND e.revision <= ? ORDER BY e.revision DESC"
                ),
            };
            let query = query(sql).bind(stream.as_str().to_owned());
            query.bind(to_sql(from.0))
        }
        Scan::StreamAfter { stream, after } => query(events!(
            "e.stream = (SELECT id FROM streams WHERE name = ?) AND e.position > ? ORDER BY e.revision"
        ))
        .bind(stream.as_str().to_owned())
        .bind(to_sql(after.0)),
        Scan::All { from, direction } => {
            let sql = match direction {
                Direction::Forward => events!("e.position > ? ORDER BY e.position"),
                Direction::Backward => events!("e.position <= ? ORDER BY e.position DESC"),
            };
            query(sql).bind(to_sql(from.0))
        }
        Scan::Category {
            category,
            from,
            direction,
        } => {
            let sql = match direction {
                Direction::Forward => events!(
                    "e.category = (SELECT id FROM categories WHERE name = ?) AND e.position > ? ORDER BY e.position"
                ),
                Direction::Backward => events!(
                    "e.category = (SELECT id FROM categories WHERE name = ?) AND e.position <= ? ORDER BY e.position DESC"
                ),
            };
            let query = query(sql).bind(category.to_owned());
            query.bind(to_sql(from.0))
        }
        Scan::Kind {
            kind,
            from,
            direction,
        } => {
            let sql = match direction {
                Direction::Forward => events!("e.kind = ? AND e.position > ? ORDER BY e.position"),
                Direction::Backward => {
                    events!("e.kind = ? AND e.position <= ? ORDER BY e.position DESC")
                }
            };
            query(sql)
                .bind(kind.to_owned())
                .bind(to_sql(from.0))
        }
        Scan::Filed { after } => query(concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM events e CROSS JOIN streams s ON s.id = e.stream CROSS JOIN categories c ON c.id = e.category",
            " WHERE e.position > ? AND s.category = e.category AND c.name =",
            " CASE instr(s.name, '-') WHEN 0 THEN s.name ELSE substr(s.name, 1, instr(s.name, '-') - 1) END",
            " ORDER BY e.position"
        ))
        .bind(to_sql(after.0)),
    }
}

/// Each scan's statement, and the way it must find its rows.
#[cfg(test)]
pub(super) fn statements() -> Vec<(String, &'static str)> {
    use sqlx::Execute;
    let stream = &StreamName::stored("s-1");
    let mut list = vec![(
        Scan::StreamAfter {
            stream,
            after: Position(1),
        },
        "events_by_revision (stream=?)",
    )];
    for direction in [Direction::Forward, Direction::Backward] {
        let from = Revision(1);
        list.push((
            Scan::Stream {
                stream,
                from,
                direction,
            },
            "events_by_revision (stream=? AND revision",
        ));
        let from = Position(1);
        list.push((
            Scan::All { from, direction },
            "e USING INTEGER PRIMARY KEY (rowid",
        ));
        let category = "s";
        list.push((
            Scan::Category {
                category,
                from,
                direction,
            },
            "events_by_category (category=? AND rowid",
        ));
        let kind = "k";
        list.push((
            Scan::Kind {
                kind,
                from,
                direction,
            },
            "events_by_kind (kind=? AND rowid",
        ));
    }
    list.push((
        Scan::Filed { after: Position(1) },
        "e USING INTEGER PRIMARY KEY (rowid",
    ));
    let numbered = [
        (NTH_OF_CATEGORY, "COVERING INDEX events_by_category"),
        (NTH_OF_KIND, "COVERING INDEX events_by_kind"),
        (COUNT_OF_CATEGORY, "COVERING INDEX events_by_category"),
        (COUNT_OF_KIND, "COVERING INDEX events_by_kind"),
    ];
    let numbered = numbered.map(|(sql, wanted)| (sql.to_owned(), wanted));
    list.into_iter()
        .map(|(scan, wanted)| (statement(scan, 1).sql().as_str().to_owned(), wanted))
        .chain(numbered)
        .collect()
}
