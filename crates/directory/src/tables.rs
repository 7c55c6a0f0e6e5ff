//! The read tables: residents and devices in `DIR/directory.sqlite`, with their own cursor.
//!
//! For: looking up by id and page by page; everything in them is in the log too, so a missing, foreign, older or
//! damaged file is put aside and filled anew. Sealed profiles stay in the log alone: a row says in which event.
//! May not know: how the log is followed, profiles.
//!
//! One task writes, in batches: rows and cursor in one transaction, so a crash leaves both as they were.

use std::{path::Path, time::Duration};

use domain::{DeviceId, ResidentId, SiteId, record::Hold};
use eventlog::{EventId, Position, Recorded};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    error::DirectoryError,
    registrar::hex,
    rows::{DeviceRow, ResidentRow, odd},
};

/// The file's name within the data folder.
pub const FILE: &str = "directory.sqlite";

/// The shape of the tables below; another number in a file means: fill it anew.
const VERSION: i64 = 3;

/// Marks the file as ours ("ANdr").
const APPLICATION: i64 = 0x414e_6472;

/// Connections to the file: one writes, the others read. Reads take tens of microseconds.
const CONNECTIONS: u32 = 5;

/// How long a connection waits for the file's lock, held only while a batch is written.
const BUSY: Duration = Duration::from_secs(5);

/// Largest file, in bytes, that is checked page by page when opened; a larger one would hold up the start for seconds,
/// and damage in it shows as lookups that fail.
const CHECKED_BYTES: i64 = 64 * 1024 * 1024;

const SCHEMA: &str = "
CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, mark TEXT NOT NULL);
CREATE TABLE residents (
    id TEXT PRIMARY KEY, district TEXT NOT NULL, community TEXT NOT NULL, grid INTEGER NOT NULL, home_station TEXT,
    erased INTEGER NOT NULL, sealed_in BLOB NOT NULL, indexed_in BLOB
) WITHOUT ROWID;
CREATE INDEX residents_of_district ON residents (district, id);
CREATE INDEX residents_of_station ON residents (home_station, id);
CREATE TABLE devices (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, resident TEXT, key_hash TEXT NOT NULL, retired INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX devices_of_resident ON devices (resident, id);
CREATE INDEX residents_unindexed ON residents (id) WHERE erased = 0 AND indexed_in IS NOT sealed_in;
CREATE TABLE phones (
    hash BLOB NOT NULL, resident TEXT NOT NULL, whose INTEGER NOT NULL, PRIMARY KEY (hash, resident, whose)
) WITHOUT ROWID;
CREATE INDEX phones_of_resident ON phones (resident);
CREATE TABLE holds (
    resident TEXT NOT NULL, case_number TEXT NOT NULL, why TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (resident, case_number)
) WITHOUT ROWID;
CREATE TRIGGER erased AFTER UPDATE OF erased ON residents WHEN new.erased BEGIN
    DELETE FROM phones WHERE resident = new.id;
END;
";

/// What an event changes in the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Resident(ResidentRow),
    Profile(ResidentId, EventId),
    Erased(ResidentId),
    Held {
        resident: ResidentId,
        case: String,
        hold: Hold,
    },
    Released(ResidentId, String),
    Device(DeviceRow),
    Retired(DeviceId),
}

/// Where the tables left off, and the mark of the event that stood there: another one means another log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) position: Position,
    pub(crate) mark: String,
}

impl Cursor {
    /// At an event. Its id alone would not tell two logs apart into which the same city was imported.
    pub(crate) fn at(event: &Recorded) -> Self {
        let mut hash = Sha256::new();
        hash.update(event.id.0.as_bytes());
        hash.update(event.recorded_at.to_be_bytes());
        hash.update(&event.meta);
        hash.update(&event.body);
        let digest = hash.finalize();
        Self {
            position: event.position,
            mark: hex(&digest),
        }
    }
}

/// The open tables; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Tables(SqlitePool);

