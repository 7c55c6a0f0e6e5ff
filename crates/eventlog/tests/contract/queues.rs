//! Lanes and bounds: urgent first, full queues say so, closing loses nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventlog::{
    AppendError, BULK_QUEUE, EVENT_BYTES, Expected, Lane, NewEvent, QUEUE_BYTES, URGENT_QUEUE,
    URGENT_RUN,
};
use futures_util::future::join_all;

use crate::stores::{Bench, check_order, fresh, on_every_store, to};

on_every_store!(
    what_was_queued_is_written_before_the_log_closes,
    a_closed_log_refuses_appends,
    a_full_queue_says_so_and_takes_more_later,
    a_queue_is_bounded_in_bytes_too,
    urgent_commands_overtake_bulk_ones,
    alarms_overtake_what_is_urgent,
    a_storm_of_alarms_leaves_half_of_each_commit,
    bulk_commands_are_slowed_by_a_storm_and_not_starved,
);

async fn what_was_queued_is_written_before_the_log_closes(mut bench: Bench) {
    let appends = (0..300).map(|index| {
        let lane = if index % 2 == 0 {
            Lane::Urgent
        } else {
            Lane::Bulk
        };
        let append = to(&format!("s-{index}"), Expected::Any, &[fresh()]);
        bench.log.append(lane, vec![append])
    });
    // Polled in this order, so everything is queued when the log is told to close.
    let (answers, ()) = tokio::join!(biased; join_all(appends), bench.log.close());
    for answer in answers {
        answer.unwrap();
    }
    bench.reopen().await;
    let all = bench.all().await;
    assert_eq!(all.len(), 300);
    check_order(&all);
}

async fn a_closed_log_refuses_appends(bench: Bench) {
    bench.log.close().await;
    bench.log.close().await;
    let refused = bench.append("s", Expected::Any, &[fresh()]).await;
    assert!(
        matches!(refused, Err(AppendError::Unavailable(_))),
        "{refused:?}"
    );
}

async fn a_full_queue_says_so_and_takes_more_later(bench: Bench) {
    let lanes = [
        (Lane::Bulk, BULK_QUEUE),
        (Lane::Urgent, URGENT_QUEUE),
        (Lane::Alarm, URGENT_QUEUE),
    ];
    for (lane, places) in lanes {
        // Polled one after the other, without the writer getting a turn in between.
        let appends = (0..places + 5).map(|index| {
            let append = to(&format!("s-{}", index % 100), Expected::Any, &[fresh()]);
            bench.log.append(lane, vec![append])
        });
        let answers = join_all(appends).await;
        let refused: Vec<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .collect();
        assert_eq!(refused, vec![&AppendError::Full; 5], "{lane:?}");
        let append = to("s-0", Expected::Any, &[fresh()]);
        bench.log.append(lane, vec![append]).await.unwrap();
    }
    assert_eq!(bench.log.metrics().turned_away, 15);
    assert_eq!(bench.log.metrics().bulk_queued, 0);
}

async fn a_queue_is_bounded_in_bytes_too(bench: Bench) {
    let large = || NewEvent {
        body: Bytes::from(vec![0; EVENT_BYTES]),
        ..fresh()
    };
    let large = || NewEvent {
        meta: Bytes::new(),
        ..large()
    };
    let most = QUEUE_BYTES / EVENT_BYTES;
    let appends = (0..most + 3).map(|_| {
        let append = to("s", Expected::Any, &[large()]);
        bench.log.append(Lane::Bulk, vec![append])
    });
    let answers = join_all(appends).await;
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(AppendError::Full)));
    assert_eq!(refused.count(), 3);
    // What it took has been given back.
    let append = to("s", Expected::Any, &[large()]);
    bench.log.append(Lane::Bulk, vec![append]).await.unwrap();
}

async fn urgent_commands_overtake_bulk_ones(bench: Bench) {
    let bulk = (0..2_000).map(|_| {
        let append = to("bulk", Expected::Any, &[fresh()]);
        bench.log.append(Lane::Bulk, vec![append])
    });
    let urgent = async {
        let append = to("urgent", Expected::Any, &[fresh()]);
        bench
            .log
            .append(Lane::Urgent, vec![append])
            .await
            .unwrap()
            .position
    };
    let (_, urgent) = tokio::join!(join_all(bulk), urgent);
    assert_eq!(urgent.0, 1, "queued last, written first");
}

/// Queues `many` appends in one lane, then one in another; where that one came to stand.
async fn behind_many(bench: &Bench, lane: Lane, many: usize, last: Lane) -> u64 {
    let first = (0..many).map(|_| {
        let append = to("many", Expected::Any, &[fresh()]);
        bench.log.append(lane, vec![append])
    });
    let append = to("last", Expected::Any, &[fresh()]);
    // Polled in this order, without the writer getting a turn in between.
    let (_, last) = tokio::join!(biased; join_all(first), bench.log.append(last, vec![append]));
    last.unwrap().position.0
}

async fn alarms_overtake_what_is_urgent(bench: Bench) {
    let place = behind_many(&bench, Lane::Urgent, 2_000, Lane::Alarm).await;
    assert_eq!(place, 1, "queued last, written first");
}

async fn a_storm_of_alarms_leaves_half_of_each_commit(bench: Bench) {
    let place = behind_many(&bench, Lane::Alarm, 3_000, Lane::Urgent).await;
    assert!(place <= 1_000, "in the first commit, but at {place}");
    assert!(place > 400, "after the alarms of its commit, but at {place}");
}

async fn bulk_commands_are_slowed_by_a_storm_and_not_starved(bench: Bench) {
    let storm = Arc::new(std::sync::atomic::AtomicBool::new(true));
    // Two that take turns: whenever one is answered, the other waits already.
    let presses: Vec<_> = (0..2)
        .map(|device| {
            let (log, storm) = (bench.log.clone(), Arc::clone(&storm));
            tokio::spawn(async move {
                while storm.load(std::sync::atomic::Ordering::SeqCst) {
                    let append = to(&format!("d-{device}"), Expected::Any, &[fresh()]);
                    log.append(Lane::Urgent, vec![append]).await.unwrap();
                }
            })
        })
        .collect();
    let append = to("bulk", Expected::Any, &[fresh()]);
    let bulk = bench.log.append(Lane::Bulk, vec![append]);
    let taken = tokio::time::timeout(Duration::from_secs(20), bulk).await;
    storm.store(false, std::sync::atomic::Ordering::SeqCst);
    let position = taken.expect("its turn comes").unwrap().position.0;
    // Every urgent batch until then held at most both presses.
    assert!(position <= u64::from(URGENT_RUN) * 2 + 3, "{position}");
    for press in presses {
        press.await.unwrap();
    }
}
