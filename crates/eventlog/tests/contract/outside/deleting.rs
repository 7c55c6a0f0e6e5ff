//! What outside programs write: metadata, soft deletion and coming back, the end for good.

use std::sync::Arc;

use eventlog::{
    AppendError, DELETED_REVISION, Expected, Lane, METADATA, Revision, STREAM_DELETED, StreamRead,
};

use crate::stores::{Bench, check_order, event, exact, fresh, misfit, name, on_every_store, to};

use super::*;

on_every_store!(
    a_soft_deletion_hides_and_the_next_append_begins_again,
    a_deletion_fits_or_is_refused,
    a_stream_with_metadata_alone_exists_and_reads_as_missing,
    describing_a_deleted_stream_revives_it,
    a_tombstone_ends_a_stream_for_good,
    appends_in_one_batch_see_what_those_before_them_did,
    what_describes_a_stream_must_be_json_that_can_be_meant,
    what_only_the_log_writes_is_refused,
    what_is_said_holds_after_a_restart,
);

/// What is remembered may not outlive what another process said.
#[tokio::test]
async fn what_another_process_says_about_a_stream_holds_here_at_once() {
    use crate::stores::schema_of;
    let options = schema_of(crate::server::PostgresServer::shared());
    let clock = Arc::new(eventlog::SystemClock);
    let a = eventlog::Log::open_postgres(&options, clock.clone()).await;
    let b = eventlog::Log::open_postgres(&options, clock).await;
    let (a, b) = (a.unwrap().outside(), b.unwrap().outside());
    let events: Vec<_> = (0..9).map(event).collect();
    let append = vec![to("s-1", Expected::Any, &events)];
    a.append(Lane::Urgent, append).await.unwrap();
    for first in 1..8 {
        let (says, reads) = if first % 2 == 0 { (&a, &b) } else { (&b, &a) };
        describe(says, "s-1", &format!("{{\"$tb\":{first}}}")).await;
        assert_eq!(revisions(reads, "s-1").await[0], first);
    }
    b.delete(Lane::Urgent, name("s-1"), Expected::Any)
        .await
        .unwrap();
    assert_eq!(read(&a, "s-1").await, StreamRead::Missing);
    // And a writer does not believe what it remembers either.
    let again = a.append(
        Lane::Urgent,
        vec![to("s-1", Expected::StreamExists, &[fresh()])],
    );
    assert_eq!(misfit(again.await), Some(8));
    b.tombstone(Lane::Urgent, name("s-1"), Expected::Any)
        .await
        .unwrap();
    let late = a.append(Lane::Urgent, vec![to("s-1", Expected::Any, &[fresh()])]);
    gone(late.await);
    assert_eq!(read(&a, "s-1").await, StreamRead::Deleted);
}

