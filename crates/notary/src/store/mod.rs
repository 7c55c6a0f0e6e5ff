//! The notary's own tables: tiles and checkpoints, beside the log and never in it.
//!
//! For: keeping them durably in `DIR/notary.sqlite` or a schema of its own in the log's database, one statement for both.
//! May not know: what is hashed or signed. Two writers cannot both go on from the same size: the second is turned away.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tokio::sync::Mutex;

use crate::tiles::{Tile, TilePlace, from_bytes, to_bytes};
use crate::tree::Hash;

/// The form of the tables; another version's are refused.
const FORMAT: i64 = 1;

/// How long the database may take to answer. Ours: a row or a few; it is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How far the notary has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The public key that its checkpoints are signed with.
    pub verifier: String,
    /// Records in the tree.
    pub size: u64,
    /// Checkpoints kept; they are numbered from 1.
    pub checkpoints: u64,
}

/// A checkpoint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Its number, from 1.
    pub number: u64,
    /// The size it says.
    pub size: u64,
    /// When it was signed, in microseconds of UTC since 1970.
    pub signed_at: i64,
    /// The signed note.
    pub note: String,
}

/// Why the notary's tables could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Conflict: somebody else signed meanwhile.
    #[error("another notary signed meanwhile")]
    Overtaken,
    /// Unavailable: try again.
    #[error("the notary's tables could not be used: {0}")]
    Unavailable(String),
    /// They hold what nobody wrote there.
    #[error("the notary's tables are damaged: {0}")]
    Damaged(&'static str),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } => Self::Damaged("a value of another type"),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

enum Place {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>, String),
}

/// The notary's tables. A connection that failed is made anew.
pub struct Ledger {
    place: Place,
    link: Mutex<Option<Link>>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger(…)")
    }
}

/// The same statements over either connection.
macro_rules! over {
    ($link:expr, $sql:ident => $body:expr) => {
        match $link {
            Link::Sqlite($sql) => $body,
            Link::Postgres($sql) => $body,
        }
    };
}

/// A checkpoint out of a row of either.
macro_rules! checkpoint {
    ($row:expr) => {{
        let row = $row;
        StoredCheckpoint {
            number: number(row.try_get(0)?)?,
            size: number(row.try_get(1)?)?,
            signed_at: row.try_get(2)?,
            note: row.try_get(3)?,
        }
    }};
}

/// Keeps a tile, over either connection.
macro_rules! put_tile {
    ($sql:expr, $tile:expr) => {
        sqlx::query(
            "INSERT INTO tiles (level, tile, hashes) VALUES ($1, $2, $3) \
             ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes",
        )
        .bind(i64::from($tile.place.level))
        .bind(to_sql($tile.place.index))
        .bind(to_bytes(&$tile.hashes))
        .execute(&mut *$sql)
        .await?
    };
}

/// Keeps a checkpoint, over either connection.
macro_rules! put_checkpoint {
    ($sql:expr, $checkpoint:expr) => {
        sqlx::query(
            "INSERT INTO checkpoints (number, size, signed_at, note) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (number) DO UPDATE \
             SET size = excluded.size, signed_at = excluded.signed_at, note = excluded.note",
        )
        .bind(to_sql($checkpoint.number))
        .bind(to_sql($checkpoint.size))
        .bind($checkpoint.signed_at)
        .bind(&$checkpoint.note)
        .execute(&mut *$sql)
        .await?
    };
}

// After the words they are written in.
mod copy;
mod open;

/// Reading.
impl Ledger {
    /// How far the notary has come, and its last checkpoint, as they were together; `None` before it began.
    pub async fn end(&self) -> Result<Option<(State, Option<StoredCheckpoint>)>, LedgerError> {
        const SQL: &str = "SELECT n.format, n.verifier, n.size, n.checkpoints, c.number, c.size, c.signed_at, c.note \
             FROM notary n LEFT JOIN checkpoints c ON c.number = n.checkpoints WHERE n.one = 1";
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        let found = over!(&mut sql, sql => {
            let row = sqlx::query(SQL).fetch_optional(sql);
            match answered(async { Ok(row.await?) }).await? {
                None => None,
                Some(row) => {
                    if row.try_get::<i64, _>(0)? != FORMAT {
                        return Err(LedgerError::Damaged("they are of another version"));
                    }
                    let state = State {
                        verifier: row.try_get(1)?,
                        size: number(row.try_get(2)?)?,
                        checkpoints: number(row.try_get(3)?)?,
                    };
                    let last = match row.try_get::<Option<i64>, _>(4)? {
                        None => None,
                        Some(at) => Some(StoredCheckpoint {
                            number: number(at)?,
                            size: number(row.try_get(5)?)?,
                            signed_at: row.try_get(6)?,
                            note: row.try_get(7)?,
                        }),
                    };
                    Some((state, last))
                }
            }
        });
        *link = Some(sql);
        Ok(found)
    }

