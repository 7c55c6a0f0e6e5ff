//! Folding what happened into an incident.
//!
//! For: the same state from the same events, on any machine, for events written by any older version of us.
//! May not know: rules and settings. It cannot fail: an event that fits nowhere changes what it can.

mod offering;

use self::offering::{declined, joined, lapsed, offered, owe, rung_as, transferred, unseen};
use super::{
    Asking, Closing, ContactResult, ContactTry, Incident, IncidentEvent, OfferCause, Owner, Phase,
    ResponderLeg, Support, SupportAnswer, TRY_LIMIT,
};
use crate::{
    Timestamp,
    happened::{Actor, Happened},
    policy::{ARRIVAL_GRACE, STEP_CHECK},
};

/// The incident after one more event. `None` only before it was opened.
pub fn evolve(
    incident: Option<Incident>,
    revision: u64,
    happened: &Happened<IncidentEvent>,
) -> Option<Incident> {
    let at = happened.at;
    let mut incident = match (incident, &happened.event) {
        (Some(incident), _) => incident,
        (None, IncidentEvent::IncidentOpened { .. }) => return opened(revision, happened),
        (None, _) => return None,
    };
    incident.revision = revision;
    incident.changed_at = incident.changed_at.max(at);
    apply(&mut incident, happened);
    Some(incident)
}

fn opened(revision: u64, happened: &Happened<IncidentEvent>) -> Option<Incident> {
    let IncidentEvent::IncidentOpened {
        incident,
        subject,
        resident,
        alarm,
        priority,
        district,
        place,
        previous,
        late_ms: _,
    } = &happened.event
    else {
        return None;
    };
    Some(Incident {
        id: *incident,
        subject: subject.clone(),
        resident: resident.clone(),
        priority: *priority,
        district: district.clone(),
        place: place.clone(),
        previous: *previous,
        opened_at: alarm.received_at,
        changed_at: happened.at,
        revision,
        alarms: vec![alarm.clone()],
        presses: 1,
        alarm_revision: revision,
        cancel_said: false,
        offer: None,
        first_offered_at: None,
        widened: false,
        phase: Phase::Waiting,
        owner: None,
        responders: Vec::new(),
        contacts: Vec::new(),
        services: Vec::new(),
        accepted_at: None,
        asked: None,
        lapses: 0,
        closing: None,
        review_open: false,
        owed: None,
        beside: None,
        desks: Vec::new(),
        support: None,
        spoke: false,
        visited: false,
        turned_back: false,
    })
}

