//! Where things lie: Harbin on a flat sheet of whole metres, and the river that cuts it.
//!
//! For: positions, distances and banks that are the same on any machine: no floating point is used.
//! May not know: streets, sites, time. Ways over bridges are in `routing`.

use serde::{Deserialize, Serialize};

/// A place on earth: WGS-84, millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// East.
    pub lon_e6: i32,
    /// North.
    pub lat_e6: i32,
}

/// A point on the local sheet: metres east and north of 126.6 E, 45.75 N.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the axes")]
pub struct Point {
    pub x: i64,
    pub y: i64,
}

const ORIGIN: Place = Place {
    lon_e6: 126_600_000,
    lat_e6: 45_750_000,
};

/// Metres in a degree of longitude at 45.75 N: π/180 · a · cos φ / √(1 − e² sin² φ) on the WGS-84 ellipsoid. Over the
/// city's 0.6 degrees of latitude the error stays under 1 %.
const METRES_PER_DEGREE_EAST: i64 = 77_811;

/// Metres in a degree of latitude at 45.75 N: π/180 · a · (1 − e²) / (1 − e² sin² φ)^1.5.
const METRES_PER_DEGREE_NORTH: i64 = 111_146;

/// The Songhua's main channel, upstream to downstream: 34 points of (longitude, latitude) in millionths of a degree,
/// good to about half a kilometre in town.
pub const RIVER: &[(i32, i32)] = &[
    (126_240_000, 45_697_000),
    (126_355_000, 45_737_000),
    (126_376_000, 45_734_000),
    (126_412_000, 45_730_000),
    (126_456_000, 45_740_000),
    (126_476_000, 45_750_000),
    (126_490_000, 45_744_000),
    (126_505_000, 45_747_000),
    (126_500_000, 45_756_000),
    (126_508_000, 45_771_000),
    (126_526_000, 45_769_000),
    (126_535_000, 45_759_000),
    (126_547_000, 45_756_000),
    (126_563_000, 45_761_000),
    (126_582_000, 45_763_000),
    (126_594_000, 45_774_000),
    (126_603_000, 45_782_000),
    (126_617_000, 45_787_000),
    (126_640_000, 45_794_000),
    (126_662_000, 45_800_000),
    (126_684_000, 45_807_000),
    (126_696_000, 45_814_000),
    (126_709_000, 45_824_000),
    (126_708_000, 45_837_000),
    (126_708_000, 45_852_000),
    (126_697_000, 45_875_000),
    (126_697_000, 45_894_000),
    (126_712_000, 45_901_000),
    (126_746_000, 45_900_000),
    (126_782_000, 45_921_000),
    (126_806_000, 45_945_000),
    (126_847_000, 45_959_000),
    (126_873_000, 45_983_000),
    (126_930_000, 46_000_000),
];

/// A side of the river.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bank {
    /// Left, looking downstream: Songbei, Hulan.
    North,
    /// Right: Daoli, Nangang, Daowai, Xiangfang, Pingfang, Acheng.
    South,
}

impl Place {
    /// From thousandths of a degree, as tables print them.
    pub const fn from_milli(lon: i32, lat: i32) -> Self {
        Self {
            lon_e6: lon * 1_000,
            lat_e6: lat * 1_000,
        }
    }

    /// On the sheet.
    pub const fn point(self) -> Point {
        const fn metres(degrees_e6: i64, per_degree: i64) -> i64 {
            (degrees_e6 * per_degree + 500_000).div_euclid(1_000_000)
        }
        Point {
            x: metres(
                self.lon_e6 as i64 - ORIGIN.lon_e6 as i64,
                METRES_PER_DEGREE_EAST,
            ),
            y: metres(
                self.lat_e6 as i64 - ORIGIN.lat_e6 as i64,
                METRES_PER_DEGREE_NORTH,
            ),
        }
    }

    /// As the crow flies, in whole metres.
    pub fn metres_to(self, other: Place) -> i64 {
        self.point().metres_to(other.point())
    }

    /// On which side of the river.
    pub fn bank(self) -> Bank {
        bank(self.point())
    }
}

