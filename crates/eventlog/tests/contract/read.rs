//! What is given back: streams, categories and everything, both ways.

use std::sync::Arc;

use eventlog::{
    Direction::{Backward, Forward},
    EventId, Expected, Position, READ_LIMIT, ReadError, Recorded, Revision,
};
use uuid::Uuid;

use crate::stores::{Bench, event, name, on_every_store};

on_every_store!(
    an_event_comes_back_as_it_was_given,
    a_stream_is_read_both_ways,
    the_log_is_read_both_ways,
    a_category_is_read_both_ways,
    the_events_of_a_type_are_read_both_ways,
    what_does_not_exist_reads_as_empty,
    an_event_is_found_by_its_id_in_its_stream,
    a_stream_tells_its_last_revision,
    more_than_one_read_returns_is_refused,
    everything_is_there_after_a_restart,
    the_stats_count_events_and_streams,
);

fn places(events: &[Arc<Recorded>]) -> Vec<u64> {
    events.iter().map(|event| event.position.0).collect()
}

/// Positions 1 to 6: a-1, b-1, a-2, a-1, b-1, lone.
async fn six(bench: &Bench) {
    for (id, stream) in ["a-1", "b-1", "a-2", "a-1", "b-1", "lone"]
        .into_iter()
        .enumerate()
    {
        let event = event(id as u128 + 1);
        bench.append(stream, Expected::Any, &[event]).await.unwrap();
    }
}

async fn an_event_comes_back_as_it_was_given(bench: Bench) {
    let given = event(77);
    bench
        .append("a-1", Expected::Any, std::slice::from_ref(&given))
        .await
        .unwrap();
    let read = bench
        .log
        .read_stream(&name("a-1"), Revision(0), Forward, 1)
        .await
        .unwrap();
    let wanted = Recorded {
        position: Position(1),
        stream: name("a-1"),
        revision: Revision(0),
        id: given.id,
        kind: given.kind.into(),
        recorded_at: crate::stores::BEGAN,
        body: given.body,
        meta: given.meta,
    };
    assert_eq!(*read[0], wanted);
}

async fn a_stream_is_read_both_ways(bench: Bench) {
    bench.fill("noise", 3).await;
    bench.fill("s", 5).await;
    let stream = name("s");
    let read = async |from, direction, limit| {
        let read = bench
            .log
            .read_stream(&stream, Revision(from), direction, limit);
        let revisions: Vec<_> = read
            .await
            .unwrap()
            .iter()
            .map(|event| event.revision.0)
            .collect();
        revisions
    };
    assert_eq!(read(0, Forward, 3).await, [0, 1, 2]);
    assert_eq!(read(3, Forward, 9).await, [3, 4]);
    assert!(read(5, Forward, 9).await.is_empty());
    assert!(read(u64::MAX, Forward, 9).await.is_empty());
    assert_eq!(read(u64::MAX, Backward, 2).await, [4, 3]);
    assert_eq!(read(1, Backward, 9).await, [1, 0]);
    assert!(read(0, Backward, 0).await.is_empty());
}

async fn the_log_is_read_both_ways(bench: Bench) {
    six(&bench).await;
    let read = async |from, direction, limit| {
        places(
            &bench
                .log
                .read_all(Position(from), direction, limit)
                .await
                .unwrap(),
        )
    };
    assert_eq!(read(0, Forward, 2).await, [1, 2]);
    assert_eq!(read(4, Forward, 9).await, [5, 6]);
    assert!(read(6, Forward, 9).await.is_empty());
    assert_eq!(read(u64::MAX, Backward, 2).await, [6, 5]);
    assert_eq!(read(2, Backward, 9).await, [2, 1]);
    assert!(read(0, Backward, 9).await.is_empty());
}

