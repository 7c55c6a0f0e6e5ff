//! Cards: an incident as one person at a console may see it.
//!
//! For: (incident, city, record) → `wire::Card`, the same live, listed and replayed.
//! May not know: sockets, when cards are sent. What a person may not see is left out here.

use crate::{
    beside,
    board::{Board, Entry},
    names::{
        Named, crossing_name, degrees, district_name, operator_name, operator_post, party_view,
        responder_kind, responder_name, responder_post, site_name, word,
    },
    people,
    records::{Known, Records, Unknown},
    story,
    support::{helps, support_as, support_view},
    viewer::{Viewer, parties_of},
    ways::Ways,
};
use casebook::Casebook;
use directory::City;
use domain::{
    OperatorId, ResponderId, SiteId, Timestamp,
    incident::{Callee, Closing, Incident, Offer, Phase, ResponderLeg, Rung, next_deadline},
    party::Party,
    policy::RingPolicy,
    signal::{Priority, SignalClass, SignalKind},
};
use std::{collections::BTreeSet, sync::Arc};
use wire::card::{
    AskedView, CandidateView, Card, ClosingView, ContactTryView, DeadlineView, DeviceView,
    OfferView, OwnerView, ResponderLegView, ResponderOption, RungView, ServiceCallView,
};

/// For whom and for what a card is made.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) viewer: Viewer,
    /// Where they are on duty with this console.
    pub(crate) duty: Option<SiteId>,
    pub(crate) purpose: Purpose,
}

/// What a card is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A live console.
    Live,
    /// A list or a single look over HTTP.
    List,
    /// A past position.
    Replay,
}

/// What many cards of one moment share.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) board: Arc<Board>,
    /// Responders on an open incident.
    pub(crate) busy: Arc<BTreeSet<ResponderId>>,
    /// Now, or then.
    pub(crate) now: Timestamp,
}

impl Frame {
    pub(crate) fn of(board: Arc<Board>, now: Timestamp) -> Self {
        let busy = board.busy();
        Self { board, busy, now }
    }
}

/// Makes cards.
pub(crate) struct Cards {
    pub(crate) casebook: Casebook,
    pub(crate) records: Arc<Records>,
    pub(crate) policy: RingPolicy,
    pub(crate) ways: Ways,
}

impl Cards {
    /// The card of an incident; `viewer` was asked before whether it may be seen. Notes the view of the record.
    pub(crate) async fn card(&self, frame: &Frame, sight: &Sight, entry: &Entry) -> Card {
        let incident = &entry.incident;
        let city = &frame.board.city;
        let known = self.known(sight, incident).await;
        let place = self.place(incident, known.as_deref()).await;
        let asked_as = accept_as(incident, sight, city);
        let helps = helps(incident, sight, city);
        // Whoever holds the call, may take it or helps; for others everybody's ways need not be reckoned.
        let viewer = &sight.viewer;
        let may_send = viewer.responder.is_some()
            || asked_as.is_some()
            || helps
            || incident.is_owned_by(&viewer.operator);
        let (place_zh, place_en) = place_words(incident, known.as_deref(), city);
        let offer = incident.offer.as_ref();
        Card {
            id: incident.id.to_string(),
            revision: incident.revision,
            alarm_revision: incident.alarm_revision,
            priority: priority_number(incident.priority),
            phase: phase_word(&incident.phase).to_owned(),
            kind: kind_of(incident),
            first_kind: word(&first_kind(incident)),
            last_kind: incident
                .last_press()
                .map_or_else(String::new, |a| word(&a.kind)),
            kinds: kinds(incident),
            opened_at: incident.opened_at.0,
            changed_at: incident.changed_at.0,
            presses: incident.presses,
            last_press_at: last_press(incident).map(|at| at.0),
            cancel_said: incident.cancel_said,
            unverified: incident.alarms.iter().all(|a| !a.verified),
            problems: problems(incident),
            district: incident.district.as_ref().map(ToString::to_string),
            place: place_zh,
            place_en,
            lon: place.map(|(lon, _)| degrees(lon)),
            lat: place.map(|(_, lat)| degrees(lat)),
            device: self.device(frame, incident).await,
            claim: beside::claim_view(self, incident, viewer, city).await,
            resident: known
                .as_deref()
                .map(|known| people::resident_view(city, Some(incident.id), known, frame.now.0)),
            owner: owner_view(incident, city),
            mine: incident.is_owned_by(&sight.viewer.operator),
            rings_me: rings(incident, sight, city),
            accept_as: asked_as.map(|party| party_view(city, &party)),
            support: incident.support.as_ref().map(|s| support_view(s, city)),
            support_as: support_as(incident, sight, city).map(|party| party_view(city, &party)),
            helps,
            offer: offer.map(|offer| offer_view(offer, city)),
            deadline: next_deadline(incident, &self.policy).map(|d| {
                let owner = d.owner.map(|o| holder_name(incident, city, &o));
                DeadlineView {
                    kind: word(&d.kind),
                    at: d.at.0,
                    owner: owner.as_ref().map(|o| o.zh.clone()),
                    owner_en: owner.map(|o| o.en),
                }
            }),
            asked: incident.asked.as_ref().map(|asked| AskedView {
                about: word(&asked.about),
                answer_by: asked.answer_by.0,
                escalated: asked.escalated,
            }),
            responders: self.legs(incident, city).await,
            can_send: if may_send {
                self.can_send(frame, incident, known.as_deref(), place)
            } else {
                Vec::new()
            },
            contact_tries: incident.contacts.iter().map(try_view).collect(),
            services: incident
                .services
                .iter()
                .map(|(service, at)| ServiceCallView {
                    service: word(service),
                    at: at.0,
                })
                .collect(),
            lapses: incident.lapses,
            accepted_at: incident.accepted_at.map(|at| at.0),
            closing: incident.closing.as_ref().map(|c| closing_view(c, city)),
            review_open: incident.review_open,
            previous: incident.previous.map(|id| id.to_string()),
            story: story::lines(&self.casebook, incident.id, &entry.story, city).await,
        }
    }

