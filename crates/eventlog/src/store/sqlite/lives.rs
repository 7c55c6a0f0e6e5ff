//! How streams stand with outside programs, looked up for a batch.
//!
//! For: what the plan's rules about metadata and deletion need.
//! May not know: the rules. A batch of our own asks nothing here.

use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::rows::{chunks, from_sql, groups};
use super::session::{Session, StreamRow, StreamRows};
use crate::name::{Revision, StreamName};
use crate::store::plan::{Known, Life, lives_wanted};
use crate::store::{StoreError, Write};

impl Session {
    /// Adds to `rows` the streams that are deleted softly, and those that describe them: the plan may write to these.
    pub(super) async fn look_at_lives(
        &mut self,
        batch: &[Write],
        known: &mut Known,
        rows: &mut StreamRows,
    ) -> Result<(), StoreError> {
        let mut unknown = Vec::new();
        for stream in lives_wanted(batch) {
            match self.lives.get(&stream) {
                // Where it begins again is looked up each time: it is rare.
                Some(Life::Hidden) | None => {
                    known.set_life(&stream, Life::Plain);
                    unknown.push((stream.metadata(), stream));
                }
                Some(life) => known.set_life(&stream, life),
            }
        }
        for chunk in chunks(&unknown) {
            let sql = format!(
                "WITH wanted (at, name, metadata) AS (VALUES {}) SELECT w.at, \
                 s.id, s.category, (SELECT max(revision) FROM events WHERE stream = s.id), \
                 m.id, m.category, (SELECT max(revision) FROM events WHERE stream = m.id), \
                 (SELECT kind FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1), \
                 (SELECT body FROM events WHERE stream = m.id ORDER BY revision DESC LIMIT 1) \
                 FROM wanted w LEFT JOIN streams s ON s.name = w.name LEFT JOIN streams m ON m.name = w.metadata \
                 WHERE s.id IS NOT NULL OR m.id IS NOT NULL",
                groups(chunk.len(), 3)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (at, (metadata, stream)) in chunk.iter().enumerate() {
                let at = i64::try_from(at).unwrap_or(-1);
                query = query.bind(at).bind(stream.as_str()).bind(metadata.as_str());
            }
            let found = query.fetch_all(&mut self.connection).await?;
            for row in &found {
                let at: i64 = row.try_get(0)?;
                let asked = usize::try_from(at).ok().and_then(|at| chunk.get(at));
                if let Some((metadata, stream)) = asked {
                    learn(row, stream, metadata, known, rows)?;
                }
            }
        }
        Ok(())
    }
}

fn learn(
    row: &SqliteRow,
    stream: &StreamName,
    metadata: &StreamName,
    known: &mut Known,
    rows: &mut StreamRows,
) -> Result<(), StoreError> {
    let last_kind: Option<&str> = row.try_get(7)?;
    let said: Option<&[u8]> = row.try_get(8)?;
    let life = Life::of(last_kind, said);
    known.set_life(stream, life);
    if life != Life::Hidden {
        return Ok(());
    }
    for (stream, column) in [(stream, 1), (metadata, 4)] {
        if let Some(id) = row.try_get(column)? {
            let found = StreamRow {
                id,
                category: row.try_get(column + 1)?,
                head: Revision(from_sql(row.try_get(column + 2)?)?),
            };
            rows.entry(stream.clone()).or_insert(found);
        }
    }
    known.set_described(stream, said.map(Bytes::copy_from_slice).unwrap_or_default());
    Ok(())
}
