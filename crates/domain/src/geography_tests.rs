//! Banks of the city's subdistricts and towns, and distances on the sheet.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::harbin::{RIVER, SHEET};

fn line() -> Vec<Point> {
    let place = |&(lon_e6, lat_e6): &(i32, i32)| SHEET.point(Place { lon_e6, lat_e6 });
    RIVER.iter().map(place).collect()
}

fn bank(point: Point) -> Side {
    beside(point, &line()).unwrap().side
}

/// Subdistricts and towns of Songbei and Hulan, in thousandths of a degree.
#[rustfmt::skip]
const NORTH: &[(i32, i32)] = &[
    (126590, 45792),
    (126630, 45812),
    (126590, 45845),
    (126545, 45805),
    (126560, 45820),
    (126530, 45815),
    (126650, 45830),
    (126330, 45950),
    (126400, 45930),
    (126587, 45985),
    (126600, 45993),
    (126520, 45935),
    (126600, 45890),
    (126800, 46150),
    (126690, 46080),
    (126606, 45980),
    (126620, 45885),
    (126700, 45950),
    (126480, 46080),
    (126600, 45880),
    (126610, 45905),
    (126585, 45905),
    (126590, 45895),
    (126612, 45986),
    (126595, 45979),
];

/// Those of Daoli, Nangang, Daowai, Pingfang, Xiangfang and Acheng.
#[rustfmt::skip]
const SOUTH: &[(i32, i32)] = &[
    (126617, 45777),
    (126594, 45751),
    (126601, 45755),
    (126586, 45752),
    (126575, 45744),
    (126566, 45737),
    (126577, 45752),
    (126620, 45769),
    (126612, 45780),
    (126609, 45776),
    (126614, 45767),
    (126607, 45764),
    (126603, 45769),
    (126599, 45760),
    (126590, 45758),
    (126584, 45747),
    (126588, 45738),
    (126612, 45757),
    (126535, 45737),
    (126250, 45620),
    (126470, 45680),
    (126390, 45690),
    (126510, 45690),
    (126637, 45761),
    (126645, 45757),
    (126640, 45748),
    (126650, 45748),
    (126655, 45761),
    (126653, 45753),
    (126647, 45764),
    (126629, 45741),
    (126631, 45753),
    (126638, 45742),
    (126613, 45742),
    (126667, 45763),
    (126620, 45734),
    (126600, 45712),
    (126625, 45712),
    (126700, 45755),
    (126603, 45700),
    (126622, 45722),
    (126560, 45640),
    (126640, 45670),
    (126637, 45783),
    (126632, 45779),
    (126640, 45779),
    (126647, 45775),
    (126646, 45787),
    (126639, 45775),
    (126653, 45783),
    (126651, 45790),
    (126659, 45789),
    (126662, 45785),
    (126656, 45779),
    (126648, 45780),
    (126690, 45779),
    (126682, 45783),
    (126690, 45770),
    (126745, 45770),
    (126704, 45789),
    (126695, 45786),
    (126713, 45796),
    (126728, 45815),
    (126698, 45774),
    (126722, 45772),
    (126686, 45775),
    (126790, 45790),
    (126830, 45870),
    (126980, 45860),
    (126960, 45790),
    (126640, 45607),
    (126640, 45598),
    (126627, 45598),
    (126618, 45603),
    (126632, 45607),
    (126622, 45594),
    (126630, 45612),
    (126658, 45600),
    (126680, 45605),
    (126680, 45580),
    (126683, 45726),
    (126677, 45736),
    (126692, 45731),
    (126715, 45700),
    (126700, 45721),
    (126697, 45712),
    (126695, 45738),
    (126674, 45729),
    (126643, 45727),
    (126643, 45705),
    (126662, 45716),
    (126660, 45730),
    (126670, 45710),
    (126688, 45703),
    (126706, 45738),
    (126656, 45738),
    (126668, 45739),
    (126650, 45734),
    (126655, 45722),
    (126700, 45690),
    (126785, 45715),
    (126740, 45730),
    (126700, 45650),
    (126870, 45690),
    (126967, 45545),
    (126972, 45533),
    (126955, 45541),
    (126990, 45540),
    (126975, 45560),
    (127150, 45430),
    (126860, 45600),
    (126900, 45560),
    (126830, 45450),
    (127220, 45370),
    (127070, 45480),
    (127050, 45420),
    (126790, 45450),
    (127180, 45620),
    (126860, 45490),
];

#[test]
fn every_subdistrict_and_town_lies_on_its_own_bank() {
    assert_eq!(NORTH.len() + SOUTH.len(), 144);
    for (places, side) in [(NORTH, Side::Left), (SOUTH, Side::Right)] {
        for (lon, lat) in places {
            assert_eq!(
                bank(SHEET.point(Place::from_milli(*lon, *lat))),
                side,
                "{lon} {lat}"
            );
        }
    }
}

#[test]
fn inside_the_loop_the_bank_is_not_a_matter_of_latitude() {
    // Both lie at 45.760 N in the loop of the river at km 21 to 26.
    assert_eq!(
        bank(SHEET.point(Place::from_milli(126_518, 45_760))),
        Side::Right
    );
    assert_eq!(
        bank(SHEET.point(Place::from_milli(126_498, 45_760))),
        Side::Left
    );
}

