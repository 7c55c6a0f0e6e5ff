//! Several processes on one log: one order for everybody, and nobody acts on what another made stale.

use std::collections::HashMap;
use std::process::Stdio;

use eventlog::{DoorError, Expected, Filter, Lane, Log, Position, PostgresOptions};
use futures_util::future::join_all;

use super::{all, append, follow_without_gap, next_event, open, soon};
use crate::server::PostgresServer;
use crate::stores::{check_order, exact, fresh, misfit, schema_of, to};

/// Where a writer process finds its log; without it the test that is one has nothing to do.
const WHERE: &str = "ANLING_TEST_WRITER";
const WRITERS: u64 = 8;
const TASKS: u64 = 4;
const APPENDS: u64 = 30;

/// Events that one writer process appends.
const EACH: u64 = TASKS * APPENDS * 3 / 2;

#[test]
fn a_writer_process_writes_when_it_is_started_as_one() {
    let Ok(place) = std::env::var(WHERE) else {
        return;
    };
    let (schema, url) = place.split_once(' ').unwrap();
    let options = PostgresOptions {
        schema: schema.to_owned(),
        ..PostgresOptions::new(url)
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = open(&options).await;
        let tasks = (0..TASKS).map(|task| tokio::spawn(write(log.clone(), task)));
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        log.close().await;
    });
}

