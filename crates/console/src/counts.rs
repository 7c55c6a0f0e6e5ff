//! The numbers of the status bar, and the list of sites.
//!
//! For: counting what one person may see.
//! May not know: how the numbers are sent.

use crate::{board::Board, names::site_kind, viewer::Viewer};
use domain::{
    SiteId, Timestamp,
    incident::{Incident, Phase},
    party::Party,
    site::SiteKind,
    time::minute_of_day,
};
use std::collections::{BTreeMap, BTreeSet};
use wire::console::{Counts, SiteView};

const MINUTE_MS: i64 = 60_000;

pub(crate) fn counts(board: &Board, viewer: &Viewer, now: Timestamp) -> Counts {
    let city = &board.city;
    let mut counts = Counts::default();
    let midnight = now.0 - i64::from(minute_of_day(now)) * MINUTE_MS - now.0.rem_euclid(MINUTE_MS);
    for entry in board.incidents.values() {
        let incident = &entry.incident;
        if !viewer.may_open(incident, city) {
            continue;
        }
        match (&incident.phase, &incident.owner) {
            (Phase::Resolved, _) => {
                let at = incident.closing.as_ref().map(|c| c.at.0);
                counts.closed_today += u32::from(at.is_some_and(|at| at >= midnight));
            }
            (Phase::Held { .. }, _) => counts.held += 1,
            (_, Some(_)) => counts.in_hand += 1,
            (_, None) => counts.waiting += 1,
        }
    }
    let mut operators = BTreeSet::new();
    for (id, site) in city.sites.iter() {
        let record = &site.record;
        if site.closed || !viewer.covers(&record.district, Some(id)) {
            continue;
        }
        let serves = matches!(record.kind, SiteKind::Station | SiteKind::Facility);
        counts.sites_open += u32::from(serves && record.hours.open_at(now));
        if let Some(duty) = city.duty.get(id) {
            counts.sites_with_sound += u32::from(duty.consoles.values().any(|c| c.sound));
            operators.extend(duty.operators.iter());
        }
    }
    counts.operators_on_duty = u32::try_from(operators.len()).unwrap_or(u32::MAX);
    counts
}

/// Every site that is not closed for good, by id. Sites are public places: everybody sees all.
pub(crate) fn sites(board: &Board, now: Timestamp) -> Vec<SiteView> {
    let city = &board.city;
    let mut load: BTreeMap<&SiteId, u32> = BTreeMap::new();
    for entry in board.incidents.values() {
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
