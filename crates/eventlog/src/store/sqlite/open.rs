//! Finding, checking and creating the log's file, and the one with the keys.
//!
//! For: a plain word about what is wrong, and never touching a file that is not ours.
//! May not know: what is written later.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::keys::Keys;
use super::rows::{code, codes};
use super::session::Session;
use crate::error::OpenError;
use crate::store::StoreError;

/// A kind of file of ours.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Marks it in its header.
    application_id: i32,
    /// Every version of its tables, oldest first; a released one is never edited.
    versions: &'static [(&'static str, &'static str)],
}

/// The log: "ANLG".
pub(super) const LOG: Kind = Kind {
    application_id: 0x414e_4c47,
    versions: &[
        (
            "log",
            include_str!("../../../migrations/sqlite/0001_log.sql"),
        ),
        (
            "kinds",
            include_str!("../../../migrations/sqlite/0002_kinds.sql"),
        ),
        (
            "keys apart",
            include_str!("../../../migrations/sqlite/0003_keys_apart.sql"),
        ),
    ],
};

/// Writes back and empties the write-ahead file, as far as no reader is in the way.
const EMPTY_WAL: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The keys: "ANLK".
pub(super) const KEYS: Kind = Kind {
    application_id: 0x414e_4c4b,
    versions: &[(
        "keys",
        include_str!("../../../migrations/sqlite_keys/0001_keys.sql"),
    )],
};

/// How long a statement waits for another process that holds the file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Rows that a reading connection may be ahead of whoever takes them. Ours: half of the pages that followers read.
const ROW_BUFFER: usize = 1_024;

/// Statements that the writing connection keeps prepared: each kind for eight numbers of rows, alone or as a part of its
/// transaction.
const STATEMENTS: usize = 256;

/// What is written to see whether there is room: as much as SQLite's shared-memory file begins with.
const PROBE_BYTES: usize = 32 * 1_024;

/// To what the write-ahead file is cut back, in bytes, after it grew.
const WAL_BYTES: &str = "67108864";

/// Pages in the write-ahead file after which it is written back into the main one, in pages of 4 KiB: half of [`WAL_BYTES`].
/// Ours: SQLite's own 1,000 is reached every few commits of a storm, each time with two more fsyncs and the same pages again.
const CHECKPOINT_PAGES: &str = "8192";

/// The log's file in a folder.
pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join("log.sqlite")
}

/// The keys' file in a folder.
pub(super) fn keys_file(dir: &Path) -> PathBuf {
    dir.join("keys.sqlite")
}

/// The file's companion with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes the folder, for this user only, unless it is there.
pub(super) fn folder(dir: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| OpenError::from_io(dir, &error))
}

/// How the writing connection is made.
pub(super) fn writing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        // What is deleted is overwritten: destroyed keys must not linger in free pages.
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", WAL_BYTES)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", "-16384")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

/// How reading connections are made.
pub(super) fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        // Rows cross from SQLite's thread to ours without a turn of the scheduler for each few: pages read twice as fast.
        .row_buffer_size(ROW_BUFFER)
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Opens log and keys for writing: checks whose the files are, creates what is missing, brings the tables up to date.
pub(super) async fn for_writing(dir: &Path) -> Result<(Session, Keys), OpenError> {
    let (path, keys_path) = (file(dir), keys_file(dir));
    let mut connection = connected(&path, LOG).await?;
    let mut keys = connected(&keys_path, KEYS).await?;
    migrate(&keys_path, KEYS, &mut keys).await?;
    let moved = copy_keys(&path, &mut connection, &keys_path).await?;
    migrate(&path, LOG, &mut connection).await?;
    if moved {
        run(&path, &mut connection, EMPTY_WAL).await?;
    }
    // One that was destroyed before a crash may still stand there.
    run(&keys_path, &mut keys, EMPTY_WAL).await?;
    // A file we may only read opens like any other; better found out now than with the first alarm.
    for probe in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        run(&path, &mut connection, probe).await?;
        run(&keys_path, &mut keys, probe).await?;
    }
    let loaded = Session::load(connection).await;
    let session = loaded.map_err(|StoreError(detail)| OpenError::Other { path, detail })?;
    Ok((session, Keys::over(keys)))
}

