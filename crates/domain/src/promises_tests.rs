//! Every checker can fail: for each promise a log that breaks it.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{
    Actor, AlarmId, ResidentId,
    device::Received,
    incident::AlarmRef,
    party::Party,
    signal::{Priority, SignalKind},
};
use uuid::Uuid;

const AT: Timestamp = Timestamp(0);

fn incident(n: u128) -> IncidentId {
    IncidentId(Uuid::from_u128(n))
}

fn opened(n: u128) -> IncidentEvent {
    IncidentEvent::IncidentOpened {
        incident: incident(n),
        subject: SubjectId::resident(&ResidentId::parse("r1").unwrap()),
        resident: None,
        alarm: AlarmRef {
            alarm: AlarmId(Uuid::from_u128(n)),
            position: 0,
            device: None,
            press: "1".into(),
            kind: SignalKind::Sos,
            received_at: AT,
            problems: vec![],
            verified: true,
        },
        priority: Priority::P1,
        district: None,
        place: None,
        previous: None,
        late_ms: None,
    }
}

fn accepted(name: &str) -> IncidentEvent {
    IncidentEvent::Accepted {
        operator: OperatorId::parse(name).unwrap(),
        party: Party::CityDesk,
        first_step_by: Timestamp(120_000),
    }
}

fn resolved() -> IncidentEvent {
    IncidentEvent::Resolved {
        reason: crate::codes::Reason::Fall,
        actions: vec![],
        outcome: crate::codes::Outcome::Lifted,
        note: None,
        machine: false,
    }
}

/// A log from (stream, fact), positions and revisions counted up.
fn log(facts: Vec<(&str, Fact)>) -> Vec<Entry> {
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    (0..)
        .zip(facts)
        .map(|(position, (stream, fact))| {
            let revision = next.entry(stream.to_owned()).or_insert(0);
            *revision += 1;
            Entry {
                position,
                stream: stream.to_owned(),
                revision: *revision - 1,
                fact,
            }
        })
        .collect()
}

fn of_incident(event: IncidentEvent) -> Fact {
    Fact::Incident(Happened::new(AT, Actor::Dispatcher, event))
}

fn of_care(event: CareEvent) -> Fact {
    Fact::Care(Happened::new(AT, Actor::Dispatcher, event))
}

fn press(number: &str) -> Fact {
    let received = Received {
        device: None,
        press: number.into(),
        kind: SignalKind::Sos,
        kind_word: None,
        device_at: None,
        door: "http".into(),
        verified: true,
        problems: vec![],
        source: None,
        location: None,
        battery_pct: None,
        text: None,
        raw: None,
    };
    let event = DeviceEvent::AlarmReceived(received);
    Fact::Device(Happened::new(AT, Actor::Gateway, event))
}

#[test]
fn a_press_that_was_acknowledged_and_is_gone_is_found() {
    let entries = log(vec![("device-a", press("1"))]);
    assert_eq!(
        acknowledged_is_durable(&[(0, "1".into())], &entries),
        vec![]
    );
    let acknowledged = [(0, "1".into()), (0, "2".into()), (1, "1".into())];
    assert_eq!(acknowledged_is_durable(&acknowledged, &entries).len(), 2);
}

#[test]
fn an_alarm_without_an_incident_is_found() {
    let mut entries = log(vec![("device-a", press("1")), ("device-a", press("2"))]);
    entries.extend(log(vec![("incident-1", of_incident(opened(1)))]));
    assert_eq!(every_alarm_has_an_incident(&entries, 0), vec![]);
    assert_eq!(every_alarm_has_an_incident(&entries, 1).len(), 1);
}