impl Tables {
    /// Opens the tables in `dir`, making them anew when they are not usable; in memory without a folder.
    pub(crate) async fn open(dir: Option<&Path>) -> Result<Self, DirectoryError> {
        let Some(dir) = dir else {
            return Ok(Self::memory().await?);
        };
        let path = dir.join(FILE);
        match Self::file(&path).await {
            Ok(tables) if tables.is_ours().await => return Ok(tables),
            Ok(tables) => tables.close().await,
            Err(error) => tracing::warn!(%error, "the read tables do not open"),
        }
        let failed = |detail: String| DirectoryError::File {
            path: path.clone(),
            detail,
        };
        Self::remove(&path).map_err(|error| failed(error.to_string()))?;
        let tables = Self::file(&path).await;
        let tables = tables.map_err(|error| failed(error.to_string()))?;
        let made = tables.create().await;
        made.map_err(|error| failed(error.to_string()))?;
        Ok(tables)
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.0
    }

    async fn memory() -> Result<Self, sqlx::Error> {
        // One connection that is never given up: another would be another database.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        let options = SqliteConnectOptions::new().in_memory(true);
        let tables = Self(pool.connect_with(options).await?);
        tables.create().await?;
        Ok(tables)
    }

    async fn file(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What is deleted is overwritten: nothing of an erased resident lingers in free pages.
            .pragma("secure_delete", "ON")
            // A lost last batch is read again from the log.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .idle_timeout(None)
            .max_lifetime(None);
        let pool = pool.connect_with(options).await?;
        // All of them now and for good, one after another: a connection's own thread is as urgent as the one that made it, whoever
        // asks it later.
        let mut made = Vec::new();
        for _ in 0..CONNECTIONS {
            made.push(pool.acquire().await?);
        }
        drop(made);
        Ok(Self(pool))
    }

    fn remove(path: &Path) -> std::io::Result<()> {
        for tail in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(tail);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn create(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        transaction.commit().await?;
        for (pragma, value) in [("application_id", APPLICATION), ("user_version", VERSION)] {
            let set = sqlx::AssertSqlSafe(format!("PRAGMA {pragma} = {value}"));
            sqlx::query(set).execute(&self.0).await?;
        }
        Ok(())
    }

    /// Whether the file is of this version and whole as far as a quick look tells.
    async fn is_ours(&self) -> bool {
        let number = async |pragma: &'static str| {
            let value = sqlx::query_scalar::<_, i64>(pragma);
            value.fetch_one(&self.0).await.unwrap_or(-1)
        };
        if number("PRAGMA application_id").await != APPLICATION
            || number("PRAGMA user_version").await != VERSION
        {
            return false;
        }
        let bytes = number("PRAGMA page_count").await * number("PRAGMA page_size").await;
        let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)");
        let whole = bytes > CHECKED_BYTES
            || check
                .fetch_one(&self.0)
                .await
                .is_ok_and(|said| said == "ok");
        whole && self.cursor().await.is_ok() && self.counts().await.is_ok()
    }

    /// Ends all connections, so that the file stands alone.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

/// Writing.
impl Tables {
    /// Where the tables left off; `None` when nothing was written yet.
    pub(crate) async fn cursor(&self) -> Result<Option<Cursor>, DirectoryError> {
        let row = sqlx::query("SELECT position, mark FROM cursor");
        let Some(row) = row.fetch_optional(&self.0).await? else {
            return Ok(None);
        };
        let position: i64 = row.try_get(0)?;
        Ok(Some(Cursor {
            position: Position(u64::try_from(position).unwrap_or(0)),
            mark: row.try_get(1)?,
        }))
    }

