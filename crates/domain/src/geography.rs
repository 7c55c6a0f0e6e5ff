//! Where things lie: a city on a flat sheet of whole metres, and the sides of lines that cut it.
//!
//! For: positions, distances and banks that are the same on any machine: no floating point is used.
//! May not know: streets, sites, time; which lines there are (`ground`), and ways over bridges (`routing`).

use serde::{Deserialize, Serialize};

/// A place on earth: WGS-84, millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// East.
    pub lon_e6: i32,
    /// North.
    pub lat_e6: i32,
}

/// A point on a sheet: metres east and north of its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the axes")]
pub struct Point {
    pub x: i64,
    pub y: i64,
}

/// A flat sheet of whole metres laid on the earth at its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// Where it touches.
    pub origin: Place,
    /// Metres in a degree of longitude there.
    pub metres_per_degree_east: i64,
    /// Metres in a degree of latitude there.
    pub metres_per_degree_north: i64,
}

/// The furthest latitude north or south at which a sheet is laid, in whole degrees: no city lies further.
pub const LATITUDE_LIMIT: i32 = 70;

/// Metres in a degree of longitude at each whole degree of latitude from 0 to [`LATITUDE_LIMIT`], rounded:
/// π/180 · a · cos φ / √(1 − e² sin² φ) on the WGS-84 ellipsoid. A straight line between two neighbours is good to 0.01 %.
#[rustfmt::skip]
const EAST: [i64; LATITUDE_LIMIT as usize + 1] = [
    111319, 111303, 111252, 111168, 111050, 110899, 110714, 110495, 110243, 109958, 109639, 109288,
    108903, 108485, 108034, 107550, 107034, 106486, 105905, 105292, 104647, 103970, 103262, 102523,
    101752, 100950, 100118, 99255, 98362, 97439, 96486, 95504, 94493, 93453, 92385, 91288, 90164, 89012,
    87832, 86626, 85394, 84135, 82851, 81541, 80206, 78847, 77463, 76056, 74625, 73172, 71696, 70198,
    68678, 67137, 65576, 63994, 62393, 60772, 59133, 57475, 55800, 54107, 52398, 50673, 48932, 47176,
    45405, 43620, 41822, 40010, 38187,
];

/// The same of a degree of latitude: π/180 · a · (1 − e²) / (1 − e² sin² φ)^1.5.
#[rustfmt::skip]
const NORTH: [i64; LATITUDE_LIMIT as usize + 1] = [
    110574, 110575, 110576, 110577, 110580, 110583, 110586, 110591, 110596, 110601, 110608, 110615,
    110622, 110630, 110639, 110649, 110659, 110669, 110680, 110692, 110704, 110717, 110730, 110744,
    110758, 110773, 110788, 110804, 110819, 110836, 110852, 110869, 110887, 110904, 110922, 110941,
    110959, 110978, 110996, 111015, 111035, 111054, 111073, 111093, 111112, 111132, 111151, 111171,
    111190, 111210, 111229, 111248, 111267, 111286, 111305, 111324, 111342, 111360, 111378, 111395,
    111412, 111429, 111446, 111462, 111477, 111493, 111507, 111522, 111536, 111549, 111562,
];

/// A side of a line, looking along it; a river's are its banks, looking downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Side {
    Left,
    Right,
}

impl Place {
    /// From thousandths of a degree, as tables print them.
    pub const fn from_milli(lon: i32, lat: i32) -> Self {
        Self {
            lon_e6: lon * 1_000,
            lat_e6: lat * 1_000,
        }
    }
}

