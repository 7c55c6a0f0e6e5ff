//! Groups over the log: what survives, what is shared out, what is parked and given again.

use std::sync::Arc;
use std::time::Duration;

use eventlog::competing::{
    Connection, Consumer, Delivered, GroupError, GroupFilter, GroupKey, Groups, Settings, Source,
    StartFrom, Strategy,
};
use eventlog::{Expected, Filter, GROUP_BUFFER, GROUP_CONSUMERS, GROUPS, Lane, Log};

use crate::stores::{Bench, fresh, name, on_every_store, to};

on_every_store!(
    events_are_shared_out_each_once_and_go_on_after_a_restart,
    what_is_not_done_is_given_again_after_a_restart,
    where_a_group_begins_is_decided_when_it_is_made,
    groups_are_made_changed_listed_and_deleted,
    a_consumer_that_does_not_read_holds_up_nobody,
    what_cannot_work_is_refused,
    groups_and_consumers_are_bounded,
);

pub(super) fn groups(log: &Log) -> Groups {
    let compile = |filter: &GroupFilter| match filter {
        GroupFilter::StreamPrefixes(prefixes) => Ok(Filter::StreamPrefixes(prefixes.clone())),
        other => Err(format!("not here: {other:?}")),
    };
    Groups::new(log.outside(), Arc::new(compile))
}

pub(super) fn on(stream: &str) -> GroupKey {
    GroupKey {
        source: Source::Stream(name(stream)),
        group: "g".to_owned(),
    }
}

pub(super) fn from_start() -> Settings {
    Settings {
        start_from: StartFrom::Beginning,
        min_checkpoint_count: 1,
        max_checkpoint_count: 1,
        ..Settings::default()
    }
}

pub(super) fn connection(buffer: usize) -> Connection {
    Connection {
        buffer,
        name: "test".to_owned(),
        ..Connection::default()
    }
}

pub(super) async fn connect(groups: &Groups, key: &GroupKey) -> Consumer {
    groups.connect(key, connection(10)).await.unwrap()
}

pub(super) async fn next(consumer: &mut Consumer) -> Delivered {
    let next = tokio::time::timeout(Duration::from_secs(20), consumer.next());
    next.await.expect("in time").expect("connected")
}

/// Takes the next, is done with it, and tells its revision.
pub(super) async fn handle(consumer: &mut Consumer) -> u64 {
    let delivered = next(consumer).await;
    consumer.answers().ack(vec![delivered.id]).await;
    delivered.event.original().unwrap().revision.0
}

