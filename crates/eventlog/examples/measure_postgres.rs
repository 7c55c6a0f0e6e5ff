//! How long a durable append takes on PostgreSQL, beside bare durable commits over the same kind of connection.
//!
//! For: `cargo run --release -p anling-eventlog --example measure_postgres -- postgres://user@host/database`.
//! Makes the schema `anling_measure` there; drop it afterwards.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::Duration;

use eventlog::{
    EventId, Expected, Lane, Log, NewEvent, PostgresOptions, Revision, StreamAppend, StreamName,
    SystemClock,
};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;
use uuid::Uuid;

const LONE: usize = 500;
const EACH: usize = 100;
const CROWD: usize = 64;

fn say(what: &str, mut took: Vec<Duration>, all: Duration) {
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 1000].as_secs_f64() * 1e3;
    println!(
        "{what:<46} p50 {:6.2} ms  p99 {:6.2} ms  {:7.0}/s",
        at(500),
        at(990),
        took.len() as f64 / all.as_secs_f64()
    );
}

fn append(stream: &str, expected: Expected) -> Vec<StreamAppend> {
    vec![StreamAppend {
        stream: StreamName::new(stream).unwrap(),
        expected,
        events: vec![NewEvent {
            id: EventId(Uuid::new_v4()),
            kind: "Measured".to_owned(),
            body: vec![b'x'; 300].into(),
            meta: vec![b'y'; 100].into(),
        }],
    }]
}

async fn bare(url: &str, crowd: usize, each: usize) {
    let options: PgConnectOptions = url.parse().unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(u32::try_from(crowd).unwrap())
        .connect_with(options.disable_statement_logging())
        .await
        .unwrap();
    let began = Instant::now();
    let tasks: Vec<_> = (0..crowd)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut connection = pool.acquire().await.unwrap();
                let mut took = Vec::new();
                for _ in 0..each {
                    let began = Instant::now();
                    insert(&mut connection).await;
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    say(
        &format!("bare commits of one row, {crowd} at once"),
        took,
        began.elapsed(),
    );
}

async fn insert(connection: &mut PgConnection) {
    sqlx::query("INSERT INTO anling_measure.bare (body) VALUES ($1)")
        .bind(vec![b'x'; 400])
        .execute(connection)
        .await
        .unwrap();
}

async fn appends(log: &Log, crowd: usize, each: usize, shared: bool) {
    let began = Instant::now();
    let tasks: Vec<_> = (0..crowd)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                let stream = format!("device-{}", if shared { 0 } else { task });
                let mut took = Vec::new();
                for _ in 0..each {
                    let began = Instant::now();
                    log.append(Lane::Urgent, append(&stream, Expected::Any))
                        .await
                        .unwrap();
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    say(
        &format!("appends by id, {crowd} at once"),
        took,
        began.elapsed(),
    );
}

async fn exact(log: &Log) {
    let mut expected = Expected::NoStream;
    let mut took = Vec::new();
    let all = Instant::now();
    let stream = format!("incident-{}", Uuid::new_v4());
    for _ in 0..LONE {
        let began = Instant::now();
        let taken = log
            .append(Lane::Urgent, append(&stream, expected))
            .await
            .unwrap();
        took.push(began.elapsed());
        expected = Expected::Exact(taken.streams.first().map_or(Revision(0), |at| at.last));
    }
    say("appends at a revision, 1 at once", took, all.elapsed());
}

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("the database's URL");
    let options = PostgresOptions {
        schema: "anling_measure".to_owned(),
        ..PostgresOptions::new(&url)
    };
    let log = Log::open_postgres(&options, Arc::new(SystemClock))
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS anling_measure.bare (id bigserial PRIMARY KEY, body bytea)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    for _ in 0..2 {
        bare(&url, 1, LONE).await;
        appends(&log, 1, LONE, false).await;
        exact(&log).await;
        bare(&url, CROWD, EACH).await;
        appends(&log, CROWD, EACH, false).await;
    }
    log.close().await;
}
