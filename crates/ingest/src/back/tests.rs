//! What happens when the way back is full or slow.

use super::*;
use casebook::{Draft, MasterKey, Meta, Vault};
use domain::{
    Actor, ResidentId,
    incident::AlarmRef,
    party::Party,
    signal::{Priority, SignalKind},
};
use eventlog::{EventId, Expected, Lane, Log, SystemClock};
use uuid::Uuid;

fn device(n: u32) -> DeviceId {
    DeviceId::parse(&format!("HRB-{n}")).unwrap()
}

fn alarm(n: u32, press: &str) -> AlarmRef {
    AlarmRef {
        alarm: AlarmId(Uuid::new_v4()),
        position: 1,
        device: Some(device(n)),
        press: press.to_owned(),
        kind: SignalKind::Sos,
        received_at: Timestamp(1_000),
        problems: Vec::new(),
        verified: true,
    }
}

fn opened(n: u32) -> IncidentEvent {
    IncidentEvent::IncidentOpened {
        incident: IncidentId(Uuid::from_u128(n.into())),
        subject: SubjectId::resident(&ResidentId::parse(&format!("r-{n}")).unwrap()),
        resident: None,
        alarm: alarm(n, "1"),
        priority: Priority::P1,
        district: None,
        place: None,
        previous: None,
        late_ms: None,
    }
}

fn resolved() -> IncidentEvent {
    IncidentEvent::Resolved {
        reason: domain::codes::Reason::Test,
        actions: vec![domain::codes::Action::None],
        outcome: domain::codes::Outcome::Safe,
        note: None,
        machine: true,
    }
}

fn fold(table: &mut Table, n: u32, revision: u64, event: IncidentEvent) -> bool {
    let happened = Happened::new(Timestamp(2_000), Actor::Dispatcher, event);
    table.fold(IncidentId(Uuid::from_u128(n.into())), revision, &happened)
}

#[test]
fn a_full_table_forgets_closed_incidents_first_and_stays_within_its_limit() {
    let mut table = Table::new(10);
    for n in 0..10 {
        assert!(fold(&mut table, n, 0, opened(n)));
    }
    assert!(fold(&mut table, 4, 1, resolved()));
    assert!(fold(&mut table, 10, 0, opened(10)));
    assert!(
        table.of_press(&device(4), "1").is_none(),
        "closed, so it went"
    );
    assert!(
        table.of_press(&device(0), "1").is_some(),
        "open, so it stayed"
    );
    for n in 11..40 {
        assert!(fold(&mut table, n, 0, opened(n)));
    }
    assert_eq!(table.everything().len(), 10);
    assert_eq!(table.unanswered().len(), 10);
    assert!(table.of_press(&device(39), "1").is_some());
}

#[test]
fn what_closed_a_day_ago_is_forgotten_and_what_is_open_is_not() {
    let mut table = Table::new(10);
    fold(&mut table, 1, 0, opened(1));
    fold(&mut table, 1, 1, resolved());
    fold(&mut table, 2, 0, opened(2));
    table.forget_before(Timestamp(2_000));
    assert_eq!(table.everything().len(), 2);
    table.forget_before(Timestamp(2_001));
    assert!(table.of_press(&device(1), "1").is_none());
    assert!(table.of_press(&device(2), "1").is_some());
}

#[test]
fn of_one_device_the_last_presses_are_kept() {
    let mut table = Table::new(10);
    fold(&mut table, 1, 0, opened(1));
    for n in 2..=20u32 {
        let joined = IncidentEvent::AlarmJoined {
            alarm: alarm(1, &n.to_string()),
            presses: n,
            priority: Priority::P1,
        };
        assert!(fold(&mut table, 1, u64::from(n) - 1, joined));
    }
    assert!(table.of_press(&device(1), "20").is_some());
    assert!(table.of_press(&device(1), "1").is_none());
    assert_eq!(
        table.standing(&device(1), &city(), Timestamp(3_000)).len(),
        crate::limits::BACK_PRESSES
    );
}

#[test]
fn an_event_out_of_its_place_is_not_folded() {
    let mut table = Table::new(10);
    assert!(
        !fold(&mut table, 1, 1, resolved()),
        "its beginning was not seen"
    );
    fold(&mut table, 1, 0, opened(1));
    assert!(
        !fold(&mut table, 1, 2, resolved()),
        "one between was not seen"
    );
    assert!(fold(&mut table, 1, 0, opened(1)), "seen before");
    assert!(fold(&mut table, 1, 1, resolved()));
}

fn city() -> directory::City {
    directory::City::default()
}

#[tokio::test]
async fn a_channel_that_is_too_slow_is_dropped_and_others_go_on() {
    let log = Log::memory(Arc::new(SystemClock));
    let vault = Vault::open(log.clone(), MasterKey::from_bytes([7; 32]))
        .await
        .unwrap();
    let casebook = Casebook::new(log, vault);
    let directory = Directory::open(casebook.clone(), None).await.unwrap();
    let back = Back::new(casebook.clone(), directory, Arc::default());
    let stop = CancellationToken::new();
    tokio::spawn(back.clone().run(stop.clone()));
    back.ready().await;

    let (slow, _never_read) = mpsc::channel(1);
    let (quick, mut heard) = mpsc::channel(10);
    let dropped = CancellationToken::new();
    let _slow = back.join(&device(1), slow, dropped.clone());
    let _quick = back.join(&device(1), quick, CancellationToken::new());
    let party = Party::CityDesk;
    let operator = domain::OperatorId::parse("wang").unwrap();
    let first_step_by = Timestamp(9_000);
    let accepted = IncidentEvent::Accepted {
        operator,
        party,
        first_step_by,
    };
    for event in [opened(1), accepted, resolved()] {
        let stream = streams::incident(IncidentId(Uuid::from_u128(1)));
        let id = EventId(Uuid::new_v4());
        let draft = Draft::new(id, casebook.now(), Actor::Dispatcher, event);
        let lane = Lane::Urgent;
        let appended = casebook.append(lane, &stream, Expected::Any, vec![draft], Meta::default());
        appended.await.unwrap();
        assert!(heard.recv().await.is_some());
    }
    dropped.cancelled().await;
    assert_eq!(back.channels(), 1);
    stop.cancel();
}
