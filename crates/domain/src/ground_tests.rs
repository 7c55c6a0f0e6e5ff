//! What parts a city, and how far.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{harbin, routing::travel};

fn river(name: &str, extent: Extent, points: &[(i32, i32)]) -> BarrierRecord {
    BarrierRecord {
        barrier: BarrierId::parse(name).unwrap(),
        name: name.to_owned(),
        extent,
        points: points
            .iter()
            .map(|(lon, lat)| Place::from_milli(*lon, *lat))
            .collect(),
    }
}

fn bridge(name: &str, lon: i32, lat: i32) -> CrossingRecord {
    CrossingRecord {
        crossing: CrossingId::parse(name).unwrap(),
        name: name.to_owned(),
        name_latin: String::new(),
        lon_e6: lon * 1_000,
        lat_e6: lat * 1_000,
        travellers: vec![Traveller::Car],
    }
}

fn ground(barriers: &[BarrierRecord], crossings: &[CrossingRecord]) -> Ground {
    Ground::new(
        Sheet::around(harbin::TOWN),
        &harbin::city(),
        barriers,
        crossings,
    )
}

/// A main river eastward at 45.8 N, and a tributary from the south that ends in it at 126.6 E.
fn confluence(extent: Extent) -> [BarrierRecord; 2] {
    [
        river(
            "main",
            Extent::Through,
            &[(126_400, 45_800), (126_800, 45_800)],
        ),
        river("tributary", extent, &[(126_600, 45_700), (126_600, 45_800)]),
    ]
}

const NORTH_WEST: Place = Place::from_milli(126_590, 45_830);
const SOUTH_WEST: Place = Place::from_milli(126_580, 45_770);
const SOUTH_EAST: Place = Place::from_milli(126_620, 45_770);

#[test]
fn a_tributary_drawn_to_its_mouth_parts_nothing_beyond_it() {
    let bridges = [bridge("main-east", 126_620, 45_800)];
    let drawn = ground(&confluence(Extent::Drawn), &bridges);
    let way = travel(&drawn, NORTH_WEST, SOUTH_EAST, Traveller::Car).unwrap();
    assert_eq!(way.via.unwrap().as_str(), "main-east");
    assert_eq!(travel(&drawn, SOUTH_WEST, SOUTH_EAST, Traveller::Car), None);
    // As if it ran through, the north would be cut in two as well.
    let through = ground(&confluence(Extent::Through), &bridges);
    assert_eq!(
        travel(&through, NORTH_WEST, SOUTH_EAST, Traveller::Car),
        None
    );
}

#[test]
fn without_barriers_every_way_is_straight_and_a_crossing_leads_over_nothing() {
    let open = ground(&[], &[bridge("idle", 126_600, 45_800)]);
    let way = travel(&open, NORTH_WEST, SOUTH_EAST, Traveller::Car).unwrap();
    assert_eq!(way.via, None);
    assert_eq!(
        i64::from(way.metres),
        open.metres(NORTH_WEST, SOUTH_EAST) * 135 / 100
    );
}

#[test]
fn the_order_in_which_it_is_told_changes_no_ground() {
    let [main, tributary] = confluence(Extent::Drawn);
    let (a, b) = (bridge("a", 126_500, 45_800), bridge("b", 126_600, 45_750));
    let one = ground(&[main.clone(), tributary.clone()], &[a.clone(), b.clone()]);
    assert_eq!(one, ground(&[tributary, main], &[b, a]));
}

#[test]
fn more_barriers_than_the_bound_are_not_looked_at() {
    let many: Vec<BarrierRecord> = (0..=BARRIERS)
        .map(|n| {
            let lon = 126_500 + i32::try_from(n).unwrap() * 10;
            river(
                &format!("r{n}"),
                Extent::Through,
                &[(lon, 45_700), (lon, 45_900)],
            )
        })
        .collect();
    let ground = ground(&many, &[]);
    let place = Place::from_milli(126_400, 45_800);
    assert_eq!(
        ground.side(&many[BARRIERS - 1].barrier, place),
        Some(Side::Left)
    );
    assert_eq!(ground.side(&many[BARRIERS].barrier, place), None);
    let sides = ground.sides(ground.point(place));
    assert_eq!(sides, [Some(Side::Left); BARRIERS]);
}
