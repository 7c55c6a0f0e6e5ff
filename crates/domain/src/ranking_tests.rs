//! Which site is rung first, and why not the others.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{DistrictId, harbin, party::Traveller};

/// 06:13:20 in Harbin; 22:13:20 UTC of the day before.
const MORNING: Timestamp = Timestamp(1_700_000_000_000);
const NOON: Timestamp = Timestamp(1_700_000_000_000 + 6 * 3_600_000);
const HOME: Place = Place::from_milli(126_612, 45_770);

fn record(n: u16, lon: i32, lat: i32) -> SiteRecord {
    SiteRecord {
        site: id(n),
        kind: SiteKind::Station,
        name: format!("第{n}服务站"),
        name_latin: format!("Station {n}"),
        district: DistrictId::parse("230102").unwrap(),
        lon_e6: lon * 1_000,
        lat_e6: lat * 1_000,
        hours: Hours {
            opens_min: 0,
            closes_min: 0,
        },
        can_answer: true,
        can_send: true,
        duty_phone: "0451-0000".into(),
        capacity: 3,
        traveller: Traveller::Car,
    }
}

fn id(n: u16) -> SiteId {
    SiteId::parse(&format!("S{n:03}")).unwrap()
}

/// Stations in a row to the east, 78 m apart.
fn row(count: u16) -> Vec<SiteRecord> {
    (1..=count)
        .map(|n| record(n, 126_612 + i32::from(n), 45_770))
        .collect()
}

fn ranked(records: &[SiteRecord], home: Option<&SiteId>, kind: SignalKind) -> Vec<Candidate> {
    let sites: Vec<SiteNow<'_>> = records.iter().map(on_duty).collect();
    rank(
        HOME,
        home,
        &sites,
        &harbin::ground([]),
        RingPolicy::standard(),
        NOON,
        kind,
    )
}

fn on_duty(record: &SiteRecord) -> SiteNow<'_> {
    SiteNow {
        record,
        on_duty: true,
        load: 0,
    }
}

fn names(all: &[Candidate]) -> Vec<&str> {
    all.iter().map(|c| c.site.as_str()).collect()
}

#[test]
fn sites_come_soonest_first_and_equal_ones_by_id() {
    let mut records = row(3);
    records.push(record(0, 126_613, 45_770));
    records.reverse();
    assert_eq!(
        names(&ranked(&records, None, SignalKind::Sos)),
        ["S000", "S001", "S002", "S003"]
    );
}

#[test]
fn each_reason_rules_out_and_stays_in_the_list() {
    let at = |change: fn(&mut SiteRecord), on_duty: bool, load: u16, kind| {
        let mut record = record(1, 126_613, 45_770);
        change(&mut record);
        let site = SiteNow {
            record: &record,
            on_duty,
            load,
        };
        let all = rank(
            HOME,
            None,
            &[site],
            &harbin::ground([]),
            RingPolicy::standard(),
            NOON,
            kind,
        );
        all[0].ruled_out
    };
    let sos = SignalKind::Sos;
    assert_eq!(at(|_| {}, true, 0, sos), None);
    assert_eq!(at(|_| {}, false, 0, sos), Some(RuledOut::NobodyOnDuty));
    assert_eq!(at(|_| {}, true, 3, sos), Some(RuledOut::Full));
    assert_eq!(
        at(|r| r.can_answer = false, true, 0, sos),
        Some(RuledOut::CannotAnswer)
    );
    assert_eq!(at(|r| r.can_send = false, true, 0, sos), None);
    let nobody_to_send = at(|r| r.can_send = false, true, 0, SignalKind::Fall);
    assert_eq!(nobody_to_send, Some(RuledOut::Capability));
    let night_only = |r: &mut SiteRecord| {
        r.hours = Hours {
            opens_min: 1_200,
            closes_min: 480,
        }
    };
    assert_eq!(at(night_only, true, 0, sos), Some(RuledOut::Closed));
    let across = |r: &mut SiteRecord| r.lat_e6 = 45_800_000;
    assert_eq!(at(across, true, 0, sos), Some(RuledOut::NoWay));
}

#[test]
fn hours_are_those_of_the_local_clock_also_over_midnight() {
    let day = Hours {
        opens_min: 8 * 60,
        closes_min: 20 * 60,
    };
    let night = Hours {
        opens_min: 20 * 60,
        closes_min: 8 * 60,
    };
    assert!(!day.open_at(MORNING) && night.open_at(MORNING));
    assert!(day.open_at(NOON) && !night.open_at(NOON));
    let always = Hours {
        opens_min: 0,
        closes_min: 0,
    };
    assert!(always.open_at(MORNING) && always.open_at(NOON));
}

#[test]
fn a_home_station_within_three_minutes_of_the_nearest_goes_first() {
    let mut records = row(3);
    // About 1 km more than the nearest is 180 s at 20 km/h with the detour: S004 lies inside, S005 outside.
    records.push(record(4, 126_621, 45_770));
    records.push(record(5, 126_630, 45_770));
    let all = ranked(&records, Some(&id(4)), SignalKind::Sos);
    assert_eq!(names(&all), ["S004", "S001", "S002", "S003", "S005"]);
    assert!(all[0].home);
    let all = ranked(&records, Some(&id(5)), SignalKind::Sos);
    assert_eq!(names(&all), ["S001", "S002", "S003", "S004", "S005"]);
    records[3].can_answer = false;
    let all = ranked(&records, Some(&id(4)), SignalKind::Sos);
    assert_eq!(all[0].site, id(1));
}

#[test]
fn the_list_is_short_and_never_loses_the_eligible_ones() {
    let mut records = row(40);
    for record in records.iter_mut().take(36) {
        record.can_answer = false;
    }
    let all = ranked(&records, None, SignalKind::Sos);
    assert_eq!(all.len(), CANDIDATE_LIMIT);
    let eligible: Vec<&str> = all
        .iter()
        .filter(|c| c.ruled_out.is_none())
        .map(|c| c.site.as_str())
        .collect();
    assert_eq!(eligible, ["S037", "S038", "S039"]);
    let row = row(40);
    assert_eq!(ranked(&row, None, SignalKind::Sos).len(), CANDIDATE_LIMIT);
}

#[test]
fn desks_are_never_the_nearest_site() {
    let mut records = row(1);
    records[0].kind = SiteKind::DistrictDesk;
    assert_eq!(ranked(&records, None, SignalKind::Sos), []);
}
