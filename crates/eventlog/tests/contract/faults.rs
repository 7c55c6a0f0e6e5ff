//! Trouble on demand in the memory store, as simulations use it.

use std::time::Duration;

use eventlog::{AppendError, Direction, Expected, Position, ReadError};

use crate::stores::{Bench, event, fresh};

#[tokio::test]
async fn an_append_made_to_fail_writes_nothing() {
    let bench = Bench::memory();
    bench.log.faults().fail_appends(2);
    for _ in 0..2 {
        let failed = bench.append("s", Expected::Any, &[event(1)]).await;
        assert!(
            matches!(failed, Err(AppendError::Unavailable(_))),
            "{failed:?}"
        );
    }
    assert_eq!(bench.all().await, []);
    assert!(
        !bench
            .append("s", Expected::Any, &[event(1)])
            .await
            .unwrap()
            .duplicate
    );
}

#[tokio::test]
async fn a_lost_answer_is_found_when_the_append_is_sent_again() {
    let bench = Bench::memory();
    bench.log.faults().lose_answer(1);
    let lost = bench.append("s", Expected::NoStream, &[event(1)]).await;
    assert!(matches!(lost, Err(AppendError::Unavailable(_))), "{lost:?}");
    let again = bench
        .append("s", Expected::NoStream, &[event(1)])
        .await
        .unwrap();
    assert_eq!((again.duplicate, again.position), (true, Position(1)));
}

#[tokio::test]
async fn a_crash_after_some_appends_keeps_exactly_those() {
    let bench = Bench::memory();
    bench.log.faults().crash_after(3);
    let mut taken = 0;
    for _ in 0..6 {
        taken += usize::from(bench.append("s", Expected::Any, &[fresh()]).await.is_ok());
    }
    assert_eq!(taken, 3);
    assert!(bench.log.faults().crashed());
    let read = bench
        .log
        .read_all(Position::START, Direction::Forward, 9)
        .await;
    assert!(matches!(read, Err(ReadError::Unavailable(_))), "{read:?}");

    let after = bench.log.fork_after_crash().unwrap();
    assert_eq!(after.head(), Position(3));
    let read = after.read_all(Position::START, Direction::Forward, 9).await;
    assert_eq!(read.unwrap().len(), 3);
}

#[tokio::test]
async fn a_failed_read_leaves_a_subscription_where_it_was() {
    let mut bench = Bench::memory();
    bench.fill("s", 3).await;
    bench.reopen().await;
    let mut subscription = bench.log.subscribe(eventlog::Filter::All, Position(1));
    bench.log.faults().fail_reads(1);
    assert!(subscription.next().await.is_err());
    match subscription.next().await {
        Ok(eventlog::Delivery::Event(event)) => assert_eq!(event.position, Position(2)),
        other => panic!("expected the second event, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_commit_takes_that_long() {
    let bench = Bench::memory();
    bench.log.faults().delay(Some(Duration::from_secs(3)));
    let began = tokio::time::Instant::now();
    bench.fill("s", 1).await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}
