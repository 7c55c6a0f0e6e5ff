//! The synthetic Harbin: counts, splits, banks, and the same bytes every time.
//!
//! For: holding the generator to its facts and to a committed hash.
//! May not know: how the generator draws.

use std::collections::{BTreeMap, BTreeSet};

use directory::{
    Area,
    harbin::{self, COMMUNITIES, Plan},
};
use domain::{
    DistrictId,
    geography::{Place, Side},
    operator::{ResponderKind, Role, Scope},
    party::Traveller,
    site::{SiteKind, SiteRecord},
};
use sha2::{Digest, Sha256};

const GOLDEN: &str = include_str!("golden/harbin.sha256");

/// SHA-256 of the canonical JSON: the city on one line, then each resident.
fn digest(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&harbin::city(plan)).expect("plain"));
    for resident in harbin::residents(plan) {
        hash.update(b"\n");
        hash.update(serde_json::to_vec(&resident).expect("plain"));
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn place(site: &SiteRecord) -> Place {
    Place {
        lon_e6: site.lon_e6,
        lat_e6: site.lat_e6,
    }
}

/// On which bank of the Songhua a place lies.
fn bank_of(place: Place) -> Side {
    let river = domain::harbin::river().barrier;
    let ground = domain::harbin::ground([]);
    ground.side(&river, place).expect("the river runs through")
}

fn metres(from: Place, to: Place) -> i64 {
    domain::harbin::SHEET.metres(from, to)
}

fn bank(district: &DistrictId) -> Side {
    let rows = harbin::districts();
    rows.iter()
        .find(|row| row.code == district.as_str())
        .expect("one of the eight")
        .bank
}

#[test]
fn the_same_seed_gives_the_committed_bytes() {
    let plan = Plan::default();
    let first = digest(&plan);
    assert_eq!(first, digest(&plan), "two runs differ");
    assert_eq!(
        first,
        GOLDEN.trim(),
        "the synthetic city changed: if that was meant, commit this hash in tests/golden/harbin.sha256"
    );
}

#[test]
fn another_seed_gives_another_city_with_the_same_facts() {
    let other = Plan {
        seed: 7,
        residents: 10,
    };
    let (a, b) = (harbin::city(&Plan::default()), harbin::city(&other));
    assert_ne!(a.sites, b.sites);
    assert_eq!(a.communities, b.communities);
    assert_eq!(a.sites.len(), b.sites.len());
}

#[test]
fn stations_and_facilities_are_split_as_reported() {
    let city = harbin::city(&Plan::default());
    let count = |kind: SiteKind| {
        let mut by_district: BTreeMap<&str, usize> = BTreeMap::new();
        for site in city.sites.iter().filter(|site| site.kind == kind) {
            *by_district.entry(site.district.as_str()).or_default() += 1;
        }
        by_district.into_iter().collect::<Vec<_>>()
    };
    let stations = [
        ("230102", 17),
        ("230103", 17),
        ("230104", 21),
        ("230108", 8),
        ("230109", 15),
        ("230110", 28),
    ];
    let facilities = [
        ("230102", 10),
        ("230103", 14),
        ("230104", 9),
        ("230108", 2),
        ("230109", 2),
        ("230110", 9),
        ("230111", 8),
        ("230112", 6),
    ];
    assert_eq!(count(SiteKind::Station), stations);
    assert_eq!(count(SiteKind::Facility), facilities);
    assert_eq!(count(SiteKind::DistrictDesk).len(), 8);
    assert_eq!(count(SiteKind::CityDesk), [("230109", 1)]);
    let ids: BTreeSet<_> = city.sites.iter().map(|site| &site.site).collect();
    assert_eq!(ids.len(), 106 + 60 + 8 + 1, "site ids are unique");
    let names: BTreeSet<_> = city.sites.iter().map(|site| &site.name).collect();
    assert_eq!(names.len(), ids.len(), "site names are unique");
    let phones: BTreeSet<_> = city.sites.iter().map(|site| &site.duty_phone).collect();
    assert_eq!(phones.len(), ids.len(), "duty phones are unique");
}

#[test]
fn communities_are_shared_out_by_population() {
    let mut shares: BTreeMap<&str, u32> = BTreeMap::new();
    for community in harbin::communities() {
        *shares.entry(community.district.as_str()).or_default() += 1;
        assert!((2..=5).contains(&community.grids));
        assert_eq!(bank_of(community.centre()), bank(&community.district));
        assert_eq!(
            Area::built_in().communities.get(&community.id),
            Some(&community.record())
        );
    }
    let expected = [
        ("230102", 102),
        ("230103", 148),
        ("230104", 100),
        ("230108", 21),
        ("230109", 26),
        ("230110", 101),
        ("230111", 84),
        ("230112", 66),
    ];
    assert_eq!(shares.into_iter().collect::<Vec<_>>(), expected);
    let stars = |n| {
        harbin::communities()
            .iter()
            .filter(|c| c.stars == n)
            .count()
    };
    assert_eq!((stars(5), stars(4)), (16, 30));
    let names: BTreeSet<_> = harbin::communities().iter().map(|c| &c.name).collect();
    assert_eq!(
        names.len(),
        COMMUNITIES as usize,
        "community names are unique"
    );
}

#[test]
fn every_site_stands_on_its_districts_bank_near_one_of_its_subdistricts() {
    for seed in [2011, 7, 99] {
        let plan = Plan { seed, residents: 0 };
        for site in harbin::city(&plan).sites {
            assert_eq!(bank_of(place(&site)), bank(&site.district), "{}", site.site);
            if matches!(site.kind, SiteKind::Station | SiteKind::Facility) {
                let rows = harbin::districts();
                let row = rows.iter().find(|row| row.code == site.district.as_str());
                let away = row.unwrap().subdistricts.iter();
                let nearest = away.map(|sub| metres(place(&site), sub.place())).min();
                assert!(nearest.unwrap() <= 910, "{} strays", site.site);
            }
        }
    }
}

#[test]
fn some_stations_are_closed_at_night_and_some_are_not() {
    let city = harbin::city(&Plan::default());
    let stations = || city.sites.iter().filter(|s| s.kind == SiteKind::Station);
    let closed = stations().filter(|s| s.hours.opens_min == 8 * 60).count();
    let open = stations()
        .filter(|s| s.hours.opens_min == s.hours.closes_min)
        .count();
    assert_eq!(closed + open, 106);
    assert!(open >= 20 && closed >= 60, "{open} open, {closed} closed");
    let others = city.sites.iter().filter(|s| s.kind != SiteKind::Station);
    for site in others {
        assert_eq!(site.hours.opens_min, site.hours.closes_min, "{}", site.site);
    }
}

#[test]
fn the_bridges_of_a_day_are_those_open_to_somebody_on_it() {
    let city = harbin::city(&Plan::default());
    let on = |day| -> Vec<&str> {
        let open = city
            .crossings
            .iter()
            .filter(|crossing| crossing.in_use(day));
        open.map(|crossing| crossing.record.crossing.as_str())
            .collect()
    };
    assert_eq!(
        on(20110701),
        ["sifangtai", "highway", "songpu", "ring-east"]
    );
    assert_eq!(
        on(20260101),
        [
            "sifangtai",
            "yangmingtan",
            "highway",
            "binzhou",
            "songpu",
            "binbei",
            "ring-east"
        ]
    );
    let binzhou = city
        .crossings
        .iter()
        .find(|c| c.record.crossing.as_str() == "binzhou");
    assert_eq!(binzhou.unwrap().record.travellers, [Traveller::Foot]);
}

#[test]
fn every_grid_has_a_worker_and_every_sending_site_two_or_three_responders() {
    let city = harbin::city(&Plan::default());
    let ids: BTreeSet<_> = city
        .responders
        .iter()
        .map(|r| r.responder.clone())
        .collect();
    assert_eq!(ids.len(), city.responders.len(), "responder ids are unique");
    for community in harbin::communities() {
        for grid in 1..=community.grids {
            assert!(ids.contains(&harbin::grid_worker(&community.id, grid)));
        }
    }
    for site in city.sites.iter().filter(|site| site.can_send) {
        let own = city
            .responders
            .iter()
            .filter(|r| r.site.as_ref() == Some(&site.site));
        let kinds: Vec<_> = own.map(|r| r.kind).collect();
        assert!((2..=3).contains(&kinds.len()), "{}", site.site);
        assert!(kinds.contains(&ResponderKind::Nurse) && kinds.contains(&ResponderKind::Carer));
    }
}

#[test]
fn every_site_has_two_accounts_and_every_district_a_manager() {
    let city = harbin::city(&Plan::default());
    for site in &city.sites {
        let scope = Scope::Site(site.site.clone());
        let own = city
            .accounts
            .iter()
            .filter(|account| account.scope == scope);
        assert_eq!(own.count(), 2, "{}", site.site);
    }
    let managers = city
        .accounts
        .iter()
        .filter(|a| a.role == Role::DistrictManager);
    assert_eq!(managers.count(), 8);
    let roles = |role| {
        city.accounts
            .iter()
            .filter(move |a| a.role == role && a.scope == Scope::City)
    };
    assert_eq!(roles(Role::Administrator).count(), 1);
    assert_eq!(roles(Role::Operator).count(), 2, "supervisors");
    let ids: BTreeSet<_> = city
        .accounts
        .iter()
        .map(|account| &account.operator)
        .collect();
    assert_eq!(ids.len(), city.accounts.len());
}

#[test]
fn residents_look_like_those_who_wear_alarms() {
    let plan = Plan {
        seed: 2011,
        residents: 10_000,
    };
    let sites: BTreeSet<_> = harbin::city(&plan)
        .sites
        .into_iter()
        .map(|s| s.site)
        .collect();
    let (mut women, mut ages, mut alone, mut homed) = (0, 0u32, 0, 0);
    let mut ids = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for resident in harbin::residents(&plan) {
        let profile = &resident.profile;
        let age = 2026 - u32::from(profile.born);
        assert!((60..=99).contains(&age));
        ages += age;
        women += u32::from(profile.sex == "f");
        alone += u32::from(profile.household.is_empty());
        homed += u32::from(resident.home_station.is_some());
        assert!(
            resident
                .home_station
                .iter()
                .all(|site| sites.contains(site))
        );
        let home = Place {
            lon_e6: profile.lon_e6,
            lat_e6: profile.lat_e6,
        };
        assert_eq!(bank_of(home), bank(&resident.district));
        let area = Area::built_in();
        let community = &area.communities[&resident.community];
        assert!((1..=community.grids).contains(&resident.grid));
        assert!(metres(community.centre(), home) <= 610);
        assert!((1..=4).contains(&profile.contacts.len()));
        let phones = profile.contacts.iter().map(|contact| &contact.phone);
        for phone in phones.chain([&profile.phone]) {
            assert!(phone.starts_with("0451-0"), "{phone} could be somebody's");
        }
        assert!(profile.notes.contains("合成数据"));
        assert!(ids.insert(resident.resident.clone()) && keys.insert(resident.device_key.clone()));
    }
    assert!((7_500..=8_000).contains(&women), "{women} women");
    assert!(
        (815_000..=825_000).contains(&ages),
        "mean age {}",
        ages / 10_000
    );
    assert!(
        alone > 7_000 && homed > 7_000,
        "{alone} alone, {homed} homed"
    );
}

#[test]
fn a_resident_is_the_same_whatever_their_number() {
    let few = Plan {
        seed: 3,
        residents: 5,
    };
    let many = Plan {
        seed: 3,
        residents: 500_000,
    };
    let first: Vec<_> = harbin::residents(&many).take(5).collect();
    assert_eq!(first, harbin::residents(&few).collect::<Vec<_>>());
}