    /// Forgets everything.
    pub(crate) async fn clear(&self) -> Result<(), DirectoryError> {
        let mut transaction = self.0.begin().await?;
        sqlx::raw_sql(
            "DELETE FROM residents; DELETE FROM phones; DELETE FROM holds; DELETE FROM devices; DELETE FROM cursor",
        )
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Makes changes in order; with a cursor, moves it in the same transaction.
    pub(crate) async fn write(
        &self,
        changes: &[Change],
        cursor: Option<Cursor>,
    ) -> Result<(), DirectoryError> {
        let mut transaction = self.0.begin().await?;
        // Rows of residents and of devices do not depend on each other. Within each, runs of the same kind go as one
        // statement; row by row would take many times as long.
        let (mut devices, mut residents) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Device(_) | Change::Retired(_) => devices.push(change),
                Change::Resident(_)
                | Change::Profile(..)
                | Change::Erased(_)
                | Change::Held { .. }
                | Change::Released(..) => residents.push(change),
            }
        }
        let same =
            |a: &&Change, b: &&Change| std::mem::discriminant(*a) == std::mem::discriminant(*b);
        for run in devices.chunk_by(same).chain(residents.chunk_by(same)) {
            let rows: Vec<Row<'_>> = run.iter().map(|change| row(change)).collect();
            let rows = serde_json::to_string(&rows).map_err(|error| odd(&error))?;
            let statement = statement(run[0]);
            sqlx::query(statement)
                .bind(rows)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(cursor) = cursor {
            sqlx::query("INSERT OR REPLACE INTO cursor VALUES (1, ?, ?)")
                .bind(i64::try_from(cursor.position.0).unwrap_or(i64::MAX))
                .bind(cursor.mark)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}

impl Tables {
    /// Empties the write-ahead file, in which what was deleted may still stand. A reader in the way leaves it to the
    /// next time.
    pub(crate) async fn overwrite(&self) -> Result<(), DirectoryError> {
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.0);
        Ok(emptied.await.map(drop)?)
    }
}

fn statement(change: &Change) -> &'static str {
    match change {
        Change::Resident(_) => {
            "INSERT OR REPLACE INTO residents (id, district, community, grid, home_station, erased, sealed_in)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 0, unhex(value ->> 5)
             FROM json_each(?)"
        }
        Change::Profile(..) => {
            "UPDATE residents SET erased = 0, sealed_in = unhex(changed.value ->> 1)
             FROM (SELECT value, max(key) FROM json_each(?) GROUP BY value ->> 0) AS changed
             WHERE id = changed.value ->> 0"
        }
        Change::Erased(_) => {
            "UPDATE residents SET erased = 1 WHERE id IN (SELECT value ->> 0 FROM json_each(?))"
        }
        Change::Held { .. } => {
            "INSERT OR REPLACE INTO holds (resident, case_number, why, until)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)"
        }
        Change::Released(..) => {
            "DELETE FROM holds WHERE (resident, case_number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"
        }
        Change::Device(_) => {
            "INSERT OR REPLACE INTO devices (id, model, resident, key_hash, retired)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)"
        }
        Change::Retired(_) => {
            "UPDATE devices SET retired = 1 WHERE id IN (SELECT value ->> 0 FROM json_each(?))"
        }
    }
}

/// What [`statement`] reads of a change.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Resident(
        &'a str,
        &'a str,
        &'a str,
        u16,
        Option<&'a str>,
        uuid::fmt::Simple,
    ),
    Profile(&'a str, uuid::fmt::Simple),
    Device(&'a str, &'a str, Option<&'a str>, &'a str, u8),
    Hold(&'a str, &'a str, &'a str, i64),
    Two([&'a str; 2]),
    One([&'a str; 1]),
}

fn row(change: &Change) -> Row<'_> {
    match change {
        Change::Resident(row) => Row::Resident(
            row.resident.as_str(),
            row.district.as_str(),
            row.community.as_str(),
            row.grid,
            row.home_station.as_ref().map(SiteId::as_str),
            row.sealed_in.0.simple(),
        ),
        Change::Profile(resident, event) => Row::Profile(resident.as_str(), event.0.simple()),
        Change::Erased(resident) => Row::One([resident.as_str()]),
        Change::Held {
            resident,
            case,
            hold,
        } => Row::Hold(resident.as_str(), case, &hold.why, hold.until.0),
        Change::Released(resident, case) => Row::Two([resident.as_str(), case]),
        Change::Device(row) => Row::Device(
            row.device.as_str(),
            &row.model,
            row.resident.as_ref().map(ResidentId::as_str),
            &row.key_hash,
            row.retired.into(),
        ),
        Change::Retired(device) => Row::One([device.as_str()]),
    }
}
