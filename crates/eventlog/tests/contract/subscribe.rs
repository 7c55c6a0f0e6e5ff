//! Following: no gap, no repeat, whoever writes and however slow the reader.

use std::time::Duration;

use eventlog::{
    Delivery, Expected, FILTER_CATEGORIES, FILTER_PREFIXES, Filter, LIVE_BATCHES, Lane, Log, News,
    Position, Predicate, SUBSCRIPTION_PAGE, SubscribeError, Subscription,
};

use crate::stores::{Bench, fresh, name, on_every_store, to};

on_every_store!(
    a_subscription_gives_what_stands_then_says_it_caught_up,
    a_subscription_goes_on_with_what_comes,
    every_filter_gives_its_events_from_the_store_and_live,
    writers_and_readers_at_once_leave_no_gap_and_no_repeat,
    a_reader_left_behind_reads_from_the_store_and_catches_up_again,
    a_subscription_may_be_dropped_while_waiting_and_waited_on_again,
    a_position_beyond_the_end_waits_for_it,
    a_closed_log_ends_its_subscriptions_after_the_last_event,
    a_filter_names_so_many_categories_and_no_more,
    a_filter_names_so_many_prefixes_and_no_more,
    a_filtered_subscription_says_how_far_it_has_come,
    a_reader_left_behind_is_told_so,
);

/// The next delivery, soon.
async fn next(subscription: &mut Subscription) -> Delivery {
    tokio::time::timeout(Duration::from_secs(20), subscription.next())
        .await
        .expect("a delivery in time")
        .unwrap()
}

async fn event(subscription: &mut Subscription) -> u64 {
    match next(subscription).await {
        Delivery::Event(event) => event.position.0,
        other => panic!("expected an event, got {other:?}"),
    }
}

async fn caught_up(subscription: &mut Subscription) -> u64 {
    match next(subscription).await {
        Delivery::CaughtUp(position) => position.0,
        other => panic!("expected the end, got {other:?}"),
    }
}

async fn append_one(log: &Log, stream: &str) {
    let append = to(stream, Expected::Any, &[fresh()]);
    log.append(Lane::Urgent, vec![append]).await.unwrap();
}

async fn append_kind(log: &Log, stream: &str, id: usize) {
    let append = to(
        stream,
        Expected::Any,
        &[crate::stores::event(id as u128 * 7)],
    );
    log.append(Lane::Urgent, vec![append]).await.unwrap();
}

async fn a_subscription_gives_what_stands_then_says_it_caught_up(mut bench: Bench) {
    let many = SUBSCRIPTION_PAGE * 2 + 3;
    bench.fill("s", many).await;
    bench.reopen().await;
    let mut subscription = bench.log.subscribe(Filter::All, Position(2));
    for position in 3..=many as u64 {
        assert_eq!(event(&mut subscription).await, position);
        assert_eq!(subscription.position(), Position(position));
    }
    assert_eq!(caught_up(&mut subscription).await, many as u64);
}

async fn a_subscription_goes_on_with_what_comes(bench: Bench) {
    let mut subscription = bench.log.subscribe(Filter::All, Position::START);
    assert_eq!(caught_up(&mut subscription).await, 0);
    for position in 1..=20 {
        append_one(&bench.log, "s").await;
        assert_eq!(event(&mut subscription).await, position);
    }
}

