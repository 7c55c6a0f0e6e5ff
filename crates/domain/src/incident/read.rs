//! Plain questions to an incident.
//!
//! For: what `decide`, deadlines, consoles and progress ask alike.
//! May not know: what should be done about the answers.

use super::{EmergencyService, Incident, Offer, Owner, Phase, ResponderLeg, Rung};
use crate::{
    OperatorId, ResponderId, Timestamp,
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
    /// again and again.
    pub fn next_desk(&self) -> Party {
        let district = self.district.clone().map(Party::DistrictDesk);
        district
            .into_iter()
            .chain([Party::Supervisor])
            .find(|party| !self.desks.contains(party))
            .unwrap_or(Party::CityDesk)
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
            party,
            since,
            first_step: false,
        }
    }
}
