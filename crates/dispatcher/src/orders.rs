//! What is due on an incident, as commands.
//!
//! For: turning `domain`'s list of what is due into requests with ids under which each is done once, whoever asks.
//! May not know: whether they will be granted; `decide` looks at the incident as it then is.

use crate::places::Located;
use directory::City;
use domain::{
    CommandId, SiteId, Timestamp,
    incident::{
        Due, Incident, IncidentCommand, OfferCause, due, first_cause, first_ring, late_ms,
        widens_at,
    },
    party::{Candidate, Means, Party, TravelSource},
    policy::{RingInputs, RingPolicy, plan_ring},
    ranking::{SiteNow, rank},
    signal::SignalKind,
    site::SiteRecord,
};
use eventlog::Position;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// The site whose consoles and telephone are a party's; `None` for a keyholder, who has neither, and for a desk that
/// was never opened.
pub fn site_of_party<'a>(city: &'a City, party: &Party) -> Option<&'a SiteRecord> {
    match party {
        Party::Site(site) => city.site(site),
        Party::DistrictDesk(district) => city.district_desk(district),
        Party::Supervisor | Party::CityDesk => city.city_desk(),
        Party::Keyholder => None,
    }
}

/// Everything a decision rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) policy: &'a RingPolicy,
    pub(crate) city: &'a City,
    pub(crate) load: &'a BTreeMap<SiteId, u16>,
    pub(crate) as_of: Position,
    pub(crate) now: Timestamp,
}

/// One step of an offer.
#[derive(Debug, Clone, Copy)]
struct Step {
    ring: u8,
    round: u32,
    cause: OfferCause,
    late_ms: Option<u64>,
}