async fn a_category_is_read_both_ways(bench: Bench) {
    six(&bench).await;
    let read = async |category: &str, from, direction, limit| {
        let read = bench
            .log
            .read_category(category, Position(from), direction, limit);
        places(&read.await.unwrap())
    };
    assert_eq!(read("a", 0, Forward, 9).await, [1, 3, 4]);
    assert_eq!(read("a", 1, Forward, 1).await, [3]);
    assert_eq!(read("b", 0, Forward, 9).await, [2, 5]);
    assert_eq!(read("lone", 0, Forward, 9).await, [6]);
    assert_eq!(read("a", u64::MAX, Backward, 2).await, [4, 3]);
    assert_eq!(read("a", 3, Backward, 9).await, [3, 1]);
}

async fn what_does_not_exist_reads_as_empty(bench: Bench) {
    let log = &bench.log;
    for direction in [Forward, Backward] {
        let stream = log
            .read_stream(&name("no"), Revision::END, direction, 9)
            .await;
        assert_eq!(stream.unwrap(), []);
        assert_eq!(log.read_all(Position(3), direction, 9).await.unwrap(), []);
        let category = log.read_category("no", Position(3), direction, 9).await;
        assert_eq!(category.unwrap(), []);
    }
    assert_eq!(log.stream_head(&name("no")).await.unwrap(), None);
    let id = EventId(Uuid::nil());
    assert_eq!(log.find(&name("no"), id).await.unwrap(), None);
    assert_eq!(log.head(), Position::START);
}

async fn an_event_is_found_by_its_id_in_its_stream(bench: Bench) {
    six(&bench).await;
    let find = async |stream: &str, id| {
        let found = bench.log.find(&name(stream), event(id).id).await.unwrap();
        found.map(|event| event.position.0)
    };
    assert_eq!(find("a-1", 4).await, Some(4));
    assert_eq!(find("a-2", 4).await, None, "it stands in another stream");
    assert_eq!(find("a-1", 99).await, None);
}

async fn a_stream_tells_its_last_revision(bench: Bench) {
    bench.fill("s", 4).await;
    let head = bench.log.stream_head(&name("s")).await.unwrap();
    assert_eq!(head, Some(Revision(3)));
}

async fn more_than_one_read_returns_is_refused(bench: Bench) {
    let refused = bench
        .log
        .read_all(Position::START, Forward, READ_LIMIT + 1)
        .await;
    let limit = READ_LIMIT;
    let asked = READ_LIMIT + 1;
    assert_eq!(refused.unwrap_err(), ReadError::TooMany { asked, limit });
}

async fn everything_is_there_after_a_restart(mut bench: Bench) {
    six(&bench).await;
    let before = bench.all().await;
    bench.reopen().await;
    assert_eq!(bench.all().await, before);
    assert_eq!(bench.log.head(), Position(6));
    bench.fill("b-1", 1).await;
    let read = bench
        .log
        .read_category("b", Position(2), Forward, 9)
        .await
        .unwrap();
    assert_eq!(places(&read), [5, 7]);
}

async fn the_stats_count_events_and_streams(bench: Bench) {
    six(&bench).await;
    let stats = bench.log.stats().await.unwrap();
    assert_eq!((stats.events, stats.streams), (6, 4));
}

async fn the_events_of_a_type_are_read_both_ways(bench: Bench) {
    // Their ids are 1 to 6, so each has a type of its own; 8 is of the first's.
    six(&bench).await;
    bench
        .append("a-2", Expected::Any, &[event(8)])
        .await
        .unwrap();
    for (kind, after, direction, limit, wanted) in [
        ("Kind1", 0, Forward, 9, &[1, 7][..]),
        ("Kind1", 1, Forward, 9, &[7]),
        ("Kind1", 0, Forward, 1, &[1]),
        ("Kind1", u64::MAX, Backward, 9, &[7, 1]),
        ("Kind1", 7, Backward, 1, &[7]),
        ("Kind1", 6, Backward, 9, &[1]),
        ("Kind2", 0, Forward, 9, &[2]),
        ("Kind", 0, Forward, 9, &[]),
        ("kind1", 0, Forward, 9, &[]),
    ] {
        let read = bench.log.read_kind(kind, Position(after), direction, limit);
        assert_eq!(
            places(&read.await.unwrap()),
            wanted,
            "{kind} {after} {direction:?}"
        );
    }
}