fn apply(incident: &mut Incident, happened: &Happened<IncidentEvent>) {
    use IncidentEvent as E;
    let (at, by) = (happened.at, &happened.by);
    let when = happened.happened_at();
    match &happened.event {
        E::IncidentOpened { .. } => {}
        E::AlarmJoined {
            alarm,
            presses,
            priority,
        } => joined(incident, alarm, *presses, *priority, at),
        E::Offered { .. } => offered(incident, at, &happened.event),
        E::OfferShown { party, sounded, .. } => {
            for rung in rung_as(incident, party) {
                rung.shown = true;
                rung.sounded |= sounded;
            }
        }
        E::OfferUnseen { parties } => unseen(incident, parties, at),
        E::DutyPhoneRung { party, attempt, .. } => {
            for rung in rung_as(incident, party) {
                // One telephone, though it may be rung for the call and for support.
                rung.phone_attempts = rung.phone_attempts.max(*attempt);
                rung.phone_at = Some(at);
            }
        }
        E::OfferDeclined { party, .. } => declined(incident, party, at),
        E::Escalated { to, .. } => {
            if !incident.desks.contains(to) {
                incident.desks.push(to.clone());
            }
            // Only the dispatcher's telling answers an unanswered question; a person asking for support does not.
            if *by == Actor::Dispatcher
                && let Some(asked) = &mut incident.asked
            {
                asked.escalated = true;
                asked.answer_by = at;
            }
        }
        E::Accepted {
            operator,
            party,
            first_step_by,
        } => {
            let mut owner = Owner::new(operator.clone(), party.clone(), at);
            if let Actor::Responder(carer) = by {
                owner.carer = Some(carer.clone());
            }
            incident.owner = Some(owner);
            incident.accepted_at.get_or_insert(at);
            calm(incident);
            incident.phase = Phase::Accepted {
                first_step_by: *first_step_by,
            };
        }
        E::AcceptanceLapsed { .. } => lapsed(incident, at),
        E::TalkStarted { check_by } => {
            incident.spoke = true;
            incident.turned_back = false;
            working(incident, *check_by);
        }
        E::StillOnIt { check_by } => {
            if !matches!(incident.phase, Phase::Held { .. }) {
                working(incident, *check_by);
            }
        }
        E::ProgressOverdue { about, answer_by } => {
            incident.asked = Some(Asking {
                about: *about,
                answer_by: *answer_by,
                escalated: false,
            });
        }
        E::HandedOver { to, party, .. } => {
            let before = incident.owner.take();
            let mut owner = Owner::new(to.clone(), party.clone(), at);
            owner.first_step = before.is_some_and(|o| o.first_step);
            incident.owner = Some(owner);
            if !matches!(incident.phase, Phase::Accepted { .. }) {
                stepped(incident, at);
            }
        }
        E::Held { reason, until } => {
            if incident.owner.is_some() {
                stepped(incident, at);
                incident.phase = Phase::Held {
                    until: *until,
                    reason: reason.clone(),
                };
            }
        }
        E::HoldEnded { check_by } => {
            if matches!(incident.phase, Phase::Held { .. }) {
                incident.phase = incident.work_phase(*check_by);
            }
        }
        E::ContactTried { callee, result } => {
            incident.spoke |= *result == ContactResult::Reached;
            let tried = ContactTry {
                callee: *callee,
                result: *result,
                at: when,
            };
            keep_last(&mut incident.contacts, tried);
            stepped_by(incident, by, at);
        }
        E::ResponderSent {
            responder,
            from,
            eta,
            ..
        } => {
            incident.responders.retain(|l| &l.responder != responder);
            incident.responders.push(ResponderLeg {
                responder: responder.clone(),
                from: from.clone(),
                sent_at: when,
                // Whoever sends themselves goes.
                set_out_at: (*by == Actor::Responder(responder.clone())).then_some(when),
                eta: *eta,
                delayed: false,
                arrived_at: None,
                arrival_recorded_at: None,
            });
            incident.turned_back = false;
            working(incident, *eta + ARRIVAL_GRACE);
        }
        E::ResponderSetOut { responder, eta } => {
            for leg in leg_of(incident, responder) {
                leg.set_out_at.get_or_insert(when);
                leg.eta = *eta;
            }
            if !matches!(incident.phase, Phase::Held { .. }) {
                working(incident, *eta + ARRIVAL_GRACE);
            }
        }
        E::ResponderDelayed { responder, eta } => {
            for leg in leg_of(incident, responder) {
                leg.eta = *eta;
                leg.delayed = true;
            }
            if !matches!(incident.phase, Phase::Held { .. }) {
                working(incident, *eta + ARRIVAL_GRACE);
            }
        }
        E::ResponderArrived {
            responder,
            check_by,
        } => {
            for leg in leg_of(incident, responder) {
                leg.set_out_at.get_or_insert(when);
                leg.arrived_at = Some(when);
                leg.arrival_recorded_at = happened.said_at.map(|_| at);
            }
            incident.visited = true;
            working(incident, *check_by);
        }
        E::ResponderReturned { responder } => returned(incident, responder, at),
        E::EmergencyServiceCalled { service } => {
            keep_last(&mut incident.services, (*service, when));
            stepped_by(incident, by, at);
        }
        E::SupportAsked { to, answer_by } => {
            // Who rings for it already goes on ringing, whoever asks besides.
            let before = incident.support.take().filter(|s| s.answered.is_none());
            incident.support = Some(Support {
                asked_at: when,
                by: by.clone(),
                answer_by: *answer_by,
                first: Some(to.clone()),
                parties: before.map(|s| s.parties).unwrap_or_default(),
                answered: None,
            });
        }
        E::SupportAnswered { operator, party } => {
            if let Some(support) = &mut incident.support {
                support.answered = Some(SupportAnswer {
                    operator: operator.clone(),
                    party: party.clone(),
                    at,
                });
            }
        }
        E::NoteAdded { .. } | E::ProtocolAnswered { .. } | E::FollowUpDone { .. } => {}
        E::Transferred { to, .. } => transferred(incident, to, at),
        E::Resolved {
            reason,
            actions,
            outcome,
            machine,
            ..
        } => {
            let person = match by {
                Actor::Operator(operator) => Some(operator.clone()),
                _ => incident.owner.as_ref().map(|o| o.operator.clone()),
            };
            let carer = match by {
                Actor::Responder(carer) => Some(carer.clone()),
                _ => None,
            };
            incident.closing = Some(Closing {
                at,
                by: person.filter(|_| !machine),
                carer,
                reason: *reason,
                actions: actions.clone(),
                outcome: *outcome,
                machine: *machine,
            });
            incident.owner = None;
            incident.support = None;
            calm(incident);
            incident.phase = Phase::Resolved;
        }
        E::Reopened { .. } => {
            incident.closing = None;
            incident.owner = None;
            incident.offer = None;
            incident.responders.clear();
            incident.desks.clear();
            calm(incident);
            incident.phase = Phase::Waiting;
            incident.owed = owe(OfferCause::Reopened, at);
        }
        E::ReviewOpened { .. } => incident.review_open = true,
        E::ReviewClosed { .. } => incident.review_open = false,
    }
}

