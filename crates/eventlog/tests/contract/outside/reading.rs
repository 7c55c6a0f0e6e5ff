//! What outside programs read: streams with what is hidden left out, links, numbered streams, filters.

use std::time::Duration;

use eventlog::{
    Direction, Expected, Filter, LINK, Lane, Position, ReadError, Resolved, Revision,
    StreamAppended, StreamRead,
};

use crate::stores::{Bench, check_order, event, fresh, name, on_every_store, to};

use super::*;

on_every_store!(
    metadata_hides_from_outside_and_from_nobody_else,
    old_events_are_hidden_by_their_age,
    links_give_what_they_point_to_unless_it_is_hidden,
    a_category_and_a_type_are_numbered_streams,
    numbers_far_into_a_long_category_are_found,
    everything_is_read_through_a_filter_both_ways,
    events_of_several_streams_stand_in_the_order_they_were_sent,
);

async fn events_of_several_streams_stand_in_the_order_they_were_sent(bench: Bench) {
    let outside = bench.log.outside();
    let ids = |from: u128, count: u128| -> Vec<_> { (from..from + count).map(event).collect() };
    let appends = || {
        vec![
            to("a-1", Expected::NoStream, &ids(10, 3)),
            to("b-1", Expected::Any, &ids(20, 2)),
            to("c-1", Expected::NoStream, &[]),
        ]
    };
    for wrong in [vec![0, 0, 0, 0, 1], vec![0, 1], vec![0, 0, 0, 1, 3]] {
        let refused = outside.append_in_order(Lane::Urgent, appends(), wrong);
        let refused = refused.await.unwrap_err();
        assert!(
            matches!(refused, AppendError::InvalidRequest(_)),
            "{refused}"
        );
    }
    let order = vec![1, 0, 0, 1, 0];
    let written = outside.append_in_order(Lane::Urgent, appends(), order.clone());
    let written = written.await.unwrap();
    let place = |at: &StreamAppended| {
        (
            at.first.0,
            at.last.0,
            at.first_position.0,
            at.last_position.0,
        )
    };
    let places: Vec<_> = written.streams.iter().map(place).collect();
    assert_eq!(places, [(0, 2, 2, 5), (0, 1, 1, 4)]);
    assert_eq!(written.position, Position(5));
    let stood: Vec<_> = bench
        .all()
        .await
        .iter()
        .map(|it| it.id.0.as_u128())
        .collect();
    assert_eq!(stood, [20, 10, 11, 21, 12]);
    let again = outside.append_in_order(Lane::Urgent, appends(), order);
    let again = again.await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.position, Position(5));
}

