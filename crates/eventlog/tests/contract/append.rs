//! What is taken: expected revisions, several streams at once, one gap-free order.

use std::time::Duration;

use eventlog::{AppendError, Expected, Lane, Position, Revision};

use crate::stores::{BEGAN, Bench, check_order, exact, fresh, misfit, name, on_every_store, to};

on_every_store!(
    every_expectation_fits_or_is_refused,
    an_append_says_where_its_events_stand,
    an_append_to_several_streams_is_all_or_nothing,
    an_empty_member_guards_an_append,
    an_append_of_nothing_answers_with_the_head,
    the_commit_time_is_the_logs_clock,
    positions_have_no_gaps_under_eight_writers,
    exactly_one_of_many_rivals_wins_a_revision,
    a_misfit_does_not_hurt_its_neighbours_in_a_batch,
);

async fn every_expectation_fits_or_is_refused(bench: Bench) {
    for (stream, expected) in [("a", Expected::Any), ("b", Expected::NoStream)] {
        bench.append(stream, expected, &[fresh()]).await.unwrap();
    }
    for expected in [Expected::StreamExists, exact(0), exact(7)] {
        let refused = bench.append("new", expected, &[fresh()]).await;
        assert_eq!(misfit(refused), None, "{expected:?} on a new stream");
    }
    bench.fill("c", 3).await;
    for expected in [
        Expected::NoStream,
        exact(0),
        exact(1),
        exact(3),
        exact(u64::MAX),
    ] {
        let refused = bench.append("c", expected, &[fresh()]).await;
        assert_eq!(misfit(refused), Some(2), "{expected:?} at revision 2");
    }
    for (last, expected) in [
        (3, exact(2)),
        (4, Expected::Any),
        (5, Expected::StreamExists),
    ] {
        let taken = bench.append("c", expected, &[fresh()]).await.unwrap();
        assert_eq!(taken.streams[0].last, Revision(last), "{expected:?}");
    }
    let all = bench.all().await;
    assert_eq!(all.len(), 8);
    check_order(&all);
}

async fn an_append_says_where_its_events_stand(bench: Bench) {
    bench.fill("first", 2).await;
    let taken = bench
        .append("second", Expected::NoStream, &[fresh(), fresh(), fresh()])
        .await
        .unwrap();
    assert!(!taken.duplicate);
    assert_eq!(taken.position, Position(5));
    let stands = &taken.streams[0];
    assert_eq!(stands.stream, name("second"));
    assert_eq!((stands.first, stands.last), (Revision(0), Revision(2)));
    assert_eq!(
        (stands.first_position, stands.last_position),
        (Position(3), Position(5))
    );
    assert_eq!(bench.log.head(), Position(5));
}

async fn an_append_to_several_streams_is_all_or_nothing(bench: Bench) {
    bench.fill("care-1", 1).await;
    let both = |care, incident| {
        vec![
            to("care-1", care, &[fresh()]),
            to("incident-1", incident, &[fresh(), fresh()]),
        ]
    };
    let refused = bench
        .log
        .append(Lane::Urgent, both(exact(5), Expected::NoStream))
        .await;
    assert_eq!(misfit(refused), Some(0));
    let refused = bench
        .log
        .append(Lane::Urgent, both(exact(0), exact(3)))
        .await;
    assert_eq!(misfit(refused), None);
    assert_eq!(bench.all().await.len(), 1, "nothing of them is there");

    let taken = bench
        .log
        .append(Lane::Urgent, both(exact(0), Expected::NoStream))
        .await
        .unwrap();
    assert_eq!(taken.position, Position(4));
    let places: Vec<_> = taken
        .streams
        .iter()
        .map(|at| (at.stream.as_str(), at.first.0, at.last.0))
        .collect();
    assert_eq!(places, [("care-1", 1, 1), ("incident-1", 0, 1)]);
    check_order(&bench.all().await);
}