fn returned(incident: &mut Incident, responder: &crate::ResponderId, at: Timestamp) {
    let arrived = incident
        .leg(responder)
        .is_some_and(|l| l.arrived_at.is_some());
    incident.responders.retain(|l| &l.responder != responder);
    incident.turned_back = !arrived && incident.responders.is_empty();
    if matches!(
        incident.phase,
        Phase::Underway { .. } | Phase::OnSite { .. }
    ) {
        incident.phase = incident.work_phase(at + STEP_CHECK);
        answered(incident);
    }
}

/// The owner works on; the next question stands at `check_by`.
fn working(incident: &mut Incident, check_by: Timestamp) {
    let Some(owner) = &mut incident.owner else {
        return;
    };
    owner.first_step = true;
    calm(incident);
    incident.phase = incident.work_phase(check_by);
}

fn stepped_by(incident: &mut Incident, by: &Actor, at: Timestamp) {
    let owners = match by {
        Actor::Operator(operator) => incident.is_owned_by(operator),
        Actor::Responder(responder) => {
            let accepted = incident.owner.as_ref().and_then(|o| o.carer.as_ref());
            incident.leg(responder).is_some() || accepted == Some(responder)
        }
        _ => false,
    };
    if owners {
        stepped(incident, at);
    }
}

/// A step without a deadline of its own: the next question comes no sooner than [`STEP_CHECK`] from now.
fn stepped(incident: &mut Incident, at: Timestamp) {
    let soonest = at + STEP_CHECK;
    match &mut incident.phase {
        Phase::Accepted { .. } => return working(incident, soonest),
        Phase::Talking { check_by }
        | Phase::Underway { check_by, .. }
        | Phase::OnSite { check_by } => *check_by = soonest.max(*check_by),
        Phase::Waiting | Phase::Offered | Phase::Held { .. } | Phase::Resolved => {}
    }
    if let Some(owner) = &mut incident.owner {
        owner.first_step = true;
        calm(incident);
    }
}

/// The question is answered, and desks that ring because it was not need not.
fn answered(incident: &mut Incident) {
    incident.asked = None;
    let support = incident.support.take();
    incident.support = support.filter(|s| s.by != Actor::Dispatcher || s.answered.is_some());
}

/// Nothing is asked or owed any more.
fn calm(incident: &mut Incident) {
    answered(incident);
    incident.owed = None;
    incident.beside = None;
}

fn leg_of<'a>(
    incident: &'a mut Incident,
    responder: &'a crate::ResponderId,
) -> impl Iterator<Item = &'a mut ResponderLeg> {
    let legs = incident.responders.iter_mut();
    legs.filter(move |l| &l.responder == responder)
}

fn keep_last<T>(list: &mut Vec<T>, item: T) {
    list.push(item);
    if list.len() > TRY_LIMIT {
        list.remove(0);
    }
}
