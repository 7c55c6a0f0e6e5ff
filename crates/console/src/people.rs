//! People on a card: the resident, and who could go.
//!
//! For: a record as it is shown, and responders in the order they could be there.
//! May not know: who may see it.

use crate::{
    names::{district_name, responder_name, site_name},
    options::{CAN_SEND, OWN_KEPT},
    records::Known,
};
use directory::{City, ResponderRow, english};
use domain::{
    DistrictId, IncidentId, ResponderId, SiteId, Timestamp,
    geography::Place,
    incident::Incident,
    operator::ResponderKind,
    party::Traveller,
    record::Hold,
    resident::{Address, Contact},
    routing::travel,
    site::SiteRecord,
};
use std::collections::{BTreeMap, BTreeSet};
use wire::card::{ContactView, EarlierView, HoldView, ResidentEnglish, ResidentView};

/// Earlier incidents on a card (the contract's figure).
const EARLIER: usize = 5;

/// Shortest way that is announced. Ours: nobody is out of the door sooner.
const SHORTEST_WAY_S: u32 = 30;

/// A way nobody can reckon. Ours: long enough to be true of most, short enough to be asked about.
pub(crate) const UNKNOWN_WAY_S: u32 = 20 * 60;

/// A year in milliseconds, leap years spread.
const YEAR_MS: i64 = 31_556_952_000;

pub(crate) fn resident_view(
    city: &City,
    here: Option<IncidentId>,
    known: &Known,
    now_ms: i64,
) -> ResidentView {
    let row = &known.row;
    let community = city.area.communities.get(&row.community);
    let worker = city.area.grid_worker(&row.community, row.grid);
    let worker = worker.filter(|worker| city.responders.contains_key(worker));
    let grid_worker = worker.map(|worker| responder_name(city, &worker));
    let here = here.map(|id| id.to_string());
    let earlier = known
        .earlier
        .iter()
        .filter(|e| here.as_ref() != Some(&e.id));
    let earlier: Vec<EarlierView> = earlier.take(EARLIER).cloned().collect();
    let home_station = row.home_station.as_ref().map(|s| site_name(city, s));
    let mut view = ResidentView {
        id: row.resident.to_string(),
        community: community.map_or_else(|| row.community.to_string(), |c| c.name.clone()),
        grid: row.grid,
        english: ResidentEnglish {
            community: community.map_or_else(String::new, |c| english::place(&c.name)),
            grid_worker: grid_worker.clone().map_or_else(String::new, |w| w.en),
            home_station: home_station.clone().map_or_else(String::new, |(_, en)| en),
            ..ResidentEnglish::default()
        },
        grid_worker: grid_worker.map(|w| w.zh),
        home_station: home_station.map(|(zh, _)| zh),
        erased: known.profile.is_none(),
        holds: holds(known, now_ms),
        earlier,
        name: String::new(),
        name_latin: String::new(),
        age: 0,
        sex: String::new(),
        phone: String::new(),
        compound: String::new(),
        building: String::new(),
        unit: String::new(),
        floor: String::new(),
        door: String::new(),
        access: String::new(),
        address_line: String::new(),
        hearing: String::new(),
        dialect: String::new(),
        conditions: Vec::new(),
        medicines: Vec::new(),
        hospital: String::new(),
        household: Vec::new(),
        contacts: Vec::new(),
        notes: String::new(),
    };
    if let Some(profile) = &known.profile {
        view.address_line = address_line(&district_name(city, &row.district).0, &profile.address);
        view.name.clone_from(&profile.name);
        view.name_latin.clone_from(&profile.name_latin);
        view.age = age(profile.born, now_ms);
        view.sex.clone_from(&profile.sex);
        view.phone.clone_from(&profile.phone);
        view.compound.clone_from(&profile.address.compound);
        view.building.clone_from(&profile.address.building);
        view.unit.clone_from(&profile.address.unit);
        view.floor.clone_from(&profile.address.floor);
        view.door.clone_from(&profile.address.door);
        view.access.clone_from(&profile.address.access);
        view.hearing.clone_from(&profile.hearing);
        view.dialect.clone_from(&profile.dialect);
        view.conditions.clone_from(&profile.conditions);
        view.medicines.clone_from(&profile.medicines);
        view.hospital.clone_from(&profile.hospital);
        view.household.clone_from(&profile.household);
        view.notes.clone_from(&profile.notes);
        let contacts = profile.contacts.iter().enumerate();
        view.contacts = contacts.map(|(at, c)| contact_view(at, c)).collect();
        let english = known.english.get_or_init(|| InEnglish::of(&view));
        english.put_into(&mut view);
    }
    view
}

fn holds(known: &Known, now_ms: i64) -> Vec<HoldView> {
    let holds = known.holds.iter();
    let standing = holds.filter(|(_, hold)| hold.until.0 > now_ms);
    let view = |(case, hold): &(String, Hold)| HoldView {
        case: case.clone(),
        why: hold.why.clone(),
        until: hold.until.0,
    };
    standing.map(view).collect()
}

