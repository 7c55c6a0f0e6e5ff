//! What is refused at the start, and in what words.

use std::sync::Arc;

use eventlog::{
    Clock, Expected, Lane, Log, ManualClock, OpenError, PostgresOptions, SystemClock, TAIL_EVERY,
};
use futures_util::future::join_all;

use super::{append, open, until};
use crate::server::PostgresServer;
use crate::stores::{event, schema_of};

async fn refused(options: &PostgresOptions) -> OpenError {
    let answer = Log::open_postgres(options, Arc::new(SystemClock)).await;
    answer.expect_err("it is refused")
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_confirmed_is_refused_unless_that_is_allowed() {
    let server = PostgresServer::start("");
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        server.settings(&format!("{setting} = off"));
        server.reload();
        until(&server, &format!("SHOW {setting}"), "off").await;
        let options = schema_of(&server);
        let why = refused(&options).await;
        assert!(matches!(why, OpenError::UnsafeServer { .. }), "{why}");
        let why = why.to_string();
        assert!(why.contains(&format!("{setting} is off")), "{why}");
        assert!(why.contains("allow_unsafe_database"), "{why}");

        let allowed = PostgresOptions {
            allow_unsafe_server: true,
            ..options
        };
        let log = open(&allowed).await;
        append(&log, "s", Expected::Any, &[event(1)]).await.unwrap();
        let degraded = log.degraded().unwrap().to_string();
        assert!(
            degraded.contains(&format!("{setting} is off")),
            "{degraded}"
        );
        log.close().await;
    }
}

#[tokio::test]
async fn a_standby_that_is_waited_for_is_no_longer_degraded() {
    let server = PostgresServer::start("");
    let log = open(&schema_of(&server)).await;
    assert!(log.degraded().is_some());
    server.settings("synchronous_standby_names = 'near'");
    server.reload();
    super::soon(async {
        while log.degraded().is_some() {
            tokio::time::sleep(TAIL_EVERY / 10).await;
        }
    })
    .await;
    // Or closing would wait for the standby too.
    server.settings("");
    server.reload();
}

#[tokio::test]
async fn many_may_start_at_once_on_an_empty_database() {
    let options = schema_of(PostgresServer::shared());
    let logs = join_all((0..12).map(|_| open(&options))).await;
    for (index, log) in logs.iter().enumerate() {
        let taken = append(log, "s", Expected::Any, &[event(index as u128)]).await;
        assert_eq!(taken.unwrap().position.0, index as u64 + 1);
    }
}

#[tokio::test]
async fn a_schema_of_another_program_is_left_alone() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    let schema = &options.schema;
    server.sql(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (x int)"
    ));
    let why = refused(&options).await;
    assert!(matches!(why, OpenError::UnfitDatabase { .. }), "{why}");
    assert!(why.to_string().contains("another program"), "{why}");
    let tables = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'");
    assert_eq!(server.sql(&tables), "1");
}

#[tokio::test]
async fn tables_of_a_newer_version_are_told_so() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    open(&options).await.close().await;
    let schema = &options.schema;
    server.sql(&format!(
        "INSERT INTO {schema}._sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', true, '', 0)"
    ));
    let why = refused(&options).await.to_string();
    assert!(why.contains("newer anling"), "{why}");
}

#[tokio::test]
async fn a_role_that_may_only_use_the_tables_is_enough() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    open(&options).await.close().await;
    let schema = &options.schema;
    server.sql(&format!(
        "CREATE ROLE {schema}_user LOGIN; GRANT USAGE ON SCHEMA {schema}, {schema}_keys TO {schema}_user; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema}, {schema}_keys TO {schema}_user"
    ));
    let url = options.url.replace("postgres@", &format!("{schema}_user@"));
    let log = open(&PostgresOptions { url, ..options }).await;
    append(&log, "s", Expected::Any, &[event(1)]).await.unwrap();
}

#[tokio::test]
async fn a_role_that_may_read_the_log_reads_no_key() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    let log = open(&options).await;
    append(&log, "s", Expected::Any, &[event(1)]).await.unwrap();
    let kept = log.secrets().put(Lane::Urgent, "r-1", vec![1]).await;
    kept.unwrap();
    log.close().await;
    let schema = &options.schema;
    let reader = format!("{schema}_reader");
    server.sql(&format!(
        "CREATE ROLE {reader}; GRANT USAGE ON SCHEMA {schema} TO {reader}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}"
    ));
    let read = |table: &str| {
        server.sql(&format!(
            "SET ROLE {reader}; \
             DO $$ DECLARE n text; BEGIN SELECT count(*) INTO n FROM {table}; \
             PERFORM set_config('a.read', n, false); \
             EXCEPTION WHEN insufficient_privilege THEN PERFORM set_config('a.read', 'refused', false); END $$; \
             SELECT current_setting('a.read')"
        ))
    };
    assert_eq!(read(&format!("{schema}.events")), "1");
    assert_eq!(read(&format!("{schema}.secrets")), "refused", "the view");
    assert_eq!(read(&format!("{schema}_keys.secrets")), "refused");
}

#[tokio::test]
async fn no_password_is_ever_repeated() {
    let server = PostgresServer::shared();
    let port = server.port();
    for url in [
        "postgres://anna:geheim@127.0.0.1:1/city".to_owned(),
        format!("postgres://anna:geheim@127.0.0.1:{port}/nowhere?sslmode=disable"),
        format!("postgres://anna:geheim@127.0.0.1:{port}/postgres?sslmode=require"),
        "postgres://anna:geheim@:x".to_owned(),
    ] {
        let options = PostgresOptions::new(url);
        let why = refused(&options).await;
        assert!(
            !format!("{why} {why:?} {options:?}").contains("geheim"),
            "{why}"
        );
        assert!(why.to_string().contains("database_url"), "{why}");
    }
}

/// A clock that says it is the world's and is an hour slow.
struct Slow;

impl Clock for Slow {
    fn now_micros(&self) -> i64 {
        SystemClock.now_micros() - 3_600_000_000
    }

    fn tells_real_time(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_logs_clock_is_postgresqls_whatever_ours_shows() {
    let server = PostgresServer::shared();
    let log = Log::open_postgres(&schema_of(server), Arc::new(Slow))
        .await
        .unwrap();
    let clock = || -> i64 {
        let now = server.sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
        now.parse().unwrap()
    };
    let before = clock();
    let taken = append(&log, "s", Expected::Any, &[event(1)]).await.unwrap();
    assert!((before..=clock()).contains(&taken.recorded_at), "{taken:?}");
    super::soon(async {
        while log.clock_uncertainty().is_none() {
            tokio::time::sleep(TAIL_EVERY / 10).await;
        }
    })
    .await;
    let (before, now, after) = (clock(), log.now_micros(), clock());
    let off = i64::try_from(log.clock_uncertainty().unwrap().as_micros()).unwrap();
    assert!(
        (before - off..=after + off).contains(&now),
        "{before} {now} {after} ±{off}"
    );
}

#[tokio::test]
async fn a_clock_of_a_test_stays_the_logs_clock() {
    let clock = Arc::new(ManualClock::new(7));
    let options = schema_of(PostgresServer::shared());
    let log = Log::open_postgres(&options, clock).await.unwrap();
    let taken = append(&log, "s", Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!((taken.recorded_at, log.now_micros()), (7, 7));
}
