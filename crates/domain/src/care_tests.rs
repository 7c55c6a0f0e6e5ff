//! One open incident at a time, each alarm once.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::Actor;
use uuid::Uuid;

fn incident(n: u128) -> IncidentId {
    IncidentId(Uuid::from_u128(n))
}
fn alarm(n: u128) -> AlarmId {
    AlarmId(Uuid::from_u128(n))
}
fn open(i: u128, a: u128) -> CareCommand {
    CareCommand::Open {
        incident: incident(i),
        alarm: alarm(a),
    }
}
fn given(commands: &[CareCommand]) -> Care {
    commands.iter().fold(Care::default(), |care, command| {
        let events = decide(&care, command).unwrap();
        events.into_iter().fold(care, |care, event| {
            evolve(
                care,
                &Happened::new(Timestamp(1_000), Actor::Dispatcher, event),
            )
        })
    })
}

#[test]
fn an_alarm_opens_once_and_yields_nothing_new_again() {
    let care = given(&[open(1, 1)]);
    assert_eq!(care.open, Some(incident(1)));
    assert_eq!(decide(&care, &open(1, 1)), Ok(vec![]));
    let handle = CareCommand::Handle {
        incident: incident(1),
        alarm: alarm(1),
    };
    assert_eq!(decide(&care, &handle), Ok(vec![]));
}

#[test]
fn a_second_incident_is_refused_while_one_is_open() {
    let care = given(&[open(1, 1)]);
    let other = CareRefusal::AnotherOpen {
        incident: incident(1),
    };
    assert_eq!(decide(&care, &open(2, 2)), Err(other.clone()));
    let reopen = CareCommand::Reopen {
        incident: incident(2),
    };
    assert_eq!(decide(&care, &reopen), Err(other.clone()));
    assert_eq!(
        serde_json::to_value(&other).unwrap()["code"],
        "another_open"
    );
}

#[test]
fn an_alarm_joins_the_open_incident_only() {
    let handle = CareCommand::Handle {
        incident: incident(1),
        alarm: alarm(2),
    };
    assert_eq!(decide(&Care::default(), &handle), Err(CareRefusal::NotOpen));
    let care = given(&[open(1, 1), handle]);
    assert!(care.has_handled(alarm(2)));
}

#[test]
fn closing_and_reopening_are_done_once() {
    let close = CareCommand::Close {
        incident: incident(1),
    };
    let care = given(&[open(1, 1), close.clone()]);
    assert_eq!(
        (care.open, care.last_closed),
        (None, Some((incident(1), Timestamp(1_000))))
    );
    assert_eq!(decide(&care, &close), Ok(vec![]));
    let reopen = CareCommand::Reopen {
        incident: incident(1),
    };
    let care = given(&[open(1, 1), close, reopen.clone()]);
    assert_eq!(care.open, Some(incident(1)));
    assert_eq!(decide(&care, &reopen), Ok(vec![]));
}

#[test]
fn the_next_incident_names_the_one_closed_within_half_an_hour() {
    let care = given(&[
        open(1, 1),
        CareCommand::Close {
            incident: incident(1),
        },
    ]);
    let half_hour = 30 * 60 * 1_000;
    assert_eq!(
        care.previous(Timestamp(1_000 + half_hour - 1)),
        Some(incident(1))
    );
    assert_eq!(care.previous(Timestamp(1_000 + half_hour)), None);
}

#[test]
fn the_fold_remembers_the_last_sixty_four_alarms() {
    let commands: Vec<CareCommand> = (1..=100).map(|a| open(1, a)).collect();
    let care = given(&commands);
    assert_eq!(care.handled.len(), HANDLED_LIMIT);
    assert!(!care.has_handled(alarm(36)) && care.has_handled(alarm(37)));
}