async fn metadata_hides_from_outside_and_from_nobody_else(bench: Bench) {
    let outside = bench.log.outside();
    bench.fill("s-1", 10).await;
    for (json, wanted) in [
        ("{}", 0..10),
        (r#"{"$maxCount":3}"#, 7..10),
        (r#"{"$tb":4}"#, 4..10),
        (r#"{"$tb":4,"$maxCount":8}"#, 4..10),
        (r#"{"$tb":4,"$maxCount":2}"#, 8..10),
        (r#"{"$maxCount":30}"#, 0..10),
        (r#"{"$tb":10}"#, 10..10),
        (r#"{"$tb":1000}"#, 10..10),
        (r#"{"mine":1}"#, 0..10),
    ] {
        describe(&outside, "s-1", json).await;
        let wanted: Vec<_> = wanted.collect();
        for limit in [1, 3, 100] {
            assert_eq!(both_ways(&outside, "s-1", limit).await, wanted, "{json}");
        }
        assert_eq!(said(&outside, "s-1").await, json);
    }
    // The last that was said is all there is to see of it.
    assert_eq!(revisions(&outside, "$$s-1").await, [8]);
    let stream = name("s-1");
    let inside = bench
        .log
        .read_stream(&stream, Revision(0), Direction::Forward, 100);
    assert_eq!(inside.await.unwrap().len(), 10);
    check_order(&bench.all().await);
    let over = page_of(
        &outside,
        "s-1",
        Revision(0),
        Direction::Forward,
        10_001,
        false,
    );
    assert!(matches!(over.await, Err(ReadError::TooMany { .. })));
}

async fn old_events_are_hidden_by_their_age(bench: Bench) {
    let outside = bench.log.outside();
    for _ in 0..5 {
        bench.fill("s-1", 1).await;
        bench.clock.advance(Duration::from_secs(10));
    }
    describe(&outside, "s-1", r#"{"$maxAge":30}"#).await;
    assert_eq!(revisions(&outside, "s-1").await, [2, 3, 4]);
    bench.clock.advance(Duration::from_secs(25));
    assert_eq!(revisions(&outside, "s-1").await, [] as [u64; 0]);
    bench.fill("s-1", 1).await;
    assert_eq!(revisions(&outside, "s-1").await, [5]);
}

async fn links_give_what_they_point_to_unless_it_is_hidden(bench: Bench) {
    let outside = bench.log.outside();
    bench.fill("s-1", 3).await;
    bench.fill("x@y-1", 1).await;
    let links: Vec<_> = [
        "0@s-1", "2@s-1", "9@s-1", "0@none", "0@x@y-1", "what", "1@", "-1@s-1",
    ]
    .map(|body| made(LINK, body))
    .into();
    append(&outside, "links", Expected::Any, &links)
        .await
        .unwrap();
    let resolved = async || -> Vec<Option<u64>> {
        let read = page_of(
            &outside,
            "links",
            Revision(0),
            Direction::Forward,
            100,
            true,
        );
        let StreamRead::Page(page) = read.await.unwrap() else {
            panic!("the links are there");
        };
        let targets = page.events.iter().map(|Resolved { event, link }| {
            assert_eq!(&*link.as_ref().unwrap().kind, LINK);
            event.as_ref().map(|event| event.position.0)
        });
        targets.collect()
    };
    let (none, some) = (None, Some);
    assert_eq!(
        resolved().await,
        [some(1), some(3), none, none, some(4), none, none, none]
    );
    describe(&outside, "s-1", r#"{"$tb":1}"#).await;
    assert_eq!(resolved().await[..2], [none, some(3)]);
    describe(&outside, "s-1", r#"{"$maxCount":1}"#).await;
    assert_eq!(resolved().await[..2], [none, some(3)]);
    delete(&outside, "s-1", Expected::Any).await.unwrap();
    assert_eq!(resolved().await[..2], [none, none]);
    append(&outside, "s-1", Expected::Any, &[fresh()])
        .await
        .unwrap();
    describe(&outside, "s-1", "{}").await;
    assert_eq!(resolved().await[..2], [some(1), some(3)]);
    outside
        .tombstone(Lane::Urgent, name("s-1"), Expected::Any)
        .await
        .unwrap();
    assert_eq!(resolved().await[..2], [none, none]);
    // Unasked, a link is an event like others.
    let read = page_of(&outside, "links", Revision(0), Direction::Forward, 1, false);
    let StreamRead::Page(page) = read.await.unwrap() else {
        panic!("the links are there");
    };
    assert_eq!(&*page.events[0].event.as_ref().unwrap().body, b"0@s-1");
}

async fn a_category_and_a_type_are_numbered_streams(bench: Bench) {
    let outside = bench.log.outside();
    assert_eq!(read(&outside, "$ce-s").await, StreamRead::Missing);
    for id in 0..30 {
        let stream = ["s-1", "t-1", "s-2"][id as usize % 3];
        append(&outside, stream, Expected::Any, &[event(id)])
            .await
            .unwrap();
    }
    for limit in [1, 7, 20, 100] {
        assert_eq!(
            both_ways(&outside, "$ce-s", limit).await,
            (0..20).collect::<Vec<_>>()
        );
        assert_eq!(both_ways(&outside, "$et-Kind3", limit).await, [0, 1, 2, 3]);
    }
    let page = async |stream: &str, from, direction, limit| {
        let read = page_of(&outside, stream, Revision(from), direction, limit, true);
        match read.await.unwrap() {
            StreamRead::Page(page) => page,
            other => panic!("{other:?}"),
        }
    };
    let some = page("$ce-s", 3, Direction::Forward, 2).await;
    assert_eq!(
        (some.next, some.first, some.last),
        (Some(Revision(5)), Revision(0), Revision(19))
    );
    let link = some.events[0].link.as_ref().unwrap();
    let event = some.events[0].event.as_ref().unwrap();
    assert_eq!(
        *link.body,
        *format!("{}@{}", event.revision, event.stream).as_bytes()
    );
    assert_eq!(
        (link.revision, &*link.kind, event.position),
        (Revision(3), LINK, Position(6))
    );
    let same = page("$ce-s", 3, Direction::Backward, 1).await;
    assert_eq!(same.events[0], some.events[0]);
    assert!(
        page("$ce-s", 20, Direction::Forward, 5)
            .await
            .events
            .is_empty()
    );
    // Numbers stay, whatever is hidden.
    delete(&outside, "s-1", Expected::Any).await.unwrap();
    let hidden = page("$ce-s", 0, Direction::Forward, 100).await;
    assert_eq!(hidden.events.len(), 20);
    assert_eq!(
        hidden.events.iter().filter(|at| at.event.is_none()).count(),
        10
    );
}

async fn everything_is_read_through_a_filter_both_ways(bench: Bench) {
    let outside = bench.log.outside();
    for id in 0..30 {
        let stream = ["s-1", "t-1", "s-2"][id as usize % 3];
        append(&outside, stream, Expected::Any, &[event(id)])
            .await
            .unwrap();
    }
    delete(&outside, "s-1", Expected::Any).await.unwrap();
    let in_s = |position: &u64| position % 3 != 2 && *position <= 30;
    let third = |position: &u64| position.is_multiple_of(3);
    let filters = [
        (Filter::All, (1..=31).collect::<Vec<_>>()),
        (
            Filter::Category("s".to_owned()),
            (1..=30).filter(in_s).collect(),
        ),
        (
            Filter::StreamPrefixes(vec!["s-".to_owned()]),
            (1..=30).filter(in_s).collect(),
        ),
        (
            Filter::Stream(name("s-2")),
            (1..=30).filter(third).collect(),
        ),
        (Filter::Kind("Kind6".to_owned()), vec![7, 14, 21, 28]),
        (Filter::KindPrefixes(vec!["$".to_owned()]), vec![31]),
        (Filter::KindPrefixes(vec!["no".to_owned()]), vec![]),
    ];
    for (filter, wanted) in filters {
        for limit in [1, 4, 100] {
            for direction in [Direction::Forward, Direction::Backward] {
                let mut next = Some(match direction {
                    Direction::Forward => Position::START,
                    Direction::Backward => Position::END,
                });
                let mut seen = Vec::new();
                while let Some(from) = next {
                    let page = outside
                        .read_all(&filter, from, direction, limit, false)
                        .await
                        .unwrap();
                    seen.extend(
                        page.events
                            .iter()
                            .map(|at| at.event.as_ref().unwrap().position.0),
                    );
                    next = page.next;
                }
                if direction == Direction::Backward {
                    seen.reverse();
                }
                assert_eq!(seen, wanted, "{filter:?} {limit} {direction:?}");
            }
        }
    }
}

async fn numbers_far_into_a_long_category_are_found(bench: Bench) {
    const EACH: usize = 950;
    let outside = bench.log.outside();
    // Number n of the category stands at a position that tells: nine rounds, each of 950 and 50 of another.
    let position = |number: u64| number / EACH as u64 * 1_000 + number % EACH as u64 + 1;
    for _ in 0..9 {
        bench.fill("s-1", EACH).await;
        bench.fill("t-1", 50).await;
    }
    let last = 9 * EACH as u64 - 1;
    let at = async |number: u64, direction, limit| -> Vec<(u64, u64)> {
        let read = page_of(&outside, "$ce-s", Revision(number), direction, limit, false);
        let StreamRead::Page(page) = read.await.unwrap() else {
            panic!("it is there");
        };
        assert_eq!(page.last.0 % EACH as u64, EACH as u64 - 1);
        let places = page.events.iter().map(|at| at.original().unwrap());
        places
            .map(|link| (link.revision.0, link.position.0))
            .collect()
    };
    for round in 0..2 {
        let last = last + round * EACH as u64;
        for number in [8_193, 0, 4_095, 4_096, 4_097, 8_191, 8_192, 2_000, last] {
            let wanted = [(number, position(number))];
            assert_eq!(at(number, Direction::Forward, 1).await, wanted);
            assert_eq!(at(number, Direction::Backward, 1).await, wanted);
        }
        assert_eq!(at(last + 1, Direction::Forward, 5).await, []);
        let end = at(u64::MAX, Direction::Backward, 3).await;
        assert_eq!(
            end,
            [last, last - 1, last - 2].map(|number| (number, position(number)))
        );
        let across = at(4_090, Direction::Forward, 10).await;
        assert!(
            across
                .into_iter()
                .eq((4_090..4_100).map(|number| (number, position(number))))
        );
        // What comes later is counted on.
        bench.fill("s-2", EACH).await;
    }
}
