//! Responders whom a visitor sends: the cast has their telephones, sets out and arrives.
//!
//! For: a call of the visitor's that goes on after 派人: the responder reports by their own phone page's door, the mark
//! moves, and the visitor closes the call.
//! May not know: anything but the console's protocol, and whose phone a person holds (`porter`): those are left alone.

use super::{line::Line, people::DemoAccount, porter::Phones};
use domain::SiteId;
use rand::{RngExt, rngs::StdRng};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use wire::{
    card::Card,
    console::{Act, Change, CommandIn, PhoneLink, PhoneLinkIn, PhoneSignIn, Session, ToPage},
};

/// Before a lost line is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked who has something to report.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two reports of one responder; a refused one is not sent again at once.
const REPORT_PAUSE: Duration = Duration::from_secs(3);
/// Longest wait for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// One responder on one call who is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) responder: String,
    sent_at: i64,
    set_out_at: Option<i64>,
    eta: i64,
}

impl Leg {
    /// Those of a call.
    pub(crate) fn of(card: &Card) -> Vec<Leg> {
        let coming = card
            .responders
            .iter()
            .filter(|leg| leg.arrived_at.is_none());
        let leg = |leg: &wire::card::ResponderLegView| Leg {
            responder: leg.responder.clone(),
            sent_at: leg.sent_at,
            set_out_at: leg.set_out_at,
            eta: leg.eta,
        };
        coming.map(leg).collect()
    }

    /// What they report next, once it is so. Driving is sped up: the estimate stays as in life, the arrival comes sooner.
    pub(crate) fn next(&self, drive_speed: u32) -> Option<Act> {
        let responder = self.responder.clone();
        let Some(set_out) = self.set_out_at else {
            return Some(Act::SetOut { responder });
        };
        let way_ms = (self.eta - set_out).max(0) / i64::from(drive_speed.max(1));
        let now_ms = eventlog::clock::now_micros() / 1000;
        (now_ms >= set_out + way_ms).then_some(Act::Arrive { responder })
    }
}

/// What is needed to play them.
pub(crate) struct Carers {
    pub(crate) console: String,
    pub(crate) client: reqwest::Client,
    /// Sees the whole city and takes no duty: whose telephone is let in by it, is a responder's of any site.
    pub(crate) account: DemoAccount,
    /// Operators of the cast, who speak for whom they have sent themselves.
    pub(crate) cast: BTreeSet<String>,
    /// Sites where a visitor is on duty.
    pub(crate) visited: watch::Receiver<BTreeSet<SiteId>>,
    pub(crate) phones: Phones,
    pub(crate) drive_speed: u32,
    pub(crate) rng: StdRng,
}

/// A way that is played.
struct Walk {
    leg: Leg,
    next: Instant,
}

/// By incident and responder.
type Walks = HashMap<(String, String), Walk>;

