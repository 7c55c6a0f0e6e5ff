//! One cast operator: signs on, hears, accepts, works a call to its end.
//!
//! For: calls in the demo being answered as people would, some fast, some slow, some not at all.
//! May not know: anything but the console protocol.

use super::{
    cast::Reserved,
    held::{Held, take_in},
    line::Line,
    people::DemoAccount,
    porter::Phones,
};
use domain::SiteId;
use rand::{RngExt, rngs::StdRng};
use std::{
    collections::{BTreeSet, HashMap},
    sync::PoisonError,
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use wire::console::{Act, CommandIn, FromPage};

/// Before a lost connection is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often an operator looks at what is to be done next.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// Calls one cast operator works on at once.
const CALLS_AT_ONCE: usize = 2;

/// What an operator of the cast needs.
pub(crate) struct Hand {
    pub(crate) console: String,
    pub(crate) account: DemoAccount,
    pub(crate) client: reqwest::Client,
    /// Sites where a visitor is on duty.
    pub(crate) visited: watch::Receiver<BTreeSet<SiteId>>,
    pub(crate) reserved: Reserved,
    pub(crate) phones: Phones,
    pub(crate) drive_speed: u32,
    pub(crate) rng: StdRng,
}

/// What is meant to be done with one card, and when.
struct Plan {
    next: Instant,
    sends: bool,
    talked: bool,
}

/// Works until `stop`, staying away while a visitor has the site.
pub(crate) async fn work(mut hand: Hand, stop: CancellationToken) {
    loop {
        let mut visited = hand.visited.clone();
        let free = visited.wait_for(|sites| !hand.taken(sites));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = free => {}
        }
        let shift = hand.shift(&stop).await;
        if let Err(error) = shift {
            tracing::debug!(%error, operator = %hand.account.name, "a cast operator lost the console");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}

impl Hand {
    fn taken(&self, visited: &BTreeSet<SiteId>) -> bool {
        self.account
            .site
            .as_ref()
            .is_some_and(|site| visited.contains(site))
    }

    /// From sign-in until the connection ends, a visitor comes, or all is stopped.
    async fn shift(&mut self, stop: &CancellationToken) -> Result<(), String> {
        let opened = Line::open(&self.client, &self.console, &self.account).await;
        let (mut line, session) = opened?;
        let Some(party) = session.me.parties.into_iter().next() else {
            return Err("nowhere to take duty".to_owned());
        };
        let sign_on = FromPage::SignOn {
            party: party.party,
            id: party.id,
            sound: true,
        };
        line.say(&sign_on).await?;
        let ended = self.attend(&mut line, stop).await;
        // Left in order, so that the site does not look manned.
        let _ = line.say(&FromPage::SignOff).await;
        line.close().await;
        ended
    }

    async fn attend(&mut self, line: &mut Line, stop: &CancellationToken) -> Result<(), String> {
        let mut cards: HashMap<String, Held> = HashMap::new();
        let mut plans: HashMap<String, Plan> = HashMap::new();
        let mut steps = tokio::time::interval(STEP_EVERY);
        steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut visited = self.visited.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = visited.changed() => {
                    if changed.is_err() || self.taken(&visited.borrow()) { return Ok(()) }
                }
                message = line.hear() => {
                    for shown in take_in(&mut cards, message?) {
                        line.say(&shown).await?;
                    }
                    plans.retain(|id, _| cards.contains_key(id));
                }
                _ = steps.tick() => {
                    for (incident, seen, act) in self.steps(&cards, &mut plans) {
                        let command = CommandIn { id: uuid::Uuid::now_v7().to_string(), seen: Some(seen), at: None, act };
                        line.say(&FromPage::Command { incident, command }).await?;
                    }
                }
            }
        }
    }

    /// What to do now with each card.
    fn steps(
        &mut self,
        cards: &HashMap<String, Held>,
        plans: &mut HashMap<String, Plan>,
    ) -> Vec<(String, u64, Act)> {
        let now = Instant::now();
        let in_hand = cards
            .values()
            .filter(|card| card.mine && !card.closed)
            .count();
        let mut acts = Vec::new();
        for (id, card) in cards.iter().filter(|(_, card)| !card.closed) {
            if !(card.mine
                || card.rings_me
                    && (card.acceptable || card.support)
                    && in_hand < CALLS_AT_ONCE
                    && !self.is_reserved(card))
            {
                continue;
            }
            let pause = self.pause(card);
            let sendable = card.sendable.as_ref();
            let free = sendable.is_some_and(|responder| !self.phones.hold(responder));
            let sends = self.rng.random_ratio(2, 5) && free;
            let plan = plans.entry(id.clone()).or_insert(Plan {
                next: now + pause,
                sends,
                talked: false,
            });
            if plan.next > now {
                continue;
            }
            if let Some(act) = act(card, plan, &self.phones, self.drive_speed) {
                acts.push((id.clone(), card.revision, act));
            }
            plan.next = now + Duration::from_millis(self.rng.random_range(2_500..9_000));
        }
        acts
    }

    /// Some are at the desk, some come running, some do not hear.
    fn pause(&mut self, card: &Held) -> Duration {
        if card.mine {
            return Duration::from_millis(self.rng.random_range(1_500..5_000));
        }
        match self.rng.random_range(0..10) {
            0..7 => Duration::from_millis(self.rng.random_range(1_500..9_000)),
            7..9 => Duration::from_millis(self.rng.random_range(10_000..25_000)),
            _ => Duration::from_secs(60),
        }
    }

    fn is_reserved(&self, card: &Held) -> bool {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let device = card.device.as_deref().unwrap_or_default();
        reserved
            .get(device)
            .is_some_and(|until| *until > Instant::now())
    }
}

