//! Deadlines: what must happen next to an incident, when, and who owes it.
//!
//! For: promise 3 (every open incident always has a next deadline) and the dispatcher's timers.
//! May not know: clocks; `now` is passed in. The dispatcher turns what is due into commands.

use super::{Deadline, DeadlineKind, DutyPhoneCause, Incident, Offer, OfferCause, Phase, Rung};
use crate::{
    IncidentId, Timestamp,
    party::{Means, Party},
    policy::RingPolicy,
    signal::Priority,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something the dispatcher must do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Nobody has been rung yet: offer [`first_ring`], cause [`first_cause`].
    FirstOffer,
    /// Another ring joins. After an outage one step goes straight to the ring due now.
    Widen {
        /// The ring to offer.
        ring: u8,
        /// How often the last ring has repeated.
        round: u32,
        /// Why.
        cause: OfferCause,
        /// Lateness against the oldest deadline missed, when more than [`LATE_AFTER_MS`].
        late_ms: Option<u64>,
    },
    /// No console of these has shown and sounded it in time.
    Unseen(Vec<Party>),
    /// A duty phone must ring.
    DutyPhone {
        /// Whose.
        party: Party,
        /// Why.
        cause: DutyPhoneCause,
        /// Which try, from 1.
        attempt: u32,
    },
    /// This desk is rung for support, beside the owner.
    Support(Party),
    /// The owner took no first step.
    Lapse,
    /// The owner is to be asked.
    AskOverdue(DeadlineKind),
    /// The owner did not answer: tell [`Incident::next_desk`].
    EscalateOverdue(DeadlineKind),
    /// A hold is over.
    EndHold,
}

/// Timers are right to ±250 ms (the design's promise); later than this is marked late in the log.
pub const LATE_AFTER_MS: u64 = 250;

/// Everything due at `now`, in the order to act: what frees the incident, then who is rung, then what is asked.
/// Empty for a closed incident. Ask again after acting: one act may make another due.
pub fn due(incident: &Incident, policy: &RingPolicy, now: Timestamp) -> Vec<Due> {
    let mut all = Vec::new();
    if !incident.is_open() {
        return all;
    }
    match owner_deadline(incident) {
        Some((DeadlineKind::Wake, at)) if at <= now => all.push(Due::EndHold),
        Some((DeadlineKind::FirstStep, at)) if at <= now => all.push(Due::Lapse),
        _ => {}
    }
    if incident.phase == Phase::Waiting {
        all.push(Due::FirstOffer);
    }
    if let Some(offer) = incident.ringing()
        && let Some(step) = step_due(incident, offer, policy, now)
    {
        all.push(Due::Widen {
            ring: step.ring,
            round: step.round,
            cause: step.cause,
            late_ms: late_ms(step.missed, now),
        });
    }
    if let Some((at, party)) = support_at(incident)
        && at <= now
    {
        all.push(Due::Support(party));
    }
    let unseen: Vec<Party> = incident
        .rung_now()
        .filter(|r| show_by(r, policy).is_some_and(|at| at <= now))
        .map(|r| r.party.clone())
        .collect();
    if !unseen.is_empty() {
        all.push(Due::Unseen(unseen));
    }
    for rung in incident.rung_now() {
        // Who is rung for the call and for support has one telephone.
        let rings = |due: &Due| matches!(due, Due::DutyPhone { party, .. } if *party == rung.party);
        if let Some((at, cause)) = phone_at(incident, rung, policy)
            && at <= now
            && !all.iter().any(rings)
        {
            let tried = incident.phone_attempts(&rung.party).unwrap_or(0);
            all.push(Due::DutyPhone {
                party: rung.party.clone(),
                cause,
                attempt: tried.saturating_add(1),
            });
        }
    }
    match (&incident.asked, owner_deadline(incident)) {
        (Some(asked), _) if answer_at(incident, policy).is_some_and(|at| at <= now) => {
            all.push(Due::EscalateOverdue(asked.about));
        }
        (None, Some((kind, at))) if at <= now && is_asked_about(kind) => {
            all.push(Due::AskOverdue(kind));
        }
        _ => {}
    }
    all
}

