//! How long the way is: the estimate that needs no map service.
//!
//! For: travel time between two places, over the bridges that are open to that kind of traveller.
//! May not know: sites, residents, routing servers; a deployment may ask one and fall back to this.

use crate::{CrossingId, geography::Place, party::Traveller};
use serde::{Deserialize, Serialize};

/// Streets are longer than the crow's way by this, in percent. Ours: between a grid's 127 and an old town's 140.
pub const DETOUR_PERCENT: i64 = 135;

/// What a bridge costs on top: ramps and queues. Ours; tune it with recorded arrivals.
pub const BRIDGE_PENALTY_S: i64 = 120;

/// Seconds for a kilometre by car in town: 20 km/h.
const CAR_IN_TOWN_S_PER_KM: i64 = 180;

/// Seconds for a kilometre by car outside: 30 km/h.
const CAR_OUTSIDE_S_PER_KM: i64 = 120;

/// Seconds for a kilometre on foot: 4.5 km/h.
const FOOT_S_PER_KM: i64 = 800;

/// What counts as town: this far around the railway station, which holds the six inner districts' streets.
const TOWN_RADIUS_M: i64 = 12_000;

/// The middle of the town: Harbin railway station.
const TOWN: Place = Place::from_milli(126_630, 45_762);

/// A crossing of the river that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCrossing {
    /// Which.
    pub crossing: CrossingId,
    /// Where, in mid-river.
    pub at: Place,
    /// To whom.
    pub travellers: Vec<Traveller>,
}

/// A way found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Length in metres, the detour factor included.
    pub metres: u32,
    /// Travel time in whole seconds, rounded up.
    pub seconds: u32,
    /// The crossing used, if any.
    pub via: Option<CrossingId>,
}

impl OpenCrossing {
    /// A crossing from its record.
    pub fn of(record: &crate::crossing::CrossingRecord) -> Self {
        Self {
            crossing: record.crossing.clone(),
            at: Place {
                lon_e6: record.lon_e6,
                lat_e6: record.lat_e6,
            },
            travellers: record.travellers.clone(),
        }
    }

    /// The straight distance over it, detours left out, in metres.
    pub fn metres_over(&self, from: Place, to: Place) -> i64 {
        from.metres_to(self.at) + self.at.metres_to(to)
    }
}

/// The soonest way; `None` when the river lies between and nothing over it is open to this traveller. Of two equally
/// soon, the crossing with the smaller id.
pub fn travel(
    from: Place,
    to: Place,
    traveller: Traveller,
    crossings: &[OpenCrossing],
) -> Option<Way> {
    let s_per_km = pace(from, to, traveller);
    if from.bank() == to.bank() {
        return Some(way(from.metres_to(to), s_per_km, None));
    }
    crossings
        .iter()
        .filter(|c| c.travellers.contains(&traveller))
        .map(|c| way(c.metres_over(from, to), s_per_km, Some(c.crossing.clone())))
        .min_by(|a, b| (a.seconds, &a.via).cmp(&(b.seconds, &b.via)))
}

fn way(straight_m: i64, s_per_km: i64, via: Option<CrossingId>) -> Way {
    let metres = straight_m.saturating_mul(DETOUR_PERCENT) / 100;
    let penalty = if via.is_some() { BRIDGE_PENALTY_S } else { 0 };
    let seconds = (metres.saturating_mul(s_per_km) + 999) / 1_000 + penalty;
    Way {
        metres: u32::try_from(metres).unwrap_or(u32::MAX),
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        via,
    }
}

/// The mean of the paces at both ends, so that a step over the edge of the town changes little.
fn pace(from: Place, to: Place, traveller: Traveller) -> i64 {
    let car = |end: Place| {
        if end.metres_to(TOWN) <= TOWN_RADIUS_M {
            CAR_IN_TOWN_S_PER_KM
        } else {
            CAR_OUTSIDE_S_PER_KM
        }
    };
    match traveller {
        Traveller::Foot => FOOT_S_PER_KM,
        Traveller::Car => (car(from) + car(to)) / 2,
    }
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
