//! Folding offers: who is rung, who has shown it, who said no, and how it comes back into the queue.
//!
//! For: the half of `evolve` before somebody has an incident.
//! May not know: rules and settings.

use super::calm;
use crate::{
    Timestamp,
    incident::{
        ALARM_LIMIT, AlarmRef, Incident, IncidentEvent, Offer, OfferCause, Owed, Phase, Rung,
    },
    party::{Means, Party},
    signal::{Priority, SignalClass},
};
use std::sync::Arc;

pub(super) fn joined(
    incident: &mut Incident,
    alarm: &AlarmRef,
    presses: u32,
    now: Priority,
    at: Timestamp,
) {
    let cancel = alarm.kind.class() == SignalClass::Cancel;
    incident.alarms.push(alarm.clone());
    if incident.alarms.len() > ALARM_LIMIT + 1 {
        // The one it is named by stays, however many come after it.
        let named_by = incident.worst().map(|worst| worst.alarm);
        let stays = named_by == Some(incident.alarms[1].alarm);
        incident.alarms.remove(if stays { 2 } else { 1 });
    }
    incident.priority = now;
    let pressed_again = presses > incident.presses;
    incident.presses = presses;
    if cancel {
        incident.cancel_said = true;
        return;
    }
    incident.alarm_revision = incident.revision;
    // Only the second press brings the next ring early: a stuck button must not ring the whole city at once.
    if pressed_again && presses == 2 && incident.phase == Phase::Offered && incident.owed.is_none()
    {
        incident.owed = owe(OfferCause::Repressed, at);
    }
}

pub(super) fn offered(incident: &mut Incident, at: Timestamp, event: &IncidentEvent) {
    let IncidentEvent::Offered {
        ring,
        round,
        cause,
        added,
        means,
        widens_at,
        candidates,
        ..
    } = event
    else {
        return;
    };
    if !incident.is_open() {
        return;
    }
    if *cause == OfferCause::Support {
        let joined = added.iter().map(|party| rung(party, means, at));
        if let Some(support) = &mut incident.support {
            support.parties.extend(joined);
            support.answer_by = *widens_at;
        }
        for party in added {
            if !incident.desks.contains(party) {
                incident.desks.push(party.clone());
            }
        }
        return;
    }
    let offer = incident.offer.get_or_insert_with(|| Offer {
        ring: *ring,
        round: *round,
        offered_at: at,
        widens_at: *widens_at,
        parties: Vec::new(),
        candidates: Arc::default(),
    });
    let beside = matches!(cause, OfferCause::OwnerUnreachable | OfferCause::Overdue);
    if incident.owner.is_some() && beside && incident.beside.is_none() {
        ring_again(offer, at);
    }
    incident.widened |= (offer.ring, offer.round) != (*ring, *round);
    (offer.ring, offer.round) = (*ring, *round);
    (offer.offered_at, offer.widens_at) = (at, *widens_at);
    for party in added {
        offer.parties.retain(|r| &r.party != party);
        offer.parties.push(rung(party, means, at));
    }
    if !candidates.is_empty() {
        offer.candidates = Arc::from(candidates.as_slice());
    }
    incident.first_offered_at.get_or_insert(at);
    incident.owed = None;
    if incident.owner.is_none() {
        incident.phase = Phase::Offered;
    } else if beside {
        incident.beside = Some(*cause);
    }
}

fn rung(party: &Party, means: &[Means], since: Timestamp) -> Rung {
    Rung {
        party: party.clone(),
        since,
        means: means.to_vec(),
        shown: false,
        sounded: false,
        unseen: false,
        phone_attempts: 0,
        phone_at: None,
        declined: false,
    }
}

pub(super) fn unseen(incident: &mut Incident, parties: &[Party], at: Timestamp) {
    for party in parties {
        for rung in rung_as(incident, party) {
            rung.unseen = true;
        }
    }
    if everybody(incident, |r| r.unseen || r.declined) {
        owe_while_offered(incident, OfferCause::Unseen, at);
    }
}

pub(super) fn declined(incident: &mut Incident, party: &Party, at: Timestamp) {
    for rung in rung_as(incident, party) {
        rung.declined = true;
    }
    if everybody(incident, |r| r.declined) {
        owe_while_offered(incident, OfferCause::Declined, at);
    }
}

fn everybody(incident: &Incident, so: impl Fn(&Rung) -> bool) -> bool {
    incident
        .offer
        .as_ref()
        .is_some_and(|o| o.parties.iter().all(so))
}

pub(super) fn owe_while_offered(incident: &mut Incident, cause: OfferCause, at: Timestamp) {
    if incident.phase == Phase::Offered && incident.owed.is_none() {
        incident.owed = owe(cause, at);
    }
}

pub(super) fn lapsed(incident: &mut Incident, at: Timestamp) {
    if !incident.is_open() {
        return;
    }
    incident.lapses = incident.lapses.saturating_add(1);
    incident.owner = None;
    calm(incident);
    incident.owed = owe(OfferCause::Lapsed, at);
    let Some(offer) = &mut incident.offer else {
        incident.phase = Phase::Waiting;
        return;
    };
    // The clock of the rings starts anew from here; it stood still while somebody had it.
    offer.widens_at = at;
    ring_again(offer, at);
    incident.phase = Phase::Offered;
}

fn ring_again(offer: &mut Offer, at: Timestamp) {
    for again in &mut offer.parties {
        *again = rung(&again.party, &again.means, at);
    }
}

pub(super) fn transferred(incident: &mut Incident, to: &Party, at: Timestamp) {
    if !incident.is_open() {
        return;
    }
    let gave = incident.owner.take().map(|owner| Rung {
        declined: true,
        ..rung(&owner.party, &[Means::Screen], at)
    });
    calm(incident);
    let before = incident.offer.take();
    let target = rung(to, &[Means::Screen], at);
    incident.offer = Some(Offer {
        ring: 0,
        round: 0,
        offered_at: at,
        widens_at: at,
        parties: gave.into_iter().chain([target]).collect(),
        candidates: before.map(|o| o.candidates).unwrap_or_default(),
    });
    incident.first_offered_at.get_or_insert(at);
    incident.phase = Phase::Offered;
    incident.owed = owe(OfferCause::Transferred, at);
}

pub(super) fn owe(cause: OfferCause, since: Timestamp) -> Option<Owed> {
    Some(Owed { cause, since })
}

pub(super) fn rung_as<'a>(
    incident: &'a mut Incident,
    party: &'a Party,
) -> impl Iterator<Item = &'a mut Rung> {
    let offered = incident.offer.iter_mut().flat_map(|o| &mut o.parties);
    let wanted = incident.support.iter_mut().flat_map(|s| &mut s.parties);
    let parties = offered.chain(wanted);
    parties.filter(move |r| &r.party == party)
}
