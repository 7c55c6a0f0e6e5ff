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
}

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
    file.close().await.unwrap();
    let early = Log::open_sqlite_reader(dir.path()).await.unwrap_err();
    assert!(matches!(early, OpenError::Other { .. }), "{early}");
    assert!(early.to_string().contains("older version"), "{early}");
    let log = Log::open_sqlite(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    check(&log).await;
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
         UPDATE head SET position = 3, streams = 2;",
    )
    .execute(&mut database)
    .await
    .unwrap();
    database.close().await.unwrap();
    let log = Log::open_postgres(&options, Arc::new(SystemClock))
        .await
        .unwrap();
    check(&log).await;
    log.close().await;
}
