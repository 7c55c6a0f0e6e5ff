//! Nearest means soonest: sites in the order they are rung, with why.
//!
//! For: the candidates that stand in every offer for ever.
//! May not know: rings (`policy`), who is signed on by name.

use crate::{
    SiteId, Timestamp,
    geography::Place,
    ground::Ground,
    incident::CANDIDATE_LIMIT,
    party::{Candidate, RuledOut},
    policy::{RingPolicy, within},
    routing::travel,
    signal::SignalKind,
    site::{Hours, SiteKind, SiteRecord},
    time::minute_of_day,
};

/// A site as it stands now.
#[derive(Debug, Clone, Copy)]
pub struct SiteNow<'a> {
    /// What it is.
    pub record: &'a SiteRecord,
    /// Somebody is signed on and reachable.
    pub on_duty: bool,
    /// Open incidents it holds.
    pub load: u16,
}

/// Eligible sites an offer can need: one for each ring that adds a site. Kept through truncation.
const NEEDED: usize = 3;

impl Hours {
    /// Whether it is open at this moment, by the clock of China.
    pub fn open_at(self, at: Timestamp) -> bool {
        self.opens_min == self.closes_min
            || within(minute_of_day(at), self.opens_min, self.closes_min)
    }
}

/// Weighs every station and facility for a call from `place`: soonest first, ties by id, a home station within
/// [`RingPolicy::home_within_s`] of the soonest eligible site before all. At most [`CANDIDATE_LIMIT`], yet never
/// without the eligible ones that the rings need. Ruled-out sites stay in the list with the reason.
pub fn rank(
    place: Place,
    home: Option<&SiteId>,
    sites: &[SiteNow<'_>],
    ground: &Ground,
    policy: &RingPolicy,
    at: Timestamp,
    kind: SignalKind,
) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = sites
        .iter()
        .filter(|s| matches!(s.record.kind, SiteKind::Station | SiteKind::Facility))
        .map(|site| weigh(place, home, site, ground, at, kind))
        .collect();
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    home_first(&mut all, policy);
    shorten(all)
}

fn order(c: &Candidate) -> (u32, &SiteId) {
    (c.seconds.unwrap_or(u32::MAX), &c.site)
}

fn weigh(
    place: Place,
    home: Option<&SiteId>,
    site: &SiteNow<'_>,
    ground: &Ground,
    at: Timestamp,
    kind: SignalKind,
) -> Candidate {
    let record = site.record;
    let from = Place {
        lon_e6: record.lon_e6,
        lat_e6: record.lat_e6,
    };
    let way = travel(ground, from, place, record.traveller);
    let ruled_out = if !record.hours.open_at(at) {
        Some(RuledOut::Closed)
    } else if !site.on_duty {
        Some(RuledOut::NobodyOnDuty)
    } else if !record.can_answer {
        Some(RuledOut::CannotAnswer)
    } else if !record.can_send && must_go(kind) {
        Some(RuledOut::Capability)
    } else if site.load >= record.capacity {
        Some(RuledOut::Full)
    } else if way.is_none() {
        Some(RuledOut::NoWay)
    } else {
        None
    };
    Candidate {
        site: record.site.clone(),
        seconds: way.as_ref().map(|w| w.seconds),
        metres: way.as_ref().map(|w| w.metres),
        via: way.and_then(|w| w.via),
        home: home == Some(&record.site),
        ruled_out,
    }
}

/// Kinds that a talk cannot settle: somebody has to go and look.
fn must_go(kind: SignalKind) -> bool {
    use SignalKind::*;
    matches!(kind, Fall | Smoke | Gas | Inactivity)
}

fn home_first(all: &mut [Candidate], policy: &RingPolicy) {
    let eligible = |c: &&Candidate| c.ruled_out.is_none();
    let soonest = all.iter().find(eligible).and_then(|c| c.seconds);
    let home = all.iter().position(|c| c.home && c.ruled_out.is_none());
    if let (Some(soonest), Some(home)) = (soonest, home)
        && all[home]
            .seconds
            .is_some_and(|s| s <= soonest.saturating_add(policy.home_within_s))
    {
        all[..=home].rotate_right(1);
    }
}

fn shorten(all: Vec<Candidate>) -> Vec<Candidate> {
    let eligible = all.iter().filter(|c| c.ruled_out.is_none()).count();
    let mut must = eligible.min(NEEDED);
    let mut room = CANDIDATE_LIMIT;
    let mut kept = Vec::with_capacity(room);
    for candidate in all {
        let needed = candidate.ruled_out.is_none() && must > 0;
        // A place is kept free for each eligible site that is still needed.
        if room > 0 && (needed || room > must) {
            room -= 1;
            must -= usize::from(needed);
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;