    async fn known(&self, sight: &Sight, incident: &Incident) -> Option<Arc<Known>> {
        let resident = incident.resident.as_ref()?;
        let known = match self.records.open(resident).await {
            Ok(known) => known,
            Err(Unknown::NotFound) => return None,
            Err(Unknown::Unavailable(error)) => {
                tracing::warn!(%error, "a card goes out without the resident's record");
                return None;
            }
        };
        if known.profile.is_some() {
            let why = match sight.purpose {
                Purpose::Replay => format!("replay of incident {}", incident.id),
                Purpose::Live | Purpose::List => format!("incident {}", incident.id),
            };
            self.records.viewed(&sight.viewer, resident, why).await;
        }
        Some(known)
    }

    /// Where a call is, as far as it is known; nobody is named by it.
    pub(crate) async fn place_of(&self, incident: &Incident) -> Option<(i32, i32)> {
        let known = match &incident.resident {
            Some(resident) => self.records.open(resident).await.ok(),
            None => None,
        };
        self.place(incident, known.as_deref()).await
    }

    async fn place(&self, incident: &Incident, known: Option<&Known>) -> Option<(i32, i32)> {
        let told = self.casebook.open_place(incident).await;
        told.ok().flatten().or(known.and_then(|k| k.home))
    }

    async fn device(&self, frame: &Frame, incident: &Incident) -> Option<DeviceView> {
        let device = incident
            .alarms
            .iter()
            .rev()
            .find_map(|a| a.device.clone())?;
        let row = self.records.directory().device(&device).await;
        let now = frame.board.device_now(&device);
        Some(DeviceView {
            id: device.to_string(),
            model: row
                .ok()
                .flatten()
                .map_or_else(String::new, |r| r.model.clone()),
            battery_pct: now.and_then(|n| n.battery_pct),
            troubles: now.map_or_else(Vec::new, |n| n.troubles.iter().cloned().collect()),
        })
    }

    async fn legs(&self, incident: &Incident, city: &City) -> Vec<ResponderLegView> {
        let mut legs = Vec::with_capacity(incident.responders.len());
        for leg in &incident.responders {
            legs.push(self.leg(leg, city).await);
        }
        legs
    }

    async fn leg(&self, leg: &ResponderLeg, city: &City) -> ResponderLegView {
        let row = city.responders.get(&leg.responder);
        let from = leg.from.as_ref().and_then(|site| city.sites.get(site));
        let phone = self.records.directory().responder_phone(&leg.responder);
        let phone = phone.await.ok().flatten().filter(|p| !p.is_empty());
        let name = responder_name(city, &leg.responder);
        ResponderLegView {
            responder: leg.responder.to_string(),
            name: name.zh,
            name_en: name.en,
            kind: row.map_or_else(String::new, |r| responder_kind(r.kind)),
            phone,
            sent_at: leg.sent_at.0,
            set_out_at: leg.set_out_at.map(|at| at.0),
            eta: leg.eta.0,
            delayed: leg.delayed,
            arrived_at: leg.arrived_at.map(|at| at.0),
            arrival_recorded_at: leg.arrival_recorded_at.map(|at| at.0),
            from_lon: from.map(|s| degrees(s.record.lon_e6)),
            from_lat: from.map(|s| degrees(s.record.lat_e6)),
        }
    }

