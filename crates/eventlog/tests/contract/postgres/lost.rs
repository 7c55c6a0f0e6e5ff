//! A server that goes away and comes back: quick answers meanwhile, and afterwards everything goes on.

use std::collections::HashMap;
use std::time::Duration;

use eventlog::{
    AppendError, COMMIT_WITHIN, Direction, Expected, Filter, Log, Position, ReadError, TAIL_EVERY,
};
use futures_util::future::join_all;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use super::{all, append, append_until_taken, next_event, open, soon, until};
use crate::server::PostgresServer;
use crate::stores::{check_order, event, schema_of};

#[tokio::test]
async fn a_lost_server_is_answered_for_quickly_and_waited_for() {
    let server = PostgresServer::start("");
    let options = schema_of(&server);
    let (log, other) = (open(&options).await, open(&options).await);
    let mut following = other.subscribe(Filter::All, Position::START);
    append(&log, "device-1", Expected::Any, &[event(1)])
        .await
        .unwrap();
    assert_eq!(next_event(&mut following).await.position.0, 1);

    server.crash();
    let began = Instant::now();
    for _ in 0..20 {
        let refused = append(&log, "device-1", Expected::Any, &[event(2)]).await;
        assert!(
            matches!(refused, Err(AppendError::Unavailable(_))),
            "{refused:?}"
        );
    }
    assert!(began.elapsed() < COMMIT_WITHIN, "{:?}", began.elapsed());
    assert!(!log.reachable());
    let unread = log.read_all(Position::START, Direction::Forward, 9).await;
    assert!(
        matches!(unread, Err(ReadError::Unavailable(_))),
        "{unread:?}"
    );
    assert!(log.cursors().get("c").await.is_err());

    server.resume();
    let taken = append_until_taken(&log, "device-1", &event(2)).await;
    assert_eq!(taken.position.0, 2);
    assert!(log.reachable());
    assert_eq!(next_event(&mut following).await.position.0, 2);
    log.cursors().set("c", Position(2)).await.unwrap();
    append_until_taken(&other, "device-2", &event(3)).await;
    assert_eq!(next_event(&mut following).await.position.0, 3);
    assert_eq!(all(&log).await.len(), 3);
}

#[tokio::test]
async fn a_server_without_room_for_more_connections_goes_on_with_those_there_are() {
    let server = PostgresServer::start("max_connections = 16");
    let options = schema_of(&server);
    let log = open(&options).await;
    append(&log, "device-1", Expected::Any, &[event(1)])
        .await
        .unwrap();
    let mut crowd = Vec::new();
    while let Ok(connection) = PgConnection::connect(&options.url).await {
        crowd.push(connection);
    }
    let read = || log.read_all(Position::START, Direction::Forward, 9);
    let unread = join_all((0..20).map(|_| read())).await;
    let refused = unread.iter().filter(|read| read.is_err()).count();
    assert!(refused > 0, "there was no room for so many readers");
    assert!(log.reachable(), "what is open goes on");
    let taken = append(&log, "device-1", Expected::Any, &[event(2)]).await;
    assert_eq!(taken.unwrap().position.0, 2);
    drop(crowd);
    assert_eq!(soon(until_read(&log)).await, 2);
}

/// Reads until there is room to.
async fn until_read(log: &Log) -> usize {
    loop {
        let read = log.read_all(Position::START, Direction::Forward, 9).await;
        if let Ok(events) = read {
            return events.len();
        }
    }
}