#[test]
fn an_incident_that_nobody_has_is_found() {
    let entries = log(vec![
        ("incident-1", of_incident(opened(1))),
        ("incident-1", of_incident(accepted("wang"))),
    ]);
    let policy = RingPolicy::default();
    assert_eq!(never_unowned(&entries, &policy), vec![]);
    let mut lost = fold(&entries).remove("incident-1").unwrap();
    lost.owner = None;
    assert!(unowned(&lost, &policy).is_some());
    let nobody_rung = IncidentEvent::Offered {
        ring: 0,
        round: 0,
        cause: crate::incident::OfferCause::Ring,
        added: vec![],
        means: vec![],
        widens_at: AT,
        as_of: 0,
        policy: 1,
        travel: crate::party::TravelSource::Estimate,
        candidates: vec![],
        late_ms: None,
    };
    let entries = log(vec![
        ("incident-1", of_incident(opened(1))),
        ("incident-1", of_incident(nobody_rung)),
    ]);
    assert_eq!(never_unowned(&entries, &policy).len(), 1);
}

#[test]
fn a_forgotten_deadline_is_found() {
    let entries = log(vec![
        ("incident-1", of_incident(opened(1))),
        ("incident-1", of_incident(accepted("wang"))),
    ]);
    let forgotten = |now| {
        let grace = Duration::from_millis(250);
        never_forgotten(&entries, &RingPolicy::default(), Timestamp(now), grace).len()
    };
    assert_eq!((forgotten(120_250), forgotten(120_251)), (0, 1));
}

#[test]
fn two_open_incidents_of_one_person_are_found() {
    let two = || {
        vec![
            ("incident-1", of_incident(opened(1))),
            ("incident-2", of_incident(opened(2))),
        ]
    };
    assert_eq!(one_open_per_subject(&log(two())).len(), 1);
    let mut one_after_the_other = two();
    one_after_the_other.insert(1, ("incident-1", of_incident(resolved())));
    assert_eq!(one_open_per_subject(&log(one_after_the_other)), vec![]);
}

#[test]
fn a_second_owner_is_found() {
    let wang = OperatorId::parse("wang").unwrap();
    let twice = |between: Option<IncidentEvent>| {
        let mut events = vec![opened(1), accepted("wang")];
        events.extend(between);
        events.push(accepted("li"));
        let facts = events.into_iter().map(|e| ("incident-1", of_incident(e)));
        one_owner(&log(facts.collect())).len()
    };
    assert_eq!(twice(None), 1);
    assert_eq!(
        twice(Some(IncidentEvent::AcceptanceLapsed {
            operator: wang.clone()
        })),
        0
    );
    let over = IncidentEvent::HandedOver {
        from: OperatorId::parse("zhao").unwrap(),
        to: wang,
        party: Party::CityDesk,
    };
    assert_eq!(twice(Some(over)), 2);
}

#[test]
fn a_state_that_is_not_the_fold_is_found() {
    let entries = log(vec![("incident-1", of_incident(opened(1)))]);
    let mut held = fold(&entries);
    assert_eq!(replay_is_equal(&entries, &held), vec![]);
    held.get_mut("incident-1").unwrap().presses = 7;
    assert_eq!(replay_is_equal(&entries, &held).len(), 1);
    assert_eq!(replay_is_equal(&entries, &Incidents::new()).len(), 1);
}

#[test]
fn gaps_in_positions_and_revisions_are_found() {
    let mut entries = log(vec![
        ("incident-1", of_incident(opened(1))),
        ("other", Fact::Other),
        ("incident-1", of_incident(accepted("wang"))),
    ]);
    assert_eq!(gap_free(&entries), vec![]);
    entries.remove(1);
    assert_eq!(gap_free(&entries).len(), 1);
    entries[1].revision = 5;
    assert_eq!(gap_free(&entries).len(), 2);
}

#[test]
fn care_that_disagrees_with_its_incidents_is_found() {
    let alarm = AlarmId(Uuid::from_u128(1));
    let open = |n| CareEvent::CareOpened {
        incident: incident(n),
        alarm,
    };
    let agreed = vec![
        ("care-r1", of_care(open(1))),
        ("incident-1", of_incident(opened(1))),
    ];
    assert_eq!(check(&log(agreed.clone()), &RingPolicy::default()), vec![]);
    let mut twice = agreed.clone();
    twice.push(("care-r1", of_care(open(2))));
    let broken = care_agrees(&log(twice));
    assert_eq!(broken.len(), 4, "{broken:?}");
    let mut half = agreed;
    half.push(("incident-1", of_incident(resolved())));
    assert_eq!(care_agrees(&log(half)).len(), 1);
}