    fn can_send(
        &self,
        frame: &Frame,
        incident: &Incident,
        known: Option<&Known>,
        place: Option<(i32, i32)>,
    ) -> Vec<ResponderOption> {
        if !incident.is_open() {
            return Vec::new();
        }
        let city = &frame.board.city;
        let ways = self.ways.of(city, frame.now, incident, known, place);
        let options = ways.iter().filter(|(id, _)| incident.leg(id).is_none());
        let own = incident
            .owner
            .as_ref()
            .and_then(|owner| match &owner.party {
                Party::Site(site) => Some(site),
                _ => None,
            });
        let is_own = |(id, _): &&(ResponderId, Option<u32>)| {
            own.is_some() && city.responders.get(id).and_then(|r| r.site.as_ref()) == own
        };
        let options = people::shortlist(options.collect(), is_own);
        let view = |(id, seconds): &(ResponderId, Option<u32>)| {
            let row = city.responders.get(id);
            let site = row.and_then(|r| r.site.as_ref());
            let name = responder_name(city, id);
            let site_name = site.map(|s| site_name(city, s));
            ResponderOption {
                name: name.zh,
                name_en: name.en,
                kind: row.map_or_else(String::new, |r| responder_kind(r.kind)),
                site: site.map(ToString::to_string),
                site_name: site_name.as_ref().map(|(zh, _)| zh.clone()),
                site_name_en: site_name.map(|(_, en)| en),
                seconds: seconds.map(people::announced),
                busy: frame.busy.contains(id),
                responder: id.to_string(),
            }
        };
        options.into_iter().map(view).collect()
    }
}

/// What a call is named by: its most pressing alarm.
pub(crate) fn kind_of(incident: &Incident) -> String {
    let worst = incident.worst().map(|a| a.kind);
    word(&worst.unwrap_or_else(|| first_kind(incident)))
}

fn first_kind(incident: &Incident) -> SignalKind {
    let first = incident.alarms.first().map(|a| a.kind);
    first.unwrap_or(SignalKind::Unknown)
}

/// Every kind that was said, in the order first said; cancels apart.
fn kinds(incident: &Incident) -> Vec<String> {
    let mut kinds: Vec<SignalKind> = Vec::new();
    for alarm in &incident.alarms {
        if alarm.kind.class() != SignalClass::Cancel && !kinds.contains(&alarm.kind) {
            kinds.push(alarm.kind);
        }
    }
    kinds.iter().map(word).collect()
}

pub(crate) fn priority_number(priority: Priority) -> u8 {
    match priority {
        Priority::P1 => 1,
        Priority::P2 => 2,
        Priority::P3 => 3,
        Priority::P4 => 4,
    }
}

fn phase_word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Offered => "offered",
        Phase::Accepted { .. } => "accepted",
        Phase::Talking { .. } => "talking",
        Phase::Underway { .. } => "underway",
        Phase::OnSite { .. } => "on_site",
        Phase::Held { .. } => "held",
        Phase::Resolved => "resolved",
    }
}

fn last_press(incident: &Incident) -> Option<Timestamp> {
    let presses = incident
        .alarms
        .iter()
        .filter(|a| a.kind.class() != SignalClass::Cancel);
    presses.map(|a| a.received_at).max()
}

fn problems(incident: &Incident) -> Vec<String> {
    let all = incident.alarms.iter().flat_map(|a| a.problems.iter());
    let once: BTreeSet<String> = all.map(word).collect();
    once.into_iter().collect()
}

fn place_words(incident: &Incident, known: Option<&Known>, city: &City) -> (String, String) {
    let district = known
        .map(|k| &k.row.district)
        .or(incident.district.as_ref());
    let Some(district) = district else {
        return ("位置不明".to_owned(), "Unknown place".to_owned());
    };
    let (zh, en) = district_name(city, district);
    let zh = zh.trim_end_matches('区');
    let community = known.and_then(|k| city.area.communities.get(&k.row.community));
    match community {
        Some(community) => {
            let short = community.name_short.trim_end_matches("社区");
            let short_en = directory::english::place(short);
            (format!("{zh} {short}"), format!("{en} {short_en}"))
        }
        None => (zh.to_owned(), en),
    }
}

fn owner_view(incident: &Incident, city: &City) -> Option<OwnerView> {
    let owner = incident.owner.as_ref()?;
    let name = holder_name(incident, city, &owner.operator);
    let post = match &owner.carer {
        Some(carer) => responder_post(city, carer),
        None => operator_post(city, &owner.operator),
    };
    Some(OwnerView {
        operator: owner.operator.to_string(),
        name: name.zh,
        name_en: name.en,
        post: post.zh,
        post_en: post.en,
        carer: owner.carer.as_ref().map(ToString::to_string),
        party: party_view(city, &owner.party),
        since: owner.since.0,
        first_step: owner.first_step,
        unreachable: city.unreachable.contains(&owner.operator),
    })
}

