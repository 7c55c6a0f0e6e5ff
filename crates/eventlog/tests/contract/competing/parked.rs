//! What groups put aside and take up again, and groups on more than one stream.

use eventlog::competing::{GroupError, GroupFilter, GroupKey, Nack, Settings, Source};

use super::groups::{connect, from_start, groups, handle, next, on, until};
use crate::stores::{Bench, name, on_every_store};

on_every_store!(
    what_is_parked_stands_in_the_log_and_is_given_again,
    a_group_on_everything_sees_what_its_filter_means_and_not_itself,
    a_group_on_a_category_gets_links_and_their_events,
);

async fn what_is_parked_stands_in_the_log_and_is_given_again(mut bench: Bench) {
    bench.fill("s-1", 5).await;
    let key = on("s-1");
    let first = groups(&bench.log);
    let settings = Settings {
        max_retry_count: 1,
        ..from_start()
    };
    first.create(&key, settings).await.unwrap();
    let mut consumer = connect(&first, &key).await;
    let answers = consumer.answers();
    for revision in 0..3 {
        let taken = next(&mut consumer).await;
        assert_eq!(taken.event.original().unwrap().revision.0, revision);
        // However long a reason is, it is parked.
        let reason = "坏".repeat(if revision == 1 { 1_000_000 } else { 1 });
        answers.nack(vec![taken.id], Nack::Park, &reason).await;
    }
    let taken = next(&mut consumer).await;
    answers.nack(vec![taken.id], Nack::Retry, "later").await;
    assert_eq!(handle(&mut consumer).await, 4);
    let again = next(&mut consumer).await;
    assert_eq!((again.id, again.retry_count), (taken.id, 1));
    answers.nack(vec![again.id], Nack::Retry, "never").await;
    until(&first, &key, |info| {
        info.parked == 4 && info.figures.checkpoint == Some(4)
    })
    .await;
    first.close().await;
    bench.reopen().await;

    let second = groups(&bench.log);
    assert_eq!(second.info(&key).await.unwrap().parked, 4);
    let mut consumer = connect(&second, &key).await;
    let answers = consumer.answers();
    second.replay_parked(&key, Some(3)).await.unwrap();
    for revision in 0..3 {
        let taken = next(&mut consumer).await;
        assert_eq!(taken.event.event.as_ref().unwrap().revision.0, revision);
        let link = taken.event.link.as_ref().unwrap();
        assert_eq!(&*link.kind, eventlog::LINK);
        assert_eq!(taken.id, link.id);
        if revision == 1 {
            answers
                .nack(vec![taken.id], Nack::Park, "still broken")
                .await;
        } else {
            answers.ack(vec![taken.id]).await;
        }
    }
    // The fourth of before, and the one that is still broken.
    until(&second, &key, |info| info.parked == 2).await;
    second.replay_parked(&key, None).await.unwrap();
    for revision in [3, 1] {
        let taken = next(&mut consumer).await;
        assert_eq!(taken.event.event.as_ref().unwrap().revision.0, revision);
        answers.ack(vec![taken.id]).await;
    }
    until(&second, &key, |info| info.parked == 0).await;
    second.replay_parked(&key, None).await.unwrap();
    bench.fill("s-1", 1).await;
    assert_eq!(handle(&mut consumer).await, 5);
    second.restart().await;
}

async fn a_group_on_everything_sees_what_its_filter_means_and_not_itself(bench: Bench) {
    for stream in ["a-1", "b-1", "a-2"] {
        bench.fill(stream, 1).await;
    }
    let groups = groups(&bench.log);
    let key = GroupKey {
        source: Source::All,
        group: "g".to_owned(),
    };
    let settings = Settings {
        filter: Some(GroupFilter::StreamPrefixes(vec!["a-".to_owned()])),
        ..from_start()
    };
    groups.create(&key, settings.clone()).await.unwrap();
    let mut consumer = connect(&groups, &key).await;
    for position in [1, 3] {
        let taken = next(&mut consumer).await;
        assert_eq!(taken.event.original().unwrap().position.0, position);
        consumer.answers().ack(vec![taken.id]).await;
    }
    until(&groups, &key, |info| info.figures.checkpoint >= Some(3)).await;
    let other = GroupFilter::StreamRegex("(".to_owned());
    let refused = groups
        .create(
            &on("x"),
            Settings {
                filter: Some(other),
                ..settings
            },
        )
        .await;
    assert!(
        matches!(refused, Err(GroupError::Invalid(_))),
        "{refused:?}"
    );
    // Without a filter: everything, but for what such groups write down themselves, or there would be no end of it.
    let all = GroupKey {
        group: "all".to_owned(),
        ..key
    };
    groups.create(&all, from_start()).await.unwrap();
    let mut consumer = connect(&groups, &all).await;
    let mut streams = Vec::new();
    bench.fill("z-1", 1).await;
    while streams.last().is_none_or(|last| last != "z-1") {
        let taken = next(&mut consumer).await;
        streams.push(taken.event.original().unwrap().stream.to_string());
        consumer.answers().ack(vec![taken.id]).await;
    }
    assert!(
        !streams.iter().any(|stream| stream.contains("::")),
        "{streams:?}"
    );
    groups.restart().await;
}

async fn a_group_on_a_category_gets_links_and_their_events(bench: Bench) {
    for stream in ["a-1", "b-1", "a-2"] {
        bench.fill(stream, 1).await;
    }
    let groups = groups(&bench.log);
    let key = on("$ce-a");
    let settings = Settings {
        resolve_links: true,
        ..from_start()
    };
    groups.create(&key, settings).await.unwrap();
    let mut consumer = connect(&groups, &key).await;
    for (number, stream) in [(0, "a-1"), (1, "a-2")] {
        let taken = next(&mut consumer).await;
        assert_eq!(taken.event.link.as_ref().unwrap().revision.0, number);
        assert_eq!(taken.event.event.as_ref().unwrap().stream, name(stream));
        consumer
            .answers()
            .nack(vec![taken.id], Nack::Park, "")
            .await;
    }
    until(&groups, &key, |info| info.parked == 2).await;
    groups.replay_parked(&key, None).await.unwrap();
    let taken = next(&mut consumer).await;
    assert_eq!(taken.event.event.unwrap().stream, name("a-1"));
    groups.restart().await;
}