#[test]
fn the_sheet_measures_a_degree_as_the_ellipsoid_does() {
    let origin = Place::from_milli(126_600, 45_750);
    assert_eq!(
        SHEET.metres(origin, Place::from_milli(127_600, 45_750)),
        77_811
    );
    assert_eq!(
        SHEET.metres(origin, Place::from_milli(126_600, 46_750)),
        111_146
    );
    assert_eq!(
        SHEET.metres(origin, Place::from_milli(126_603, 45_754)),
        502
    );
    assert_eq!(SHEET.metres(origin, origin), 0);
}

#[test]
fn the_river_is_as_long_as_it_is() {
    let corners: Vec<Place> = RIVER
        .iter()
        .map(|&(lon_e6, lat_e6)| Place { lon_e6, lat_e6 })
        .collect();
    let metres: i64 = corners.windows(2).map(|w| SHEET.metres(w[0], w[1])).sum();
    assert_eq!(RIVER.len(), 34);
    assert!((74_300..=74_900).contains(&metres), "{metres}");
}

#[test]
fn places_anywhere_on_earth_and_beyond_are_measured_without_a_panic() {
    let ends = [i32::MIN, -1, 0, 1, 126_600_000, i32::MAX];
    for lon_e6 in ends {
        for lat_e6 in ends {
            let place = Place { lon_e6, lat_e6 };
            bank(SHEET.point(place));
            assert!(SHEET.metres(place, Place::from_milli(126_600, 45_750)) >= 0);
            let own = Sheet::around(place);
            assert_eq!(own.metres(place, place), 0);
            assert!(own.metres_per_degree_east > 0);
        }
    }
}

/// The bank with every stretch reckoned, as it is defined.
fn bank_by_definition(point: Point) -> Side {
    let mut best: Option<Seen> = None;
    for w in line().windows(2) {
        let next = seen(point, w[0], w[1]);
        let nearer = best.as_ref().is_none_or(|best| {
            let by_distance = compare(next.distance, best.distance);
            let squarer = compare(absolute(next.abeam), absolute(best.abeam)).is_gt();
            by_distance.is_lt() || (by_distance.is_eq() && squarer)
        });
        if nearer {
            best = Some(next);
        }
    }
    match best {
        Some(seen) if seen.abeam.0 > 0 => Side::Left,
        _ => Side::Right,
    }
}

#[test]
fn passing_over_far_stretches_changes_no_bank() {
    // A grid over the city and beyond, every corner itself, and the ends of the earth.
    for x in (-40_000..60_000).step_by(487) {
        for y in (-30_000..40_000).step_by(491) {
            let point = Point { x, y };
            assert_eq!(bank(point), bank_by_definition(point), "{point:?}");
        }
    }
    let far = [i32::MIN, -180_000_000, 0, 180_000_000, i32::MAX];
    let ends = far.iter().flat_map(|lon| far.map(|lat| (*lon, lat)));
    for (lon_e6, lat_e6) in RIVER.iter().copied().chain(ends) {
        let place = Place { lon_e6, lat_e6 };
        let point = SHEET.point(place);
        assert_eq!(bank(point), bank_by_definition(point), "{place:?}");
    }
}

#[test]
fn a_sheet_is_laid_as_the_ellipsoid_is_at_its_latitude() {
    let harbin = Sheet::around(SHEET.origin);
    let off = harbin.metres_per_degree_east - SHEET.metres_per_degree_east;
    assert!(off.abs() <= 4, "{off}");
    let off = harbin.metres_per_degree_north - SHEET.metres_per_degree_north;
    assert!(off.abs() <= 1, "{off}");
    // From the equator to the far north, and the same in the south.
    for (lat, east, north) in [
        (0, 111_319, 110_574),
        (30, 96_486, 110_852),
        (69, 40_010, 111_549),
    ] {
        for lat in [lat, -lat] {
            let sheet = Sheet::around(Place::from_milli(10_000, lat * 1_000));
            assert_eq!(
                (sheet.metres_per_degree_east, sheet.metres_per_degree_north),
                (east, north)
            );
        }
    }
    let half = Sheet::around(Place::from_milli(0, 60_500));
    assert_eq!(
        half.metres_per_degree_east, 54_953,
        "half way between 55,800 and 54,107"
    );
}

#[test]
fn beyond_the_ends_of_a_line_is_told_from_beside_it() {
    let line = [
        Point { x: 0, y: 0 },
        Point { x: 0, y: 100 },
        Point { x: 50, y: 200 },
    ];
    let at = |x, y| beside(Point { x, y }, &line).unwrap();
    assert_eq!((at(-10, 50).side, at(-10, 50).beyond), (Side::Left, false));
    assert_eq!((at(10, 50).side, at(10, 50).beyond), (Side::Right, false));
    assert!(at(10, -1).beyond && at(60, 250).beyond);
    assert!(!at(-30, 110).beyond, "outside of a bend is beside the line");
    assert_eq!(at(-30, 0).squared_m, 900);
    assert_eq!(beside(Point { x: 0, y: 0 }, &[]), None);
    assert_eq!(beside(Point { x: 0, y: 0 }, &line[..1]), None);
}
