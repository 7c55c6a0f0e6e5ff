//! Finding, checking and creating the log's file.
//!
//! For: a plain word about what is wrong, and never touching a file that is not ours.
//! May not know: what is written later.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::rows::{code, codes};
use super::session::Session;
use crate::error::OpenError;
use crate::store::StoreError;

/// Marks a file as ours in its header: "ANLG".
const APPLICATION_ID: i32 = 0x414e_4c47;

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

/// Opens the file for writing: checks whose it is, creates it if missing, brings its tables up to date.
pub(super) async fn for_writing(path: &Path) -> Result<Session, OpenError> {
    check_header(path)?;
    let fail = |error: sqlx::Error| sorted(path, &error);
    let mut connection = SqliteConnection::connect_with(&writing(path))
        .await
        .map_err(fail)?;
    claim(path, &mut connection).await?;
    migrate(path, &mut connection).await?;
    // A file we may only read opens like any other; better found out now than with the first alarm.
    for probe in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        sqlx::query(probe)
            .execute(&mut connection)
            .await
            .map_err(fail)?;
    }
    let loaded = Session::load(connection).await;
    loaded.map_err(|StoreError(detail)| OpenError::Other {
        path: path.to_path_buf(),
        detail,
    })
}

/// Checks that there is a log of ours with the tables we know.
pub(super) async fn check_for_reading(dir: &Path, path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Err(OpenError::NoLog {
            dir: dir.to_path_buf(),
        });
    }
    check_header(path)?;
    let fail = |error: sqlx::Error| sorted(path, &error);
    let mut connection = SqliteConnection::connect_with(&reading(path))
        .await
        .map_err(fail)?;
    if application_id(&mut connection).await.map_err(fail)? != APPLICATION_ID {
        return Err(foreign(path));
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(fail)?;
    connection.close().await.map_err(fail)?;
    match version {
        Some(version) if version == newest() => Ok(()),
        Some(version) if version > newest() => Err(newer(path)),
        _ => Err(OpenError::Other {
            path: path.to_path_buf(),
            detail: "it is of an older version; run `anling serve` on it once".to_owned(),
        }),
    }
}

/// Looks at the first bytes, before SQLite is let near a file that may be another program's.
fn check_header(path: &Path) -> Result<(), OpenError> {
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
    if word(40) != 0 && word(68) != APPLICATION_ID {
        return Err(foreign(path));
    }
    Ok(())
}

/// Makes sure the file is ours, or empty and now ours.
async fn claim(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let fail = |error: sqlx::Error| sorted(path, &error);
    match application_id(connection).await.map_err(fail)? {
        APPLICATION_ID => return Ok(()),
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
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"));
    sqlx::query(sql).execute(connection).await.map_err(fail)?;
    Ok(())
}

async fn application_id(connection: &mut SqliteConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(connection)
        .await
}

/// Every version of the tables, oldest first; a released one is never edited.
fn migrations() -> Vec<Migration> {
    let list = [
        (
            1,
            "log",
            include_str!("../../../migrations/sqlite/0001_log.sql"),
        ),
        (
            2,
            "kinds",
            include_str!("../../../migrations/sqlite/0002_kinds.sql"),
        ),
    ];
    list.map(|(version, name, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    })
    .into()
}

fn newest() -> i64 {
    let versions = migrations().into_iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}

async fn migrate<C: Migrate>(path: &Path, connection: &mut C) -> Result<(), OpenError> {
    use sqlx::migrate::MigrateError;
    let migrator = Migrator::with_migrations(migrations());
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