/// The English of what was written down of somebody in Chinese; kept with the open record, for every card shows it.
#[derive(Debug, Clone)]
pub(crate) struct InEnglish {
    record: ResidentEnglish,
    /// Name and relation of each contact.
    contacts: Vec<(String, String)>,
}

impl InEnglish {
    fn of(view: &ResidentView) -> Self {
        let said = |text: &String| english::said(text);
        let door = [&view.building, &view.unit, &view.floor, &view.door];
        let door = door.map(String::as_str).concat();
        let contacts = view.contacts.iter();
        Self {
            record: ResidentEnglish {
                address_line: english::place(&view.address_line),
                door: english::place(&door),
                access: said(&view.access),
                dialect: said(&view.dialect),
                conditions: view.conditions.iter().map(said).collect(),
                medicines: view.medicines.iter().map(said).collect(),
                hospital: hospital(&view.hospital),
                household: view.household.iter().map(said).collect(),
                notes: said(&view.notes),
                ..ResidentEnglish::default()
            },
            contacts: contacts
                .map(|c| (english::person(&c.name), said(&c.relation)))
                .collect(),
        }
    }

    fn put_into(&self, view: &mut ResidentView) {
        let place = std::mem::take(&mut view.english);
        view.english = ResidentEnglish {
            community: place.community,
            grid_worker: place.grid_worker,
            home_station: place.home_station,
            ..self.record.clone()
        };
        for (contact, (name, relation)) in view.contacts.iter_mut().zip(&self.contacts) {
            contact.name_en.clone_from(name);
            contact.relation_en.clone_from(relation);
        }
    }
}

/// A hospital we know, else its name spelled.
fn hospital(name: &str) -> String {
    let known = english::said(name);
    if known.is_empty() {
        english::place(name)
    } else {
        known
    }
}

fn contact_view(at: usize, contact: &Contact) -> ContactView {
    ContactView {
        order: u8::try_from(at + 1).unwrap_or(u8::MAX),
        name: contact.name.clone(),
        name_en: String::new(),
        relation: contact.relation.clone(),
        relation_en: String::new(),
        phone: contact.phone.clone(),
        has_key: contact.has_key,
        minutes_away: contact.minutes_away,
    }
}

/// The whole address in one line, to be read aloud.
fn address_line(district: &str, address: &Address) -> String {
    [
        district,
        &address.compound,
        &address.building,
        &address.unit,
        &address.floor,
        &address.door,
    ]
    .concat()
}

fn age(born: u16, now_ms: i64) -> u16 {
    let year = 1970 + now_ms.div_euclid(YEAR_MS);
    u16::try_from(year - i64::from(born)).unwrap_or(0)
}

/// Who there is to send, arranged by where they start, so that a call asks only those who may be near. A grid worker knows
/// one grid and is found by it.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// By site, each with their own district.
    at_sites: BTreeMap<SiteId, Vec<(ResponderId, DistrictId)>>,
    /// Sites from which people of a district start.
    sites_of: BTreeMap<DistrictId, BTreeSet<SiteId>>,
    /// Those who belong to no site.
    by_themselves: BTreeMap<DistrictId, Vec<ResponderId>>,
}

impl Roster {
    pub(crate) fn of(responders: &BTreeMap<ResponderId, ResponderRow>) -> Self {
        let mut roster = Self::default();
        let people = responders.iter();
        for (id, row) in people.filter(|(_, row)| row.kind != ResponderKind::GridWorker) {
            let district = row.district.clone();
            if let Some(site) = &row.site {
                let there = roster.at_sites.entry(site.clone()).or_default();
                there.push((id.clone(), district.clone()));
                let sites = roster.sites_of.entry(district).or_default();
                sites.insert(site.clone());
            } else {
                let others = roster.by_themselves.entry(district).or_default();
                others.push(id.clone());
            }
        }
        roster
    }
}

/// Who could go, soonest first, those whose way is unknown last; ties by id. Nobody starts from a site that is closed
/// at this hour.
pub(crate) fn who_could_go(
    city: &City,
    roster: &Roster,
    now: Timestamp,
    incident: &Incident,
    known: Option<&Known>,
    place: Option<(i32, i32)>,
) -> Vec<(ResponderId, Option<u32>)> {
    let district = incident.district.as_ref();
    let weighed = incident.offer.iter().flat_map(|o| o.candidates.iter());
    let weighed: BTreeSet<&SiteId> = weighed.map(|c| &c.site).collect();
    let near = district.and_then(|d| roster.sites_of.get(d));
    let sites: BTreeSet<&SiteId> = near.into_iter().flatten().chain(weighed.clone()).collect();
    let sends = |site: &&SiteId| {
        let record = city.site(site);
        record.is_some_and(|r| r.can_send && r.hours.open_at(now))
    };
    let mut all = Vec::new();
    for site in sites.into_iter().filter(sends) {
        let there = roster.at_sites.get(site).into_iter().flatten();
        let mut there = there
            .filter(|(_, theirs)| district == Some(theirs) || weighed.contains(site))
            .peekable();
        // Colleagues start from the same house.
        let seconds = there
            .peek()
            .and_then(|(id, _)| way_of(city, id, known, place));
        all.extend(there.map(|(id, _)| (id.clone(), seconds)));
    }
    let own_grid = |k: &Known| city.area.grid_worker(&k.row.community, k.row.grid);
    let grid_worker = known.and_then(own_grid);
    let grid_worker = grid_worker.filter(|id| {
        let row = city.responders.get(id);
        row.is_some_and(|row| row.kind == ResponderKind::GridWorker)
    });
    let others = district.and_then(|d| roster.by_themselves.get(d));
    let others = others.into_iter().flatten().chain(&grid_worker);
    all.extend(others.map(|id| (id.clone(), way_of(city, id, known, place))));
    all.sort_by(|a, b| {
        let seconds = |one: &(ResponderId, Option<u32>)| one.1.unwrap_or(u32::MAX);
        seconds(a).cmp(&seconds(b)).then_with(|| a.0.cmp(&b.0))
    });
    all
}

