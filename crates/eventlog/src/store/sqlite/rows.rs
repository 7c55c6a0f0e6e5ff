//! Numbers, names and rows between SQL and us.
//!
//! For: one place where stored values are read back, with doubt, and lists become placeholders.
//! May not know: which statement asked.

use std::sync::Arc;

use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::event::Recorded;
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::StoreError;
use crate::store::plan::Standing;

/// Most rows in one statement. Chunks are powers of two, so that a handful of prepared statements serve every length.
const CHUNK: usize = 128;

/// Cuts a list into chunks of 128, then 64, 32 … 1.
pub(super) fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let longest = items.len().min(CHUNK);
        let length = 1 << longest.checked_ilog2()?;
        let (chunk, rest) = items.split_at(length);
        items = rest;
        Some(chunk)
    })
}

/// `(?,?),(?,?)`: `rows` groups of `columns` placeholders.
pub(super) fn groups(rows: usize, columns: usize) -> String {
    let group = format!("({})", vec!["?"; columns].join(","));
    let mut all = String::with_capacity((group.len() + 1) * rows);
    for row in 0..rows {
        if row > 0 {
            all.push(',');
        }
        all.push_str(&group);
    }
    all
}

/// A number as SQLite keeps it; those past its largest stand for the largest.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number SQLite kept; a negative one is damage.
pub(super) fn from_sql(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged("a negative number"))
}

pub(super) fn id_from_sql(bytes: &[u8]) -> Result<EventId, StoreError> {
    let id = Uuid::from_slice(bytes).map_err(|_| damaged("an event id of a wrong length"))?;
    Ok(EventId(id))
}

/// Columns `id, revision, position, recorded_at` from `column` on.
pub(super) fn standing(row: &SqliteRow, column: usize) -> Result<(EventId, Standing), StoreError> {
    let id = id_from_sql(row.try_get(column)?)?;
    let at = Standing {
        revision: Revision(from_sql(row.try_get(column + 1)?)?),
        position: Position(from_sql(row.try_get(column + 2)?)?),
        recorded_at: row.try_get(column + 3)?,
    };
    Ok((id, at))
}

/// The columns that [`recorded`] reads, of `events e` and `streams s`.
macro_rules! recorded_columns {
    () => {
        "e.position, s.name, e.revision, e.id, e.kind, e.recorded_at, e.body, e.meta"
    };
}
pub(super) use recorded_columns;

/// Rows to events; neighbours of one stream or kind share its name.
pub(super) fn recorded(rows: &[SqliteRow]) -> Result<Vec<Arc<Recorded>>, StoreError> {
    let mut last: Option<Arc<Recorded>> = None;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let event = Arc::new(one_recorded(row, last.as_deref())?);
        last = Some(Arc::clone(&event));
        events.push(event);
    }
    Ok(events)
}

fn one_recorded(row: &SqliteRow, last: Option<&Recorded>) -> Result<Recorded, StoreError> {
    let stream: &str = row.try_get(1)?;
    let kind: &str = row.try_get(4)?;
    Ok(Recorded {
        position: Position(from_sql(row.try_get(0)?)?),
        stream: last
            .filter(|last| last.stream.as_str() == stream)
            .map_or_else(|| StreamName::stored(stream), |last| last.stream.clone()),
        revision: Revision(from_sql(row.try_get(2)?)?),
        id: id_from_sql(row.try_get(3)?)?,
        kind: last
            .filter(|last| &*last.kind == kind)
            .map_or_else(|| kind.into(), |last| Arc::clone(&last.kind)),
        recorded_at: row.try_get(5)?,
        body: Bytes::copy_from_slice(row.try_get(6)?),
        meta: Bytes::copy_from_slice(row.try_get(7)?),
    })
}

fn damaged(what: &str) -> StoreError {
    StoreError(format!("the log's file is damaged: it holds {what}"))
}

/// SQLite's own number for an error, without the finer distinctions.
pub(super) fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

/// The numbers we tell apart (SQLite, "Result and Error Codes").
pub(super) mod codes {
    pub(in crate::store::sqlite) const PERM: i32 = 3;
    pub(in crate::store::sqlite) const READONLY: i32 = 8;
    pub(in crate::store::sqlite) const IOERR: i32 = 10;
    pub(in crate::store::sqlite) const CORRUPT: i32 = 11;
    pub(in crate::store::sqlite) const FULL: i32 = 13;
    pub(in crate::store::sqlite) const NOTADB: i32 = 26;
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match code(&error) {
            Some(codes::FULL) => Self("no room left on the disk".to_owned()),
            _ => Self(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_into_powers_of_two() {
        let lengths = |count| -> Vec<usize> {
            let items = vec![(); count];
            chunks(&items).map(<[()]>::len).collect()
        };
        assert!(lengths(0).is_empty());
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(7), [4, 2, 1]);
        assert_eq!(lengths(300), [128, 128, 32, 8, 4]);
    }

    #[test]
    fn placeholders_come_in_groups() {
        assert_eq!(groups(2, 3), "(?,?,?),(?,?,?)");
    }
}
