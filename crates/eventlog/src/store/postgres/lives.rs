//! How streams stand with outside programs, looked up for a batch.
//!
//! For: what the plan's rules about metadata and deletion need.
//! May not know: the rules. A batch of our own asks nothing here.

use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::look::{StreamRow, StreamRows, place};
use super::rows::from_sql;
use super::trouble::Trouble;
use crate::name::{Revision, StreamName};
use crate::store::Write;
use crate::store::cache::Cache;
use crate::store::plan::{Known, Life, lives_wanted};

/// Which wanted stream; its number, last revision and last type; the number, last revision and last body of the one that
/// describes it.
pub(super) const LIVES: &str = "SELECT w.at, s.id, l.revision, m.id, d.revision, l.kind, d.body \
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (name, metadata, at) \
     LEFT JOIN streams s ON s.name = w.name \
     LEFT JOIN LATERAL (SELECT revision, kind FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1) l ON true \
     LEFT JOIN streams m ON m.name = w.metadata \
     LEFT JOIN LATERAL (SELECT revision, body FROM events WHERE stream = m.id ORDER BY revision DESC LIMIT 1) d ON true";

/// Adds to `rows` the streams that are deleted softly, and those that describe them: the plan may write to these.
pub(super) async fn look_at_lives(
    sql: &mut PgConnection,
    remembered: &mut Cache<StreamName, Life>,
    batch: &[Write],
    known: &mut Known,
    rows: &mut StreamRows,
) -> Result<(), Trouble> {
    let mut unknown = Vec::new();
    for stream in lives_wanted(batch) {
        match remembered.get(&stream) {
            // Where it begins again is looked up each time: it is rare.
            Some(Life::Hidden) | None => {
                known.set_life(&stream, Life::Plain);
                unknown.push((stream.metadata(), stream));
            }
            Some(life) => known.set_life(&stream, life),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.iter().map(|(_, stream)| stream.as_str());
    let described = unknown.iter().map(|(metadata, _)| metadata.as_str());
    let found = sqlx::query(LIVES)
        .bind(names.collect::<Vec<_>>())
        .bind(described.collect::<Vec<_>>())
        .fetch_all(sql)
        .await?;
    for row in &found {
        if let Some((metadata, stream)) = unknown.get(place(row)?) {
            learn(row, stream, metadata, known, rows)?;
        }
    }
    Ok(())
}

fn learn(
    row: &PgRow,
    stream: &StreamName,
    metadata: &StreamName,
    known: &mut Known,
    rows: &mut StreamRows,
) -> Result<(), Trouble> {
    let last_kind: Option<&str> = row.try_get(5)?;
    let said: Option<&[u8]> = row.try_get(6)?;
    let life = Life::of(last_kind, said);
    known.set_life(stream, life);
    if life != Life::Hidden {
        return Ok(());
    }
    for (stream, column) in [(stream, 1), (metadata, 3)] {
        if let Some(id) = row.try_get(column)? {
            let head = Revision(from_sql(row.try_get(column + 1)?)?);
            rows.entry(stream.clone()).or_insert(StreamRow { id, head });
            known.set_head(stream, head);
        }
    }
    known.set_described(stream, said.map(Bytes::copy_from_slice).unwrap_or_default());
    Ok(())
}
