//! The numbers of the status bar, and the list of sites.
//!
//! For: counting what one person may see.
//! May not know: how the numbers are sent.

use crate::{board::Board, names::site_kind, viewer::Viewer};
use domain::{
    IncidentId, SiteId, Timestamp,
    incident::{Incident, Phase},
    party::Party,
    site::SiteKind,
    time::minute_of_day,
};
use eventlog::Position;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wire::console::{Counts, SiteView};

const MINUTE_MS: i64 = 60_000;

/// What one person counts, kept up to date by what changes: a frame does not look at every call of the city.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    /// Which number each counted call stands in.
    slots: HashMap<IncidentId, Slot>,
    /// The city that was last looked at, and the minute.
    city: Option<(Position, i64)>,
}

/// One of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Waiting,
    InHand,
    Held,
    ClosedToday,
}

impl Tally {
    /// Everything counted anew.
    pub(crate) fn anew(board: &Board, viewer: &Viewer, now: Timestamp) -> Self {
        let mut tally = Self::default();
        tally.look_at_city(board, viewer, now);
        for entry in board.entries() {
            tally.count(&entry.incident, board, viewer, now);
        }
        tally
    }

    /// Takes up what changed. Where a midnight or a change of the city has passed, everything is counted anew.
    pub(crate) fn update(
        &mut self,
        board: &Board,
        viewer: &Viewer,
        now: Timestamp,
        changed: &BTreeSet<IncidentId>,
    ) {
        let minute = now.0.div_euclid(MINUTE_MS);
        if self.city != Some((board.city.position, minute)) {
            *self = Self::anew(board, viewer, now);
            return;
        }
        for id in changed {
            if let Some(slot) = self.slots.remove(id) {
                *self.number(slot) -= 1;
            }
            if let Some(entry) = board.get(id) {
                self.count(&entry.incident, board, viewer, now);
            }
        }
    }

    /// The numbers as they stand.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    fn count(&mut self, incident: &Incident, board: &Board, viewer: &Viewer, now: Timestamp) {
        if !viewer.may_open(incident, &board.city) {
            return;
        }
        if let Some(slot) = slot(incident, now) {
            *self.number(slot) += 1;
            self.slots.insert(incident.id, slot);
        }
    }

    fn number(&mut self, slot: Slot) -> &mut u32 {
        match slot {
            Slot::Waiting => &mut self.counts.waiting,
            Slot::InHand => &mut self.counts.in_hand,
            Slot::Held => &mut self.counts.held,
            Slot::ClosedToday => &mut self.counts.closed_today,
        }
    }

    fn look_at_city(&mut self, board: &Board, viewer: &Viewer, now: Timestamp) {
        let city = &board.city;
        let mut operators = BTreeSet::new();
        for (id, site) in city.sites.iter() {
            let record = &site.record;
            if site.closed || !viewer.covers(&record.district, Some(id)) {
                continue;
            }
            let serves = matches!(record.kind, SiteKind::Station | SiteKind::Facility);
            self.counts.sites_open += u32::from(serves && record.hours.open_at(now));
            if let Some(duty) = city.duty.get(id) {
                let sound = duty.consoles.values().any(|c| c.sound);
                self.counts.sites_with_sound += u32::from(sound);
                operators.extend(duty.operators.iter());
            }
        }
        self.counts.operators_on_duty = u32::try_from(operators.len()).unwrap_or(u32::MAX);
        self.city = Some((city.position, now.0.div_euclid(MINUTE_MS)));
    }
}

fn slot(incident: &Incident, now: Timestamp) -> Option<Slot> {
    Some(match (&incident.phase, &incident.owner) {
        (Phase::Resolved, _) => {
            let midnight =
                now.0 - i64::from(minute_of_day(now)) * MINUTE_MS - now.0.rem_euclid(MINUTE_MS);
            let at = incident.closing.as_ref().map(|c| c.at.0);
            return at
                .is_some_and(|at| at >= midnight)
                .then_some(Slot::ClosedToday);
        }
        (Phase::Held { .. }, _) => Slot::Held,
        (_, Some(_)) => Slot::InHand,
        (_, None) => Slot::Waiting,
    })
}