/// The first [`CAN_SEND`] of a list, of which [`OWN_KEPT`] places stay for the owner's own people, who know the resident
/// and whom the owner can speak to across the room. The order stays.
pub(crate) fn shortlist<T>(all: Vec<T>, is_own: impl Fn(&T) -> bool) -> Vec<T> {
    let own = all.iter().filter(|one| is_own(one)).take(OWN_KEPT).count();
    let (mut own_left, mut others_left) = (own, CAN_SEND - own);
    let mut kept = Vec::with_capacity(CAN_SEND);
    for one in all {
        let left = if is_own(&one) && own_left > 0 {
            &mut own_left
        } else {
            &mut others_left
        };
        if *left > 0 {
            *left -= 1;
            kept.push(one);
        }
    }
    kept
}

/// How long one responder would take, in seconds; `None` when it cannot be reckoned.
pub(crate) fn way_of(
    city: &City,
    responder: &ResponderId,
    known: Option<&Known>,
    place: Option<(i32, i32)>,
) -> Option<u32> {
    let (lon_e6, lat_e6) = place?;
    let to = Place { lon_e6, lat_e6 };
    let row = city.responders.get(responder)?;
    let from_site = row.site.as_ref().and_then(|s| city.sites.get(s));
    let (from, traveller) = match from_site {
        Some(site) => {
            let from = Place {
                lon_e6: site.record.lon_e6,
                lat_e6: site.record.lat_e6,
            };
            (from, site.record.traveller)
        }
        // A grid worker is somewhere in the community.
        None => {
            let row = &known?.row;
            let own = city.area.grid_worker(&row.community, row.grid)? == *responder;
            let centre = city.area.centre(&row.community)?;
            (own.then_some(centre)?, Traveller::Foot)
        }
    };
    travel(city.ground(), from, to, traveller).map(|way| way.seconds)
}

/// How long it is from a site to a place, in seconds.
pub(crate) fn way_from(city: &City, site: &SiteRecord, place: Option<(i32, i32)>) -> Option<u32> {
    let (lon_e6, lat_e6) = place?;
    let from = Place {
        lon_e6: site.lon_e6,
        lat_e6: site.lat_e6,
    };
    let to = Place { lon_e6, lat_e6 };
    travel(city.ground(), from, to, site.traveller).map(|way| way.seconds)
}

/// A way as it is announced.
pub(crate) fn announced(seconds: u32) -> u32 {
    seconds.max(SHORTEST_WAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_own_people_are_never_crowded_out_of_the_list() {
        let many: Vec<u32> = (0..30).collect();
        assert_eq!(shortlist(many.clone(), |_| false), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(
            shortlist(many.clone(), |n| *n >= 27),
            [0, 1, 2, 3, 4, 27, 28, 29]
        );
        assert_eq!(
            shortlist(many.clone(), |n| *n == 20),
            [0, 1, 2, 3, 4, 5, 6, 20]
        );
        assert_eq!(shortlist(many, |_| true), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(shortlist(vec![1, 2], |n| *n == 2), [1, 2]);
    }

    #[test]
    fn an_address_is_read_aloud_from_the_district_to_the_door() {
        let address = Address {
            compound: "安康小区".to_owned(),
            building: "3号楼".to_owned(),
            unit: "2单元".to_owned(),
            floor: "5层".to_owned(),
            door: "502室".to_owned(),
            access: String::new(),
        };
        assert_eq!(
            address_line("道里区", &address),
            "道里区安康小区3号楼2单元5层502室"
        );
    }

    #[test]
    fn nobody_is_announced_at_once() {
        assert_eq!(announced(600), 600);
        assert_eq!(announced(3), SHORTEST_WAY_S);
    }

    #[test]
    fn an_age_is_reckoned_from_the_year() {
        assert_eq!(age(1941, 1_795_000_000_000), 85);
        assert_eq!(age(3000, 0), 0);
    }
}