/// The next moment something must happen; `None` only when closed.
pub fn next_deadline(incident: &Incident, policy: &RingPolicy) -> Option<Deadline> {
    if !incident.is_open() {
        return None;
    }
    let ours = |kind, at| Deadline {
        kind,
        at,
        owner: None,
    };
    let mut all = Vec::new();
    if incident.phase == Phase::Waiting {
        let since = incident.owed.map_or(incident.opened_at, |o| o.since);
        all.push(ours(DeadlineKind::Offer, since));
    }
    if let Some(offer) = incident.ringing() {
        let widen = widen_deadline(incident, offer, policy);
        all.push(ours(DeadlineKind::Widen, widen));
    }
    all.extend(support_at(incident).map(|(at, _)| ours(DeadlineKind::Support, at)));
    for rung in incident.rung_now() {
        all.extend(show_by(rung, policy).map(|at| ours(DeadlineKind::Show, at)));
        let phone = phone_at(incident, rung, policy);
        all.extend(phone.map(|(at, _)| ours(DeadlineKind::DutyPhone, at)));
    }
    let owes = answer_at(incident, policy)
        .map(|at| (DeadlineKind::Answer, at))
        .or_else(|| owner_deadline(incident));
    if let Some((kind, at)) = owes {
        all.push(Deadline {
            kind,
            at,
            owner: incident.owner.as_ref().map(|o| o.operator.clone()),
        });
    }
    all.into_iter().min_by_key(|d| (d.at, d.kind))
}

/// What the owner owes by the phase alone, questions aside.
pub fn owner_deadline(incident: &Incident) -> Option<(DeadlineKind, Timestamp)> {
    match &incident.phase {
        Phase::Waiting | Phase::Offered | Phase::Resolved => None,
        Phase::Accepted { first_step_by } => Some((DeadlineKind::FirstStep, *first_step_by)),
        Phase::Talking { check_by } => Some((DeadlineKind::Talk, *check_by)),
        Phase::Underway { check_by, .. } => Some((DeadlineKind::Arrival, *check_by)),
        Phase::OnSite { check_by } => Some((DeadlineKind::OnSite, *check_by)),
        Phase::Held { until, .. } => Some((DeadlineKind::Wake, *until)),
    }
}

/// The ring to begin with: one further for kinds that do not wait, and when it was pressed again already.
pub fn first_ring(incident: &Incident, policy: &RingPolicy) -> u8 {
    let urgent = incident
        .alarm_kinds()
        .any(|kind| policy.skip_kinds.contains(&kind));
    let again = policy.skip_on_repress && incident.presses > 1;
    u8::from(urgent || again).min(policy.last_ring())
}

/// Why the first offer is made.
pub fn first_cause(incident: &Incident) -> OfferCause {
    incident.owed.map_or(OfferCause::Ring, |o| o.cause)
}

/// When the ring after `ring` joins, if `ring` is offered at `now`. Keeps to the grid of the rings before, so that
/// small delays do not add up.
pub fn widens_at(incident: &Incident, policy: &RingPolicy, ring: u8, now: Timestamp) -> Timestamp {
    let gap = policy.gap_after(ring, incident.priority);
    let on_grid = incident
        .ringing()
        .and_then(|offer| step_due(incident, offer, policy, now))
        .filter(|step| step.ring == ring)
        .map(|step| step.planned + gap);
    on_grid.filter(|at| *at > now).unwrap_or(now + gap)
}

/// `now` against a deadline, in milliseconds, when late enough to be marked.
pub fn late_ms(deadline: Timestamp, now: Timestamp) -> Option<u64> {
    let late = u64::try_from(now.since(deadline).as_millis()).unwrap_or(u64::MAX);
    (late > LATE_AFTER_MS).then_some(late)
}

/// In which order overdue incidents are acted on: priority, deadline, id.
pub fn urgency(incident: &Incident, policy: &RingPolicy) -> (Priority, Timestamp, IncidentId) {
    let at = next_deadline(incident, policy).map_or(Timestamp(i64::MAX), |d| d.at);
    (incident.priority, at, incident.id)
}

/// Sorts overdue incidents into the order to act.
pub fn sort_by_urgency(incidents: &mut [&Incident], policy: &RingPolicy) {
    incidents.sort_by_cached_key(|incident| urgency(incident, policy));
}

/// A step of the offer.
struct Step {
    ring: u8,
    round: u32,
    cause: OfferCause,
    /// The oldest deadline it answers.
    missed: Timestamp,
    /// When this ring should have been offered.
    planned: Timestamp,
}

fn step_due(
    incident: &Incident,
    offer: &Offer,
    policy: &RingPolicy,
    now: Timestamp,
) -> Option<Step> {
    let timed = (offer.widens_at <= now).then(|| timed_step(incident, offer, policy, now));
    let owed = owed_step(incident, offer, policy);
    match (owed, timed) {
        (Some(owed), _) if owed.cause == OfferCause::Transferred => Some(owed),
        (Some(owed), Some(timed)) if (timed.ring, timed.round) > (owed.ring, owed.round) => {
            Some(timed)
        }
        (Some(owed), _) => Some(owed),
        (None, timed) => timed,
    }
}

