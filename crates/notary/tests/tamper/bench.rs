//! A signed log on either store, and hands in its tables.
//!
//! For: making the same log everywhere, changing its tables by plain SQL, verifying it, putting it back.
//! May not know: what is changed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventlog::{
    EventId, Expected, Lane, Log, ManualClock, NewEvent, PostgresOptions, StreamAppend, StreamName,
};
use notary::{
    Checkpoint, Ledger, Notary, NotaryOptions, Outlets, Report, Signer, Verification, Verifier,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::server::PostgresServer;

/// Records under checkpoints; more than two full tiles, so that the tree has a second level.
pub(crate) const SIGNED: u64 = 600;

/// Checkpoints, each over as many records more.
pub(crate) const CHECKPOINTS: u64 = 5;

/// The streams, in turn: the record at position p stands in the stream number (p - 1) % 5.
pub(crate) const STREAMS: [&str; 5] = ["device-1", "device-2", "incident-1", "policy", "care-1"];

/// The signing key of the bench.
pub(crate) fn signer() -> Signer {
    Signer::from_seed("anling/bench", [7; 32]).unwrap()
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

pub(crate) struct Bench {
    pub(crate) kind: Kind,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) options: PostgresOptions,
    pub(crate) clock: Arc<ManualClock>,
}

impl Bench {
    /// A log with [`SIGNED`] records under [`CHECKPOINTS`] checkpoints, and `after` more that are not signed.
    pub(crate) async fn new(kind: Kind, after: u64) -> Self {
        let bench = Self::empty(kind);
        for round in 0..CHECKPOINTS {
            let log = bench.open().await;
            for number in 0..SIGNED / CHECKPOINTS {
                append(&log, round * SIGNED / CHECKPOINTS + number + 1).await;
            }
            // A minute on, so that the checkpoint stays.
            bench.clock.advance(Duration::from_secs(61));
            bench.notary(&log, Some(signer())).await.stop().await;
            log.close().await;
        }
        let log = bench.open().await;
        for number in SIGNED..SIGNED + after {
            append(&log, number + 1).await;
        }
        log.close().await;
        bench.keep().await;
        bench
    }

    pub(crate) fn empty(kind: Kind) -> Self {
        let url = match kind {
            Kind::Sqlite => String::new(),
            Kind::Postgres => PostgresServer::shared().url(),
        };
        Self {
            kind,
            dir: tempfile::tempdir().unwrap(),
            options: PostgresOptions {
                schema: PostgresServer::fresh_schema(),
                ..PostgresOptions::new(url)
            },
            clock: Arc::new(ManualClock::new(1_700_000_000_000_000)),
        }
    }

    pub(crate) async fn open(&self) -> Log {
        if matches!(self.kind, Kind::Postgres) {
            return Log::open_postgres(&self.options, self.clock.clone())
                .await
                .unwrap();
        }
        Log::open_sqlite(self.dir.path(), self.clock.clone())
            .await
            .unwrap()
    }

    pub(crate) async fn notary(&self, log: &Log, signer: Option<Signer>) -> Notary {
        let ledger = match self.kind {
            Kind::Sqlite => Ledger::open_sqlite(self.dir.path()).await,
            Kind::Postgres => Ledger::open_postgres(&self.options).await,
        };
        let options = NotaryOptions {
            signer,
            holder: "bench".to_owned(),
            outlets: Outlets::default(),
        };
        Notary::start(log.clone(), ledger.unwrap(), options)
    }

    pub(crate) async fn ledger(&self) -> Option<Ledger> {
        match self.kind {
            Kind::Sqlite => Ledger::read_sqlite(self.dir.path()).await,
            Kind::Postgres => Ledger::read_postgres(&self.options).await,
        }
        .unwrap()
    }

    /// What verification says; an error when the log cannot even be opened.
    pub(crate) async fn verify(&self) -> Result<Report, String> {
        self.verify_against(signer().verifier(), None).await
    }

    pub(crate) async fn verify_against(
        &self,
        verifier: &Verifier,
        against: Option<Checkpoint>,
    ) -> Result<Report, String> {
        let log = match self.kind {
            Kind::Sqlite => Log::open_sqlite_reader(self.dir.path()).await,
            Kind::Postgres => Log::open_postgres(&self.options, self.clock.clone()).await,
        };
        let log = log.map_err(|error| error.to_string())?;
        let ledger = self.ledger().await;
        let verification = Verification {
            log: &log,
            ledger: ledger.as_ref(),
            verifier,
            against,
        };
        let report = verification.run(|_| ()).await;
        log.close().await;
        report.map_err(|error| error.to_string())
    }

    /// A table's full name.
    pub(crate) fn table(&self, table: &str) -> String {
        let ours = ["notary", "tiles", "checkpoints"].contains(&table);
        match (&self.kind, ours) {
            (Kind::Sqlite, _) => table.to_owned(),
            (Kind::Postgres, false) => format!("{}.{table}", self.options.schema),
            (Kind::Postgres, true) => format!("{}_notary.{table}", self.options.schema),
        }
    }

    fn file(&self, table: &str) -> std::path::PathBuf {
        let ours = ["notary", "tiles", "checkpoints"].contains(&table);
        let name = if ours { "notary.sqlite" } else { "log.sqlite" };
        self.dir.path().join(name)
    }

    async fn sqlite(&self, table: &str) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file(table));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// Runs a statement about a table; an error when the store does not take it.
    pub(crate) async fn execute(&self, table: &str, sql: &str) -> Result<u64, String> {
        match self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite(table).await;
                let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
                    .execute(&mut connection)
                    .await
                    .map(|done| done.rows_affected());
                connection.close().await.unwrap();
                done.map_err(|error| error.to_string())
            }
            Kind::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.options.url)
                    .await
                    .unwrap();
                let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
                    .execute(&mut connection)
                    .await
                    .map(|done| done.rows_affected());
                connection.close().await.unwrap();
                done.map_err(|error| error.to_string())
            }
        }
    }

    /// One column of text.
    pub(crate) async fn texts(&self, table: &str, sql: &str) -> Vec<String> {
        match self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite(table).await;
                let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                connection.close().await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Kind::Postgres => {
                let rows = PostgresServer::shared().sql(sql);
                rows.lines().map(str::to_owned).collect()
            }
        }
    }

    /// Remembers everything as it is now.
    pub(crate) async fn keep(&self) {
        match self.kind {
            Kind::Sqlite => {
                for name in ["log.sqlite", "notary.sqlite"] {
                    // Closed in order, each file is whole without its write-ahead file.
                    let from = self.dir.path().join(name);
                    let mut connection = self
                        .sqlite(if name.starts_with('n') {
                            "notary"
                        } else {
                            "events"
                        })
                        .await;
                    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                        .execute(&mut connection)
                        .await
                        .unwrap();
                    connection.close().await.unwrap();
                    std::fs::copy(&from, kept(&from)).unwrap();
                }
            }
            Kind::Postgres => {
                for table in TABLES {
                    let (name, schema) = (self.table(table), &self.options.schema);
                    let sql = format!(
                        "CREATE TABLE {schema}_notary.kept_{table} AS SELECT * FROM {name}"
                    );
                    PostgresServer::shared().sql(&sql);
                }
            }
        }
    }

    /// Puts everything back as it was kept.
    pub(crate) async fn put_back(&self) {
        match self.kind {
            Kind::Sqlite => {
                for name in ["log.sqlite", "notary.sqlite"] {
                    let from = self.dir.path().join(name);
                    for ending in ["-wal", "-shm"] {
                        let beside = format!("{}{ending}", from.display());
                        drop(std::fs::remove_file(beside));
                    }
                    std::fs::copy(kept(&from), &from).unwrap();
                }
            }
            Kind::Postgres => {
                let all = TABLES.map(|table| {
                    let (name, schema) = (self.table(table), &self.options.schema);
                    format!("DELETE FROM {name}; INSERT INTO {name} SELECT * FROM {schema}_notary.kept_{table};")
                });
                PostgresServer::shared().sql(&all.concat());
            }
        }
    }
}

/// The tables of PostgreSQL that a test changes.
const TABLES: [&str; 6] = [
    "head",
    "streams",
    "events",
    "notary",
    "tiles",
    "checkpoints",
];

fn kept(path: &Path) -> std::path::PathBuf {
    path.with_extension("kept")
}

pub(crate) async fn append(log: &Log, number: u64) {
    let event = NewEvent {
        id: EventId(uuid::Uuid::from_u128(u128::from(number) << 64 | 5)),
        kind: "Happened".to_owned(),
        body: Bytes::from(format!("{{\"number\":{number}}}")),
        meta: Bytes::from_static(b"{\"actor\":\"wang\"}"),
    };
    let append = StreamAppend {
        stream: StreamName::new(STREAMS[(number as usize - 1) % STREAMS.len()]).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    };
    let done = log.append(Lane::Urgent, vec![append]).await.unwrap();
    assert_eq!(done.position.0, number);
}