/// Half the appends are of two events, to a stream all processes write to at exact revisions; half of one, to our own.
async fn write(log: Log, task: u64) {
    let shared = format!("shared-{task}");
    let own = format!("own-{}-{task}", std::process::id());
    for round in 0..APPENDS {
        if round % 2 == 0 {
            append(&log, &own, Expected::Any, &[fresh()]).await.unwrap();
            continue;
        }
        let events = [fresh(), fresh()];
        loop {
            let stream = crate::stores::name(&shared);
            let head = log.stream_head(&stream).await.unwrap();
            let expected = head.map_or(Expected::NoStream, Expected::Exact);
            match append(&log, &shared, expected, &events).await {
                Ok(_) => break,
                Err(eventlog::AppendError::WrongRevision { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn eight_writer_processes_and_a_follower_that_sees_every_position_once_in_order() {
    let server = PostgresServer::shared();
    let options = schema_of(server);
    let log = open(&options).await;
    let writers = (0..WRITERS).map(|_| {
        tokio::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "postgres::several::a_writer_process_writes_when_it_is_started_as_one",
            ])
            .env(WHERE, format!("{} {}", options.schema, options.url))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    });
    let mut writers: Vec<_> = writers.collect();
    let following = follow_without_gap(&log, WRITERS * EACH);
    // We write too, and see ours in their place among the others'.
    let ours = async {
        for _ in 0..EACH / 2 {
            append(&log, "ours", Expected::Any, &[fresh()])
                .await
                .unwrap();
        }
    };
    let (mut following, ()) = tokio::join!(following, ours);
    for writer in &mut writers {
        assert!(soon(writer.wait()).await.unwrap().success());
    }
    let total = WRITERS * EACH + EACH / 2;
    for position in WRITERS * EACH + 1..=total {
        assert_eq!(next_event(&mut following).await.position.0, position);
    }
    let all = all(&log).await;
    assert_eq!(all.len() as u64, total);
    check_order(&all);
    let ids: std::collections::HashSet<_> = all.iter().map(|event| event.id).collect();
    assert_eq!(ids.len() as u64, total, "no event twice");
}

#[tokio::test]
async fn what_one_process_remembers_of_a_stream_does_not_outlive_anothers_append() {
    let options = schema_of(PostgresServer::shared());
    let (a, b) = (open(&options).await, open(&options).await);
    append(&a, "s", Expected::NoStream, &[fresh()])
        .await
        .unwrap();
    for round in 0..6 {
        let (writer, stale) = if round % 2 == 0 { (&b, &a) } else { (&a, &b) };
        append(writer, "s", exact(round), &[fresh()]).await.unwrap();
        let late = append(stale, "s", exact(round), &[fresh()]).await;
        assert_eq!(misfit(late), Some(round + 1));
    }
    // Also where nothing of the stream itself changed hands.
    append(&a, "t", Expected::Any, &[fresh()]).await.unwrap();
    append(&b, "s", exact(6), &[fresh()]).await.unwrap();
    append(&a, "t", exact(0), &[fresh()]).await.unwrap();
    check_order(&all(&a).await);
}

#[tokio::test]
async fn of_rivals_in_two_processes_exactly_one_wins_each_revision() {
    let options = schema_of(PostgresServer::shared());
    let logs = [open(&options).await, open(&options).await];
    append(&logs[0], "incident-1", Expected::NoStream, &[fresh()])
        .await
        .unwrap();
    for round in 0..20 {
        let rivals = (0..10).map(|rival| {
            let log = logs[rival % 2].clone();
            tokio::spawn(async move { append(&log, "incident-1", exact(round), &[fresh()]).await })
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
    check_order(&all(&logs[0]).await);
}

#[tokio::test]
async fn one_press_at_two_processes_is_one_event() {
    let options = schema_of(PostgresServer::shared());
    let logs = [open(&options).await, open(&options).await];
    for _ in 0..20 {
        let press = [fresh()];
        let answers = join_all(
            logs.iter()
                .map(|log| append(log, "device-1", Expected::Any, &press)),
        );
        let answers = answers.await.into_iter().map(Result::unwrap);
        let answers: Vec<_> = answers
            .map(|taken| (taken.position, taken.duplicate))
            .collect();
        assert_eq!(answers[0].0, answers[1].0);
        assert_ne!(answers[0].1, answers[1].1, "one was first");
    }
    assert_eq!(all(&logs[0]).await.len(), 20);
}

#[tokio::test]
async fn events_of_both_reach_each_in_order_while_both_write() {
    const EACH: u64 = 150;
    let options = schema_of(PostgresServer::shared());
    let logs = [open(&options).await, open(&options).await];
    let tasks = logs.iter().cycle().take(4).map(|log| {
        let log = log.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                let taken = append(&log, "w", Expected::Any, &[fresh()]).await.unwrap();
                assert!(
                    log.head() >= taken.position,
                    "one's own append is known at once"
                );
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let (mut first, mut second) = tokio::join!(
        follow_without_gap(&logs[0], 4 * EACH),
        follow_without_gap(&logs[1], 4 * EACH)
    );
    for task in tasks {
        task.await.unwrap();
    }
    append(&logs[0], "w", Expected::Any, &[fresh()])
        .await
        .unwrap();
    for following in [&mut first, &mut second] {
        assert_eq!(next_event(following).await.position.0, 4 * EACH + 1);
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_over_all_processes() {
    let options = schema_of(PostgresServer::shared());
    let logs = [open(&options).await, open(&options).await];
    for epoch in 1..=10 {
        let now = epoch * 1_000_000;
        let tries = (0..6).map(|holder| {
            let log = logs[holder % 2].clone();
            let now = i64::try_from(now).unwrap();
            tokio::spawn(async move {
                log.leases()
                    .acquire("dispatcher", &format!("h{holder}"), 500, now)
                    .await
            })
        });
        let mut holders = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            holders.extend(one.await.unwrap().unwrap());
        }
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0].epoch, epoch);
    }
}

#[tokio::test]
async fn what_is_behind_a_door_is_counted_over_all_processes() {
    let options = schema_of(PostgresServer::shared());
    let (a, b) = (open(&options).await, open(&options).await);
    for (log, key) in [(&a, "k1"), (&b, "k2"), (&a, "k2"), (&b, "k1"), (&a, "k3")] {
        let kept = log
            .secrets()
            .put(Lane::Bulk, key, key.as_bytes().to_vec())
            .await;
        assert_eq!(kept.unwrap(), key.as_bytes());
    }
    b.secrets().delete("k1").await.unwrap();
    a.secrets().delete("k1").await.unwrap();
    a.sessions().put(b"t", vec![1], 5).await.unwrap();
    b.sessions().put(b"t", vec![2], 5).await.unwrap();
    b.cursors().set("c", Position(1)).await.unwrap();
    a.cursors().set("c", Position(2)).await.unwrap();
    let server = PostgresServer::shared();
    let counts = format!(
        "SELECT cursors, leases, snapshots, secrets, sessions FROM {}.head",
        options.schema
    );
    assert_eq!(server.sql(&counts), "1|0|0|2|1");
    assert_eq!(b.sessions().purge(5).await.unwrap(), 1);
    assert_eq!(server.sql(&counts), "1|0|0|2|0");
    // A door that others filled is full here too.
    let limit = eventlog::DOOR_ENTRIES;
    server.sql(&format!(
        "UPDATE {}.head SET leases = {limit}",
        options.schema
    ));
    let full = a.leases().acquire("one more", "h", 1, 1).await;
    assert!(matches!(full, Err(DoorError::NoRoom { .. })), "{full:?}");
}

#[tokio::test]
async fn many_keys_at_once_are_kept_each_once() {
    let log = open(&schema_of(PostgresServer::shared())).await;
    let puts = (0..600).map(|index| {
        let log = log.clone();
        async move {
            let key = format!("k{}", index % 400);
            let kept = log
                .secrets()
                .put(Lane::Bulk, &key, vec![(index / 400) as u8])
                .await;
            (key, kept.unwrap())
        }
    });
    let mut kept = HashMap::new();
    for (key, wrapped) in join_all(puts).await {
        assert_eq!(kept.entry(key).or_insert_with(|| wrapped.clone()), &wrapped);
    }
    assert_eq!(log.secrets().list("", 1_000).await.unwrap().len(), 400);
}

#[tokio::test]
async fn appends_and_doors_share_a_batch_and_answer_in_order() {
    let log = open(&schema_of(PostgresServer::shared())).await;
    let work = (0..200).map(|index| {
        let log = log.clone();
        async move {
            match index % 4 {
                0 => {
                    let append = to("s", Expected::Any, &[fresh()]);
                    log.append(Lane::Bulk, vec![append])
                        .await
                        .map(drop)
                        .unwrap();
                }
                1 => {
                    let key = format!("k{index}");
                    let kept = log
                        .secrets()
                        .put(Lane::Bulk, &key, key.clone().into_bytes())
                        .await;
                    assert_eq!(kept.unwrap(), key.as_bytes());
                }
                2 => log
                    .cursors()
                    .set(&format!("c{index}"), Position(index))
                    .await
                    .unwrap(),
                _ => {
                    let purged = log.sessions().purge(0).await.unwrap();
                    assert_eq!(purged, 0);
                }
            }
        }
    });
    join_all(work).await;
    assert!(log.metrics().batches < 200, "they shared commits");
    assert_eq!(log.cursors().get("c98").await.unwrap(), Some(Position(98)));
    let mut following = log.subscribe(Filter::All, Position::START);
    for position in 1..=50 {
        assert_eq!(next_event(&mut following).await.position.0, position);
    }
}