async fn every_filter_gives_its_events_from_the_store_and_live(mut bench: Bench) {
    let streams = ["a-1", "b-1", "c-1", "a-2", "b-1", "c-2"];
    // Of one type: the ids of `append_kind` are multiples of seven.
    let filters = [
        (Filter::Kind("Kind0".to_owned()), vec![1, 2, 3, 4, 5, 6]),
        (Filter::Kind("Kind1".to_owned()), vec![]),
        (Filter::All, vec![1, 2, 3, 4, 5, 6]),
        (Filter::Category("a".to_owned()), vec![1, 4]),
        (
            Filter::Categories(vec!["c".to_owned(), "a".to_owned(), "a".to_owned()]),
            vec![1, 3, 4, 6],
        ),
        (Filter::Stream(name("b-1")), vec![2, 5]),
        (
            Filter::StreamPrefixes(vec!["a-".to_owned(), "c-2".to_owned()]),
            vec![1, 4, 6],
        ),
        (
            Filter::KindPrefixes(vec!["Kind0".to_owned()]),
            vec![1, 2, 3, 4, 5, 6],
        ),
        (
            Filter::Matching(Predicate::new(|event| event.position.0 % 3 == 0)),
            vec![3, 6],
        ),
    ];
    for (id, stream) in streams.into_iter().enumerate() {
        append_kind(&bench.log, stream, id).await;
    }
    bench.reopen().await;
    let mut open = Vec::new();
    for (filter, wanted) in &filters {
        let mut subscription = bench.log.subscribe(filter.clone(), Position::START);
        for position in wanted {
            assert_eq!(event(&mut subscription).await, *position, "{filter:?}");
        }
        assert_eq!(caught_up(&mut subscription).await, 6, "{filter:?}");
        open.push(subscription);
    }
    for (id, stream) in streams.into_iter().enumerate() {
        append_kind(&bench.log, stream, 100 + id).await;
    }
    for (mut subscription, (filter, wanted)) in open.into_iter().zip(&filters) {
        for position in wanted {
            assert_eq!(event(&mut subscription).await, position + 6, "{filter:?}");
        }
    }
}

async fn writers_and_readers_at_once_leave_no_gap_and_no_repeat(bench: Bench) {
    const EACH: usize = 60;
    bench.fill("before-1", 300).await;
    let readers: Vec<_> = [
        Filter::All,
        Filter::Categories(vec!["w".to_owned(), "before".to_owned()]),
    ]
    .into_iter()
    .cycle()
    .take(6)
    .map(|filter| {
        let mut subscription = bench.log.subscribe(filter, Position::START);
        tokio::spawn(async move {
            for position in 1..=(300 + 4 * EACH * 2) as u64 {
                loop {
                    match next(&mut subscription).await {
                        Delivery::CaughtUp(_) => {}
                        Delivery::Event(event) => {
                            assert_eq!(event.position.0, position);
                            break;
                        }
                    }
                }
            }
        })
    })
    .collect();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let log = bench.log.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let events = [fresh(), fresh()];
                    let append = to(&format!("w-{writer}"), Expected::Any, &events);
                    log.append(Lane::Urgent, vec![append]).await.unwrap();
                }
            })
        })
        .collect();
    for task in writers.into_iter().chain(readers) {
        task.await.unwrap();
    }
}

async fn a_reader_left_behind_reads_from_the_store_and_catches_up_again(bench: Bench) {
    append_one(&bench.log, "s").await;
    let mut slow = bench.log.subscribe(Filter::All, Position::START);
    assert_eq!(event(&mut slow).await, 1);
    assert_eq!(caught_up(&mut slow).await, 1);
    // More commits than are kept for it; appends that wait for each other are commits of their own.
    let count = LIVE_BATCHES as u64 + 20;
    for _ in 0..count {
        append_one(&bench.log, "s").await;
    }
    for position in 2..=count + 1 {
        assert_eq!(event(&mut slow).await, position);
    }
    assert_eq!(caught_up(&mut slow).await, count + 1);
}

async fn a_subscription_may_be_dropped_while_waiting_and_waited_on_again(bench: Bench) {
    bench.fill("s", 10).await;
    let mut subscription = bench.log.subscribe(Filter::All, Position::START);
    let mut seen = Vec::new();
    while seen.len() < 15 {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            delivery = subscription.next() => match delivery.unwrap() {
                Delivery::Event(event) => seen.push(event.position.0),
                Delivery::CaughtUp(_) => { bench.fill("s", 5).await; }
            },
        }
    }
    assert_eq!(seen, (1..=15).collect::<Vec<_>>());
}

async fn a_position_beyond_the_end_waits_for_it(bench: Bench) {
    let mut subscription = bench.log.subscribe(Filter::All, Position(3));
    assert_eq!(caught_up(&mut subscription).await, 3);
    bench.fill("s", 5).await;
    assert_eq!(event(&mut subscription).await, 4);
}

async fn a_closed_log_ends_its_subscriptions_after_the_last_event(bench: Bench) {
    let mut subscription = bench.log.subscribe(Filter::All, Position::START);
    append_one(&bench.log, "s").await;
    bench.log.close().await;
    assert_eq!(event(&mut subscription).await, 1);
    assert_eq!(caught_up(&mut subscription).await, 1);
    assert_eq!(subscription.next().await, Err(SubscribeError::Closed));
}