    /// Checkpoints after this number, in order, at most so many.
    pub async fn checkpoints(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCheckpoint>, LedgerError> {
        const SQL: &str = "SELECT number, size, signed_at, note FROM checkpoints WHERE number > $1 ORDER BY number LIMIT $2";
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        let found = over!(&mut sql, sql => {
            let rows = sqlx::query(SQL).bind(to_sql(after)).bind(to_sql(limit as u64)).fetch_all(sql);
            let rows = answered(async { Ok(rows.await?) }).await?;
            rows.iter().map(|row| Ok(checkpoint!(row))).collect::<Result<Vec<_>, LedgerError>>()?
        });
        *link = Some(sql);
        Ok(found)
    }

    /// Tiles of a level from this one on, in order, at most so many. One that is damaged is given as it is cut short.
    pub(crate) async fn tiles(
        &self,
        from: TilePlace,
        limit: usize,
    ) -> Result<Vec<Tile>, LedgerError> {
        const SQL: &str =
            "SELECT tile, hashes FROM tiles WHERE level = $1 AND tile >= $2 ORDER BY tile LIMIT $3";
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        let found = over!(&mut sql, sql => {
            let rows = sqlx::query(SQL)
                .bind(i64::from(from.level))
                .bind(to_sql(from.index))
                .bind(to_sql(limit as u64))
                .fetch_all(sql);
            let rows = answered(async { Ok(rows.await?) }).await?;
            let mut tiles = Vec::with_capacity(rows.len());
            for row in &rows {
                let place = TilePlace { level: from.level, index: number(row.try_get(0)?)? };
                let hashes = from_bytes(row.try_get::<&[u8], _>(1)?).unwrap_or_default();
                tiles.push(Tile { place, hashes });
            }
            tiles
        });
        *link = Some(sql);
        Ok(found)
    }

    /// One tile's hashes; nothing when it is not there.
    pub(crate) async fn tile(&self, place: TilePlace) -> Result<Vec<Hash>, LedgerError> {
        let found = self.tiles(place, 1).await?.pop();
        let found = found.filter(|tile| tile.place == place);
        Ok(found.map_or_else(Vec::new, |tile| tile.hashes))
    }
}

/// Writing.
impl Ledger {
    /// Begins: notes whose signatures will stand here. Whoever is first is it.
    pub async fn begin(&self, verifier: &str) -> Result<(), LedgerError> {
        const SQL: &str = "INSERT INTO notary (one, format, verifier, size, checkpoints) VALUES (1, $1, $2, 0, 0) \
             ON CONFLICT (one) DO NOTHING";
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        over!(&mut sql, sql => {
            let done = sqlx::query(SQL).bind(FORMAT).bind(verifier).execute(sql);
            answered(async { Ok(done.await.map(drop)?) }).await?;
        });
        *link = Some(sql);
        Ok(())
    }

    /// Keeps tiles and the checkpoint over them, all or nothing, if the notary still stands where `from` says. Durable
    /// once this returns. A checkpoint whose number is there already stands in that one's place.
    pub(crate) async fn commit(
        &self,
        from: &State,
        tiles: &[Tile],
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), LedgerError> {
        const MOVE: &str = "UPDATE notary SET size = $1, checkpoints = $2 WHERE one = 1 AND size = $3 AND checkpoints = $4";
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        let begin = match &sql {
            Link::Sqlite(_) => "BEGIN IMMEDIATE",
            Link::Postgres(_) => "BEGIN",
        };
        // Dropped with its connection unless all of it was done.
        over!(&mut sql, sql => answered(async {
            sqlx::query(begin).execute(&mut *sql).await?;
            let moved = sqlx::query(MOVE)
                .bind(to_sql(checkpoint.size))
                .bind(to_sql(checkpoint.number))
                .bind(to_sql(from.size))
                .bind(to_sql(from.checkpoints))
                .execute(&mut *sql)
                .await?;
            if moved.rows_affected() != 1 {
                return Err(LedgerError::Overtaken);
            }
            for tile in tiles {
                put_tile!(sql, tile);
            }
            put_checkpoint!(sql, checkpoint);
            sqlx::query("COMMIT").execute(&mut *sql).await?;
            Ok(())
        })
        .await?);
        *link = Some(sql);
        Ok(())
    }

    /// Closes the connection in order.
    pub async fn close(&self) {
        let link = self.link.lock().await.take();
        let closed = match link {
            None => Ok(()),
            Some(link) => over!(link, sql => answered(async { Ok(sql.close().await?) }).await),
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "the notary's connection did not close in order");
        }
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
    match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Ok(done) => done,
        Err(_) => Err(LedgerError::Unavailable(format!(
            "no answer within {} s",
            ANSWER_WITHIN.as_secs()
        ))),
    }
}

fn number(stored: i64) -> Result<u64, LedgerError> {
    u64::try_from(stored).map_err(|_| LedgerError::Damaged("a negative number"))
}

fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