impl Point {
    /// Straight distance in whole metres, rounded down.
    pub fn metres_to(self, other: Point) -> i64 {
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        (dx * dx + dy * dy).isqrt()
    }
}

/// Where a point lies as seen from one stretch of the river.
struct Seen {
    /// Squared distance times squared length of the stretch is compared as a fraction: numerator …
    distance: (i128, i128),
    /// How squarely the point lies abeam, as a signed fraction of cross² over length²; positive is left.
    abeam: (i128, i128),
}

/// The river's points on the sheet.
const CORNERS: [Point; RIVER.len()] = {
    let mut corners = [Point { x: 0, y: 0 }; RIVER.len()];
    let mut at = 0;
    while at < RIVER.len() {
        let (lon_e6, lat_e6) = RIVER[at];
        corners[at] = Place { lon_e6, lat_e6 }.point();
        at += 1;
    }
    corners
};

/// By which side of the nearest stretch a point lies, never by latitude: the river makes a loop. Where a bend is
/// nearest, both its stretches are equally near and the one the point lies more squarely abeam of decides.
///
/// Asked for every site and responder of every call, so stretches that cannot be nearest are passed over unreckoned: those
/// whose box is further away than the nearest corner.
fn bank(point: Point) -> Bank {
    let within = CORNERS.iter().map(|corner| squared(point, *corner)).min();
    let within = within.unwrap_or(i64::MAX);
    let near = CORNERS
        .windows(2)
        .filter(|w| squared_to_box(point, w[0], w[1]) <= within);
    let stretches = near.map(|w| seen(point, w[0], w[1]));
    let nearest = stretches.reduce(|best, next| {
        let by_distance = compare(next.distance, best.distance);
        let squarer = compare(absolute(next.abeam), absolute(best.abeam)).is_gt();
        if by_distance.is_lt() || (by_distance.is_eq() && squarer) {
            next
        } else {
            best
        }
    });
    match nearest {
        Some(seen) if seen.abeam.0 > 0 => Bank::North,
        _ => Bank::South,
    }
}

/// The squared distance of two points; whole, and far from overflowing wherever on earth they are.
fn squared(a: Point, b: Point) -> i64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    dx * dx + dy * dy
}

/// The squared distance to the upright box around a stretch: never more than that to the stretch.
fn squared_to_box(point: Point, from: Point, to: Point) -> i64 {
    let outside = |at: i64, a: i64, b: i64| at - at.clamp(a.min(b), a.max(b));
    let (dx, dy) = (
        outside(point.x, from.x, to.x),
        outside(point.y, from.y, to.y),
    );
    dx * dx + dy * dy
}

fn seen(point: Point, from: Point, to: Point) -> Seen {
    let (sx, sy) = (i128::from(to.x - from.x), i128::from(to.y - from.y));
    let (px, py) = (i128::from(point.x - from.x), i128::from(point.y - from.y));
    let length2 = (sx * sx + sy * sy).max(1);
    let cross = sx * py - sy * px;
    let along = sx * px + sy * py;
    let distance = if along <= 0 {
        (px * px + py * py, 1)
    } else if along >= length2 {
        let (qx, qy) = (px - sx, py - sy);
        (qx * qx + qy * qy, 1)
    } else {
        (cross * cross, length2)
    };
    Seen {
        distance,
        abeam: (cross * cross.abs(), length2),
    }
}

/// Compares two fractions with positive denominators.
fn compare(a: (i128, i128), b: (i128, i128)) -> std::cmp::Ordering {
    // Whole parts first: products of the full numerators could overflow for places far off the sheet.
    let whole = |(n, d): (i128, i128)| n.div_euclid(d);
    let rest = |(n, d): (i128, i128)| n.rem_euclid(d);
    whole(a)
        .cmp(&whole(b))
        .then_with(|| (rest(a) * b.1).cmp(&(rest(b) * a.1)))
}

fn absolute((n, d): (i128, i128)) -> (i128, i128) {
    (n.abs(), d)
}

#[cfg(test)]
#[path = "geography_tests.rs"]
mod tests;
