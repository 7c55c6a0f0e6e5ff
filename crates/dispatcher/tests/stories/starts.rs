//! Starting: from a snapshot, without one, and on what was opened again.

use crate::world::World;
use dispatcher::{metrics::Metrics, snapshot, state::State};
use domain::{
    Happened,
    codes::{Action, Outcome, Reason},
    incident::{IncidentCommand, IncidentEvent},
    signal::SignalKind,
};
use eventlog::Position;
use tokio_util::sync::CancellationToken;

async fn full_fold(world: &World) -> State {
    let (metrics, stop) = (Metrics::default(), CancellationToken::new());
    snapshot::catch_up(&world.log, State::empty(), &metrics, &stop)
        .await
        .unwrap()
}

async fn some_calls(world: &World) {
    let first = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { ring: 0, .. });
    for n in 1..=6_usize {
        world.press(&format!("d-{n}"), "1", SignalKind::Sos).await;
        world.until_count("an offer", n, |h| first(&h.event)).await;
    }
    for (n, incident) in world.incidents().await.iter().enumerate() {
        if n % 2 == 0 {
            world.accept(incident.id, "s-1").await;
        }
        if n % 4 == 0 {
            resolve(world, incident.id).await;
        }
    }
}

async fn resolve(world: &World, id: domain::IncidentId) {
    let command = IncidentCommand::Resolve {
        reason: Reason::HelpSmall,
        actions: vec![Action::Talked],
        outcome: Outcome::Safe,
        note: None,
        machine: false,
    };
    world.ask(id, "s-1", command).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_from_a_snapshot_is_the_same_as_a_full_fold() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    some_calls(&world).await;
    dispatcher.stop().await;
    let saved = snapshot::load(&world.casebook).await;
    assert!(saved.position > Position::START, "a snapshot was saved");
    assert!(!saved.open.is_empty());
    // Something happens after it.
    world.press("d-9", "1", SignalKind::Sos).await;
    world.detach("s-2").await;
    let (metrics, stop) = (Metrics::default(), CancellationToken::new());
    let quick = snapshot::catch_up(&world.log, saved, &metrics, &stop).await;
    let quick = quick.unwrap();
    assert_eq!(quick, full_fold(&world).await);
    assert_eq!(quick.position, world.log.head());
    assert_eq!(quick.alarms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_snapshot_means_a_full_fold() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    some_calls(&world).await;
    dispatcher.stop().await;
    let foreign = eventlog::Snapshot {
        position: world.log.head(),
        code_version: snapshot::CODE_VERSION + 1,
        bytes: b"{}".to_vec(),
    };
    let snapshots = world.log.snapshots();
    snapshots.put(snapshot::NAME, foreign).await.unwrap();
    assert_eq!(snapshot::load(&world.casebook).await, State::empty());
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    world.press("d-9", "1", SignalKind::Sos).await;
    let opened = |e: &IncidentEvent| matches!(e, IncidentEvent::IncidentOpened { .. });
    world
        .until_count("the next incident", 7, |h| opened(&h.event))
        .await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_incident_opened_again_is_offered_again() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    resolve(&world, id).await;
    let cause = "还在等".to_owned();
    world
        .ask(id, "s-1", IncidentCommand::Reopen { cause })
        .await;
    world
        .until_count("the offer after reopening", 2, |h| offered(&h.event))
        .await;
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_does_not_read_stops_nobody_and_its_alarm_is_seen() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    let event = eventlog::NewEvent {
        id: eventlog::EventId(uuid::Uuid::new_v4()),
        kind: "AlarmReceived".to_owned(),
        body: b"{broken".to_vec().into(),
        meta: b"{}".to_vec().into(),
    };
    let append = eventlog::StreamAppend {
        stream: eventlog::StreamName::new("device-odd").unwrap(),
        expected: eventlog::Expected::Any,
        events: vec![event],
    };
    world
        .log
        .append(eventlog::Lane::Urgent, vec![append])
        .await
        .unwrap();
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the offer", |h| offered(&h.event)).await;
    let incident = world.casebook.fold_incident(id).await.unwrap().unwrap();
    assert_eq!(incident.alarms[0].kind, SignalKind::Unknown);
    assert_eq!(dispatcher.metrics().unreadable, 1);
    dispatcher.stop().await;
}

/// The open incident of a resident has an event that no longer reads: the next press is opened apart, and somebody sees it.
#[tokio::test(start_paused = true)]
async fn a_bug_in_one_record_does_not_keep_an_alarm_from_people() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    let broken = eventlog::NewEvent {
        id: eventlog::EventId(uuid::Uuid::new_v4()),
        kind: "Held".to_owned(),
        body: b"{}".to_vec().into(),
        meta: b"{}".to_vec().into(),
    };
    let append = eventlog::StreamAppend {
        stream: casebook::streams::incident(id),
        expected: eventlog::Expected::Any,
        events: vec![broken],
    };
    world
        .log
        .append(eventlog::Lane::Urgent, vec![append])
        .await
        .unwrap();
    world.press("d-1", "2", SignalKind::Sos).await;
    let opened = |h: &Happened<IncidentEvent>| match &h.event {
        IncidentEvent::IncidentOpened { alarm, .. } => alarm.press == "2",
        _ => false,
    };
    world.until("an incident of its own", opened).await;
    dispatcher.stop().await;
}
