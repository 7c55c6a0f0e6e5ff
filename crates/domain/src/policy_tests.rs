//! The table, its file, and who joins with each ring.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::SiteId;

#[test]
fn the_committed_file_is_the_table_as_shipped() {
    let text = include_str!("../policy.toml");
    let parsed: RingPolicy = toml::from_str(text).unwrap();
    assert_eq!(parsed, RingPolicy::default());
    assert_eq!(parsed.check(), Vec::<String>::new());
}

#[test]
fn a_word_the_table_does_not_know_is_refused() {
    let text = include_str!("../policy.toml");
    let wrong = format!("ring_timeout = 3\n{text}");
    assert!(toml::from_str::<RingPolicy>(&wrong).is_err());
}

#[test]
fn each_mistake_is_named() {
    type Spoil = fn(&mut RingPolicy);
    let cases: [(&str, Spoil); 12] = [
        ("rings: there must be", |p| p.rings.clear()),
        ("rings: the first", |p| p.rings[0].after_s = 1),
        ("rings: after_s must grow", |p| p.rings[2].after_s = 15),
        ("rings: the last", |p| {
            p.rings[4].member = RingMember::Supervisor
        }),
        ("rings: more than", |p| {
            let ring = p.rings[4].clone();
            p.rings = vec![ring; RING_LIMIT + 1];
        }),
        ("repeat_s", |p| p.repeat_s = 0),
        ("show_within_ms", |p| p.show_within_ms = 0),
        ("duty_phone_again_s", |p| p.duty_phone_again_s = 0),
        ("duty_phone_limit", |p| p.duty_phone_limit = 0),
        ("night_from_min", |p| p.night_to_min = 1_440),
        ("pace: a more", |p| p.pace.p1_percent = 500),
        ("work.first_step_s", |p| p.work.first_step_s = 0),
    ];
    for (words, spoil) in cases {
        let mut policy = RingPolicy::default();
        spoil(&mut policy);
        let said = policy.check();
        assert!(
            said.iter().any(|s| s.starts_with(words)),
            "{words}: {said:?}"
        );
    }
}

#[test]
fn night_is_ten_to_six_by_the_local_clock() {
    let policy = RingPolicy::default();
    let at = |hour: i64, minute: i64| Timestamp(((hour - 8) * 60 + minute) * 60_000);
    assert!(policy.is_night(at(22, 0)) && policy.is_night(at(2, 30)) && policy.is_night(at(5, 59)));
    assert!(
        !policy.is_night(at(21, 59)) && !policy.is_night(at(6, 0)) && !policy.is_night(at(12, 0))
    );
}

#[test]
fn gaps_follow_the_table_and_the_pace() {
    let policy = RingPolicy::default();
    for ring in 0..4 {
        assert_eq!(
            policy.gap_after(ring, Priority::P1),
            Duration::from_secs(15)
        );
    }
    assert_eq!(policy.gap_after(4, Priority::P2), Duration::from_secs(30));
    assert_eq!(policy.gap_after(200, Priority::P1), Duration::from_secs(30));
    assert_eq!(policy.gap_after(0, Priority::P3), Duration::from_secs(30));
    assert_eq!(policy.gap_after(0, Priority::P4), Duration::from_secs(60));
}

fn site(n: u8) -> SiteId {
    SiteId::parse(&format!("S{n}")).unwrap()
}

fn ranked(eligible: &[u8]) -> Vec<Candidate> {
    (1..=4)
        .map(|n| Candidate {
            site: site(n),
            seconds: Some(60),
            metres: Some(300),
            via: None,
            home: false,
            ruled_out: (!eligible.contains(&n)).then_some(crate::party::RuledOut::Closed),
        })
        .collect()
}

fn plan(eligible: &[u8], night: bool, rung: &[Party], ring: u8) -> Vec<String> {
    let district = DistrictId::parse("230102").unwrap();
    let inputs = RingInputs {
        district: Some(&district),
        night,
        keyholder: true,
        rung,
    };
    let joined = plan_ring(&RingPolicy::default(), inputs, &ranked(eligible), ring);
    joined.iter().map(word).collect()
}

fn word(party: &Party) -> String {
    match party {
        Party::Site(id) => id.to_string(),
        Party::DistrictDesk(_) => "desk".into(),
        Party::Supervisor => "supervisor".into(),
        Party::CityDesk => "city".into(),
        Party::Keyholder => "keyholder".into(),
    }
}

#[test]
fn ring_by_ring_the_next_ones_join() {
    let all = [1, 2, 3, 4];
    let mut rung = Vec::new();
    for (ring, expected) in [
        (0, vec!["S1"]),
        (1, vec!["S2"]),
        (2, vec!["S3", "desk"]),
        (3, vec!["supervisor"]),
        (4, vec!["city", "keyholder"]),
        (4, vec![]),
    ] {
        assert_eq!(plan(&all, false, &rung, ring), expected, "ring {ring}");
        let district = DistrictId::parse("230102").unwrap();
        let inputs = RingInputs {
            district: Some(&district),
            night: false,
            keyholder: true,
            rung: &rung,
        };
        rung.extend(plan_ring(
            &RingPolicy::default(),
            inputs,
            &ranked(&all),
            ring,
        ));
    }
}

#[test]
fn a_jump_takes_the_rings_between_along() {
    assert_eq!(plan(&[1, 2, 3], false, &[], 1), ["S1", "S2"]);
    let rung = [Party::Site(site(1))];
    assert_eq!(
        plan(&[1, 2, 3], false, &rung, 3),
        ["S2", "S3", "desk", "supervisor"]
    );
}

#[test]
fn a_closed_site_is_never_rung_and_the_desk_stands_in() {
    assert_eq!(plan(&[], false, &[], 0), ["desk"]);
    assert_eq!(plan(&[3], false, &[], 0), ["S3"]);
    assert_eq!(plan(&[3], false, &[Party::Site(site(3))], 1), ["desk"]);
}

#[test]
fn at_night_the_district_desk_is_rung_with_the_nearest() {
    assert_eq!(plan(&[1, 2], true, &[], 0), ["S1", "desk"]);
}

#[test]
fn without_a_district_the_city_desk_stands_in_and_nobody_is_rung_twice() {
    let inputs = RingInputs {
        district: None,
        night: true,
        keyholder: false,
        rung: &[],
    };
    let joined = plan_ring(&RingPolicy::default(), inputs, &[], 4);
    assert_eq!(joined, [Party::CityDesk, Party::Supervisor]);
}

#[test]
fn a_ranking_that_changed_rings_one_site_more_and_not_two() {
    let rung = [Party::Site(site(4))];
    assert_eq!(plan(&[1, 2, 3, 4], false, &rung, 1), ["S1"]);
}
