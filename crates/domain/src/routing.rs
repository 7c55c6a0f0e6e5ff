//! How long the way is: the estimate that needs no map service.
//!
//! For: travel time between two places, over the bridges that are open to that kind of traveller.
//! May not know: sites, residents, routing servers; a deployment may ask one and fall back to this.

use crate::{
    CrossingId,
    area::BARRIERS,
    geography::{Place, Point},
    ground::{Crossing, Ground, Sides},
    party::Traveller,
};
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

/// A way found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Length in metres, the detour factor included.
    pub metres: u32,
    /// Travel time in whole seconds, rounded up.
    pub seconds: u32,
    /// The crossing used, if any; the first of several.
    pub via: Option<CrossingId>,
}

/// The soonest way; `None` when a barrier lies between and nothing over it is open to this traveller. Each barrier
/// between is crossed once and no other is. Of two equally soon, the crossing with the smaller id.
pub fn travel(ground: &Ground, from: Place, to: Place, traveller: Traveller) -> Option<Way> {
    let (from, to) = (ground.point(from), ground.point(to));
    let s_per_km = pace(ground, from, to, traveller);
    let (here, there) = (ground.sides(from), ground.sides(to));
    let apart = |n: &usize| matches!((here[*n], there[*n]), (Some(a), Some(b)) if a != b);
    let left = Left::of((0..here.len()).filter(apart));
    let mut search = Search {
        ground,
        to,
        there,
        traveller,
        s_per_km,
        penalty_s: BRIDGE_PENALTY_S * left.count(),
        soonest: None,
    };
    search.walk(from, 0, None, here, left);
    search.soonest
}

/// Barriers that are still to be crossed.
#[derive(Debug, Clone, Copy)]
struct Left([bool; BARRIERS]);

impl Left {
    fn of(barriers: impl Iterator<Item = usize>) -> Self {
        let mut left = [false; BARRIERS];
        barriers.for_each(|n| left[n] = true);
        Self(left)
    }

    fn count(self) -> i64 {
        self.0.into_iter().map(i64::from).sum()
    }

    fn without(mut self, barrier: usize) -> Self {
        self.0[barrier] = false;
        self
    }
}

/// Every order in which what lies between can be crossed, given up as soon as it cannot be the soonest.
struct Search<'a> {
    ground: &'a Ground,
    to: Point,
    there: Sides,
    traveller: Traveller,
    s_per_km: i64,
    /// For all crossings together.
    penalty_s: i64,
    soonest: Option<Way>,
}

impl<'a> Search<'a> {
    /// From a point reached after `straight_m`, with these sides, over what is `left` to cross.
    fn walk(
        &mut self,
        at: Point,
        straight_m: i64,
        via: Option<&'a CrossingId>,
        here: Sides,
        left: Left,
    ) {
        let least_m = straight_m + at.metres_to(self.to);
        let count = left.count();
        if count == 0 {
            return self.take(least_m, via);
        }
        // A leg's length is rounded down, so the sum of several may be a metre a leg below the straight one.
        let least_s = self.seconds(least_m - count);
        let soonest = self.soonest.as_ref();
        if soonest.is_some_and(|it| i64::from(it.seconds) < least_s) {
            return;
        }
        let ground = self.ground;
        for crossing in &ground.crossings {
            if !left.0[crossing.over] || !self.carries(crossing, &here) {
                continue;
            }
            let mut beyond = here;
            beyond[crossing.over] = self.there[crossing.over];
            let straight_m = straight_m + at.metres_to(crossing.at);
            let via = via.or(Some(&crossing.id));
            let left = left.without(crossing.over);
            self.walk(crossing.at, straight_m, via, beyond, left);
        }
    }

    /// Whether this traveller may use it, coming from these sides of everything else.
    fn carries(&self, crossing: &Crossing, here: &Sides) -> bool {
        let mut others = here.iter().zip(&crossing.sides).enumerate();
        crossing.travellers.contains(&self.traveller)
            && others.all(|(n, (a, b))| n == crossing.over || a == b || a.is_none() || b.is_none())
    }

    /// Crossings are tried by id, so the first of two equally soon stays.
    fn take(&mut self, straight_m: i64, via: Option<&CrossingId>) {
        let seconds = u32::try_from(self.seconds(straight_m)).unwrap_or(u32::MAX);
        if self.soonest.as_ref().is_none_or(|it| seconds < it.seconds) {
            self.soonest = Some(Way {
                metres: u32::try_from(detoured(straight_m)).unwrap_or(u32::MAX),
                seconds,
                via: via.cloned(),
            });
        }
    }

    fn seconds(&self, straight_m: i64) -> i64 {
        let road = detoured(straight_m).saturating_mul(self.s_per_km);
        road.saturating_add(999) / 1_000 + self.penalty_s
    }
}

fn detoured(straight_m: i64) -> i64 {
    straight_m.saturating_mul(DETOUR_PERCENT) / 100
}

/// The mean of the paces at both ends, so that a step over the edge of the town changes little.
fn pace(ground: &Ground, from: Point, to: Point, traveller: Traveller) -> i64 {
    let car = |end: Point| {
        if ground.in_town(end) {
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
