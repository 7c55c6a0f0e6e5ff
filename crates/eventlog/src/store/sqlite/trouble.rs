//! The store when the disk is full or the file is taken away from it.
//!
//! For: nothing half there, a plain answer, and working again without a restart.
//! May not know: how SQLite notices.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use uuid::Uuid;

use super::SqliteStore;
use crate::clock::ManualClock;
use crate::{
    AppendError, Direction, EventId, Expected, Lane, Log, NewEvent, Position, StreamAppend,
    StreamName,
};

/// Pages for the tables and a little more.
const FEW_PAGES: u32 = 60;

struct Bench {
    dir: tempfile::TempDir,
    store: Arc<SqliteStore>,
    log: Log,
}

async fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (store, lock) = SqliteStore::open(dir.path()).await.unwrap();
    let store = Arc::new(store);
    let clock = Arc::new(ManualClock::new(0));
    let log = Log::writing(store.clone(), None, Position::START, clock, Some(lock));
    Bench { dir, store, log }
}

fn append(id: u128, size: usize) -> Vec<StreamAppend> {
    let event = NewEvent {
        id: EventId(Uuid::from_u128(id)),
        kind: "Kind".to_owned(),
        body: Bytes::from(vec![b'x'; size]),
        meta: Bytes::new(),
    };
    vec![StreamAppend {
        stream: StreamName::new(format!("s-{}", id % 5)).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    }]
}

async fn stored(log: &Log) -> Vec<u128> {
    let all = log
        .read_all(Position::START, Direction::Forward, 10_000)
        .await;
    let all = all.unwrap();
    for (index, event) in all.iter().enumerate() {
        assert_eq!(event.position.0, index as u64 + 1);
    }
    all.iter().map(|event| event.id.0.as_u128()).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_what_has_no_room_and_takes_it_when_there_is() {
    let bench = bench().await;
    bench.store.limit_pages(FEW_PAGES).await;
    // One batch: the whole has no room, many of its members have.
    let sendings = (0..40).map(|id| bench.log.append(Lane::Urgent, append(id, 8_000)));
    let answers = join_all(sendings).await;
    let taken: Vec<_> = (0..40).filter(|id| answers[*id as usize].is_ok()).collect();
    assert!((5..35).contains(&taken.len()), "{} were taken", taken.len());
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(matches!(answer, AppendError::Unavailable(_)), "{answer}");
    }
    let no_room = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .next();
    assert!(
        no_room
            .unwrap()
            .to_string()
            .contains("no room left on the disk")
    );
    assert_eq!(stored(&bench.log).await, taken, "exactly what was answered");
    let last = bench.log.append(Lane::Urgent, append(41, 100_000)).await;
    assert!(last.is_err());
    assert!(!bench.log.reachable(), "whoever asks is told");
    let why = bench.log.refused().unwrap();
    assert!(why.contains("no room left on the disk"), "{why}");
    assert_eq!(bench.log.head(), Position(taken.len() as u64));

    bench.store.limit_pages(1_000_000).await;
    for id in 0..40 {
        let answer = bench
            .log
            .append(Lane::Urgent, append(id, 8_000))
            .await
            .unwrap();
        assert_eq!(answer.duplicate, taken.contains(&id), "event {id}");
    }
    assert_eq!(stored(&bench.log).await.len(), 40);
    assert!(bench.log.reachable());
    bench.log.close().await;
}

#[tokio::test]
async fn one_member_that_has_no_room_does_not_hurt_the_others() {
    let bench = bench().await;
    bench.store.limit_pages(FEW_PAGES).await;
    let sendings = (0..5).map(|id| {
        let size = if id == 2 { 900_000 } else { 10 };
        bench.log.append(Lane::Urgent, append(id, size))
    });
    let answers = join_all(sendings).await;
    let refused: Vec<_> = (0..5).filter(|id| answers[*id].is_err()).collect();
    assert_eq!(refused, [2]);
    assert_eq!(stored(&bench.log).await, [0, 1, 3, 4]);
    assert_eq!(bench.log.metrics().failed_batches, 2);
    bench.log.close().await;
}

#[tokio::test]
async fn another_process_holding_the_file_for_a_moment_is_waited_for() {
    use sqlx::Connection;
    let bench = bench().await;
    let options = super::open::writing(&super::open::file(bench.dir.path()));
    let mut other = sqlx::sqlite::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let sending = bench.log.append(Lane::Urgent, append(1, 10));
    let release = async {
        tokio::task::yield_now().await;
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (answer, ()) = tokio::join!(sending, release);
    assert_eq!(answer.unwrap().position, Position(1));
    bench.log.close().await;
}

#[tokio::test]
async fn how_statements_find_their_rows_is_by_index() {
    use sqlx::{Connection, Row};
    let bench = bench().await;
    bench.log.append(Lane::Urgent, append(1, 10)).await.unwrap();
    let options = super::open::reading(&super::open::file(bench.dir.path()));
    let mut reader = sqlx::sqlite::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    for (sql, wanted) in super::read::statements() {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let plan = plan.fetch_all(&mut reader).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("; ");
        assert!(plan.contains(wanted), "{sql}: {plan}");
        assert!(
            !plan.contains("TEMP B-TREE"),
            "sorted by hand: {sql}: {plan}"
        );
        assert!(!plan.contains("SCAN"), "looks at every row: {sql}: {plan}");
    }
    bench.log.close().await;
}
