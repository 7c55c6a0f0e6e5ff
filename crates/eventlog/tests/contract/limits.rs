//! What is refused for its size, and that the largest allowed passes.

use bytes::Bytes;
use eventlog::{
    APPEND_BYTES, APPEND_EVENTS, APPEND_STREAMS, AppendError, EVENT_BYTES, EVENT_KIND_BYTES,
    Expected, Lane, NewEvent, StreamAppend,
};

use crate::stores::{Bench, check_order, fresh, on_every_store, to};

on_every_store!(
    an_event_may_be_so_large_and_no_larger,
    an_append_may_have_so_many_events_and_no_more,
    an_append_may_touch_so_many_streams_and_no_more,
    an_append_may_be_so_large_and_no_larger,
    an_event_needs_a_type_name_of_some_length,
    a_stream_is_named_once_in_an_append,
);

fn sized(body: usize, meta: usize) -> NewEvent {
    NewEvent {
        body: Bytes::from(vec![b'x'; body]),
        meta: Bytes::from(vec![b'y'; meta]),
        ..fresh()
    }
}

fn too_large(answer: Result<eventlog::Appended, AppendError>) -> (usize, usize) {
    match answer {
        Err(AppendError::TooLarge { size, limit, .. }) => (size, limit),
        other => panic!("expected too large, got {other:?}"),
    }
}

async fn an_event_may_be_so_large_and_no_larger(bench: Bench) {
    let largest = sized(EVENT_BYTES - 5, 5);
    bench
        .append("s", Expected::Any, std::slice::from_ref(&largest))
        .await
        .unwrap();
    assert_eq!(bench.all().await[0].body, largest.body);
    let refused = bench
        .append("s", Expected::Any, &[sized(EVENT_BYTES - 4, 5)])
        .await;
    assert_eq!(too_large(refused), (EVENT_BYTES + 1, EVENT_BYTES));
}

async fn an_append_may_have_so_many_events_and_no_more(bench: Bench) {
    bench.fill("s", APPEND_EVENTS).await;
    let many: Vec<_> = (0..=APPEND_EVENTS).map(|_| fresh()).collect();
    let refused = bench.append("s", Expected::Any, &many).await;
    assert_eq!(too_large(refused), (APPEND_EVENTS + 1, APPEND_EVENTS));
    check_order(&bench.all().await);
}

async fn an_append_may_touch_so_many_streams_and_no_more(bench: Bench) {
    let over = |count: usize| -> Vec<StreamAppend> {
        (0..count)
            .map(|index| to(&format!("s-{index}"), Expected::Any, &[fresh()]))
            .collect()
    };
    bench
        .log
        .append(Lane::Urgent, over(APPEND_STREAMS))
        .await
        .unwrap();
    let refused = bench
        .log
        .append(Lane::Urgent, over(APPEND_STREAMS + 1))
        .await;
    assert_eq!(too_large(refused), (APPEND_STREAMS + 1, APPEND_STREAMS));
}

async fn an_append_may_be_so_large_and_no_larger(bench: Bench) {
    let mut events: Vec<_> = (0..APPEND_BYTES / EVENT_BYTES)
        .map(|_| sized(EVENT_BYTES, 0))
        .collect();
    bench.append("s", Expected::Any, &events).await.unwrap();
    events.push(sized(1, 0));
    let refused = bench.append("t", Expected::Any, &events).await;
    assert_eq!(too_large(refused), (APPEND_BYTES + 1, APPEND_BYTES));
}

async fn an_event_needs_a_type_name_of_some_length(bench: Bench) {
    let kind = |length: usize| NewEvent {
        kind: "k".repeat(length),
        ..fresh()
    };
    bench
        .append("s", Expected::Any, &[kind(EVENT_KIND_BYTES)])
        .await
        .unwrap();
    let refused = bench
        .append("s", Expected::Any, &[kind(EVENT_KIND_BYTES + 1)])
        .await;
    assert_eq!(too_large(refused), (EVENT_KIND_BYTES + 1, EVENT_KIND_BYTES));
    let refused = bench.append("s", Expected::Any, &[kind(0)]).await;
    assert!(
        matches!(refused, Err(AppendError::InvalidRequest(_))),
        "{refused:?}"
    );
}

async fn a_stream_is_named_once_in_an_append(bench: Bench) {
    let twice = vec![
        to("s", Expected::Any, &[fresh()]),
        to("s", Expected::Any, &[fresh()]),
    ];
    let refused = bench.log.append(Lane::Urgent, twice).await;
    assert!(
        matches!(refused, Err(AppendError::InvalidRequest(_))),
        "{refused:?}"
    );
}
