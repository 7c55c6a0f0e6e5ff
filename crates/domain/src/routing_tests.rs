//! Pairs of places that fool "nearest as the crow flies".
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{
    BarrierId,
    area::{BarrierRecord, Extent},
    crossing::CrossingRecord,
    geography::Sheet,
    harbin,
};

fn crossing(name: &str, lon: i32, lat: i32, travellers: &[Traveller]) -> CrossingRecord {
    CrossingRecord {
        crossing: CrossingId::parse(name).unwrap(),
        name: name.to_owned(),
        name_latin: name.to_owned(),
        lon_e6: lon * 1_000,
        lat_e6: lat * 1_000,
        travellers: travellers.to_vec(),
    }
}

/// A way in Harbin over these crossings.
fn travel(
    from: Place,
    to: Place,
    traveller: Traveller,
    crossings: &[CrossingRecord],
) -> Option<Way> {
    super::travel(&harbin::ground(crossings), from, to, traveller)
}

fn metres(from: Place, to: Place) -> i64 {
    harbin::SHEET.metres(from, to)
}

const ROAD: &[Traveller] = &[Traveller::Car, Traveller::Foot];

fn july_2011() -> Vec<CrossingRecord> {
    vec![
        crossing("sifangtai", 126_456, 45_740, ROAD),
        crossing("highway", 126_594, 45_774, ROAD),
        crossing("songpu", 126_650, 45_797, ROAD),
        crossing("ring-east", 126_708, 45_836, ROAD),
    ]
}

fn y2019() -> Vec<CrossingRecord> {
    let mut all = july_2011();
    all.push(crossing("yangmingtan", 126_519, 45_770, ROAD));
    all.push(crossing("binbei", 126_689, 45_810, ROAD));
    all.push(crossing("binzhou", 126_617, 45_787, &[Traveller::Foot]));
    all
}

const SIDALIN: Place = Place::from_milli(126_612, 45_780);
const JINGYU: Place = Place::from_milli(126_637, 45_783);
const QUNLI: Place = Place::from_milli(126_535, 45_737);
const SANKESHU: Place = Place::from_milli(126_713, 45_796);
const HUOCHETOU: Place = Place::from_milli(126_704, 45_789);
const SUN_ISLAND: Place = Place::from_milli(126_590, 45_792);
const SONGPU: Place = Place::from_milli(126_630, 45_812);
const SONGBEI: Place = Place::from_milli(126_545, 45_805);
const SONGXIANG: Place = Place::from_milli(126_530, 45_815);
const CHUANKOU: Place = Place::from_milli(126_650, 45_830);

#[test]
fn the_fooling_pairs_go_by_the_bridges_of_their_year() {
    let (then, now) = (july_2011(), y2019());
    // From, to, straight km, km and bridge in July 2011, km and bridge in 2019; tenths of a kilometre.
    for (from, to, straight, in_2011, in_2019) in [
        (SIDALIN, SUN_ISLAND, 22, (36, "highway"), (36, "highway")),
        (SIDALIN, SONGPU, 38, (58, "songpu"), (58, "songpu")),
        (JINGYU, SUN_ISLAND, 38, (55, "highway"), (55, "highway")),
        (QUNLI, SONGBEI, 76, (113, "highway"), (82, "yangmingtan")),
        (QUNLI, SONGXIANG, 86, (129, "highway"), (89, "yangmingtan")),
        (SANKESHU, CHUANKOU, 62, (85, "songpu"), (62, "binbei")),
        (HUOCHETOU, CHUANKOU, 61, (79, "songpu"), (63, "binbei")),
    ] {
        assert_near(metres(from, to), straight);
        for (crossings, (tenths, bridge)) in [(&then, in_2011), (&now, in_2019)] {
            let way = travel(from, to, Traveller::Car, crossings).unwrap();
            assert_eq!(way.via.as_ref().unwrap().as_str(), bridge);
            assert_near(i64::from(way.metres) * 100 / DETOUR_PERCENT, tenths);
        }
    }
}

fn assert_near(metres: i64, tenths_of_km: i64) {
    let off = (metres - tenths_of_km * 100).abs();
    assert!(
        off <= 300,
        "{metres} m is not {tenths_of_km} tenths of a km"
    );
}

#[test]
fn the_old_railway_bridge_carries_walkers_and_no_car() {
    let only = [crossing("binzhou", 126_617, 45_787, &[Traveller::Foot])];
    let walk = travel(SIDALIN, SUN_ISLAND, Traveller::Foot, &only).unwrap();
    assert_eq!(walk.via.unwrap().as_str(), "binzhou");
    assert_eq!(travel(SIDALIN, SUN_ISLAND, Traveller::Car, &only), None);
    let all = y2019();
    let walk = travel(JINGYU, SONGPU, Traveller::Foot, &all).unwrap();
    let drive = travel(JINGYU, SONGPU, Traveller::Car, &all).unwrap();
    assert_eq!(drive.via.unwrap().as_str(), "songpu");
    assert!(walk.seconds > drive.seconds);
}

#[test]
fn with_the_highway_bridge_closed_sun_island_is_reached_another_way() {
    let without: Vec<CrossingRecord> = july_2011()
        .into_iter()
        .filter(|c| c.crossing.as_str() != "highway")
        .collect();
    let way = travel(SIDALIN, SUN_ISLAND, Traveller::Car, &without).unwrap();
    assert_eq!(way.via.unwrap().as_str(), "songpu");
}

