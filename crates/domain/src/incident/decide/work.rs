//! Rules while somebody works on an incident.
//!
//! For: talking, holding, telephoning, sending, asking the owner, giving it to another.
//! May not know: rings.

use super::{Case, Decided, fits, reason_given};
use crate::{
    OperatorId, ResponderId, SiteId, Timestamp,
    happened::Actor,
    incident::{
        Callee, ContactResult, DeadlineKind, EmergencyService, IncidentEvent, Phase,
        RESPONDER_LIMIT, Refusal, owner_deadline,
    },
    party::Party,
    policy::ARRIVAL_GRACE,
};
use std::time::Duration;

impl Case<'_> {
    pub(super) fn start_talk(&self) -> Decided {
        self.own()?;
        let check_by = self.asked.at + self.span(self.policy.work.talk_s);
        Ok(vec![IncidentEvent::TalkStarted { check_by }])
    }

    /// One tap. What is held is waiting on purpose and asks nothing.
    pub(super) fn still_on_it(&self) -> Decided {
        self.own()?;
        if matches!(self.incident.phase, Phase::Held { .. }) {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::StillOnIt {
            check_by: self.next_check(),
        }])
    }

    /// When to ask next, by what the responders do.
    fn next_check(&self) -> Timestamp {
        let (at, work) = (self.asked.at, &self.policy.work);
        if self.incident.somebody_there() {
            at + self.span(work.on_site_s)
        } else if let Some(leg) = self.incident.soonest() {
            at.max(leg.eta) + ARRIVAL_GRACE
        } else {
            at + self.span(work.talk_s)
        }
    }

    /// A question is asked once per deadline, and only when it has passed.
    pub(super) fn ask_overdue(&self, about: DeadlineKind) -> Decided {
        let due = owner_deadline(self.incident)
            .is_some_and(|(kind, at)| kind == about && at <= self.asked.at);
        let askable = matches!(
            about,
            DeadlineKind::Talk | DeadlineKind::Arrival | DeadlineKind::OnSite
        );
        if !due || !askable || self.incident.asked.is_some() {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::ProgressOverdue {
            about,
            answer_by: self.asked.at + self.span(self.policy.work.answer_s),
        }])
    }

    /// The dispatcher tells a desk when the owner did not answer, and rings it as for support: beside the owner, who keeps
    /// the call. An operator tells one when they want to.
    pub(super) fn escalate(&self, to: &Party, about: DeadlineKind) -> Decided {
        if !is_desk(to) {
            return Err(Refusal::BadTarget);
        }
        let told = || IncidentEvent::Escalated {
            to: to.clone(),
            about,
        };
        if self.asked.by != Actor::Dispatcher {
            self.own()?;
            let again = self.incident.desks.contains(to);
            return Ok(if again { vec![] } else { vec![told()] });
        }
        let Some(asked) = &self.incident.asked else {
            return Ok(vec![]);
        };
        let due = self.escalates_at(asked.answer_by, asked.escalated);
        if asked.about != about || due > self.asked.at || self.incident.owner.is_none() {
            return Ok(vec![]);
        }
        let rings = self.incident.support_wanted().is_none();
        let rung = rings.then(|| self.support_asked(to.clone()));
        Ok([told()].into_iter().chain(rung).collect())
    }

    fn support_asked(&self, to: Party) -> IncidentEvent {
        IncidentEvent::SupportAsked {
            to,
            answer_by: self.asked.at + self.span(self.policy.work.answer_s),
        }
    }

    fn escalates_at(&self, answer_by: Timestamp, escalated: bool) -> Timestamp {
        if escalated {
            answer_by + self.span(self.policy.work.answer_again_s)
        } else {
            answer_by
        }
    }

    pub(super) fn hand_over(&self, to: &OperatorId, party: &Party) -> Decided {
        if self.incident.is_open() && self.incident.is_owned_by(to) {
            return Ok(vec![]);
        }
        let owner = self.own()?;
        if *party == Party::Keyholder {
            return Err(Refusal::BadTarget);
        }
        let handed = IncidentEvent::HandedOver {
            from: owner.operator.clone(),
            to: to.clone(),
            party: party.clone(),
        };
        // A hold was the old owner's plan; the new one is asked like anybody who has just taken a call.
        let held = matches!(self.incident.phase, Phase::Held { .. });
        Ok(held
            .then(|| self.hold_ended())
            .into_iter()
            .chain([handed])
            .collect())
    }

    pub(super) fn hold(&self, reason: &str, until: Timestamp) -> Decided {
        self.own()?;
        self.has_seen_alarms()?;
        let reason = reason_given(reason)?;
        let max_min = if self.incident.is_pressing() {
            self.policy.work.hold_pressing_min
        } else {
            self.policy.work.hold_ordinary_min
        };
        if until <= self.asked.at {
            return Err(Refusal::HoldNotAhead);
        }
        if until.since(self.asked.at) > Duration::from_mins(max_min.into()) {
            return Err(Refusal::HoldTooLong { max_min });
        }
        let held = Phase::Held {
            until,
            reason: reason.clone(),
        };
        if self.incident.phase == held {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::Held { reason, until }])
    }

    pub(super) fn end_hold(&self) -> Decided {
        let Phase::Held { until, .. } = &self.incident.phase else {
            return Ok(vec![]);
        };
        match self.asked.by {
            Actor::Dispatcher if *until > self.asked.at => return Ok(vec![]),
            Actor::Dispatcher => {}
            _ => {
                self.own()?;
            }
        }
        Ok(vec![self.hold_ended()])
    }

    pub(super) fn hold_ended(&self) -> IncidentEvent {
        IncidentEvent::HoldEnded {
            check_by: self.asked.at + self.span(self.policy.work.woken_s),
        }
    }

    /// A telephone call is a fact whoever made it; only the owner's counts as a step.
    pub(super) fn try_contact(&self, callee: Callee, result: ContactResult) -> Decided {
        self.is_open()?;
        Ok(vec![IncidentEvent::ContactTried { callee, result }])
    }

    /// 120 goes beside everything, before anybody has accepted too.
    pub(super) fn call_emergency_service(&self, service: EmergencyService) -> Decided {
        self.is_open()?;
        Ok(vec![IncidentEvent::EmergencyServiceCalled { service }])
    }

    pub(super) fn send_responder(
        &self,
        responder: &ResponderId,
        from: Option<&SiteId>,
        seconds: u32,
    ) -> Decided {
        self.own_or_helping()?;
        if self.incident.leg(responder).is_some() {
            return Ok(vec![]);
        }
        if self.incident.responders.len() >= RESPONDER_LIMIT {
            return Err(Refusal::TooManyResponders {
                limit: RESPONDER_LIMIT,
            });
        }
        let way = self.span(seconds);
        self.way_fits(way)?;
        // Told late, they may have been due already; then they are due now.
        let eta = (self.when() + way).max(self.asked.at);
        let sent = IncidentEvent::ResponderSent {
            responder: responder.clone(),
            from: from.cloned(),
            eta,
            seconds,
        };
        let goes = self.asked.by == Actor::Responder(responder.clone());
        let set_out = goes.then(|| IncidentEvent::ResponderSetOut {
            responder: responder.clone(),
            eta,
        });
        Ok([sent].into_iter().chain(set_out).collect())
    }

    /// Sent and gone are two things. Whoever sets out later than they were sent is due as much later, and never sooner.
    pub(super) fn set_out(&self, responder: &ResponderId) -> Decided {
        self.way_of(responder)?;
        let Some(leg) = self.incident.leg(responder) else {
            return Ok(vec![]);
        };
        if leg.set_out_at.is_some() || leg.arrived_at.is_some() {
            return Ok(vec![]);
        }
        let way = leg.eta.since(leg.sent_at);
        let eta = if leg.delayed {
            leg.eta
        } else {
            leg.eta.max(self.when() + way)
        };
        Ok(vec![IncidentEvent::ResponderSetOut {
            responder: responder.clone(),
            eta,
        }])
    }

    fn way_fits(&self, way: Duration) -> Result<(), Refusal> {
        let max_min = self.policy.work.way_max_min;
        if way > Duration::from_mins(max_min.into()) {
            return Err(Refusal::WayTooLong { max_min });
        }
        Ok(())
    }

    /// The way of somebody sent; the owner speaks for all, a responder for themselves.
    fn way_of(&self, responder: &ResponderId) -> Result<Option<Timestamp>, Refusal> {
        self.is_open()?;
        match &self.asked.by {
            Actor::Responder(asking) if asking != responder => return Err(Refusal::NotYourself),
            Actor::Responder(_) => {}
            _ => {
                self.own_or_helping()?;
            }
        }
        let leg = self.incident.leg(responder);
        leg.map(|l| l.arrived_at)
            .ok_or_else(|| Refusal::NotOnTheWay {
                responder: responder.clone(),
            })
    }

    pub(super) fn delay_responder(&self, responder: &ResponderId, eta: Timestamp) -> Decided {
        if self.way_of(responder)?.is_some() {
            return Err(Refusal::NotOnTheWay {
                responder: responder.clone(),
            });
        }
        self.way_fits(eta.since(self.asked.at))?;
        if self
            .incident
            .leg(responder)
            .is_some_and(|l| l.delayed && l.eta == eta)
        {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::ResponderDelayed {
            responder: responder.clone(),
            eta,
        }])
    }

    pub(super) fn arrive(&self, responder: &ResponderId) -> Decided {
        if self.way_of(responder)?.is_some() {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::ResponderArrived {
            responder: responder.clone(),
            check_by: self.asked.at + self.span(self.policy.work.on_site_s),
        }])
    }

    pub(super) fn return_responder(&self, responder: &ResponderId) -> Decided {
        match self.way_of(responder) {
            Ok(_) => Ok(vec![IncidentEvent::ResponderReturned {
                responder: responder.clone(),
            }]),
            Err(Refusal::NotOnTheWay { .. }) => Ok(vec![]),
            Err(refusal) => Err(refusal),
        }
    }

    /// The district desk is rung at once, the next ones while nobody answers; the owner keeps it.
    pub(super) fn ask_support(&self) -> Decided {
        if self.responder_on_it().is_none() {
            self.own()?;
        }
        self.is_open()?;
        // What the dispatcher rings for ends when the owner answers; what a person asks for does not.
        let wanted = self.incident.support_wanted();
        let asked = wanted.is_some_and(|support| support.by != Actor::Dispatcher);
        let first = self.incident.support_desks().next();
        let first = first.filter(|_| !asked);
        Ok(first.map(|to| self.support_asked(to)).into_iter().collect())
    }

    /// One person of a desk answers for it, beside the owner; a second is told who.
    pub(super) fn answer_support(&self, operator: &OperatorId, party: &Party) -> Decided {
        self.is_open()?;
        self.is_self(operator)?;
        let support = self.incident.support.as_ref();
        let support = support.ok_or(Refusal::NotOffered)?;
        match &support.answered {
            Some(answer) if &answer.operator == operator => return Ok(vec![]),
            Some(answer) => {
                return Err(Refusal::SupportAnswered {
                    by: answer.operator.clone(),
                });
            }
            None => {}
        }
        let own = self.incident.owner.as_ref().map(|o| &o.party);
        if !is_desk(party) || own == Some(party) || self.incident.is_owned_by(operator) {
            return Err(Refusal::NotOffered);
        }
        Ok(vec![IncidentEvent::SupportAnswered {
            operator: operator.clone(),
            party: party.clone(),
        }])
    }

    pub(super) fn answer_protocol(
        &self,
        protocol: &str,
        version: u32,
        step: &str,
        answer: &str,
    ) -> Decided {
        self.own()?;
        Ok(vec![IncidentEvent::ProtocolAnswered {
            protocol: fits(protocol)?,
            version,
            step: fits(step)?,
            answer: fits(answer)?,
        }])
    }

    pub(super) fn transfer(&self, to: &Party, reason: &str) -> Decided {
        let owner = self.own()?;
        self.has_seen_alarms()?;
        let reason = reason_given(reason)?;
        if *to == Party::Keyholder || *to == owner.party {
            return Err(Refusal::BadTarget);
        }
        Ok(vec![IncidentEvent::Transferred {
            to: to.clone(),
            reason,
        }])
    }
}

fn is_desk(party: &Party) -> bool {
    matches!(
        party,
        Party::CityDesk | Party::DistrictDesk(_) | Party::Supervisor
    )
}