/// Whom people are told of as the one who has it: the responder who accepted on their own phone, else the operator.
pub(crate) fn holder_name(incident: &Incident, city: &City, operator: &OperatorId) -> Named {
    let owner = incident.owner.as_ref();
    let own = owner.filter(|owner| &owner.operator == operator);
    match own.and_then(|owner| owner.carer.as_ref()) {
        Some(carer) => responder_name(city, carer),
        None => operator_name(city, operator),
    }
}

fn closing_view(closing: &Closing, city: &City) -> ClosingView {
    let by = match (&closing.carer, &closing.by) {
        (Some(carer), _) => Some(responder_name(city, carer)),
        (None, by) => by.as_ref().map(|by| operator_name(city, by)),
    };
    let actions = closing.actions.iter();
    ClosingView {
        at: closing.at.0,
        by: by.as_ref().map(|by| by.zh.clone()),
        by_en: by.map(|by| by.en),
        reason: closing.reason.as_str().to_owned(),
        actions: actions.map(|a| a.as_str().to_owned()).collect(),
        outcome: closing.outcome.as_str().to_owned(),
        machine: closing.machine,
    }
}

pub(crate) fn rung_view(rung: &Rung, city: &City) -> RungView {
    RungView {
        party: party_view(city, &rung.party),
        since: rung.since.0,
        shown: rung.shown,
        sounded: rung.sounded,
        unseen: rung.unseen,
        phone_attempts: rung.phone_attempts,
        declined: rung.declined,
    }
}

fn offer_view(offer: &Offer, city: &City) -> OfferView {
    let candidate = |c: &domain::party::Candidate| {
        let (name, name_en) = site_name(city, &c.site);
        let via = c.via.as_ref().map(|via| crossing_name(city, via));
        CandidateView {
            site: c.site.to_string(),
            name,
            name_en,
            seconds: c.seconds,
            metres: c.metres,
            via: via.as_ref().map(|via| via.zh.clone()),
            via_en: via.map(|via| via.en),
            home: c.home,
            ruled_out: c.ruled_out.as_ref().map(word),
        }
    };
    OfferView {
        ring: offer.ring,
        round: offer.round,
        offered_at: offer.offered_at.0,
        widens_at: offer.widens_at.0,
        rung: offer.parties.iter().map(|r| rung_view(r, city)).collect(),
        candidates: offer.candidates.iter().map(candidate).collect(),
    }
}

fn try_view(tried: &domain::incident::ContactTry) -> ContactTryView {
    ContactTryView {
        order: match tried.callee {
            Callee::Resident => 0,
            Callee::Contact(order) => order,
        },
        result: word(&tried.result),
        at: tried.at.0,
    }
}

/// Which of their parties are asked: those of the duty taken with this console, else all they may take.
pub(crate) fn my_parties(sight: &Sight, city: &City) -> Vec<Party> {
    match &sight.duty {
        Some(site) => parties_of(site, city),
        None => sight.viewer.parties(),
    }
}

/// The party as which this person may accept. `decide` has the last word; this only offers the button.
pub(crate) fn accept_as(incident: &Incident, sight: &Sight, city: &City) -> Option<Party> {
    let own = incident.is_owned_by(&sight.viewer.operator);
    if sight.purpose == Purpose::Replay || !incident.is_open() || own {
        return None;
    }
    let parties = my_parties(sight, city);
    let rung = |p: &&Party| incident.offer.as_ref().is_some_and(|o| o.rung(p).is_some());
    let is_desk = |p: &&Party| !matches!(p, Party::Site(_));
    let told = |p: &&Party| {
        incident.asked.as_ref().is_some_and(|a| a.escalated) && incident.desks.contains(p)
    };
    let found = match (&incident.owner, &incident.beside) {
        (None, _) | (Some(_), Some(_)) => parties
            .iter()
            .find(rung)
            .or_else(|| parties.iter().find(is_desk)),
        (Some(_), None) => parties.iter().find(told),
    };
    found.cloned()
}

/// The parties rung just now that this console answers for.
pub(crate) fn rung_here(incident: &Incident, duty: &SiteId, city: &City) -> Vec<Party> {
    let mut parties = parties_of(duty, city);
    parties.retain(|p| incident.rung_now().any(|r| &r.party == p && !r.declined));
    parties
}

fn rings(incident: &Incident, sight: &Sight, city: &City) -> bool {
    let duty = sight
        .duty
        .as_ref()
        .filter(|_| sight.purpose == Purpose::Live);
    let own = incident.is_owned_by(&sight.viewer.operator);
    !own && duty.is_some_and(|duty| !rung_here(incident, duty, city).is_empty())
}