#[test]
fn on_one_bank_the_way_is_straight_with_its_detour_and_no_bridge() {
    let way = travel(SIDALIN, JINGYU, Traveller::Car, &[]).unwrap();
    let metres = metres(SIDALIN, JINGYU) * 135 / 100;
    assert_eq!(i64::from(way.metres), metres);
    // 20 km/h is 180 s for a kilometre.
    assert_eq!(i64::from(way.seconds), (metres * 180 + 999) / 1_000);
    assert_eq!(way.via, None);
}

#[test]
fn outside_the_town_a_car_goes_thirty() {
    let (jincheng, jindu) = (
        Place::from_milli(126_967, 45_545),
        Place::from_milli(126_972, 45_533),
    );
    let way = travel(jincheng, jindu, Traveller::Car, &[]).unwrap();
    assert_eq!(way.seconds, (way.metres * 120).div_ceil(1_000));
}

#[test]
fn a_bridge_costs_two_minutes() {
    let highway = [crossing("highway", 126_594, 45_774, ROAD)];
    let way = travel(SIDALIN, SUN_ISLAND, Traveller::Car, &highway).unwrap();
    assert_eq!(way.seconds, (way.metres * 180).div_ceil(1_000) + 120);
}

#[test]
fn two_equal_bridges_are_told_apart_by_their_names() {
    let twins = [
        crossing("b", 126_594, 45_774, ROAD),
        crossing("a", 126_594, 45_774, ROAD),
    ];
    let way = travel(SIDALIN, SUN_ISLAND, Traveller::Car, &twins).unwrap();
    assert_eq!(way.via.unwrap().as_str(), "a");
}

/// Two rivers that run north, 4 km apart, 26.1 and 26.15 E, and bridges over both, far from Harbin.
fn two_rivers(crossings: &[CrossingRecord]) -> Ground {
    let river = |name: &str, lon: i32| BarrierRecord {
        barrier: BarrierId::parse(name).unwrap(),
        name: name.to_owned(),
        extent: Extent::Through,
        points: vec![
            Place::from_milli(lon, 60_000),
            Place::from_milli(lon, 60_400),
        ],
    };
    let middle = Place::from_milli(26_125, 60_200);
    let city = crate::area::CityRecord {
        lon_e6: middle.lon_e6,
        lat_e6: middle.lat_e6,
        ..harbin::city()
    };
    let rivers = [river("west", 26_090), river("east", 26_160)];
    Ground::new(Sheet::around(middle), &city, &rivers, crossings)
}

const WEST: Place = Place::from_milli(26_050, 60_200);
const MIDDLE: Place = Place::from_milli(26_125, 60_200);
const EAST: Place = Place::from_milli(26_200, 60_200);

#[test]
fn each_river_between_is_crossed_once_and_the_first_bridge_is_named() {
    let bridges = [
        crossing("a-far", 26_090, 60_260, ROAD),
        crossing("b-near", 26_090, 60_205, ROAD),
        crossing("c-east", 26_160, 60_195, ROAD),
    ];
    let ground = two_rivers(&bridges);
    let go = |from, to| super::travel(&ground, from, to, Traveller::Car).unwrap();
    let both = go(WEST, EAST);
    assert_eq!(both.via.as_ref().unwrap().as_str(), "b-near");
    assert_eq!(both.seconds, (both.metres * 180).div_ceil(1_000) + 2 * 120);
    let back = go(EAST, WEST);
    assert_eq!(back.via.unwrap().as_str(), "c-east");
    assert_eq!(back.metres, both.metres);
    assert_eq!(go(WEST, MIDDLE).via.unwrap().as_str(), "b-near");
    assert_eq!(go(EAST, MIDDLE).via.unwrap().as_str(), "c-east");
}

#[test]
fn over_one_river_of_two_there_is_no_way_without_its_own_bridge() {
    let only_west = two_rivers(&[crossing("b", 26_090, 60_205, ROAD)]);
    let go = |from, to| super::travel(&only_west, from, to, Traveller::Car);
    assert!(go(WEST, MIDDLE).is_some());
    assert_eq!(go(WEST, EAST), None);
    assert_eq!(go(MIDDLE, EAST), None);
}

#[test]
fn of_many_bridges_over_both_rivers_the_soonest_pair_is_found() {
    let bridges: Vec<CrossingRecord> = (0..40)
        .flat_map(|n| {
            let name = |river: &str| format!("{river}{:02}", (n * 7) % 40);
            let lat = 60_000 + ((n * 7) % 40) * 10;
            [
                crossing(&name("w"), 26_090, lat, ROAD),
                crossing(&name("e"), 26_160, lat, ROAD),
            ]
        })
        .collect();
    let ground = two_rivers(&bridges);
    let found = super::travel(&ground, WEST, EAST, Traveller::Car).unwrap();
    let pairs = bridges.iter().step_by(2).flat_map(|w| {
        let east = bridges.iter().skip(1).step_by(2);
        east.map(move |e| (w, e))
    });
    let seconds = |(w, e): (&CrossingRecord, &CrossingRecord)| {
        let at = |it: &CrossingRecord| Place {
            lon_e6: it.lon_e6,
            lat_e6: it.lat_e6,
        };
        let straight =
            ground.metres(WEST, at(w)) + ground.metres(at(w), at(e)) + ground.metres(at(e), EAST);
        let metres = straight * DETOUR_PERCENT / 100;
        (metres * 180 + 999) / 1_000 + 240
    };
    assert_eq!(pairs.map(seconds).min(), Some(i64::from(found.seconds)));
}
