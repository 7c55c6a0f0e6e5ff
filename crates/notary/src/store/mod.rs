//! The notary's own tables: tiles and checkpoints, beside the log and never in it.
//!
//! For: keeping them durably in `DIR/notary.sqlite` or a schema of its own in the log's database, one statement for both.
//! May not know: what is hashed or signed. Two writers cannot both go on from the same size: the second is turned away.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use eventlog::PostgresOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::sync::Mutex;

use crate::tiles::{Tile, TilePlace, from_bytes, to_bytes};
use crate::tree::Hash;

/// The form of the tables; another version's are refused.
const FORMAT: i64 = 1;

/// How long the database may take to answer. Ours: a row or a few; it is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// The advisory lock under which tables are made: "ANLN".
const LOCK: i32 = 0x414e_4c4e;

/// Added to the name of the log's schema.
const SCHEMA_END: &str = "_notary";

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

// After the words it is written in.
mod copy;

/// Both write the numbers of places alike.
const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS notary (one bigint PRIMARY KEY CHECK (one = 1), format bigint NOT NULL, \
       verifier text NOT NULL, size bigint NOT NULL, checkpoints bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS checkpoints (number bigint PRIMARY KEY, size bigint NOT NULL, \
       signed_at bigint NOT NULL, note text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tiles (level bigint NOT NULL, tile bigint NOT NULL, hashes BYTES NOT NULL, \
       PRIMARY KEY (level, tile))",
];

/// Opening.
impl Ledger {
    /// Opens or makes `DIR/notary.sqlite`. Only the process that writes the log there may.
    pub async fn open_sqlite(dir: &Path) -> Result<Self, LedgerError> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join("notary.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let ledger = Self::at(Place::Sqlite(Box::new(options)));
        ledger.make_tables().await?;
        Ok(ledger)
    }

    /// Opens `DIR/notary.sqlite` for reading, beside a running notary; `None` when there is none.
    pub async fn read_sqlite(dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = dir.join("notary.sqlite");
        if !path.exists() {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        Ok(Some(Self::at(Place::Sqlite(Box::new(options)))))
    }

    /// Opens or makes the notary's schema beside the log's.
    pub async fn open_postgres(options: &PostgresOptions) -> Result<Self, LedgerError> {
        let ledger = Self::postgres(options)?;
        ledger.make_tables().await?;
        Ok(ledger)
    }

    /// Opens the notary's schema for reading; `None` when there is none.
    pub async fn read_postgres(options: &PostgresOptions) -> Result<Option<Self>, LedgerError> {
        let ledger = Self::postgres(options)?;
        let schema = format!("{}{SCHEMA_END}", options.schema);
        let there = ledger.exists(&schema).await?;
        Ok(there.then_some(ledger))
    }

    fn at(place: Place) -> Self {
        let link = Mutex::new(None);
        Self { place, link }
    }

    fn postgres(options: &PostgresOptions) -> Result<Self, LedgerError> {
        // What the parser says may repeat the URL, which holds a password.
        let unread = |_| LedgerError::Unavailable("database_url is no address".to_owned());
        let connect = PgConnectOptions::from_str(&options.url).map_err(unread)?;
        let schema = format!("{}{SCHEMA_END}", options.schema);
        let connect = connect
            .application_name("anling notary")
            .options([("search_path", schema.as_str())])
            .disable_statement_logging();
        Ok(Self::at(Place::Postgres(Box::new(connect), schema)))
    }

    async fn exists(&self, schema: &str) -> Result<bool, LedgerError> {
        let Place::Postgres(connect, _) = &self.place else {
            return Ok(true);
        };
        let asked = async {
            let mut sql = PgConnection::connect_with(connect).await?;
            let found: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                .bind(format!("{schema}.notary"))
                .fetch_one(&mut sql)
                .await?;
            sql.close().await?;
            Ok(found)
        };
        answered(asked).await
    }

    async fn make_tables(&self) -> Result<(), LedgerError> {
        let (before, bytes, after) = match &self.place {
            Place::Sqlite(_) => (vec![], "blob", vec![]),
            Place::Postgres(_, schema) => {
                let lock = format!("pg_advisory_lock({LOCK}, hashtext('{schema}'))");
                let unlock = lock.replace("_lock(", "_unlock(");
                let mut before = vec![format!("SELECT {lock}")];
                // Asked for first: making it, even when it is there, takes a right that using it does not.
                if !self.exists(schema).await? {
                    before.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
                }
                (before, "bytea", vec![format!("SELECT {unlock}")])
            }
        };
        let tables = TABLES.iter().map(|sql| sql.replace("BYTES", bytes));
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        for statement in before.into_iter().chain(tables).chain(after) {
            over!(&mut sql, sql => {
                let made = sqlx::raw_sql(AssertSqlSafe(statement)).execute(sql);
                answered(async { Ok(made.await.map(drop)?) }).await?;
            });
        }
        *link = Some(sql);
        Ok(())
    }

    async fn connected(&self, link: Option<Link>) -> Result<Link, LedgerError> {
        if let Some(link) = link {
            return Ok(link);
        }
        let connecting = async {
            Ok(match &self.place {
                Place::Sqlite(options) => {
                    Link::Sqlite(SqliteConnection::connect_with(options).await?)
                }
                Place::Postgres(options, _) => {
                    Link::Postgres(PgConnection::connect_with(options).await?)
                }
            })
        };
        answered(connecting).await
    }
}

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
