//! What is recognised: the same append sent again, at once, later, and after a restart.

use eventlog::{Expected, Lane, Position, Revision};

use crate::stores::{Bench, event, exact, fresh, misfit, on_every_store, to};

on_every_store!(
    an_append_by_ids_sent_again_gets_its_first_place,
    an_append_at_a_revision_sent_again_gets_its_first_place,
    repeats_are_recognised_after_a_restart,
    repeats_in_one_batch_are_recognised,
    an_append_to_several_streams_sent_again_gets_its_first_places,
    known_ids_followed_by_new_ones_are_refused,
    a_new_id_before_known_ones_is_a_new_append,
    an_id_may_stand_in_two_streams_and_twice_in_one,
    half_a_repeat_over_several_streams_is_refused,
);

async fn an_append_by_ids_sent_again_gets_its_first_place(bench: Bench) {
    let press = [event(1), event(2)];
    for expected in [Expected::Any, Expected::StreamExists] {
        bench
            .append("device-1", Expected::Any, &press)
            .await
            .unwrap();
        bench.fill("device-1", 2).await;
        let again = bench.append("device-1", expected, &press).await.unwrap();
        assert!(again.duplicate);
        assert_eq!(again.position, Position(2));
        let stands = &again.streams[0];
        assert_eq!((stands.first, stands.last), (Revision(0), Revision(1)));
        assert_eq!(stands.first_position, Position(1));
        assert_eq!(again.recorded_at, crate::stores::BEGAN);
    }
    assert_eq!(bench.all().await.len(), 6);
    assert_eq!(bench.log.metrics().duplicates, 3);
}

async fn an_append_at_a_revision_sent_again_gets_its_first_place(bench: Bench) {
    let opening = [event(1)];
    let step = [event(2), event(3)];
    bench
        .append("incident-1", Expected::NoStream, &opening)
        .await
        .unwrap();
    bench.append("incident-1", exact(0), &step).await.unwrap();
    bench.fill("incident-1", 1).await;
    for (expected, events, first, last) in [
        (Expected::NoStream, &opening[..], 0, 0),
        (exact(0), &step[..], 1, 2),
        (Expected::NoStream, &[event(1), event(2)][..], 0, 1),
    ] {
        let again = bench.append("incident-1", expected, events).await.unwrap();
        assert!(again.duplicate);
        let stands = &again.streams[0];
        assert_eq!(
            (stands.first, stands.last),
            (Revision(first), Revision(last))
        );
        assert_eq!(again.position, Position(last + 1));
    }
    for (expected, events) in [
        (exact(0), vec![event(2), event(9)]),
        (exact(0), vec![event(3)]),
        (exact(1), step.to_vec()),
        (exact(2), vec![fresh(), fresh()]),
    ] {
        let refused = bench.append("incident-1", expected, &events).await;
        assert_eq!(misfit(refused), Some(3), "{expected:?} {events:?}");
    }
    assert_eq!(bench.all().await.len(), 4);
}

async fn repeats_are_recognised_after_a_restart(mut bench: Bench) {
    bench
        .append("device-1", Expected::Any, &[event(1)])
        .await
        .unwrap();
    bench
        .append("incident-1", Expected::NoStream, &[event(2)])
        .await
        .unwrap();
    bench.fill("incident-1", 1).await;
    bench.reopen().await;
    assert_eq!(bench.log.head(), Position(3));
    let again = bench
        .append("device-1", Expected::Any, &[event(1)])
        .await
        .unwrap();
    assert_eq!((again.duplicate, again.position), (true, Position(1)));
    let again = bench
        .append("incident-1", Expected::NoStream, &[event(2)])
        .await
        .unwrap();
    assert_eq!((again.duplicate, again.position), (true, Position(2)));
    let next = bench
        .append("device-1", exact(0), &[event(3)])
        .await
        .unwrap();
    assert_eq!((next.duplicate, next.position), (false, Position(4)));
}

async fn repeats_in_one_batch_are_recognised(bench: Bench) {
    let sendings = (0..10).map(|_| bench.append("device-1", Expected::Any, &[]));
    drop(sendings);
    let press = [event(1)];
    let sendings = (0..10).map(|_| bench.append("device-1", Expected::Any, &press));
    let answers = futures_util::future::join_all(sendings).await;
    let fresh = answers
        .iter()
        .filter(|answer| !answer.as_ref().unwrap().duplicate);
    assert_eq!(fresh.count(), 1);
    for answer in &answers {
        assert_eq!(answer.as_ref().unwrap().position, Position(1));
    }
}

async fn an_append_to_several_streams_sent_again_gets_its_first_places(bench: Bench) {
    bench.fill("care-1", 1).await;
    let both = || {
        vec![
            to("guard", Expected::NoStream, &[]),
            to("care-1", exact(0), &[event(1)]),
            to("incident-1", Expected::Any, &[event(2), event(3)]),
        ]
    };
    let first = bench.log.append(Lane::Urgent, both()).await.unwrap();
    bench.fill("guard", 1).await;
    bench.fill("care-1", 1).await;
    let again = bench.log.append(Lane::Urgent, both()).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.streams, first.streams);
    assert_eq!(again.position, first.position);
}

async fn known_ids_followed_by_new_ones_are_refused(bench: Bench) {
    bench
        .append("s", Expected::Any, &[event(1), event(2)])
        .await
        .unwrap();
    for events in [[event(1), event(3)], [event(2), event(1)]] {
        let refused = bench.append("s", Expected::Any, &events).await;
        assert_eq!(misfit(refused), Some(1));
    }
}

async fn a_new_id_before_known_ones_is_a_new_append(bench: Bench) {
    bench.append("s", Expected::Any, &[event(1)]).await.unwrap();
    let taken = bench
        .append("s", Expected::Any, &[event(2), event(1)])
        .await
        .unwrap();
    assert_eq!(
        (taken.duplicate, taken.streams[0].last),
        (false, Revision(2))
    );
}

async fn an_id_may_stand_in_two_streams_and_twice_in_one(bench: Bench) {
    for (stream, expected) in [("a", Expected::Any), ("b", Expected::Any), ("b", exact(0))] {
        let taken = bench.append(stream, expected, &[event(1)]).await.unwrap();
        assert!(!taken.duplicate, "{stream} {expected:?}");
    }
    let twins = bench
        .append("c", Expected::Any, &[event(2), event(2)])
        .await
        .unwrap();
    assert_eq!(twins.streams[0].last, Revision(1));
    // Recognised at its last place.
    let again = bench.append("b", Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!((again.duplicate, again.position), (true, Position(3)));
}

async fn half_a_repeat_over_several_streams_is_refused(bench: Bench) {
    bench.append("a", Expected::Any, &[event(1)]).await.unwrap();
    let half = vec![
        to("a", Expected::Any, &[event(1)]),
        to("b", Expected::Any, &[event(2)]),
    ];
    let refused = bench.log.append(Lane::Urgent, half).await;
    assert_eq!(misfit(refused), Some(0));
    assert_eq!(bench.all().await.len(), 1);
}