/// Every site that is not closed for good, by id. Sites are public places: everybody sees all.
pub(crate) fn sites(board: &Board, now: Timestamp) -> Vec<SiteView> {
    let city = &board.city;
    let mut load: BTreeMap<&SiteId, u32> = BTreeMap::new();
    for entry in board.open_ones() {
        if let Some(site) = held_by(&entry.incident) {
            *load.entry(site).or_default() += 1;
        }
    }
    let open = city.sites.iter().filter(|(_, s)| !s.closed);
    open.map(|(id, site)| {
        let record = &site.record;
        let duty = city.duty.get(id);
        SiteView {
            id: id.to_string(),
            kind: site_kind(record.kind),
            name: record.name.clone(),
            name_en: record.name_latin.clone(),
            district: record.district.to_string(),
            lon: crate::names::degrees(record.lon_e6),
            lat: crate::names::degrees(record.lat_e6),
            phone: record.duty_phone.clone(),
            open_now: record.hours.open_at(now),
            on_duty: count(duty.map_or(0, |d| d.operators.len())),
            with_sound: count(duty.map_or(0, |d| d.consoles.values().filter(|c| c.sound).count())),
            load: load.get(id).copied().unwrap_or(0),
            capacity: record.capacity,
            can_answer: record.can_answer,
            can_send: record.can_send,
        }
    })
    .collect()
}

fn held_by(incident: &Incident) -> Option<&SiteId> {
    match &incident.owner.as_ref()?.party {
        Party::Site(site) => Some(site),
        _ => None,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{board::Entry, viewer::Reach, ways::tests::call};
    use directory::City;
    use domain::{
        OperatorId,
        codes::{Outcome, Reason},
        incident::{Closing, Owner},
        operator::Role,
    };

    const NOON: Timestamp = Timestamp(1_700_000_000_000);

    /// The call in one of its states, after a number.
    fn moved(mut incident: Incident, to: usize) -> Incident {
        let operator = OperatorId::parse("anna").unwrap();
        let owner = Owner {
            operator: operator.clone(),
            carer: None,
            party: Party::CityDesk,
            since: NOON,
            first_step: true,
        };
        incident.owner = (to > 0).then_some(owner);
        incident.closing = None;
        incident.phase = match to {
            0 => Phase::Waiting,
            1 => Phase::Talking { check_by: NOON },
            2 => Phase::Held {
                until: NOON,
                reason: "call_back".to_owned(),
            },
            _ => Phase::Resolved,
        };
        if to > 2 {
            // The fourth state was closed the day before.
            let at = Timestamp(NOON.0 - if to == 3 { 0 } else { 24 * 60 * MINUTE_MS });
            incident.closing = Some(Closing {
                at,
                by: Some(operator),
                carer: None,
                reason: Reason::Test,
                actions: vec![],
                outcome: Outcome::Safe,
                machine: false,
            });
        }
        incident
    }

    #[test]
    fn what_is_kept_up_to_date_is_what_would_be_counted_anew() {
        let mut board = Board::empty(City::default());
        let viewer = Viewer {
            operator: OperatorId::parse("bob").unwrap(),
            role: Role::Operator,
            responder: None,
            reach: Reach::City,
        };
        let calls: Vec<Incident> = (0..7).map(|_| call()).collect();
        let mut tally = Tally::anew(&board, &viewer, NOON);
        for step in 0..200_usize {
            // Every call goes through every state in an order of its own.
            let call = &calls[step * 5 % calls.len()];
            board.put(Entry {
                incident: moved(call.clone(), step * step % 5),
                story: std::collections::VecDeque::new(),
            });
            tally.update(&board, &viewer, NOON, &BTreeSet::from([call.id]));
            let anew = Tally::anew(&board, &viewer, NOON).counts();
            assert_eq!(tally.counts(), anew, "after step {step}");
        }
        assert_ne!(tally.counts(), Counts::default());
    }
}
