//! Logs made by older versions: they open, are brought up to date, and lose nothing.
//!
//! For: every schema that was ever released.
//! May not know: how a version is brought up to date.

use std::sync::Arc;

use eventlog::{Direction, Expected, Lane, Log, OpenError, Position, SystemClock};
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::{Connection, SqlSafeStr};

use crate::server::PostgresServer;
use crate::stores::{check_order, event, schema_of, to};

const FIRST_SQLITE: &str = include_str!("../../migrations/sqlite/0001_log.sql");
const FIRST_POSTGRES: &str = include_str!("../../migrations/postgres/0001_log.sql");

/// How version 1 made its tables.
async fn first_tables<C: Migrate>(connection: &mut C, sql: &'static str) {
    let first = Migration::new(
        1,
        "log".into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    );
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.unwrap();
}

/// What version 1 of either wrote is three events of two types.
async fn check(log: &Log) {
    let all = log
        .read_all(Position::START, Direction::Forward, 10)
        .await
        .unwrap();
    check_order(&all);
    assert_eq!(all.len(), 3);
    let read = log.read_kind("Kind1", Position::START, Direction::Forward, 9);
    let positions: Vec<_> = read.await.unwrap().iter().map(|e| e.position.0).collect();
    assert_eq!(positions, [1, 3]);
    // An append made then is recognised now.
    let append = |id| vec![to("a-1", Expected::Any, &[event(id)])];
    let again = log.append(Lane::Urgent, append(1)).await.unwrap();
    assert!(again.duplicate);
    let new = log.append(Lane::Urgent, append(9)).await.unwrap();
    assert_eq!(new.position, Position(4));
    // Its keys are found where keys stand now, and more are kept.
    let secrets = log.secrets();
    assert_eq!(secrets.get("r-1").await.unwrap(), Some(WRAPPED.to_vec()));
    let kept = secrets.put(Lane::Urgent, "r-2", b"new".to_vec()).await;
    assert_eq!(kept.unwrap(), b"new");
    assert_eq!(secrets.list("", 9).await.unwrap(), ["r-1", "r-2"]);
}

/// A key as version 1 kept it.
const WRAPPED: &[u8] = b"a key wrapped long ago, in the log's own table";

