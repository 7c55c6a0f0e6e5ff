//! Writing a decided batch: its new categories and streams, its events, in one transaction.
//!
//! For: few statements, and few messages to the thread on which SQLite runs: a batch that is one statement is its own
//! transaction, and BEGIN and COMMIT go with the first and the last of several.
//! May not know: what fits, what was looked up.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe};

use super::rows::{chunks, groups, to_sql};
use super::session::{StreamRow, StreamRows};
use crate::event::Recorded;
use crate::name::StreamName;
use crate::store::StoreError;

/// One statement and what it is asked with.
pub(super) struct Statement {
    sql: String,
    arguments: SqliteArguments,
}

type Unbound = sqlx::error::BoxDynError;

/// What a statement begins with. A conflict ends the whole transaction, as every error ends the session: said so, SQLite
/// keeps no copy of each page a statement changes, to undo this statement alone.
macro_rules! insert {
    ($rest:literal) => {
        concat!("INSERT OR ROLLBACK INTO ", $rest, " VALUES ")
    };
}

/// New categories: number and name.
pub(super) fn categories(
    fresh: &[(i64, String)],
) -> impl Iterator<Item = Result<Statement, Unbound>> {
    chunks(fresh).map(|chunk| {
        let mut arguments = SqliteArguments::default();
        for (id, name) in chunk {
            arguments.add(*id)?;
            arguments.add(name.as_str())?;
        }
        let sql = insert!("categories (id, name)");
        Ok(Statement::of(sql, chunk.len(), 2, arguments))
    })
}

/// New streams.
pub(super) fn streams(
    fresh: &[(StreamRow, StreamName)],
) -> impl Iterator<Item = Result<Statement, Unbound>> {
    chunks(fresh).map(|chunk| {
        let mut arguments = SqliteArguments::default();
        for (row, name) in chunk {
            arguments.add(row.id)?;
            arguments.add(name.as_str())?;
            arguments.add(row.category)?;
        }
        let sql = insert!("streams (id, name, category)");
        Ok(Statement::of(sql, chunk.len(), 3, arguments))
    })
}

/// Events, in their order. The streams' rows must be there.
pub(super) fn events<'a>(
    events: &'a [Arc<Recorded>],
    rows: &'a StreamRows,
) -> impl Iterator<Item = Result<Statement, Unbound>> + 'a {
    const COLUMNS: usize = 9;
    chunks(events).map(|chunk| {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(chunk.len() * COLUMNS, 0);
        for event in chunk {
            let row = rows.get(&event.stream);
            arguments.add(to_sql(event.position.0))?;
            arguments.add(row.map(|row| row.id))?;
            arguments.add(to_sql(event.revision.0))?;
            arguments.add(row.map(|row| row.category))?;
            arguments.add(event.id.0.as_bytes().to_vec())?;
            arguments.add(&*event.kind)?;
            arguments.add(event.recorded_at)?;
            arguments.add(event.body.to_vec())?;
            arguments.add(event.meta.to_vec())?;
        }
        let sql = insert!(
            "events (position, stream, revision, category, id, kind, recorded_at, body, meta)"
        );
        Ok(Statement::of(sql, chunk.len(), COLUMNS, arguments))
    })
}

impl Statement {
    fn of(begin: &str, rows: usize, columns: usize, arguments: SqliteArguments) -> Self {
        let sql = format!("{begin}{}", groups(rows, columns));
        Self { sql, arguments }
    }
}

/// Runs the statements in one transaction and commits it; `begun` says that it is open already. After an error it is to
/// be undone by closing the connection.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    statements: impl Iterator<Item = Result<Statement, Unbound>>,
    begun: bool,
) -> Result<(), StoreError> {
    let mut statements = statements.peekable();
    let mut begun = begun;
    if statements.peek().is_none() && begun {
        sqlx::query("COMMIT").execute(&mut *connection).await?;
    }
    while let Some(statement) = statements.next() {
        let Statement { sql, arguments } = statement.map_err(sqlx::Error::Encode)?;
        let sql = match (begun, statements.peek().is_none()) {
            // Its own transaction.
            (false, true) => sql,
            (false, false) => format!("BEGIN IMMEDIATE; {sql}"),
            (true, false) => sql,
            (true, true) => format!("{sql}; COMMIT"),
        };
        sqlx::query_with(AssertSqlSafe(sql), arguments)
            .execute(&mut *connection)
            .await?;
        begun = true;
    }
    Ok(())
}
