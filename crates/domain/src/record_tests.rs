//! Holding, lifting and erasing, told as stories.

use super::*;
use crate::{ResidentId, Sealed, resident::Enrolment};

const DAY: i64 = 86_400_000;

fn resident() -> ResidentId {
    ResidentId::parse("r-1").unwrap()
}

fn enrolled() -> Record {
    let enrolment = Enrolment {
        resident: resident(),
        district: crate::DistrictId::parse("230102").unwrap(),
        community: crate::CommunityId::parse("230102-1").unwrap(),
        grid: 1,
        home_station: None,
        profile: Sealed {
            key: String::new(),
            nonce: String::new(),
            boxed: String::new(),
        },
    };
    Record::default().evolve(&ResidentEvent::ResidentEnrolled(enrolment))
}

fn held(case: &str, until: i64) -> ResidentEvent {
    ResidentEvent::LegalHoldPlaced {
        resident: resident(),
        case: case.to_owned(),
        why: "a complaint".to_owned(),
        until: Timestamp(until),
    }
}

fn erase() -> RecordCommand {
    RecordCommand::Erase {
        why: "asked for".to_owned(),
        in_need: false,
    }
}

#[test]
fn a_hold_blocks_erasure_until_its_last_day_is_over_and_ends_by_itself() {
    let record = enrolled().evolve(&held("A-1", 10 * DAY));
    let refused = record
        .decide(&erase(), Timestamp(10 * DAY - 1))
        .unwrap_err();
    assert!(matches!(&refused, RecordRefusal::Held { case, .. } if case == "A-1"));
    let text = refused.to_string();
    assert!(
        text.contains("1970-01-11") && text.contains("a complaint"),
        "{text}"
    );
    assert_eq!(record.decide(&erase(), Timestamp(10 * DAY)), Ok(()));
}

#[test]
fn one_cases_lifting_does_not_lift_anothers_hold() {
    let record = enrolled()
        .evolve(&held("A-1", 10 * DAY))
        .evolve(&held("B-2", 20 * DAY));
    let lifted = record.evolve(&ResidentEvent::LegalHoldLifted {
        resident: resident(),
        case: "A-1".to_owned(),
        why: "settled".to_owned(),
    });
    let refused = lifted.decide(&erase(), Timestamp(1)).unwrap_err();
    assert!(matches!(refused, RecordRefusal::Held { case, .. } if case == "B-2"));
    let lift = RecordCommand::Lift {
        case: "A-1".to_owned(),
        why: "settled".to_owned(),
    };
    let twice = lifted.decide(&lift, Timestamp(1));
    assert_eq!(twice, Err(RecordRefusal::NoHold("A-1".to_owned())));
}

#[test]
fn nobody_is_erased_while_help_is_on_the_way() {
    let command = RecordCommand::Erase {
        why: "asked for".to_owned(),
        in_need: true,
    };
    let refused = enrolled().decide(&command, Timestamp(1));
    assert_eq!(refused, Err(RecordRefusal::InNeed));
}

#[test]
fn an_erased_record_takes_nothing_more() {
    let erased = enrolled().evolve(&ResidentEvent::ResidentErased {
        resident: resident(),
        why: String::new(),
    });
    for command in [erase(), RecordCommand::Change] {
        let refused = erased.decide(&command, Timestamp(1));
        assert_eq!(refused, Err(RecordRefusal::Erased));
    }
    let nobody = Record::default().decide(&erase(), Timestamp(1));
    assert_eq!(nobody, Err(RecordRefusal::NotEnrolled));
}

#[test]
fn a_hold_says_why_and_ends_later_than_now() {
    let ask = |case: &str, why: &str, until: i64| {
        let hold = Hold {
            why: why.to_owned(),
            until: Timestamp(until),
        };
        let command = RecordCommand::Hold {
            case: case.to_owned(),
            hold,
        };
        enrolled().decide(&command, Timestamp(DAY))
    };
    assert_eq!(ask("A-1", "a complaint", 2 * DAY), Ok(()));
    assert_eq!(ask("A-1", "a complaint", DAY), Err(RecordRefusal::Past));
    let empty = ask("A-1", " ", 2 * DAY);
    assert!(matches!(empty, Err(RecordRefusal::Text { .. })));
    let long = ask(&"9".repeat(CASE_CHARS + 1), "a complaint", 2 * DAY);
    assert!(matches!(long, Err(RecordRefusal::Text { .. })));
}

#[test]
fn only_so_many_holds_stand_on_one_record() {
    let mut record = enrolled();
    for case in 0..HOLDS_LIMIT {
        record = record.evolve(&held(&case.to_string(), 10 * DAY));
    }
    let ask = |case: &str, now: i64| {
        let command = RecordCommand::Hold {
            case: case.to_owned(),
            hold: Hold {
                why: "another".to_owned(),
                until: Timestamp(30 * DAY),
            },
        };
        record.decide(&command, Timestamp(now))
    };
    assert_eq!(ask("new", 1), Err(RecordRefusal::TooManyHolds));
    assert_eq!(ask("3", 1), Ok(()), "one that stands may be prolonged");
    assert_eq!(ask("new", 10 * DAY), Ok(()), "the others have ended");
}

#[test]
fn days_are_those_of_the_calendar() {
    for (days, date) in [
        (0, (1970, 1, 1)),
        (11_016, (2000, 2, 29)),
        (20_787, (2026, 11, 30)),
        (-1, (1969, 12, 31)),
    ] {
        assert_eq!(civil(days), date);
    }
}