async fn an_empty_member_guards_an_append(bench: Bench) {
    bench.fill("guard", 1).await;
    let guarded = |expected| {
        vec![
            to("guard", expected, &[]),
            to("guarded", Expected::Any, &[fresh()]),
        ]
    };
    let refused = bench.log.append(Lane::Urgent, guarded(exact(4))).await;
    assert_eq!(misfit(refused), Some(0));
    let taken = bench
        .log
        .append(Lane::Urgent, guarded(exact(0)))
        .await
        .unwrap();
    assert_eq!(
        taken.streams.len(),
        1,
        "only streams with events are listed"
    );
    assert_eq!(taken.streams[0].stream, name("guarded"));
}

async fn an_append_of_nothing_answers_with_the_head(bench: Bench) {
    bench.fill("a", 2).await;
    let taken = bench.append("a", exact(1), &[]).await.unwrap();
    assert_eq!((taken.position, taken.duplicate), (Position(2), false));
    assert_eq!(misfit(bench.append("a", exact(0), &[]).await), Some(1));
    let none = bench.log.append(Lane::Urgent, Vec::new()).await;
    assert!(
        matches!(none, Err(AppendError::InvalidRequest(_))),
        "{none:?}"
    );
}

async fn the_commit_time_is_the_logs_clock(bench: Bench) {
    bench.fill("a", 1).await;
    bench.clock.advance(Duration::from_micros(17));
    let taken = bench.append("a", Expected::Any, &[fresh()]).await.unwrap();
    assert_eq!(taken.recorded_at, BEGAN + 17);
    let times: Vec<_> = bench
        .all()
        .await
        .iter()
        .map(|event| event.recorded_at)
        .collect();
    assert_eq!(times, [BEGAN, BEGAN + 17]);
}

async fn positions_have_no_gaps_under_eight_writers(bench: Bench) {
    let writers = (0..8).map(|writer| {
        let log = bench.log.clone();
        tokio::spawn(async move {
            for round in 0..50 {
                let lane = if round % 3 == 0 {
                    Lane::Bulk
                } else {
                    Lane::Urgent
                };
                let events: Vec<_> = (0..1 + round % 4).map(|_| fresh()).collect();
                let stream = format!("writer-{}", writer % 5);
                let append = to(&stream, Expected::Any, &events);
                log.append(lane, vec![append]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = bench.all().await;
    assert_eq!(all.len(), 8 * (13 + 2 * 13 + 3 * 12 + 4 * 12));
    check_order(&all);
}

async fn exactly_one_of_many_rivals_wins_a_revision(bench: Bench) {
    bench.fill("incident-1", 1).await;
    for round in 0..20 {
        let rivals = (0..10).map(|_| {
            let log = bench.log.clone();
            let append = to("incident-1", exact(round), &[fresh()]);
            tokio::spawn(async move { log.append(Lane::Urgent, vec![append]).await })
        });
        let mut won = 0;
        for rival in rivals.collect::<Vec<_>>() {
            match rival.await.unwrap() {
                Ok(_) => won += 1,
                refused => assert_eq!(misfit(refused), Some(round + 1)),
            }
        }
        assert_eq!(won, 1, "in round {round}");
    }
}

async fn a_misfit_does_not_hurt_its_neighbours_in_a_batch(bench: Bench) {
    let appends: Vec<_> = (0..40)
        .map(|index| {
            let expected = if index % 4 == 0 {
                exact(9)
            } else {
                Expected::NoStream
            };
            to(&format!("s-{index}"), expected, &[fresh()])
        })
        .collect();
    let answers = futures_util::future::join_all(
        appends
            .into_iter()
            .map(|append| bench.log.append(Lane::Urgent, vec![append])),
    )
    .await;
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(
            answer.is_err(),
            index % 4 == 0,
            "append {index}: {answer:?}"
        );
    }
    assert!(bench.log.metrics().batches < 40, "they shared commits");
    assert_eq!(bench.log.metrics().conflicts, 10);
    check_order(&bench.all().await);
}
