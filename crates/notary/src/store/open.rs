//! Opening the notary's tables, and connecting to them.
//!
//! For: making them where they are missing, and never touching the log's.
//! May not know: what is kept in them.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use eventlog::PostgresOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::Mutex;

use super::{Ledger, LedgerError, Link, Place, answered};

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// The advisory lock under which tables are made: "ANLN".
const LOCK: i32 = 0x414e_4c4e;

/// Added to the name of the log's schema.
const SCHEMA_END: &str = "_notary";

/// Both write the numbers of places alike.
const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS notary (one bigint PRIMARY KEY CHECK (one = 1), format bigint NOT NULL, \
       verifier text NOT NULL, size bigint NOT NULL, checkpoints bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS checkpoints (number bigint PRIMARY KEY, size bigint NOT NULL, \
       signed_at bigint NOT NULL, note text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tiles (level bigint NOT NULL, tile bigint NOT NULL, hashes BYTES NOT NULL, \
       PRIMARY KEY (level, tile))",
];

/// What is made first, and last.
const FIRST_TABLE: &str = "notary";
const LAST_TABLE: &str = "tiles";

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
        let there = ledger.exists(&schema, FIRST_TABLE).await?;
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

    async fn exists(&self, schema: &str, table: &str) -> Result<bool, LedgerError> {
        let Place::Postgres(connect, _) = &self.place else {
            return Ok(true);
        };
        let asked = async {
            let mut sql = PgConnection::connect_with(connect).await?;
            let found: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                .bind(format!("{schema}.{table}"))
                .fetch_one(&mut sql)
                .await?;
            sql.close().await?;
            Ok(found)
        };
        answered(asked).await
    }

    async fn make_tables(&self) -> Result<(), LedgerError> {
        // Asked for first: making them, even when they are there, takes rights that using them does not.
        if let Place::Postgres(_, schema) = &self.place
            && self.exists(schema, LAST_TABLE).await?
        {
            return Ok(());
        }
        let (before, bytes, after) = match &self.place {
            Place::Sqlite(_) => (vec![], "blob", vec![]),
            Place::Postgres(_, schema) => {
                let lock = format!("pg_advisory_lock({LOCK}, hashtext('{schema}'))");
                let unlock = lock.replace("_lock(", "_unlock(");
                let mut before = vec![format!("SELECT {lock}")];
                before.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
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

    pub(super) async fn connected(&self, link: Option<Link>) -> Result<Link, LedgerError> {
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
