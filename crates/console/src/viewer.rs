//! Who is looking, and what they may see.
//!
//! For: the one place where scope is decided; everything else asks here.
//! May not know: sessions, sockets, personal data.

use crate::board::Board;
use directory::{City, ResponderRow};
use domain::{
    DistrictId, OperatorId, ResponderId, SiteId,
    incident::Incident,
    operator::{Role, Scope},
    party::Party,
    site::SiteKind,
};

/// A person at a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Viewer {
    pub(crate) operator: OperatorId,
    pub(crate) role: Role,
    /// Set on the carer's phone.
    pub(crate) responder: Option<ResponderId>,
    pub(crate) reach: Reach,
}

/// How far somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only what they go to themselves.
    Own,
    Site(SiteId),
    District(DistrictId),
    City,
}

impl Viewer {
    /// Somebody signed in, by what their account says now; `None` when it was removed.
    pub(crate) fn of(
        city: &City,
        operator: &OperatorId,
        responder: Option<&ResponderId>,
    ) -> Option<Self> {
        let account = city.operators.get(operator)?;
        let (role, reach) = match responder {
            // Auditors read the log at its own door; here they see nobody.
            None if account.role == Role::Auditor => (Role::Auditor, Reach::Own),
            None => (account.role, reach(city, &account.scope)),
            Some(responder) => {
                let row = city.responders.get(responder)?;
                let linked_by = Self {
                    operator: operator.clone(),
                    role: account.role,
                    responder: None,
                    reach: reach(city, &account.scope),
                };
                // A phone sees no more of a site than whoever let it in: somebody else's carer sees only their own call.
                let site = row.site.clone();
                let site = site.filter(|site| linked_by.covers(&row.district, Some(site)));
                (Role::Operator, site.map_or(Reach::Own, Reach::Site))
            }
        };
        Some(Self {
            operator: operator.clone(),
            role,
            responder: responder.cloned(),
            reach,
        })
    }

    /// Where they may take duty, the most fitting first.
    pub(crate) fn parties(&self) -> Vec<Party> {
        match &self.reach {
            Reach::Own => Vec::new(),
            Reach::Site(site) => vec![Party::Site(site.clone())],
            Reach::District(district) => vec![Party::DistrictDesk(district.clone())],
            Reach::City => vec![Party::CityDesk, Party::Supervisor],
        }
    }

    /// Managers look at records and replays of their whole district.
    pub(crate) fn leads(&self) -> bool {
        matches!(self.role, Role::DistrictManager | Role::Administrator) && self.responder.is_none()
    }

    /// Whether they may let this responder's phone in: one of their own, or one they can send, or have sent, on a call
    /// that they hold.
    pub(crate) fn may_link(
        &self,
        responder: &ResponderId,
        row: &ResponderRow,
        board: &Board,
    ) -> bool {
        let held = |incident: &Incident| {
            incident.is_owned_by(&self.operator)
                && (incident.leg(responder).is_some()
                    || incident.district.as_ref() == Some(&row.district))
        };
        self.responder.is_none()
            && (self.covers(&row.district, row.site.as_ref())
                || board.open_ones().any(|entry| held(&entry.incident)))
    }

    /// Whether an open incident stands on their screen.
    pub(crate) fn sees(&self, incident: &Incident, city: &City) -> bool {
        let own = incident.is_owned_by(&self.operator);
        let goes = self.responder.as_ref().and_then(|r| incident.leg(r));
        if (own && self.responder.is_none()) || goes.is_some() {
            return true;
        }
        match &self.reach {
            Reach::Own => false,
            Reach::City => true,
            Reach::District(district) => touches_district(incident, district, city),
            Reach::Site(site) => touches_site(incident, site),
        }
    }

