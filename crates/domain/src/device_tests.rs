//! The same press and another one.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

const FIRST: Timestamp = Timestamp(1_000_000);

fn earlier(device_at: Option<i64>) -> EarlierPress {
    EarlierPress {
        kind: SignalKind::Sos,
        device_at: device_at.map(Timestamp),
        first_received_at: FIRST,
    }
}

fn new(press: &str, device_at: Option<i64>, minutes: u64) -> NewPress<'_> {
    NewPress {
        press,
        kind: SignalKind::Sos,
        device_at: device_at.map(Timestamp),
        received_at: FIRST + Duration::from_mins(minutes),
    }
}

#[test]
fn a_retry_within_fifteen_minutes_is_the_same_press() {
    assert!(same_press(&earlier(None), &new("1", None, 15)));
    assert!(same_press(&earlier(Some(5)), &new("1", Some(9), 1)));
}

#[test]
fn a_counter_that_restarted_is_a_new_alarm_after_sixteen_minutes() {
    assert!(!same_press(&earlier(None), &new("1", None, 16)));
    assert!(!same_press(&earlier(Some(5)), &new("1", Some(9), 16)));
}

#[test]
fn the_same_device_time_makes_it_the_same_press_however_late() {
    assert!(same_press(&earlier(Some(5)), &new("1", Some(5), 60 * 24)));
}

#[test]
fn another_kind_is_never_the_same_press() {
    let mut fall = new("1", Some(5), 0);
    fall.kind = SignalKind::Fall;
    assert!(!same_press(&earlier(Some(5)), &fall));
}

#[test]
fn without_a_press_number_only_the_device_time_makes_it_the_same() {
    assert!(!same_press(&earlier(None), &new("", None, 0)));
    assert!(same_press(&earlier(Some(5)), &new("", Some(5), 0)));
}

#[test]
fn an_alarm_has_one_id_for_ever_and_every_part_counts() {
    let id = |device, boot, press, kind, at: Option<i64>, salt| {
        alarm_id(device, boot, press, kind, at.map(Timestamp), salt)
    };
    let sos = SignalKind::Sos;
    let first = id("HRB-000123", None, "17", sos, None, 0);
    // Stored for ever: this value may never change.
    assert_eq!(first.to_string(), "b77771cd-3adb-595a-ae6b-afe1166280b4");
    let all = [
        first,
        id("HRB-000124", None, "17", sos, None, 0),
        id("HRB-0001231", None, "7", sos, None, 0),
        id("HRB-000123", Some(0), "17", sos, None, 0),
        id("HRB-000123", Some(17), "17", sos, None, 0),
        id("HRB-000123", None, "18", sos, None, 0),
        id("HRB-000123", None, "17", SignalKind::Fall, None, 0),
        id("HRB-000123", None, "17", sos, Some(17), 0),
        id("HRB-000123", None, "17", sos, None, 1),
        id("HRB-000123", None, "17", sos, None, 17),
    ];
    let different: std::collections::BTreeSet<AlarmId> = all.into_iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn the_words_of_kinds_are_those_that_are_stored() {
    for kind in SignalKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}
