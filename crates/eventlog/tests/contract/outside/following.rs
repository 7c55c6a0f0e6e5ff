//! How outside programs follow, and how many may.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{
    Expected, Filter, FollowError, Following, LINK, Lane, OUTSIDE_SUBSCRIPTIONS, Position,
    Recorded, Revision, STREAM_DELETED, Seen, Start,
};

use crate::stores::{Bench, fresh, name, on_every_store};

use super::*;

on_every_store!(
    following_a_stream_gives_what_is_seen_then_what_comes,
    following_a_numbered_stream_counts_on,
    following_everything_says_how_far_it_has_come,
    so_many_follow_and_no_more,
);

async fn next(following: &mut Following) -> Seen {
    tokio::time::timeout(Duration::from_secs(20), following.next())
        .await
        .expect("in time")
        .unwrap()
}

async fn next_at(following: &mut Following) -> Arc<Recorded> {
    match next(following).await {
        Seen::Event(seen) => seen.original().unwrap().clone(),
        other => panic!("expected an event, got {other:?}"),
    }
}

async fn following_a_stream_gives_what_is_seen_then_what_comes(bench: Bench) {
    let outside = bench.log.outside();
    let follow = async |start| {
        let followed = outside.follow_stream(&name("s-1"), start, false).await;
        followed.unwrap()
    };
    let mut early = follow(Start::Beginning).await;
    assert_eq!(next(&mut early).await, Seen::CaughtUp(Position(0), None));
    bench.fill("noise", 2).await;
    bench.fill("s-1", 5).await;
    for revision in 0..5 {
        assert_eq!(next_at(&mut early).await.revision, Revision(revision));
    }
    describe(&outside, "s-1", r#"{"$tb":2}"#).await;
    for (start, first) in [
        (Start::Beginning, 2),
        (Start::After(Revision(0)), 2),
        (Start::After(Revision(2)), 3),
        (Start::End, 5),
        (Start::After(Revision(6)), 7),
    ] {
        let mut following = follow(start).await;
        for revision in first..5 {
            assert_eq!(next_at(&mut following).await.revision, Revision(revision));
        }
        let end = next(&mut following).await;
        assert_eq!(
            end,
            Seen::CaughtUp(Position(8), Some(Revision(4))),
            "{start:?}"
        );
        if first == 7 {
            bench.fill("s-1", 3).await;
            assert_eq!(next_at(&mut following).await.revision, Revision(7));
        }
    }
    // What is truncated later was given; what is deleted ends it.
    delete(&outside, "s-1", Expected::Any).await.unwrap();
    append(&outside, "s-1", Expected::Any, &[fresh()])
        .await
        .unwrap();
    for revision in 5..=8 {
        assert_eq!(next_at(&mut early).await.revision, Revision(revision));
    }
    outside
        .tombstone(Lane::Urgent, name("s-1"), Expected::Any)
        .await
        .unwrap();
    assert_eq!(&*next_at(&mut early).await.kind, STREAM_DELETED);
    assert_eq!(next(&mut early).await, Seen::Deleted);
    assert_eq!(next(&mut early).await, Seen::Deleted);
    let late = outside.follow_stream(&name("s-1"), Start::End, false).await;
    assert_eq!(late.err(), Some(FollowError::Deleted));
}

async fn following_a_numbered_stream_counts_on(bench: Bench) {
    let outside = bench.log.outside();
    for stream in ["s-1", "t-1", "s-2", "t-1", "s-1"] {
        bench.fill(stream, 1).await;
    }
    for (start, first) in [
        (Start::Beginning, 0),
        (Start::After(Revision(0)), 1),
        (Start::End, 3),
        (Start::After(Revision(3)), 4),
    ] {
        let followed = outside.follow_stream(&name("$ce-s"), start, true).await;
        let mut following = followed.unwrap();
        let mut seen = Vec::new();
        loop {
            match next(&mut following).await {
                Seen::Event(at) => {
                    assert!(at.event.is_some());
                    seen.push(at.link.unwrap().revision.0);
                }
                Seen::CaughtUp(..) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, (first..3).collect::<Vec<_>>(), "{start:?}");
        if first == 4 {
            bench.fill("s-9", 3).await;
            assert_eq!(next_at(&mut following).await.revision, Revision(4));
            assert_eq!(next_at(&mut following).await.revision, Revision(5));
        }
    }
}

async fn following_everything_says_how_far_it_has_come(bench: Bench) {
    let outside = bench.log.outside();
    bench.fill("s-1", 25).await;
    let every = std::num::NonZeroU64::new(10);
    let filter = Filter::StreamPrefixes(vec!["none".to_owned()]);
    let followed = outside
        .follow_all(filter, Start::Beginning, true, every)
        .await;
    let mut following = followed.unwrap();
    let mut last = 0;
    loop {
        match next(&mut following).await {
            Seen::Checkpoint(position) => last = position.0,
            Seen::CaughtUp(position, None) => break assert_eq!(position, Position(25)),
            other => panic!("{other:?}"),
        }
    }
    assert!(last >= 10);
    let followed = outside
        .follow_all(Filter::All, Start::End, true, None)
        .await;
    let mut following = followed.unwrap();
    assert_eq!(
        next(&mut following).await,
        Seen::CaughtUp(Position(25), None)
    );
    append(&outside, "l", Expected::Any, &[made(LINK, "3@s-1")])
        .await
        .unwrap();
    match next(&mut following).await {
        Seen::Event(at) => assert_eq!(at.event.unwrap().position, Position(4)),
        other => panic!("{other:?}"),
    }
}

async fn so_many_follow_and_no_more(bench: Bench) {
    let outside = bench.log.outside();
    let follow = async || {
        let followed = outside.follow_all(Filter::All, Start::Beginning, false, None);
        followed.await
    };
    let mut all = Vec::new();
    for _ in 0..OUTSIDE_SUBSCRIPTIONS {
        all.push(follow().await.unwrap());
    }
    let full = FollowError::Full {
        limit: OUTSIDE_SUBSCRIPTIONS,
    };
    assert_eq!(follow().await.err(), Some(full.clone()));
    let on_stream = outside.follow_stream(&name("s-1"), Start::End, false).await;
    assert_eq!(on_stream.err(), Some(full));
    // Nobody else notices: those inside follow, and everything is written.
    let mut inside = bench.log.subscribe(Filter::All, Position::START);
    bench.fill("s-1", 1).await;
    assert!(matches!(
        inside.next().await,
        Ok(eventlog::Delivery::Event(_))
    ));
    all.pop();
    assert_eq!(
        next_at(&mut follow().await.unwrap()).await.position,
        Position(1)
    );
}
