//! Plain questions to an incident.
//!
//! For: what `decide`, deadlines, consoles and progress ask alike.
//! May not know: what should be done about the answers.

use super::{
    AlarmRef, Asked, EmergencyService, Incident, IncidentCommand, Offer, Owner, Phase,
    ResponderLeg, Rung, SAID_LIMIT, SAID_LIVE, Support,
};
use crate::{
    OperatorId, ResponderId, Timestamp,
    happened::Actor,
    party::Party,
    policy::ARRIVAL_GRACE,
    signal::{Priority, SignalClass},
};

impl Incident {
    /// Not resolved.
    pub fn is_open(&self) -> bool {
        self.phase != Phase::Resolved
    }

    /// The offer, while somebody is being rung: nobody has it, or it is offered beside its owner.
    pub fn ringing(&self) -> Option<&Offer> {
        let rung = self.phase == Phase::Offered || (self.is_open() && self.beside.is_some());
        self.offer.as_ref().filter(|_| rung)
    }

    /// Support that was asked for and nobody answers for yet.
    pub fn support_wanted(&self) -> Option<&Support> {
        let wanted = self.support.as_ref().filter(|_| self.is_open());
        wanted.filter(|support| support.answered.is_none())
    }

    /// Everybody who is rung just now: by the offer, and for support.
    pub fn rung_now(&self) -> impl Iterator<Item = &Rung> {
        let offered = self.ringing().into_iter().flat_map(|o| &o.parties);
        let wanted = self.support_wanted().into_iter().flat_map(|s| &s.parties);
        offered.chain(wanted)
    }

    /// How often the telephone of somebody who is rung just now has been rung; `None`: they are not rung.
    pub fn phone_attempts(&self, party: &Party) -> Option<u32> {
        let rung = self.rung_now().filter(|rung| &rung.party == party);
        rung.map(|rung| rung.phone_attempts).max()
    }

    /// The desk that is rung next for support, from the one that was asked first; `None`: all are. Never the owner's own.
    pub fn next_support(&self) -> Option<Party> {
        let wanted = self.support_wanted()?;
        let mut desks: Vec<Party> = self.support_desks().collect();
        let first = desks.iter().position(|p| wanted.first.as_ref() == Some(p));
        desks.rotate_left(first.unwrap_or(0));
        desks.retain(|party| !wanted.parties.iter().any(|r| &r.party == party));
        desks.into_iter().next()
    }

    /// The desks that are rung for support, in order.
    pub(super) fn support_desks(&self) -> impl Iterator<Item = Party> {
        let own = self.owner.as_ref().map(|o| o.party.clone());
        let district = self.district.clone().map(Party::DistrictDesk);
        let desks = district
            .into_iter()
            .chain([Party::Supervisor, Party::CityDesk]);
        desks.filter(move |party| own.as_ref() != Some(party))
    }

    /// The alarm it is named by: the most pressing kind, the latest among equals.
    pub fn worst(&self) -> Option<&AlarmRef> {
        let alarms = self.alarms.iter().rev();
        let alarms = alarms.filter(|a| a.kind.class() != SignalClass::Cancel);
        alarms.min_by_key(|a| a.kind.priority())
    }

    /// The last press; cancels apart.
    pub fn last_press(&self) -> Option<&AlarmRef> {
        let mut alarms = self.alarms.iter().rev();
        alarms.find(|a| a.kind.class() != SignalClass::Cancel)
    }

    /// When what is asked happened, as a late report says and as far as it is believed: not within the time a report
    /// takes anyway, not in the future, not too long ago, and not before the call was taken or the responder sent.
    pub fn believed(&self, asked: &Asked) -> Option<Timestamp> {
        let said = asked.said_at?;
        let late = asked.at.since(said);
        if late < SAID_LIVE || late > SAID_LIMIT {
            return None;
        }
        let leg = match (&asked.command, &asked.by) {
            (
                IncidentCommand::Arrive { responder }
                | IncidentCommand::SetOut { responder }
                | IncidentCommand::DelayResponder { responder, .. },
                _,
            )
            | (_, Actor::Responder(responder)) => self.leg(responder),
            _ => None,
        };
        let sent = leg.map(|leg| leg.set_out_at.unwrap_or(leg.sent_at));
        let floor = sent.or(self.accepted_at).unwrap_or(self.opened_at);
        Some(said.max(floor)).filter(|at| asked.at.since(*at) >= SAID_LIVE)
    }

    /// Whether this operator holds it.
    pub fn is_owned_by(&self, operator: &OperatorId) -> bool {
        self.owner.as_ref().is_some_and(|o| &o.operator == operator)
    }

    /// This responder's way, if they were sent and have not returned.
    pub fn leg(&self, responder: &ResponderId) -> Option<&ResponderLeg> {
        self.responders.iter().find(|l| &l.responder == responder)
    }

    /// The soonest announced arrival of those still on the way.
    pub fn soonest(&self) -> Option<&ResponderLeg> {
        let coming = self.responders.iter().filter(|l| l.arrived_at.is_none());
        coming.min_by_key(|l| l.eta)
    }

    /// Of those who were sent and are not there, the one to speak of: who has set out first, then who is due first.
    pub fn coming(&self) -> Option<&ResponderLeg> {
        let coming = self.responders.iter().filter(|l| l.arrived_at.is_none());
        coming.min_by_key(|l| (l.set_out_at.is_none(), l.eta))
    }

    /// Somebody is there.
    pub fn somebody_there(&self) -> bool {
        self.responders.iter().any(|l| l.arrived_at.is_some())
    }

    /// Life or soon.
    pub fn is_pressing(&self) -> bool {
        self.priority <= Priority::P2
    }

    /// An ambulance was called.
    pub fn ambulance_called(&self) -> bool {
        let ambulance = |(s, _): &(EmergencyService, Timestamp)| *s == EmergencyService::Ambulance;
        self.services.iter().any(ambulance)
    }

    /// Whom to tell next when the owner does not answer: the district desk, the supervisor, then the city desk
    /// again and again; never the owner's own, where they would only tell themselves.
    pub fn next_desk(&self) -> Party {
        let desks: Vec<Party> = self.support_desks().collect();
        let untold = desks.iter().find(|party| !self.desks.contains(party));
        let next = untold.or(desks.last()).cloned();
        next.unwrap_or(Party::CityDesk)
    }

    /// Every kind this resident has said, the opening one first; cancels apart.
    pub(crate) fn alarm_kinds(&self) -> impl Iterator<Item = crate::signal::SignalKind> {
        let kinds = self.alarms.iter().map(|a| a.kind);
        kinds.filter(|k| k.class() != SignalClass::Cancel)
    }

    /// The phase of work that the responders' ways amount to; `check_by` where none is out.
    pub(super) fn work_phase(&self, check_by: Timestamp) -> Phase {
        if self.somebody_there() {
            return Phase::OnSite { check_by };
        }
        match self.soonest() {
            Some(leg) => Phase::Underway {
                eta: leg.eta,
                check_by: check_by.max(leg.eta + ARRIVAL_GRACE),
            },
            None => Phase::Talking { check_by },
        }
    }
}

impl Offer {
    /// This party, if it is rung.
    pub fn rung(&self, party: &Party) -> Option<&Rung> {
        self.parties.iter().find(|r| &r.party == party)
    }
}

impl Owner {
    /// An owner who has just accepted.
    pub(super) fn new(operator: OperatorId, party: Party, since: Timestamp) -> Self {
        Self {
            operator,
            carer: None,
            party,
            since,
            first_step: false,
        }
    }
}