async fn run(
    path: &Path,
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<(), OpenError> {
    let done = sqlx::query(sql).execute(connection).await;
    done.map(drop).map_err(|error| sorted(path, &error))
}

async fn connected(path: &Path, kind: Kind) -> Result<SqliteConnection, OpenError> {
    check_header(path, kind)?;
    let connection = SqliteConnection::connect_with(&writing(path)).await;
    let mut connection = connection.map_err(|error| sorted(path, &error))?;
    claim(path, kind, &mut connection).await?;
    Ok(connection)
}

/// Copies the keys of a log that still holds them itself into their own file; says whether it did. The next version of
/// the log's tables lets go of them; after a crash in between they are copied again.
async fn copy_keys(
    path: &Path,
    connection: &mut SqliteConnection,
    keys: &Path,
) -> Result<bool, OpenError> {
    let fail = |error: sqlx::Error| sorted(path, &error);
    let held = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'secrets'";
    let held: i64 = sqlx::query_scalar(held)
        .fetch_one(&mut *connection)
        .await
        .map_err(fail)?;
    if held == 0 {
        return Ok(false);
    }
    sqlx::query("ATTACH DATABASE ? AS keys")
        .bind(keys.to_string_lossy().into_owned())
        .execute(&mut *connection)
        .await
        .map_err(fail)?;
    for sql in [
        "PRAGMA keys.synchronous = FULL",
        "INSERT OR IGNORE INTO keys.secrets (key_id, wrapped) SELECT key_id, wrapped FROM main.secrets",
        "DETACH DATABASE keys",
    ] {
        run(path, connection, sql).await?;
    }
    Ok(true)
}

/// Checks that there is a log of ours with the tables we know; says whether its keys are there too.
pub(super) async fn check_for_reading(dir: &Path) -> Result<bool, OpenError> {
    let path = file(dir);
    if !path.exists() {
        return Err(OpenError::NoLog {
            dir: dir.to_path_buf(),
        });
    }
    check_readable(&path, LOG).await?;
    let keys = keys_file(dir);
    let has_keys = keys.exists();
    if has_keys {
        check_readable(&keys, KEYS).await?;
    }
    Ok(has_keys)
}

async fn check_readable(path: &Path, kind: Kind) -> Result<(), OpenError> {
    check_header(path, kind)?;
    let fail = |error: sqlx::Error| sorted(path, &error);
    let mut connection = SqliteConnection::connect_with(&reading(path))
        .await
        .map_err(fail)?;
    if application_id(&mut connection).await.map_err(fail)? != kind.application_id {
        return Err(foreign(path));
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(fail)?;
    connection.close().await.map_err(fail)?;
    match version {
        Some(version) if version == kind.newest() => Ok(()),
        Some(version) if version > kind.newest() => Err(newer(path)),
        _ => Err(OpenError::Other {
            path: path.to_path_buf(),
            detail: "it is of an older version; run `anling serve` on it once".to_owned(),
        }),
    }
}

/// Looks at the first bytes, before SQLite is let near a file that may be another program's.
fn check_header(path: &Path, kind: Kind) -> Result<(), OpenError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut header = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut header),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| OpenError::from_io(path, &error))?;
    if header.is_empty() {
        return Ok(());
    }
    if header.len() < 100 || !header.starts_with(MAGIC) {
        return Err(OpenError::Corrupt {
            path: path.to_path_buf(),
            detail: "it does not begin as a database does".to_owned(),
        });
    }
    // "Database File Format", 1.3: the schema cookie at 40, the application id at 68. A cookie of 0 is a file whose
    // tables, ours or not, still stand in the write-ahead file; SQLite will tell.
    let word = |at: usize| {
        i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if word(40) != 0 && word(68) != kind.application_id {
        return Err(foreign(path));
    }
    Ok(())
}

/// Makes sure the file is ours, or empty and now ours.
async fn claim(
    path: &Path,
    kind: Kind,
    connection: &mut SqliteConnection,
) -> Result<(), OpenError> {
    let fail = |error: sqlx::Error| sorted(path, &error);
    match application_id(connection).await.map_err(fail)? {
        id if id == kind.application_id => return Ok(()),
        0 => {}
        _ => return Err(foreign(path)),
    }
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
        .fetch_one(&mut *connection)
        .await
        .map_err(fail)?;
    if tables > 0 {
        return Err(foreign(path));
    }
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {}", kind.application_id));
    sqlx::query(sql).execute(connection).await.map_err(fail)?;
    Ok(())
}

async fn application_id(connection: &mut SqliteConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(connection)
        .await
}

impl Kind {
    fn migrations(self) -> Vec<Migration> {
        let versions = self.versions.iter().zip(1..);
        let migration = |((name, sql), version): (&(&'static str, &'static str), i64)| {
            let sql = sql.into_sql_str();
            Migration::new(version, (*name).into(), MigrationType::Simple, sql, false)
        };
        versions.map(migration).collect()
    }

    fn newest(self) -> i64 {
        i64::try_from(self.versions.len()).unwrap_or(i64::MAX)
    }
}

async fn migrate<C: Migrate>(path: &Path, kind: Kind, connection: &mut C) -> Result<(), OpenError> {
    use sqlx::migrate::MigrateError;
    let migrator = Migrator::with_migrations(kind.migrations());
    match migrator.run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_)) => Err(newer(path)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Err(sorted(path, &error))
        }
        Err(error) => Err(OpenError::Other {
            path: path.to_path_buf(),
            detail: error.to_string(),
        }),
    }
}

fn foreign(path: &Path) -> OpenError {
    OpenError::Foreign {
        path: path.to_path_buf(),
    }
}

fn newer(path: &Path) -> OpenError {
    OpenError::Newer {
        path: path.to_path_buf(),
    }
}

/// Sorts SQLite's errors by what a person can do about them.
fn sorted(path: &Path, error: &sqlx::Error) -> OpenError {
    if let sqlx::Error::Io(error) = error {
        return OpenError::from_io(path, error);
    }
    let path = path.to_path_buf();
    let detail = error.to_string();
    match code(error) {
        Some(codes::PERM | codes::READONLY) => OpenError::NoPermission { path },
        Some(codes::FULL) => OpenError::DiskFull { path },
        // On a full disk SQLite cannot make its companion files, and calls that a fault of the disk.
        Some(codes::IOERR) if !has_room(&path) => OpenError::DiskFull { path },
        Some(codes::CORRUPT | codes::NOTADB) => OpenError::Corrupt { path, detail },
        _ => OpenError::Other { path, detail },
    }
}

/// Whether anything can be written beside the file.
fn has_room(path: &Path) -> bool {
    let probe = beside(path, "-room");
    let written = std::fs::write(&probe, [0; PROBE_BYTES]);
    let _ = std::fs::remove_file(&probe);
    !written.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
}