async fn a_soft_deletion_hides_and_the_next_append_begins_again(bench: Bench) {
    let outside = bench.log.outside();
    let expectations = [Expected::Any, Expected::NoStream, exact(2)];
    for (index, expected) in expectations.into_iter().enumerate() {
        let stream = format!("s-{index}");
        bench.fill(&stream, 3).await;
        describe(&outside, &stream, r#"{"lost":1}"#).await;
        let deleted = delete(&outside, &stream, exact(2)).await.unwrap();
        assert_eq!(deleted.streams[0].stream, name(&format!("$${stream}")));
        assert_eq!(read(&outside, &stream).await, StreamRead::Missing);
        assert_eq!(
            said(&outside, &stream).await,
            format!("{{\"$tb\":{DELETED_REVISION}}}")
        );
        let refused = append(&outside, &stream, Expected::StreamExists, &[fresh()]).await;
        assert_eq!(misfit(refused), Some(2));
        let refused = append(&outside, &stream, exact(1), &[fresh()]).await;
        assert_eq!(misfit(refused), Some(2));

        let new = [fresh(), fresh()];
        let taken = append(&outside, &stream, expected, &new).await.unwrap();
        assert_eq!(
            (taken.streams[0].first, taken.streams[0].last),
            (Revision(3), Revision(4))
        );
        assert_eq!(taken.streams.len(), 1, "what is said beside it is not told");
        assert_eq!(taken.position, taken.streams[0].last_position);
        assert_eq!(revisions(&outside, &stream).await, [3, 4]);
        assert_eq!(said(&outside, &stream).await, r#"{"$tb":3}"#);
        if expected != Expected::NoStream {
            let again = append(&outside, &stream, expected, &new).await.unwrap();
            assert!(again.duplicate);
            assert_eq!(again.position, taken.position);
        }
        let more = append(&outside, &stream, exact(4), &[fresh()])
            .await
            .unwrap();
        assert_eq!(more.streams[0].last, Revision(5));
    }
    check_order(&bench.all().await);
}

async fn a_deletion_fits_or_is_refused(bench: Bench) {
    let outside = bench.log.outside();
    for expected in [
        Expected::Any,
        Expected::NoStream,
        Expected::StreamExists,
        exact(0),
    ] {
        assert_eq!(misfit(delete(&outside, "never", expected).await), None);
    }
    bench.fill("s-1", 3).await;
    for expected in [Expected::NoStream, exact(1), exact(3)] {
        assert_eq!(misfit(delete(&outside, "s-1", expected).await), Some(2));
    }
    delete(&outside, "s-1", Expected::StreamExists)
        .await
        .unwrap();
    for expected in [Expected::StreamExists, exact(1)] {
        assert_eq!(misfit(delete(&outside, "s-1", expected).await), Some(2));
    }
    for expected in [Expected::Any, Expected::NoStream, exact(2)] {
        delete(&outside, "s-1", expected).await.unwrap();
        assert_eq!(read(&outside, "s-1").await, StreamRead::Missing);
    }
}

async fn a_stream_with_metadata_alone_exists_and_reads_as_missing(bench: Bench) {
    let outside = bench.log.outside();
    describe(&outside, "s-1", r#"{"mine":1}"#).await;
    assert_eq!(read(&outside, "s-1").await, StreamRead::Missing);
    let taken = append(&outside, "s-1", Expected::StreamExists, &[fresh()]).await;
    assert_eq!(taken.unwrap().streams[0].last, Revision(0));
    describe(&outside, "s-2", "{}").await;
    let taken = append(&outside, "s-2", Expected::NoStream, &[fresh()]).await;
    assert_eq!(taken.unwrap().streams[0].last, Revision(0));
    describe(&outside, "s-3", "{}").await;
    delete(&outside, "s-3", Expected::NoStream).await.unwrap();
    let taken = append(&outside, "s-3", Expected::NoStream, &[fresh()]).await;
    assert_eq!(taken.unwrap().streams[0].last, Revision(0));
    assert_eq!(revisions(&outside, "s-3").await, [0]);
}

async fn describing_a_deleted_stream_revives_it(bench: Bench) {
    let outside = bench.log.outside();
    bench.fill("s-1", 3).await;
    delete(&outside, "s-1", Expected::Any).await.unwrap();
    let taken = describe(&outside, "s-1", r#"{"mine":1}"#).await;
    assert_eq!(taken.streams[0].last, Revision(1));
    assert_eq!(said(&outside, "s-1").await, r#"{"$tb":3,"mine":1}"#);
    assert_eq!(revisions(&outside, "s-1").await, [] as [u64; 0]);
    append(&outside, "s-1", exact(2), &[fresh()]).await.unwrap();
    assert_eq!(revisions(&outside, "s-1").await, [3]);
    assert_eq!(said(&outside, "s-1").await, r#"{"$tb":3,"mine":1}"#);
}

async fn a_tombstone_ends_a_stream_for_good(bench: Bench) {
    let outside = bench.log.outside();
    let tombstone = async |stream: &str, expected| {
        outside
            .tombstone(Lane::Urgent, name(stream), expected)
            .await
    };
    assert_eq!(misfit(tombstone("s-1", exact(0)).await), None);
    bench.fill("s-1", 3).await;
    assert_eq!(misfit(tombstone("s-1", exact(1)).await), Some(2));
    let press = [event(1)];
    append(&outside, "s-1", exact(2), &press).await.unwrap();
    let ended = tombstone("s-1", exact(3)).await.unwrap();
    assert_eq!(ended.streams[0].last, Revision(4));
    for expected in [
        Expected::Any,
        Expected::NoStream,
        Expected::StreamExists,
        exact(3),
        exact(4),
    ] {
        gone(append(&outside, "s-1", expected, &press).await);
        gone(delete(&outside, "s-1", expected).await);
        gone(tombstone("s-1", expected).await);
    }
    assert_eq!(read(&outside, "s-1").await, StreamRead::Deleted);
    assert_eq!(read(&outside, "$$s-1").await, StreamRead::Deleted);
    // What describes it may still be written.
    describe(&outside, "s-1", "{}").await;
    gone(append(&outside, "s-1", Expected::Any, &[fresh()]).await);
    for (stream, expected) in [("s-2", Expected::Any), ("s-3", Expected::NoStream)] {
        tombstone(stream, expected).await.unwrap();
        gone(append(&outside, stream, Expected::NoStream, &[fresh()]).await);
    }
    bench.fill("s-4", 1).await;
    delete(&outside, "s-4", Expected::Any).await.unwrap();
    tombstone("s-4", Expected::Any).await.unwrap();
    assert_eq!(read(&outside, "s-4").await, StreamRead::Deleted);
    let all = bench.all().await;
    check_order(&all);
    assert_eq!(&*all[4].kind, STREAM_DELETED);
}

async fn appends_in_one_batch_see_what_those_before_them_did(bench: Bench) {
    let outside = bench.log.outside();
    bench.fill("s-1", 2).await;
    // Polled one after the other, so they stand in the queue in this order.
    let events = [[event(1)], [event(2)], [event(3)]];
    let (deleted, revived, exists, ended, late) = tokio::join!(
        biased;
        delete(&outside, "s-1", exact(1)),
        append(&outside, "s-1", Expected::NoStream, &events[0]),
        append(&outside, "s-1", Expected::StreamExists, &events[1]),
        outside.tombstone(Lane::Urgent, name("s-1"), exact(3)),
        append(&outside, "s-1", Expected::Any, &events[2]),
    );
    deleted.unwrap();
    assert_eq!(revived.unwrap().streams[0].last, Revision(2));
    assert_eq!(exists.unwrap().streams[0].last, Revision(3));
    assert_eq!(ended.unwrap().streams[0].last, Revision(4));
    gone(late);
    assert_eq!(bench.all().await.len(), 7);
}

async fn what_describes_a_stream_must_be_json_that_can_be_meant(bench: Bench) {
    let outside = bench.log.outside();
    for body in [
        "",
        "not JSON",
        "[1]",
        "7",
        r#"{"$maxCount":0}"#,
        r#"{"$maxCount":"3"}"#,
        r#"{"$maxAge":-1}"#,
        r#"{"$maxAge":1.5}"#,
        r#"{"$tb":-1}"#,
        r#"{"$cacheControl":0}"#,
        r#"{"$acl":7}"#,
    ] {
        let said = made(METADATA, body);
        let refused = append(&outside, "$$s-1", Expected::Any, &[said]).await;
        assert!(
            matches!(refused, Err(AppendError::InvalidRequest(_))),
            "{body}: {refused:?}"
        );
    }
    describe(&outside, "s-1", r#"{"$acl":{"$r":["a"]},"$maxCount":null}"#).await;
    assert_eq!(bench.all().await.len(), 1);
    // What stands there all the same says nothing.
    bench
        .append("$$s-2", Expected::Any, &[made(METADATA, "{{{")])
        .await
        .unwrap();
    bench.fill("s-2", 2).await;
    assert_eq!(revisions(&outside, "s-2").await, [0, 1]);
}

async fn what_only_the_log_writes_is_refused(bench: Bench) {
    let outside = bench.log.outside();
    for (stream, event) in [
        ("s-1", made(STREAM_DELETED, "")),
        ("$ce-s", fresh()),
        ("$et-Kind", fresh()),
    ] {
        let refused = append(&outside, stream, Expected::Any, &[event]).await;
        assert!(
            matches!(refused, Err(AppendError::InvalidRequest(_))),
            "{stream}: {refused:?}"
        );
    }
    for stream in ["$$s-1", "$ce-s"] {
        let refused = delete(&outside, stream, Expected::Any).await;
        assert!(
            matches!(refused, Err(AppendError::InvalidRequest(_))),
            "{refused:?}"
        );
        let refused = outside
            .tombstone(Lane::Bulk, name(stream), Expected::Any)
            .await;
        assert!(
            matches!(refused, Err(AppendError::InvalidRequest(_))),
            "{refused:?}"
        );
    }
    assert!(bench.all().await.is_empty());
}

async fn what_is_said_holds_after_a_restart(mut bench: Bench) {
    bench.fill("s-1", 5).await;
    bench.fill("s-2", 1).await;
    bench.fill("s-3", 1).await;
    let outside = bench.log.outside();
    describe(&outside, "s-1", r#"{"$maxCount":2}"#).await;
    delete(&outside, "s-2", Expected::Any).await.unwrap();
    outside
        .tombstone(Lane::Urgent, name("s-3"), Expected::Any)
        .await
        .unwrap();
    bench.reopen().await;
    let outside = bench.log.outside();
    assert_eq!(revisions(&outside, "s-1").await, [3, 4]);
    assert_eq!(read(&outside, "s-2").await, StreamRead::Missing);
    assert_eq!(read(&outside, "s-3").await, StreamRead::Deleted);
    gone(append(&outside, "s-3", Expected::Any, &[fresh()]).await);
    let revived = append(&outside, "s-2", Expected::NoStream, &[fresh()])
        .await
        .unwrap();
    assert_eq!(revived.streams[0].last, Revision(1));
    assert_eq!(revisions(&outside, "s-2").await, [1]);
    check_order(&bench.all().await);
}