/// Plays until `stop`, while there are visitors, and until whom they sent has come.
pub(crate) async fn walk(mut carers: Carers, stop: CancellationToken) {
    loop {
        let mut visited = carers.visited.clone();
        tokio::select! {
            () = stop.cancelled() => return,
            _ = visited.wait_for(|sites| !sites.is_empty()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            walked = carers.watch() => {
                if let Err(error) = walked {
                    tracing::debug!(%error, "the cast's responders lost the console");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}

impl Carers {
    async fn watch(&mut self) -> Result<(), String> {
        let (mut line, session) = Line::open(&self.client, &self.console, &self.account).await?;
        let desk = session.token.unwrap_or_default();
        let mut walks = Walks::new();
        let mut phones: HashMap<String, String> = HashMap::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Nobody is known to be on the way before the board is.
        let mut told = false;
        loop {
            tokio::select! {
                message = line.hear() => told |= self.take_in(&mut walks, message?),
                _ = look.tick() => {
                    for (incident, act) in self.due(&mut walks) {
                        if let Err(error) = self.report(&desk, &mut phones, &incident, act).await {
                            tracing::debug!(%error, "a report of the cast's was not taken");
                        }
                    }
                    if told && walks.is_empty() && self.visited.borrow().is_empty() {
                        line.close().await;
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Updates the ways; whether it was the whole board.
    fn take_in(&mut self, walks: &mut Walks, message: ToPage) -> bool {
        match message {
            ToPage::Snapshot { cards, .. } => {
                let open: BTreeSet<&str> = cards.iter().map(|card| card.id.as_str()).collect();
                walks.retain(|(incident, _), _| open.contains(incident.as_str()));
                for card in &cards {
                    self.take_card(walks, card);
                }
                return true;
            }
            ToPage::Changes { changes, .. } => {
                for change in changes {
                    match change {
                        Change::Upsert { card } => self.take_card(walks, &card),
                        Change::Remove { id, .. } => {
                            walks.retain(|(incident, _), _| *incident != id)
                        }
                    }
                }
            }
            _ => {}
        }
        false
    }

    fn take_card(&mut self, walks: &mut Walks, card: &Card) {
        let owner = card.owner.as_ref();
        let plays = owner.is_none_or(|owner| !self.cast.contains(&owner.operator));
        let legs = match (plays, &card.closing) {
            (true, None) => Leg::of(card),
            _ => Vec::new(),
        };
        walks.retain(|(incident, responder), _| {
            *incident != card.id || legs.iter().any(|leg| leg.responder == *responder)
        });
        for leg in legs {
            let key = (card.id.clone(), leg.responder.clone());
            match walks.get_mut(&key) {
                Some(walk) if walk.leg.sent_at == leg.sent_at => walk.leg = leg,
                _ => {
                    // To the coat and the bag.
                    let pause = Duration::from_millis(self.rng.random_range(2_000..4_000));
                    let next = Instant::now() + pause;
                    walks.insert(key, Walk { leg, next });
                }
            }
        }
    }

    /// What is to be reported now.
    fn due(&self, walks: &mut Walks) -> Vec<(String, Act)> {
        let now = Instant::now();
        let mut acts = Vec::new();
        for ((incident, responder), walk) in walks.iter_mut() {
            if walk.next > now || self.phones.hold(responder) {
                continue;
            }
            if let Some(act) = walk.leg.next(self.drive_speed) {
                walk.next = now + REPORT_PAUSE;
                acts.push((incident.clone(), act));
            }
        }
        acts
    }

    /// One report by the responder's own phone, which is let in first where it was not yet.
    async fn report(
        &self,
        desk: &str,
        phones: &mut HashMap<String, String>,
        incident: &str,
        act: Act,
    ) -> Result<(), String> {
        let (Act::SetOut { responder } | Act::Arrive { responder }) = &act else {
            return Ok(());
        };
        let responder = responder.clone();
        let phone = match phones.get(&responder) {
            Some(token) => token.clone(),
            None => self.let_in(desk, &responder).await?,
        };
        let command = CommandIn {
            id: uuid::Uuid::now_v7().to_string(),
            seen: None,
            at: None,
            act,
        };
        let path = format!("/v1/incidents/{incident}/commands");
        let told = self.ask::<serde_json::Value>(Some(&phone), &path, &command);
        match told.await {
            Ok(_) => phones.insert(responder, phone),
            Err(error) => {
                // Its session may be over; the next report lets it in again.
                phones.remove(&responder);
                return Err(error);
            }
        };
        Ok(())
    }

    /// As at the desk: a code is made, and the telephone is let in by it.
    async fn let_in(&self, desk: &str, responder: &str) -> Result<String, String> {
        let asked = PhoneLinkIn {
            responder: responder.to_owned(),
        };
        let link: PhoneLink = self.ask(Some(desk), "/v1/phone-links", &asked).await?;
        let (_, token) = link.url.split_once("#t=").ok_or("a link without a token")?;
        let sign_in = PhoneSignIn {
            token: token.to_owned(),
        };
        let session: Session = self.ask(None, "/v1/session/phone", &sign_in).await?;
        session.token.ok_or_else(|| "no token".to_owned())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        token: Option<&str>,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, String> {
        let mut asked = self.client.post(format!("{}{path}", self.console));
        if let Some(token) = token {
            asked = asked.bearer_auth(token);
        }
        let sent = asked.timeout(ANSWERED_WITHIN).json(body).send().await;
        let answer = sent.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_responder_sets_out_and_arrives_when_the_way_is_driven_at_the_demos_speed() {
        let now = eventlog::clock::now_micros() / 1000;
        let mut leg = Leg {
            responder: "r".to_owned(),
            sent_at: now - 130_000,
            set_out_at: None,
            eta: now + 480_000,
        };
        assert!(matches!(leg.next(10), Some(Act::SetOut { .. })));
        // Ten minutes of way: a minute at ten times the speed.
        leg.set_out_at = Some(now - 30_000);
        leg.eta = now + 570_000;
        assert_eq!(leg.next(10), None);
        leg.set_out_at = Some(now - 61_000);
        leg.eta = now + 539_000;
        assert!(matches!(leg.next(10), Some(Act::Arrive { .. })));
        assert_eq!(leg.next(1), None, "as in life");
    }
}