/// What is owed at once. On the last ring only a lapse repeats it; everybody is rung, so the rest waits its time.
fn owed_step(incident: &Incident, offer: &Offer, policy: &RingPolicy) -> Option<Step> {
    let owed = incident.owed?;
    let last = policy.last_ring();
    let (ring, round) = match owed.cause {
        OfferCause::Transferred => (0, 0),
        _ if offer.ring < last => (offer.ring + 1, 0),
        OfferCause::Lapsed => (last, offer.round.saturating_add(1)),
        _ => return None,
    };
    if owed.cause == OfferCause::Repressed && !policy.skip_on_repress {
        return None;
    }
    Some(Step {
        ring,
        round,
        cause: owed.cause,
        missed: owed.since,
        planned: owed.since,
    })
}

/// The ring the clock has come to, however long nobody looked.
fn timed_step(incident: &Incident, offer: &Offer, policy: &RingPolicy, now: Timestamp) -> Step {
    let last = policy.last_ring();
    let mut step = Step {
        ring: offer.ring,
        round: offer.round,
        cause: incident.beside.unwrap_or(OfferCause::Ring),
        missed: offer.widens_at,
        planned: offer.widens_at,
    };
    if step.ring >= last {
        step.round = step.round.saturating_add(1);
    } else {
        step.ring += 1;
        loop {
            let next = step.planned + policy.gap_after(step.ring, incident.priority);
            if step.ring >= last || next > now {
                break;
            }
            step.ring += 1;
            step.planned = next;
        }
    }
    if step.ring >= last {
        step.ring = last;
        let gap = policy.gap_after(last, incident.priority).as_millis().max(1);
        let missed = now.since(step.planned).as_millis() / gap;
        step.round = step
            .round
            .saturating_add(u32::try_from(missed).unwrap_or(u32::MAX));
        let span = u64::try_from(missed * gap).unwrap_or(0);
        step.planned = step.planned + Duration::from_millis(span);
    }
    step
}

fn widen_deadline(incident: &Incident, offer: &Offer, policy: &RingPolicy) -> Timestamp {
    let owed = owed_step(incident, offer, policy).map(|step| step.missed);
    owed.map_or(offer.widens_at, |at| at.min(offer.widens_at))
}

/// When a desk is rung for support, and which; `None` when nobody asked, somebody answers, or all are rung.
fn support_at(incident: &Incident) -> Option<(Timestamp, Party)> {
    let wanted = incident.support_wanted()?;
    let party = incident.next_support()?;
    let nobody_yet = wanted.parties.is_empty();
    let at = if nobody_yet {
        wanted.asked_at
    } else {
        wanted.answer_by
    };
    Some((at, party))
}

/// Until when a console must have shown it; `None` when one has, or nobody waits for it.
fn show_by(rung: &Rung, policy: &RingPolicy) -> Option<Timestamp> {
    let waits = rung.means.contains(&Means::Screen)
        && !(rung.sounded || rung.unseen || rung.declined)
        && rung.party != Party::Keyholder;
    waits.then(|| rung.since + Duration::from_millis(policy.show_within_ms.into()))
}

/// When this party's telephone must ring next, and why.
fn phone_at(
    incident: &Incident,
    rung: &Rung,
    policy: &RingPolicy,
) -> Option<(Timestamp, DutyPhoneCause)> {
    let desk = matches!(
        rung.party,
        Party::CityDesk | Party::DistrictDesk(_) | Party::Supervisor
    );
    if rung.declined || (!desk && rung.phone_attempts >= policy.duty_phone_limit) {
        return None;
    }
    let cause = if rung.party == Party::Keyholder {
        DutyPhoneCause::Ring
    } else if rung.means.contains(&Means::DutyPhone) {
        DutyPhoneCause::NoScreen
    } else if rung.unseen {
        DutyPhoneCause::Unseen
    } else {
        DutyPhoneCause::Unanswered
    };
    let spoken = |s| policy.paced(s, incident.priority);
    let at = match (rung.phone_at, cause) {
        (Some(last), _) => last + spoken(policy.duty_phone_again_s),
        (None, DutyPhoneCause::Unanswered) => rung.since + spoken(policy.duty_phone_s),
        (None, _) => rung.since,
    };
    Some((at, cause))
}

/// When the unanswered question goes to the next desk.
fn answer_at(incident: &Incident, policy: &RingPolicy) -> Option<Timestamp> {
    let asked = incident.asked.as_ref()?;
    let again = Duration::from_secs(policy.work.answer_again_s.into());
    Some(if asked.escalated {
        asked.answer_by + again
    } else {
        asked.answer_by
    })
}

fn is_asked_about(kind: DeadlineKind) -> bool {
    matches!(
        kind,
        DeadlineKind::Talk | DeadlineKind::Arrival | DeadlineKind::OnSite
    )
}