/// The next step of a call.
fn act(card: &Held, plan: &mut Plan, phones: &Phones, drive_speed: u32) -> Option<Act> {
    if !card.mine && card.support {
        return Some(Act::AnswerSupport);
    }
    if !card.mine {
        return Some(Act::Accept);
    }
    if card.asked {
        return Some(Act::StillOnIt);
    }
    match card.phase.as_str() {
        "accepted" => {
            plan.talked = true;
            Some(Act::TryContact {
                order: 0,
                result: if plan.sends {
                    "no_answer".to_owned()
                } else {
                    "reached".to_owned()
                },
            })
        }
        "talking" if plan.sends => {
            plan.sends = false;
            Some(Act::SendResponder {
                responder: card.sendable.clone()?,
            })
        }
        "talking" => Some(resolve(card)),
        "underway" => {
            // Whose phone a visitor holds reports for themselves.
            let mut legs = card.legs.iter();
            let leg = legs.find(|leg| !phones.hold(&leg.responder))?;
            leg.next(drive_speed)
        }
        "on_site" => Some(resolve(card)),
        "held" => Some(Act::EndHold),
        _ => None,
    }
}

/// Codes that fit what was done.
fn resolve(card: &Held) -> Act {
    let (reason, outcome) = match (card.kind.as_str(), card.visited) {
        ("fall", true) => ("FALL", "LIFTED"),
        ("fall", false) => ("FALL-NOINJ", "SAFE"),
        ("smoke", _) => ("FIRE/SMOKE", "SAFE"),
        ("gas", _) => ("CO/GAS", "SAFE"),
        ("service", _) => ("HELP-SMALL", "SAFE"),
        (_, true) => ("UNWELL", "TREATED-HOME"),
        (_, false) => ("ACCIDENT", "FALSE"),
    };
    let actions = if card.visited {
        vec!["TALKED".to_owned(), "STATION-VISIT".to_owned()]
    } else {
        vec!["TALKED".to_owned()]
    };
    Act::Resolve {
        reason: reason.to_owned(),
        actions,
        outcome: outcome.to_owned(),
        note: None,
    }
}