async fn a_filter_names_so_many_categories_and_no_more(mut bench: Bench) {
    append_one(&bench.log, "c3-1").await;
    bench.reopen().await;
    let categories =
        |count: usize| Filter::Categories((0..count).map(|c| format!("c{c}")).collect());
    let mut most = bench
        .log
        .subscribe(categories(FILTER_CATEGORIES), Position::START);
    assert_eq!(event(&mut most).await, 1);
    let mut over = bench
        .log
        .subscribe(categories(FILTER_CATEGORIES + 1), Position::START);
    let refused = over.next().await;
    assert!(
        matches!(refused, Err(SubscribeError::TooMany { .. })),
        "{refused:?}"
    );
}

async fn a_filter_names_so_many_prefixes_and_no_more(mut bench: Bench) {
    append_one(&bench.log, "c3-1").await;
    bench.reopen().await;
    let prefixes = |count: usize| (0..count).map(|c| format!("c{c}")).collect();
    let most = Filter::StreamPrefixes(prefixes(FILTER_PREFIXES));
    let mut most = bench.log.subscribe(most, Position::START);
    assert_eq!(event(&mut most).await, 1);
    for over in [
        Filter::StreamPrefixes(prefixes(FILTER_PREFIXES + 1)),
        Filter::KindPrefixes(prefixes(FILTER_PREFIXES + 1)),
    ] {
        let refused = bench.log.subscribe(over, Position::START).next().await;
        assert!(
            matches!(refused, Err(SubscribeError::TooMany { .. })),
            "{refused:?}"
        );
    }
}

/// What comes next, soon.
async fn news(subscription: &mut Subscription) -> News {
    tokio::time::timeout(Duration::from_secs(20), subscription.news())
        .await
        .expect("news in time")
        .unwrap()
}

async fn a_filtered_subscription_says_how_far_it_has_come(mut bench: Bench) {
    bench.fill("a-1", 25).await;
    bench.fill("b-1", 1).await;
    bench.fill("a-1", 4).await;
    bench.reopen().await;
    let every = std::num::NonZeroU64::new(10).unwrap();
    for filter in [
        Filter::StreamPrefixes(vec!["b-".to_owned()]),
        Filter::Category("b".to_owned()),
    ] {
        let mut subscription = bench
            .log
            .subscribe(filter, Position::START)
            .with_checkpoints(every);
        let (mut passed, mut meant) = (Vec::new(), Vec::new());
        let end = loop {
            match news(&mut subscription).await {
                News::Checkpoint(position) => {
                    assert!(subscription.position() >= position);
                    passed.push(position.0);
                }
                News::Event(event) => meant.push(event.position.0),
                News::CaughtUp(position) => break position,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((meant, end), (vec![26], Position(30)));
        assert!(
            passed.is_sorted() && *passed.last().unwrap() >= 26,
            "{passed:?}"
        );
    }
    // And live.
    let none = Filter::KindPrefixes(vec!["None".to_owned()]);
    let mut live = bench
        .log
        .subscribe(none, Position(30))
        .with_checkpoints(every);
    assert_eq!(news(&mut live).await, News::CaughtUp(Position(30)));
    bench.fill("a-1", 23).await;
    assert_eq!(news(&mut live).await, News::Checkpoint(Position(40)));
    assert_eq!(news(&mut live).await, News::Checkpoint(Position(50)));
    // Those who ask for nothing else are not bothered.
    let mut plain = bench
        .log
        .subscribe(Filter::All, Position(52))
        .with_checkpoints(every);
    assert_eq!(event(&mut plain).await, 53);
    assert_eq!(caught_up(&mut plain).await, 53);
}

async fn a_reader_left_behind_is_told_so(bench: Bench) {
    let mut slow = bench.log.subscribe(Filter::All, Position::START);
    assert_eq!(news(&mut slow).await, News::CaughtUp(Position(0)));
    let count = LIVE_BATCHES as u64 + 20;
    for _ in 0..count {
        append_one(&bench.log, "s").await;
    }
    assert_eq!(news(&mut slow).await, News::FellBehind(Position(0)));
    for position in 1..=count {
        match news(&mut slow).await {
            News::Event(event) => assert_eq!(event.position.0, position),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(news(&mut slow).await, News::CaughtUp(Position(count)));
}