    /// Whether they may open an incident, closed ones included.
    pub(crate) fn may_open(&self, incident: &Incident, city: &City) -> bool {
        if incident.is_open() {
            return self.sees(incident, city);
        }
        // What a carer's phone was given goes when the incident is closed.
        if self.responder.is_some() {
            return false;
        }
        let by = incident.closing.as_ref().and_then(|c| c.by.as_ref());
        if by == Some(&self.operator) {
            return true;
        }
        match &self.reach {
            Reach::Own => false,
            Reach::City => true,
            Reach::District(district) => touches_district(incident, district, city),
            Reach::Site(site) => by
                .and_then(|by| city.operators.get(by))
                .is_some_and(|account| account.scope == Scope::Site(site.clone())),
        }
    }

    /// Whether this incident may have stood on their screen before, so that it must be taken off.
    pub(crate) fn may_have_seen(&self, incident: &Incident, city: &City) -> bool {
        let site = match &self.reach {
            Reach::Own | Reach::District(_) | Reach::City => return true,
            Reach::Site(site) => Party::Site(site.clone()),
        };
        let offered = incident.offer.as_ref().and_then(|o| o.rung(&site));
        offered.is_some() || self.may_open(incident, city)
    }

    /// Whether a place of duty is theirs.
    pub(crate) fn may_take_duty(&self, party: &Party) -> bool {
        self.parties().contains(party)
    }

    /// Whether something of a district, or of a site in it, is theirs to look at.
    pub(crate) fn covers(&self, district: &DistrictId, site: Option<&SiteId>) -> bool {
        match &self.reach {
            Reach::Own => false,
            Reach::City => true,
            Reach::District(own) => own == district,
            Reach::Site(own) => site == Some(own),
        }
    }
}

fn reach(city: &City, scope: &Scope) -> Reach {
    match scope {
        Scope::City => Reach::City,
        Scope::District(district) => Reach::District(district.clone()),
        Scope::Site(site) => match city.sites.get(site).map(|s| &s.record) {
            Some(desk) if desk.kind == SiteKind::DistrictDesk => {
                Reach::District(desk.district.clone())
            }
            Some(desk) if desk.kind == SiteKind::CityDesk => Reach::City,
            _ => Reach::Site(site.clone()),
        },
    }
}

fn touches_site(incident: &Incident, site: &SiteId) -> bool {
    let party = Party::Site(site.clone());
    let rung = incident.ringing().and_then(|o| o.rung(&party)).is_some();
    let owned = incident.owner.as_ref().is_some_and(|o| o.party == party);
    let goes = incident
        .responders
        .iter()
        .any(|l| l.from.as_ref() == Some(site));
    rung || owned || (goes && incident.is_open())
}

fn touches_district(incident: &Incident, district: &DistrictId, city: &City) -> bool {
    let of_district = |party: &Party| match party {
        Party::Site(site) => city
            .sites
            .get(site)
            .is_some_and(|s| &s.record.district == district),
        Party::DistrictDesk(desk) => desk == district,
        _ => false,
    };
    incident.district.as_ref() == Some(district)
        || incident
            .owner
            .as_ref()
            .is_some_and(|o| of_district(&o.party))
        || incident.desks.iter().any(of_district)
        || incident.rung_now().any(|rung| of_district(&rung.party))
        || incident
            .offer
            .as_ref()
            .is_some_and(|o| o.parties.iter().any(|r| of_district(&r.party)))
}

/// The site where duty at a party is taken.
pub(crate) fn duty_site(party: &Party) -> Option<SiteId> {
    let id = match party {
        Party::Site(site) => return Some(site.clone()),
        Party::DistrictDesk(district) => format!("desk-{district}"),
        Party::CityDesk | Party::Supervisor => "desk-city".to_owned(),
        Party::Keyholder => return None,
    };
    SiteId::parse(&id).ok()
}

/// The parties that duty at a site answers for.
pub(crate) fn parties_of(site: &SiteId, city: &City) -> Vec<Party> {
    match city.sites.get(site).map(|s| &s.record) {
        Some(r) if r.kind == SiteKind::DistrictDesk => {
            vec![Party::DistrictDesk(r.district.clone())]
        }
        Some(r) if r.kind == SiteKind::CityDesk => vec![Party::CityDesk, Party::Supervisor],
        _ => vec![Party::Site(site.clone())],
    }
}