impl Sheet {
    /// The sheet that touches at a place; what lies beyond [`LATITUDE_LIMIT`] is measured as if it lay there.
    pub const fn around(origin: Place) -> Self {
        const fn between(table: &[i64], lat_e6: i64) -> i64 {
            let last = table.len() as i64 - 1;
            let degree = lat_e6 / 1_000_000;
            if degree >= last {
                return table[last as usize];
            }
            let (low, high) = (table[degree as usize], table[degree as usize + 1]);
            low + ((high - low) * (lat_e6 % 1_000_000)).div_euclid(1_000_000)
        }
        let lat_e6 = (origin.lat_e6 as i64).abs();
        Self {
            origin,
            metres_per_degree_east: between(&EAST, lat_e6),
            metres_per_degree_north: between(&NORTH, lat_e6),
        }
    }

    /// A place on the sheet.
    pub const fn point(&self, place: Place) -> Point {
        const fn metres(degrees_e6: i64, per_degree: i64) -> i64 {
            (degrees_e6 * per_degree + 500_000).div_euclid(1_000_000)
        }
        Point {
            x: metres(
                place.lon_e6 as i64 - self.origin.lon_e6 as i64,
                self.metres_per_degree_east,
            ),
            y: metres(
                place.lat_e6 as i64 - self.origin.lat_e6 as i64,
                self.metres_per_degree_north,
            ),
        }
    }

    /// As the crow flies, in whole metres.
    pub fn metres(&self, from: Place, to: Place) -> i64 {
        self.point(from).metres_to(self.point(to))
    }
}

impl Point {
    /// Straight distance in whole metres, rounded down.
    pub fn metres_to(self, other: Point) -> i64 {
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        (dx * dx + dy * dy).isqrt()
    }
}

/// Which point of a stretch is nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foot {
    Start,
    Within,
    End,
}

/// Where a point lies as seen from one stretch of a line.
struct Seen {
    /// What of it is nearest.
    foot: Foot,
    /// Squared distance times squared length of the stretch is compared as a fraction: numerator …
    distance: (i128, i128),
    /// How squarely the point lies abeam, as a signed fraction of cross² over length²; positive is left.
    abeam: (i128, i128),
}

/// Where a point lies as seen from a whole line: on which side, and whether beside it or beyond its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// Which side.
    pub side: Side,
    /// The nearest point of the line is one of its ends.
    pub beyond: bool,
    /// How far it is to the line, squared and rounded down.
    pub squared_m: i128,
}

/// By which side of the nearest stretch a point lies, never by latitude: a river makes loops. Where a bend is
/// nearest, both its stretches are equally near and the one the point lies more squarely abeam of decides. `None`: the
/// line has no stretch.
///
/// Asked for every site and responder of every call, so stretches that cannot be nearest are passed over unreckoned: those
/// whose box is further away than the nearest corner.
pub fn beside(point: Point, line: &[Point]) -> Option<Beside> {
    let within = line.iter().map(|corner| squared(point, *corner)).min()?;
    let near = line
        .windows(2)
        .enumerate()
        .filter(|(_, w)| squared_to_box(point, w[0], w[1]) <= within);
    let stretches = near.map(|(n, w)| (n, seen(point, w[0], w[1])));
    let (at, seen) = stretches.reduce(|best, next| {
        let by_distance = compare(next.1.distance, best.1.distance);
        let squarer = compare(absolute(next.1.abeam), absolute(best.1.abeam)).is_gt();
        if by_distance.is_lt() || (by_distance.is_eq() && squarer) {
            next
        } else {
            best
        }
    })?;
    let side = if seen.abeam.0 > 0 {
        Side::Left
    } else {
        Side::Right
    };
    let before = at == 0 && seen.foot == Foot::Start;
    let after = at + 2 == line.len() && seen.foot == Foot::End;
    Some(Beside {
        side,
        beyond: before || after,
        squared_m: seen.distance.0.div_euclid(seen.distance.1),
    })
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
    let (foot, distance) = if along <= 0 {
        (Foot::Start, (px * px + py * py, 1))
    } else if along >= length2 {
        let (qx, qy) = (px - sx, py - sy);
        (Foot::End, (qx * qx + qy * qy, 1))
    } else {
        (Foot::Within, (cross * cross, length2))
    };
    Seen {
        foot,
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
