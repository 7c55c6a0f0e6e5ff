//! Numbers, names and rows between PostgreSQL and us.
//!
//! For: one place where stored values are read back, with doubt.
//! May not know: which statement asked.

use std::sync::Arc;

use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::trouble::Trouble;
use crate::event::Recorded;
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::plan::Standing;

/// A number as PostgreSQL keeps it; those past its largest stand for the largest.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number PostgreSQL kept; a negative one is damage.
pub(super) fn from_sql(number: i64) -> Result<u64, Trouble> {
    u64::try_from(number)
        .map_err(|_| Trouble::Failed("the log is damaged: it holds a negative number".to_owned()))
}

/// Columns `revision, position, recorded_at` from `column` on.
pub(super) fn standing(row: &PgRow, column: usize) -> Result<Standing, Trouble> {
    Ok(Standing {
        revision: Revision(from_sql(row.try_get(column)?)?),
        position: Position(from_sql(row.try_get(column + 1)?)?),
        recorded_at: row.try_get(column + 2)?,
    })
}

/// The columns that [`recorded`] reads, of `events e` and `streams s`.
macro_rules! recorded_columns {
    () => {
        "e.position, s.name, e.revision, e.id, e.kind, e.recorded_at, e.body, e.meta"
    };
}
pub(super) use recorded_columns;

/// Rows to events; neighbours of one stream or kind share its name.
pub(super) fn recorded(rows: &[PgRow]) -> Result<Vec<Arc<Recorded>>, Trouble> {
    let mut last: Option<Arc<Recorded>> = None;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let event = Arc::new(one_recorded(row, last.as_deref())?);
        last = Some(Arc::clone(&event));
        events.push(event);
    }
    Ok(events)
}

fn one_recorded(row: &PgRow, last: Option<&Recorded>) -> Result<Recorded, Trouble> {
    let stream: &str = row.try_get(1)?;
    let kind: &str = row.try_get(4)?;
    Ok(Recorded {
        position: Position(from_sql(row.try_get(0)?)?),
        stream: last
            .filter(|last| last.stream.as_str() == stream)
            .map_or_else(|| StreamName::stored(stream), |last| last.stream.clone()),
        revision: Revision(from_sql(row.try_get(2)?)?),
        id: EventId(row.try_get::<Uuid, _>(3)?),
        kind: last
            .filter(|last| &*last.kind == kind)
            .map_or_else(|| kind.into(), |last| Arc::clone(&last.kind)),
        recorded_at: row.try_get(5)?,
        body: Bytes::copy_from_slice(row.try_get(6)?),
        meta: Bytes::copy_from_slice(row.try_get(7)?),
    })
}