#[tokio::test]
async fn what_was_answered_stands_once_when_the_server_crashes_under_load() {
    const DEVICES: u128 = 8;
    const PRESSES: u128 = 40;
    let server = PostgresServer::start("");
    let options = schema_of(&server);
    let logs = [open(&options).await, open(&options).await];
    let following = logs.each_ref().map(|log| {
        let mut following = log.subscribe(Filter::All, Position::START);
        tokio::spawn(async move {
            for position in 1..=(DEVICES * PRESSES) as u64 {
                assert_eq!(next_event(&mut following).await.position.0, position);
            }
        })
    });
    let devices = (0..DEVICES).map(|device| {
        let log = logs[usize::from(device % 2 == 0)].clone();
        tokio::spawn(async move {
            let mut answered = Vec::new();
            for press in 0..PRESSES {
                let press = event(device * PRESSES + press);
                let taken = append_until_taken(&log, &format!("device-{device}"), &press).await;
                answered.push((press.id, taken.position));
            }
            answered
        })
    });
    let devices: Vec<_> = devices.collect();
    for count in [40, 160] {
        // In the middle of what they do.
        soon(async {
            while logs[0].head().0 < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        server.crash();
        server.resume();
    }
    let answered = join_all(devices).await;
    for task in following {
        task.await.unwrap();
    }
    let all = all(&logs[0]).await;
    check_order(&all);
    assert_eq!(all.len(), (DEVICES * PRESSES) as usize, "each press once");
    let stands: HashMap<_, _> = all.iter().map(|event| (event.id, event.position)).collect();
    for (id, position) in answered.into_iter().flat_map(Result::unwrap) {
        assert_eq!(stands.get(&id), Some(&position));
    }
}

/// How long it takes until `log` sees what `other` writes, so many times over.
async fn seen_by_the_other(other: &eventlog::Log, log: &eventlog::Log, rounds: u32) -> Duration {
    let mut following = log.subscribe(Filter::All, other.head());
    let began = Instant::now();
    for _ in 0..rounds {
        let taken = append(other, "device-1", Expected::Any, &[crate::stores::fresh()]).await;
        let seen = next_event(&mut following).await;
        assert_eq!(seen.position, taken.unwrap().position);
    }
    began.elapsed()
}

#[tokio::test]
async fn others_are_told_at_once_also_after_the_listening_connection_was_lost() {
    const ROUNDS: u32 = 20;
    // Looking by itself, the tail would take about this long.
    let looking = TAIL_EVERY * ROUNDS;
    let server = PostgresServer::start("");
    let options = schema_of(&server);
    let (log, other) = (open(&options).await, open(&options).await);
    const LISTENERS: &str = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    let listeners = format!("SELECT count(*) {LISTENERS}");
    until(&server, &listeners, "2").await;
    let took = seen_by_the_other(&other, &log, ROUNDS).await;
    assert!(took < looking / 3, "{took:?}");

    let told_off = format!("SELECT count(pg_terminate_backend(pid)) {LISTENERS}");
    assert_eq!(server.sql(&told_off), "2");
    // Nobody is told now, and still everything comes.
    seen_by_the_other(&other, &log, 2).await;
    until(&server, &listeners, "2").await;
    let took = seen_by_the_other(&other, &log, ROUNDS).await;
    assert!(took < looking / 3, "{took:?}");
}

#[tokio::test]
async fn every_connection_may_be_ended_and_nobody_notices() {
    let server = PostgresServer::start("");
    let options = schema_of(&server);
    let (log, other) = (open(&options).await, open(&options).await);
    let mut following = other.subscribe(Filter::All, Position::START);
    for round in 1..=5 {
        append(&log, "device-1", Expected::Any, &[event(round)])
            .await
            .unwrap();
        assert_eq!(next_event(&mut following).await.position.0, round as u64);
        assert_eq!(all(&log).await.len(), round as usize);
        server.sql(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'anling'",
        );
    }
}

#[tokio::test]
async fn a_server_that_becomes_unsafe_is_not_written_to_until_it_is_safe_again() {
    let server = PostgresServer::start("");
    let log = open(&schema_of(&server)).await;
    server.settings("fsync = off");
    server.reload();
    let refused = soon(async {
        loop {
            let answer = append(&log, "device-1", Expected::Any, &[event(1)]).await;
            if let Err(error) = answer {
                return error;
            }
        }
    });
    let refused = refused.await.to_string();
    assert!(refused.contains("fsync is off"), "{refused}");
    server.settings("");
    server.reload();
    append_until_taken(&log, "device-1", &event(2)).await;
}

#[tokio::test]
async fn a_database_whose_log_became_shorter_is_not_gone_on_with() {
    let server = PostgresServer::start("");
    let options = schema_of(&server);
    let log = open(&options).await;
    for id in 1..=3 {
        append(&log, "s", Expected::Any, &[event(id)])
            .await
            .unwrap();
    }
    // As after a fail-over to a standby that had not heard of the last one.
    let schema = &options.schema;
    server.sql(&format!(
        "DELETE FROM {schema}.events WHERE position = 3; UPDATE {schema}.head SET position = 2"
    ));
    let refused = append(&log, "s", Expected::Any, &[event(4)]).await;
    let why = refused.unwrap_err().to_string();
    assert!(why.contains("its log ends at 2, and 3 was seen"), "{why}");
    assert_eq!(
        server.sql(&format!("SELECT count(*) FROM {schema}.events")),
        "2"
    );
    // A process that starts now takes the log as it is.
    let fresh = open(&options).await;
    let taken = append(&fresh, "s", Expected::Any, &[event(4)]).await;
    assert_eq!(taken.unwrap().position, Position(3));
    let refused = append(&log, "s", Expected::Any, &[event(5)]).await;
    assert!(refused.is_err(), "its 3 is not that 3");
    assert!(!log.reachable());
}