impl Desk<'_> {
    /// Whether what is due cannot be decided without knowing where the incident is.
    pub(crate) fn must_locate(&self, incident: &Incident, owner_gone: Option<Timestamp>) -> bool {
        let offers = |due: &Due| matches!(due, Due::FirstOffer | Due::Widen { .. });
        owner_gone.is_some() || due(incident, self.policy, self.now).iter().any(offers)
    }

    /// What to ask of the incident now, in order.
    pub(crate) fn commands(
        &self,
        incident: &Incident,
        located: &Located,
        owner_gone: Option<Timestamp>,
    ) -> Vec<(CommandId, IncidentCommand)> {
        let mut all = Vec::new();
        for due in due(incident, self.policy, self.now) {
            self.push(&mut all, incident, located, due);
        }
        if let Some(since) = owner_gone {
            let step = self.beside(incident, since);
            all.extend(self.offers(incident, located, step));
        }
        all
    }

    fn push(
        &self,
        all: &mut Vec<(CommandId, IncidentCommand)>,
        incident: &Incident,
        located: &Located,
        due: Due,
    ) {
        use IncidentCommand as C;
        let seen = incident.revision;
        let mut ask = |name: String, command| all.push((command_id(incident, &name), command));
        match due {
            Due::FirstOffer => {
                let since = incident.owed.map_or(incident.opened_at, |owed| owed.since);
                let step = Step {
                    ring: first_ring(incident, self.policy),
                    round: 0,
                    cause: first_cause(incident),
                    late_ms: late_ms(since, self.now),
                };
                all.extend(self.offers(incident, located, step));
            }
            Due::Widen {
                ring,
                round,
                cause,
                late_ms,
            } => {
                let step = Step {
                    ring,
                    round,
                    cause,
                    late_ms,
                };
                all.extend(self.offers(incident, located, step));
            }
            Due::Unseen(parties) => ask(format!("unseen:{seen}"), C::MarkUnseen { parties }),
            Due::DutyPhone {
                party,
                cause,
                attempt,
            } => {
                let rung = incident.rung_now().filter(|rung| rung.party == party);
                let since = rung.max_by_key(|rung| rung.phone_attempts);
                let since = since.map_or(0, |rung| rung.since.0);
                ask(
                    format!("phone:{party:?}:{attempt}:{since}"),
                    C::RingDutyPhone {
                        party,
                        attempt,
                        cause,
                    },
                );
            }
            Due::Support(party) => {
                let support = incident.support.as_ref();
                let (asked, nth) = support.map_or((0, 0), |s| (s.asked_at.0, s.parties.len()));
                let means = self.means(&party);
                let within = Duration::from_secs(self.policy.work.answer_s.into());
                ask(
                    format!("support:{asked}:{nth}:{seen}"),
                    C::Offer {
                        ring: u8::try_from(nth).unwrap_or(u8::MAX),
                        round: 0,
                        cause: OfferCause::Support,
                        added: vec![party],
                        means,
                        widens_at: self.now + within,
                        as_of: self.as_of.0,
                        policy: self.policy.version,
                        travel: TravelSource::Estimate,
                        candidates: Vec::new(),
                        late_ms: support.and_then(|s| {
                            let due = if nth == 0 { s.asked_at } else { s.answer_by };
                            late_ms(due, self.now)
                        }),
                    },
                );
            }
            Due::Lapse => ask(format!("lapse:{}", incident.lapses), C::LapseAcceptance),
            Due::AskOverdue(about) => {
                ask(format!("ask:{about:?}:{seen}"), C::AskOverdue { about });
            }
            Due::EscalateOverdue(about) => {
                // What is told to the same desk again, right on time, is another telling.
                let asked = incident.asked.as_ref();
                let (by, again) = asked.map_or((0, false), |a| (a.answer_by.0, a.escalated));
                let to = incident.next_desk();
                ask(
                    format!("escalate:{to:?}:{by}:{again}"),
                    C::Escalate { to, about },
                );
            }
            Due::EndHold => ask(format!("wake:{seen}"), C::EndHold),
        }
    }

    /// The next ring, offered beside an owner who cannot be reached.
    fn beside(&self, incident: &Incident, since: Timestamp) -> Step {
        let last = self.policy.last_ring();
        let (ring, round) = match &incident.offer {
            None => (0, 0),
            Some(offer) if offer.ring < last => (offer.ring + 1, 0),
            Some(offer) => (last, offer.round.saturating_add(1)),
        };
        Step {
            ring,
            round,
            cause: OfferCause::OwnerUnreachable,
            late_ms: late_ms(since, self.now),
        }
    }

    /// One offer for each set of means: most often one. The first carries the candidates.
    fn offers(
        &self,
        incident: &Incident,
        located: &Located,
        step: Step,
    ) -> Vec<(CommandId, IncidentCommand)> {
        let ranked = self.ranked(incident, located);
        let added = self.added(incident, located, &ranked, step);
        let repeat = added.is_empty() && step.round > 0;
        let mut candidates = if repeat { Vec::new() } else { ranked };
        let widens_at = widens_at(incident, self.policy, step.ring, self.now);
        let generation = incident.offer.as_ref().map_or_else(
            || incident.owed.map_or(0, |owed| owed.since.0),
            |offer| offer.offered_at.0,
        );
        let mut groups: Vec<(Vec<Means>, Vec<Party>)> = Vec::new();
        for party in added {
            let means = self.means(&party);
            match groups.iter_mut().find(|(known, _)| *known == means) {
                Some((_, parties)) => parties.push(party),
                None => groups.push((means, vec![party])),
            }
        }
        if groups.is_empty() {
            groups.push((vec![Means::Screen], Vec::new()));
        }
        let offer = |(means, added): (Vec<Means>, Vec<Party>)| {
            let name = format!(
                "offer:{}:{}:{}:{generation}:{means:?}",
                step.ring, step.round, incident.lapses
            );
            let command = IncidentCommand::Offer {
                ring: step.ring,
                round: step.round,
                cause: step.cause,
                added,
                means,
                widens_at,
                as_of: self.as_of.0,
                policy: self.policy.version,
                travel: TravelSource::Estimate,
                candidates: std::mem::take(&mut candidates),
                late_ms: step.late_ms,
            };
            (command_id(incident, &name), command)
        };
        groups.into_iter().map(offer).collect()
    }

    /// Who joins. What was given to somebody by name rings them first, by the means that reach them now.
    fn added(
        &self,
        incident: &Incident,
        located: &Located,
        ranked: &[Candidate],
        step: Step,
    ) -> Vec<Party> {
        let offer = incident.offer.as_ref();
        let parties = || offer.iter().flat_map(|offer| &offer.parties);
        let rung: Vec<Party> = parties().map(|rung| rung.party.clone()).collect();
        let inputs = RingInputs {
            district: incident.district.as_ref(),
            night: self.policy.is_night(self.now),
            keyholder: located.keyholder,
            rung: &rung,
        };
        let joins = plan_ring(self.policy, inputs, ranked, step.ring);
        let named = parties()
            .filter(|rung| step.cause == OfferCause::Transferred && !rung.declined)
            .map(|rung| rung.party.clone());
        named.chain(joins).collect()
    }

    /// Every site weighed, soonest first; empty when nobody knows where the incident is, so that a desk is rung.
    fn ranked(&self, incident: &Incident, located: &Located) -> Vec<Candidate> {
        let Some(place) = located.place else {
            return Vec::new();
        };
        let sites: Vec<SiteNow<'_>> = self
            .city
            .open_sites()
            .map(|record| SiteNow {
                record,
                on_duty: self.city.on_duty(&record.site),
                load: self.load.get(&record.site).copied().unwrap_or(0),
            })
            .collect();
        let kind = incident.worst().map(|alarm| alarm.kind);
        rank(
            place,
            located.station.as_ref(),
            &sites,
            self.city.ground(),
            self.policy,
            self.now,
            kind.unwrap_or(SignalKind::Unknown),
        )
    }

    /// The screen always; the telephone at once where no live console can be heard. A keyholder has only the latter.
    fn means(&self, party: &Party) -> Vec<Means> {
        if *party == Party::Keyholder {
            return vec![Means::DutyPhone];
        }
        let site = site_of_party(self.city, party);
        if site.is_some_and(|site| self.city.can_hear(&site.site)) {
            vec![Means::Screen]
        } else {
            vec![Means::Screen, Means::DutyPhone]
        }
    }
}

/// The same for the same act, on every node and after a restart.
fn command_id(incident: &Incident, name: &str) -> CommandId {
    CommandId(Uuid::new_v5(&incident.id.0, name.as_bytes()))
}