/// Waits until what a group says of itself is so.
pub(super) async fn until(
    groups: &Groups,
    key: &GroupKey,
    so: impl Fn(&eventlog::competing::GroupInfo) -> bool,
) {
    let asking = async {
        while !so(&groups.info(key).await.unwrap()) {
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(20), asking);
    asked.await.expect("in time");
}

async fn events_are_shared_out_each_once_and_go_on_after_a_restart(mut bench: Bench) {
    bench.fill("s-1", 6).await;
    let key = on("s-1");
    let first = groups(&bench.log);
    first.create(&key, from_start()).await.unwrap();
    let mut one = first.connect(&key, connection(1)).await.unwrap();
    let mut other = first.connect(&key, connection(1)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(handle(&mut one).await);
        seen.push(handle(&mut other).await);
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    bench.fill("s-1", 1).await;
    let live = tokio::select! {
        revision = handle(&mut one) => revision,
        revision = handle(&mut other) => revision,
    };
    assert_eq!(live, 6);
    until(&first, &key, |info| info.figures.checkpoint == Some(6)).await;
    let info = first.info(&key).await.unwrap();
    assert!(info.is_running && info.figures.is_live);
    assert_eq!(info.figures.done, 7);
    assert_eq!(info.consumers.len(), 2);
    assert_eq!(info.consumers[0].connection.name, "test");
    first.close().await;
    assert_eq!(one.next().await, None);
    bench.reopen().await;
    bench.fill("s-1", 1).await;
    let second = groups(&bench.log);
    assert_eq!(second.info(&key).await.unwrap().figures.checkpoint, Some(6));
    let mut one = connect(&second, &key).await;
    assert_eq!(handle(&mut one).await, 7);
    second.restart().await;
}

async fn what_is_not_done_is_given_again_after_a_restart(bench: Bench) {
    bench.fill("s-1", 4).await;
    let key = on("s-1");
    let groups = groups(&bench.log);
    groups.create(&key, from_start()).await.unwrap();
    let mut one = connect(&groups, &key).await;
    let taken = [
        next(&mut one).await,
        next(&mut one).await,
        next(&mut one).await,
    ];
    one.answers().ack(vec![taken[0].id, taken[2].id]).await;
    until(&groups, &key, |info| info.figures.checkpoint == Some(0)).await;
    groups.restart().await;
    let mut one = connect(&groups, &key).await;
    assert_eq!(handle(&mut one).await, 1);
    // At least once.
    assert_eq!(handle(&mut one).await, 2);
    // Who leaves leaves what it had to others.
    let last = next(&mut one).await;
    drop(one);
    let mut other = connect(&groups, &key).await;
    assert_eq!(next(&mut other).await.id, last.id);
    groups.restart().await;
}

async fn where_a_group_begins_is_decided_when_it_is_made(bench: Bench) {
    bench.fill("s-1", 3).await;
    let groups = groups(&bench.log);
    let starts = [
        (StartFrom::Beginning, 0),
        (StartFrom::Place(0), 0),
        (StartFrom::Place(2), 2),
        (StartFrom::End, 3),
    ];
    for (index, (start_from, _)) in starts.iter().enumerate() {
        let key = GroupKey {
            group: format!("g{index}"),
            ..on("s-1")
        };
        let settings = Settings {
            start_from: *start_from,
            ..Settings::default()
        };
        groups.create(&key, settings).await.unwrap();
    }
    bench.fill("s-1", 1).await;
    for (index, (start_from, first)) in starts.iter().enumerate() {
        let key = GroupKey {
            group: format!("g{index}"),
            ..on("s-1")
        };
        let mut consumer = connect(&groups, &key).await;
        assert_eq!(handle(&mut consumer).await, *first, "{start_from:?}");
    }
    // Of a stream that is not there yet, the first.
    groups
        .create(&on("s-2"), Settings::default())
        .await
        .unwrap();
    bench.fill("s-2", 1).await;
    let mut consumer = connect(&groups, &on("s-2")).await;
    assert_eq!(handle(&mut consumer).await, 0);
    groups.restart().await;
}

async fn groups_are_made_changed_listed_and_deleted(bench: Bench) {
    bench.fill("s-1", 2).await;
    let groups = groups(&bench.log);
    let key = on("s-1");
    assert_eq!(
        groups.connect(&key, connection(1)).await.err(),
        Some(GroupError::Missing)
    );
    assert_eq!(groups.info(&key).await.err(), Some(GroupError::Missing));
    assert_eq!(
        groups.update(&key, from_start()).await,
        Err(GroupError::Missing)
    );
    assert_eq!(groups.delete(&key).await, Err(GroupError::Missing));
    groups.create(&key, from_start()).await.unwrap();
    assert_eq!(
        groups.create(&key, from_start()).await,
        Err(GroupError::Exists)
    );
    groups.create(&on("t-1"), from_start()).await.unwrap();
    assert_eq!(groups.list(None).await.unwrap().len(), 2);
    let of_one = groups.list(Some(&key.source)).await.unwrap();
    assert_eq!((of_one.len(), &of_one[0].key), (1, &key));
    assert!(groups.list(Some(&Source::All)).await.unwrap().is_empty());

    let mut consumer = connect(&groups, &key).await;
    assert_eq!(handle(&mut consumer).await, 0);
    let changed = Settings {
        strategy: Strategy::Pinned,
        ..from_start()
    };
    groups.update(&key, changed.clone()).await.unwrap();
    while let Some(left) = consumer.next().await {
        assert_eq!(left.event.original().unwrap().revision.0, 1);
    }
    assert_eq!(groups.info(&key).await.unwrap().settings, changed);
    let mut consumer = connect(&groups, &key).await;
    assert_eq!(handle(&mut consumer).await, 1);
    until(&groups, &key, |info| info.figures.checkpoint == Some(1)).await;
    groups.delete(&key).await.unwrap();
    assert_eq!(consumer.next().await, None);
    assert_eq!(
        groups.connect(&key, connection(1)).await.err(),
        Some(GroupError::Missing)
    );
    // Made anew, it knows nothing of its former life.
    groups.create(&key, from_start()).await.unwrap();
    let mut consumer = connect(&groups, &key).await;
    assert_eq!(handle(&mut consumer).await, 0);
    groups.restart().await;
}

async fn a_consumer_that_does_not_read_holds_up_nobody(bench: Bench) {
    let groups = groups(&bench.log);
    let key = on("s-1");
    let settings = Settings {
        live_buffer_size: 50,
        history_buffer_size: 50,
        ..from_start()
    };
    groups.create(&key, settings).await.unwrap();
    let silent = groups.connect(&key, connection(5)).await.unwrap();
    let mut other = groups.connect(&key, connection(5)).await.unwrap();
    // Far more than is held ready; the writer notices nothing.
    for _ in 0..10 {
        bench.fill("s-1", 100).await;
    }
    let mut seen = Vec::new();
    for _ in 0..995 {
        seen.push(handle(&mut other).await);
        let info_holds = seen.len() % 100 != 0 || {
            let figures = groups.info(&key).await.unwrap().figures;
            figures.waiting + figures.again <= 50
        };
        assert!(info_holds, "more is held than may be");
    }
    drop(silent);
    for _ in 0..5 {
        seen.push(handle(&mut other).await);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
    groups.restart().await;
}

async fn what_cannot_work_is_refused(bench: Bench) {
    let groups = groups(&bench.log);
    for settings in [
        Settings {
            live_buffer_size: 0,
            ..from_start()
        },
        Settings {
            history_buffer_size: GROUP_BUFFER + 1,
            ..from_start()
        },
        Settings {
            read_batch_size: 500,
            ..from_start()
        },
    ] {
        let refused = groups.create(&on("s-1"), settings).await;
        assert!(
            matches!(refused, Err(GroupError::Invalid(_))),
            "{refused:?}"
        );
    }
    for group in [
        String::new(),
        "g".repeat(eventlog::GROUP_NAME_BYTES + 1),
        "a\nb".to_owned(),
    ] {
        let key = GroupKey { group, ..on("s-1") };
        let refused = groups.create(&key, from_start()).await;
        assert!(
            matches!(refused, Err(GroupError::Invalid(_))),
            "{refused:?}"
        );
    }
    let outside = bench.log.outside();
    groups.create(&on("s-1"), from_start()).await.unwrap();
    outside
        .tombstone(Lane::Urgent, name("s-1"), Expected::Any)
        .await
        .unwrap();
    let refused = groups.connect(&on("s-1"), connection(1)).await;
    assert_eq!(refused.err(), Some(GroupError::StreamDeleted));
    let more = outside.append(Lane::Urgent, vec![to("s-2", Expected::Any, &[fresh()])]);
    more.await.unwrap();
}

async fn groups_and_consumers_are_bounded(bench: Bench) {
    let groups = groups(&bench.log);
    let key = on("s-1");
    groups.create(&key, from_start()).await.unwrap();
    let mut consumers = Vec::new();
    for _ in 0..GROUP_CONSUMERS {
        consumers.push(groups.connect(&key, connection(1)).await.unwrap());
    }
    let full = groups.connect(&key, connection(1)).await.err();
    assert_eq!(
        full,
        Some(GroupError::FullOfConsumers {
            limit: GROUP_CONSUMERS
        })
    );
    consumers.pop();
    until(&groups, &key, |info| info.consumers.len() < GROUP_CONSUMERS).await;
    groups.connect(&key, connection(1)).await.unwrap();
    groups.restart().await;
    for index in 1..GROUPS {
        let key = GroupKey {
            group: format!("g{index}"),
            ..on("s-1")
        };
        groups.create(&key, from_start()).await.unwrap();
    }
    let full = groups.create(&on("s-2"), from_start()).await;
    assert_eq!(full, Err(GroupError::FullOfGroups { limit: GROUPS }));
    groups.delete(&key).await.unwrap();
    groups.create(&on("s-2"), from_start()).await.unwrap();
}

#[tokio::test]
async fn of_several_processes_one_runs_the_groups() {
    let options = crate::stores::schema_of(crate::server::PostgresServer::shared());
    let clock = Arc::new(eventlog::SystemClock);
    let a = Log::open_postgres(&options, clock.clone()).await.unwrap();
    let b = Log::open_postgres(&options, clock).await.unwrap();
    let (here, there) = (groups(&a), groups(&b));
    let key = on("s-1");
    // Making and asking is for all; running for one.
    here.create(&key, from_start()).await.unwrap();
    assert_eq!(
        there.create(&key, from_start()).await,
        Err(GroupError::Exists)
    );
    let append = to("s-1", Expected::Any, &[fresh(), fresh()]);
    b.append(Lane::Urgent, vec![append]).await.unwrap();
    let mut consumer = connect(&here, &key).await;
    assert_eq!(handle(&mut consumer).await, 0);
    let elsewhere = there.connect(&key, connection(1)).await;
    assert_eq!(elsewhere.err(), Some(GroupError::Elsewhere));
    here.close().await;
    while consumer.next().await.is_some() {}
    let mut consumer = connect(&there, &key).await;
    assert_eq!(handle(&mut consumer).await, 1);
    there.close().await;
}
