//! Rules while an incident looks for somebody.
//!
//! For: offers, what consoles confirm, duty phones, declining, accepting and lapsing.
//! May not know: which parties a ring holds; `policy::plan_ring` says that to the dispatcher.

use super::{Case, Decided, fits};
use crate::{
    ConsoleId, OperatorId,
    happened::Actor,
    incident::{
        ANSWERED_LATE, CANDIDATE_LIMIT, DutyPhoneCause, IncidentCommand, IncidentEvent, OfferCause,
        Owner, Phase, RANG_TO_THE_LAST, Refusal, Rung,
    },
    party::Party,
};
use std::time::Duration;

/// An offer must lie at least this far before the next, or a wrong table would fill the log.
const SHORTEST_RING: Duration = Duration::from_secs(1);

impl Case<'_> {
    /// A second dispatcher that fires the same timer finds nothing to do.
    pub(super) fn offer(&self) -> Decided {
        let IncidentCommand::Offer {
            ring,
            round,
            cause,
            added,
            means,
            widens_at,
            as_of,
            policy,
            travel,
            candidates,
            late_ms,
        } = &self.asked.command
        else {
            return Ok(vec![]);
        };
        let incident = self.incident;
        if *cause == OfferCause::Support && !self.wants_support(added) {
            return Ok(vec![]);
        }
        let support = *cause == OfferCause::Support;
        let beside = matches!(cause, OfferCause::OwnerUnreachable | OfferCause::Overdue);
        if !incident.is_open() || (incident.owner.is_some() && !beside && !support) {
            return Ok(vec![]);
        }
        if incident.owner.is_none() && beside {
            return Ok(vec![]);
        }
        if let Some(offer) = incident.offer.as_ref().filter(|_| !support) {
            let further = (*ring, *round) > (offer.ring, offer.round);
            let more = added.iter().any(|p| offer.rung(p).is_none());
            let first_beside = beside && incident.beside.is_none();
            if !further && !more && !first_beside && incident.owed.is_none() {
                return Ok(vec![]);
            }
        }
        let mut candidates = candidates.clone();
        candidates.truncate(CANDIDATE_LIMIT);
        let offered = IncidentEvent::Offered {
            ring: *ring,
            round: *round,
            cause: *cause,
            added: added.clone(),
            means: means.clone(),
            widens_at: (*widens_at).max(self.asked.at + SHORTEST_RING),
            as_of: *as_of,
            policy: *policy,
            travel: *travel,
            candidates,
            late_ms: *late_ms,
        };
        let top = self.policy.rings.get(usize::from(*ring));
        let review = top
            .filter(|r| !support && r.review && incident.is_pressing())
            .and_then(|_| self.review(RANG_TO_THE_LAST));
        Ok([offered].into_iter().chain(review).collect())
    }

    /// Whether any of these is not rung yet for support that was asked for.
    fn wants_support(&self, added: &[Party]) -> bool {
        self.incident.support_wanted().is_some_and(|support| {
            let rung = |party: &Party| support.parties.iter().any(|r| &r.party == party);
            added.iter().any(|party| !rung(party))
        })
    }

    pub(super) fn show(
        &self,
        party: &Party,
        operator: &OperatorId,
        console: &ConsoleId,
        sounded: bool,
    ) -> Decided {
        self.is_self(operator)?;
        if self.incident.rung_now().next().is_none() {
            return Ok(vec![]);
        }
        let mut rung = self.incident.rung_now().filter(|r| &r.party == party);
        let first = rung.next().ok_or(Refusal::NotOffered)?;
        let known = |r: &Rung| r.shown && (r.sounded || !sounded);
        if known(first) && rung.all(known) {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::OfferShown {
            party: party.clone(),
            operator: operator.clone(),
            console: console.clone(),
            sounded,
        }])
    }

    pub(super) fn mark_unseen(&self, parties: &[Party]) -> Decided {
        let still = |p: &&Party| {
            let mut rung = self.incident.rung_now().filter(|r| r.party == **p);
            rung.any(|r| !r.sounded && !r.unseen)
        };
        let parties: Vec<Party> = parties.iter().filter(still).cloned().collect();
        if parties.is_empty() {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::OfferUnseen { parties }])
    }

    pub(super) fn ring_duty_phone(
        &self,
        party: &Party,
        attempt: u32,
        cause: DutyPhoneCause,
    ) -> Decided {
        let tried = self.incident.phone_attempts(party);
        if tried.is_none_or(|tried| attempt <= tried) {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::DutyPhoneRung {
            party: party.clone(),
            attempt,
            cause,
        }])
    }

    pub(super) fn decline(&self, party: &Party, operator: &OperatorId, reason: &str) -> Decided {
        self.is_open()?;
        self.is_self(operator)?;
        let reason = fits(reason)?;
        let Some(offer) = self.incident.ringing() else {
            return match &self.incident.owner {
                Some(owner) => Err(accepted_by(owner)),
                None => Err(Refusal::NotOffered),
            };
        };
        let rung = offer.rung(party).ok_or(Refusal::NotOffered)?;
        // The city desk is the last resort: what it declines, nobody has.
        if *party == Party::CityDesk {
            return Err(Refusal::NotAllowed);
        }
        if rung.declined {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::OfferDeclined {
            party: party.clone(),
            operator: operator.clone(),
            reason,
        }])
    }

    /// First to accept has it. Everyone ever offered may, also after the offer widened or they declined; desks
    /// and supervisor always.
    pub(super) fn accept(&self, operator: &OperatorId, party: &Party) -> Decided {
        self.is_open()?;
        self.is_self(operator)?;
        if self.incident.is_owned_by(operator) {
            return Ok(vec![]);
        }
        let taken_from = match &self.incident.owner {
            Some(owner) if !self.may_take_over(party) => return Err(accepted_by(owner)),
            owner => owner.as_ref(),
        };
        if !self.may_accept(party) {
            return Err(Refusal::NotOffered);
        }
        let lapsed = taken_from.map(|owner| IncidentEvent::AcceptanceLapsed {
            operator: owner.operator.clone(),
        });
        let accepted = IncidentEvent::Accepted {
            operator: operator.clone(),
            party: party.clone(),
            first_step_by: self.asked.at + self.span(self.policy.work.first_step_s),
        };
        let waited = self.asked.at.since(self.incident.opened_at);
        let late = self.incident.accepted_at.is_none()
            && waited > self.span(self.policy.work.late_answer_s);
        let review = late.then(|| self.review(ANSWERED_LATE)).flatten();
        Ok(lapsed.into_iter().chain([accepted]).chain(review).collect())
    }

    fn may_accept(&self, party: &Party) -> bool {
        match party {
            Party::CityDesk | Party::DistrictDesk(_) | Party::Supervisor => true,
            // A keyholder is telephoned and opens the door; they work no incident.
            Party::Keyholder => false,
            Party::Site(_) => {
                let offer = self.incident.offer.as_ref();
                offer.is_some_and(|o| o.rung(party).is_some())
            }
        }
    }

    /// Only from an owner who cannot be reached, or by a desk that was told because the owner does not answer.
    fn may_take_over(&self, party: &Party) -> bool {
        let told = self.incident.asked.as_ref().is_some_and(|a| a.escalated)
            && self.incident.desks.contains(party);
        let beside = self.incident.beside.is_some()
            && (matches!(
                party,
                Party::CityDesk | Party::DistrictDesk(_) | Party::Supervisor
            ) || self
                .incident
                .offer
                .as_ref()
                .is_some_and(|o| o.rung(party).is_some()));
        told || beside
    }

    pub(super) fn lapse(&self) -> Decided {
        let (Some(owner), Phase::Accepted { first_step_by }) =
            (&self.incident.owner, &self.incident.phase)
        else {
            return Ok(vec![]);
        };
        if *first_step_by > self.asked.at || self.asked.by != Actor::Dispatcher {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::AcceptanceLapsed {
            operator: owner.operator.clone(),
        }])
    }

    pub(super) fn span(&self, seconds: u32) -> Duration {
        Duration::from_secs(seconds.into())
    }
}

fn accepted_by(owner: &Owner) -> Refusal {
    Refusal::AlreadyAccepted {
        by: owner.operator.clone(),
    }
}