#[tokio::test]
async fn a_file_of_version_1_opens_and_is_brought_up_to_date() {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join("log.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("PRAGMA application_id = 1095650375")
        .execute(&mut file)
        .await
        .unwrap();
    first_tables(&mut file, FIRST_SQLITE).await;
    sqlx::raw_sql(
        "INSERT INTO categories VALUES (1, 'a'); INSERT INTO streams VALUES (1, 'a-1', 1), (2, 'a-2', 1);
         INSERT INTO events VALUES
           (1, 1, 0, 1, x'00000000000000000000000000000001', 'Kind1', 5, x'7b7d', x''),
           (2, 2, 0, 1, x'00000000000000000000000000000002', 'Kind2', 6, x'7b7d', x''),
           (3, 1, 1, 1, x'00000000000000000000000000000003', 'Kind1', 7, x'7b7d', x'');",
    )
    .execute(&mut file)
    .await
    .unwrap();
    sqlx::query("INSERT INTO secrets VALUES ('r-1', ?)")
        .bind(WRAPPED)
        .execute(&mut file)
        .await
        .unwrap();
    file.close().await.unwrap();
    let early = Log::open_sqlite_reader(dir.path()).await.unwrap_err();
    assert!(matches!(early, OpenError::Other { .. }), "{early}");
    assert!(early.to_string().contains("older version"), "{early}");
    let log = Log::open_sqlite(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    check(&log).await;
    for name in ["log.sqlite", "log.sqlite-wal"] {
        let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
        let traces = bytes.windows(WRAPPED.len()).filter(|it| *it == WRAPPED);
        assert_eq!(traces.count(), 0, "{name} holds no key any more");
    }
    log.close().await;
}

/// The copy was made and the log's own table is still there: as after a crash between the two.
#[tokio::test]
async fn keys_that_were_copied_before_a_crash_are_copied_again() {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    let dir = tempfile::tempdir().unwrap();
    let open = || Log::open_sqlite(dir.path(), Arc::new(SystemClock));
    let log = open().await.unwrap();
    let secrets = log.secrets();
    secrets
        .put(Lane::Urgent, "r-1", WRAPPED.to_vec())
        .await
        .unwrap();
    log.close().await;
    let options = SqliteConnectOptions::new().filename(dir.path().join("log.sqlite"));
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(
        "DELETE FROM _sqlx_migrations WHERE version = 3;
         CREATE TABLE secrets (key_id TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
         INSERT INTO secrets VALUES ('r-1', x'00'), ('r-2', x'02');",
    )
    .execute(&mut file)
    .await
    .unwrap();
    file.close().await.unwrap();
    let log = open().await.unwrap();
    let secrets = log.secrets();
    assert_eq!(secrets.list("", 9).await.unwrap(), ["r-1", "r-2"]);
    let kept = secrets.get("r-1").await.unwrap();
    assert_eq!(kept, Some(WRAPPED.to_vec()), "what was there first stays");
    log.close().await;
}

#[tokio::test]
async fn a_database_of_version_1_opens_and_is_brought_up_to_date() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    let schema = &options.schema;
    server.sql(&format!("CREATE SCHEMA {schema}"));
    let mut database = sqlx::postgres::PgConnection::connect(&options.url)
        .await
        .unwrap();
    let path = sqlx::AssertSqlSafe(format!("SET search_path = {schema}"));
    sqlx::raw_sql(path).execute(&mut database).await.unwrap();
    first_tables(&mut database, FIRST_POSTGRES).await;
    sqlx::raw_sql(
        "INSERT INTO streams VALUES (1, 'a-1'), (2, 'a-2');
         INSERT INTO events (position, stream, revision, recorded_at, id, category, kind, body, meta) VALUES
           (1, 1, 0, 5, '00000000-0000-0000-0000-000000000001', 'a', 'Kind1', '{}', ''),
           (2, 2, 0, 6, '00000000-0000-0000-0000-000000000002', 'a', 'Kind2', '{}', ''),
           (3, 1, 1, 7, '00000000-0000-0000-0000-000000000003', 'a', 'Kind1', '{}', '');
         INSERT INTO secrets VALUES ('r-1', 'a key wrapped long ago, in the log''s own table');
         UPDATE head SET position = 3, streams = 2, secrets = 1;",
    )
    .execute(&mut database)
    .await
    .unwrap();
    database.close().await.unwrap();
    let log = Log::open_postgres(&options, Arc::new(SystemClock))
        .await
        .unwrap();
    check(&log).await;
    let moved = server.sql(&format!(
        "SELECT relkind FROM pg_class WHERE oid IN ('{schema}.secrets'::regclass, '{schema}_keys.secrets'::regclass) \
         ORDER BY relkind"
    ));
    assert_eq!(moved, "r\nv", "a table of its own, and a view where it was");
    // A process of the version before goes on with its own statements until it is restarted.
    server.sql(&format!(
        "SET search_path = {schema}; INSERT INTO secrets (key_id, wrapped) SELECT * FROM unnest('{{r-3}}'::text[], '{{old}}'::bytea[])"
    ));
    let secrets = log.secrets();
    assert_eq!(secrets.get("r-3").await.unwrap(), Some(b"old".to_vec()));
    secrets.delete("r-3").await.unwrap();
    log.close().await;
}

/// The log's schema is put back from a copy that has no keys, into a database where the keys still stand, or do not.
#[tokio::test]
async fn a_log_put_back_finds_the_keys_that_stand_beside_it() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    let schema = &options.schema;
    let open = || Log::open_postgres(&options, Arc::new(SystemClock));
    let log = open().await.unwrap();
    let secrets = log.secrets();
    for key in ["r-1", "r-2"] {
        let kept = secrets.put(Lane::Urgent, key, WRAPPED.to_vec()).await;
        kept.unwrap();
    }
    secrets.destroy("r-2").await.unwrap();
    log.close().await;
    server.sql(&format!("DROP SCHEMA {schema} CASCADE"));
    let log = open().await.unwrap();
    let secrets = log.secrets();
    assert_eq!(secrets.list("", 9).await.unwrap(), ["r-1"]);
    assert_eq!(secrets.destroyed("", 9).await.unwrap(), ["r-2"]);
    log.close().await;
    server.sql(&format!("DROP SCHEMA {schema}_keys CASCADE"));
    let log = open().await.unwrap();
    assert_eq!(log.secrets().list("", 9).await.unwrap(), [""; 0]);
    let kept = log.secrets().put(Lane::Urgent, "r-1", vec![1]).await;
    assert_eq!(kept, Ok(vec![1]));
    log.close().await;
}
