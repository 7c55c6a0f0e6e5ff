//! One cast operator: signs on, hears, accepts, works a call to its end.
//!
//! For: calls in the demo being answered as people would, some fast, some slow, some not at all.
//! May not know: anything but the console protocol.

use super::{cast::Reserved, people::DemoAccount};
use domain::SiteId;
use futures_util::{SinkExt, StreamExt};
use rand::{RngExt, rngs::StdRng};
use std::{
    collections::{BTreeSet, HashMap},
    sync::PoisonError,
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_util::sync::CancellationToken;
use wire::{
    card::Card,
    console::{Act, Change, CommandIn, FromPage, Session, ToPage},
};

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
    pub(crate) drive_speed: u32,
    pub(crate) rng: StdRng,
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

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
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let sign_in =
            serde_json::json!({ "name": self.account.name, "password": self.account.password });
        let answer = self
            .client
            .post(format!("{}/v1/session", self.console))
            .json(&sign_in)
            .send()
            .await
            .map_err(|e| text(&e))?;
        let session: Session = answer
            .error_for_status()
            .map_err(|e| text(&e))?
            .json()
            .await
            .map_err(|e| text(&e))?;
        let url = format!("{}/v1/console", self.console.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(|e| text(&e))?;
        let bearer = format!("Bearer {}", session.token.unwrap_or_default());
        request.headers_mut().insert(
            "authorization",
            bearer
                .parse()
                .map_err(|_| "a token that is no header".to_owned())?,
        );
        let (mut socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .map_err(|e| text(&e))?;
        let console = format!("cast-{}", uuid::Uuid::new_v4().simple());
        say(
            &mut socket,
            &FromPage::Resume {
                console,
                position: None,
            },
        )
        .await?;
        let Some(party) = session.me.parties.into_iter().next() else {
            return Err("nowhere to take duty".to_owned());
        };
        say(
            &mut socket,
            &FromPage::SignOn {
                party: party.party,
                id: party.id,
                sound: true,
            },
        )
        .await?;
        let ended = self.attend(&mut socket, stop).await;
        // Left in order, so that the site does not look manned.
        let _ = say(&mut socket, &FromPage::SignOff).await;
        let _ = socket.close(None).await;
        ended
    }

    async fn attend(
        &mut self,
        socket: &mut Socket,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        let mut cards: HashMap<String, Card> = HashMap::new();
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
                message = socket.next() => match message {
                    None => return Err("the console closed".to_owned()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(Message::Text(text))) => {
                        let Ok(message) = serde_json::from_str::<ToPage>(&text) else { continue };
                        for shown in take_in(&mut cards, message) {
                            say(socket, &shown).await?;
                        }
                        plans.retain(|id, _| cards.contains_key(id));
                    }
                    Some(Ok(_)) => {}
                },
                _ = steps.tick() => {
                    for (incident, seen, act) in self.steps(&cards, &mut plans) {
                        let command = CommandIn { id: uuid::Uuid::now_v7().to_string(), seen: Some(seen), at: None, act };
                        say(socket, &FromPage::Command { incident, command }).await?;
                    }
                }
            }
        }
    }

    /// What to do now with each card.
    fn steps(
        &mut self,
        cards: &HashMap<String, Card>,
        plans: &mut HashMap<String, Plan>,
    ) -> Vec<(String, u64, Act)> {
        let now = Instant::now();
        let in_hand = cards
            .values()
            .filter(|card| card.mine && card.closing.is_none())
            .count();
        let mut acts = Vec::new();
        for card in cards.values().filter(|card| card.closing.is_none()) {
            if !(card.mine
                || card.rings_me
                    && card.accept_as.is_some()
                    && in_hand < CALLS_AT_ONCE
                    && !self.is_reserved(card))
            {
                continue;
            }
            let pause = self.pause(card);
            let sends = self.rng.random_ratio(2, 5) && !card.can_send.is_empty();
            let plan = plans.entry(card.id.clone()).or_insert(Plan {
                next: now + pause,
                sends,
                talked: false,
            });
            if plan.next > now {
                continue;
            }
            if let Some(act) = act(card, plan, self.drive_speed) {
                acts.push((card.id.clone(), card.revision, act));
            }
            plan.next = now + Duration::from_millis(self.rng.random_range(2_500..9_000));
        }
        acts
    }

    /// Some are at the desk, some come running, some do not hear.
    fn pause(&mut self, card: &Card) -> Duration {
        if card.mine {
            return Duration::from_millis(self.rng.random_range(1_500..5_000));
        }
        match self.rng.random_range(0..10) {
            0..7 => Duration::from_millis(self.rng.random_range(1_500..9_000)),
            7..9 => Duration::from_millis(self.rng.random_range(10_000..25_000)),
            _ => Duration::from_secs(60),
        }
    }

    fn is_reserved(&self, card: &Card) -> bool {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let device = card
            .device
            .as_ref()
            .map(|device| device.id.as_str())
            .unwrap_or_default();
        reserved
            .get(device)
            .is_some_and(|until| *until > Instant::now())
    }
}

/// Updates the cards; returns a "shown" for each that rings.
fn take_in(cards: &mut HashMap<String, Card>, message: ToPage) -> Vec<FromPage> {
    let mut rings = Vec::new();
    let mut put = |cards: &mut HashMap<String, Card>, card: Card| {
        let before = cards.get(&card.id).is_some_and(|old| old.rings_me);
        if card.rings_me && !before {
            rings.push(FromPage::Shown {
                incident: card.id.clone(),
                revision: card.revision,
                sounded: true,
            });
        }
        cards.insert(card.id.clone(), card);
    };
    match message {
        ToPage::Snapshot { cards: all, .. } => {
            let kept: BTreeSet<String> = all.iter().map(|card| card.id.clone()).collect();
            cards.retain(|id, _| kept.contains(id));
            for card in all {
                put(cards, card);
            }
        }
        ToPage::Changes { changes, .. } => {
            for change in changes {
                match change {
                    Change::Upsert { card } => put(cards, card),
                    Change::Remove { id, .. } => {
                        cards.remove(&id);
                    }
                }
            }
        }
        _ => {}
    }
    rings
}

/// The next step of a call.
fn act(card: &Card, plan: &mut Plan, drive_speed: u32) -> Option<Act> {
    if !card.mine && card.support_as.is_some() {
        return Some(Act::AnswerSupport);
    }
    if !card.mine {
        return Some(Act::Accept);
    }
    if card.asked.is_some() {
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
            let option = card
                .can_send
                .iter()
                .find(|option| !option.busy)
                .or(card.can_send.first())?;
            Some(Act::SendResponder {
                responder: option.responder.clone(),
            })
        }
        "talking" => Some(resolve(card)),
        "underway" => {
            let leg = card
                .responders
                .iter()
                .find(|leg| leg.arrived_at.is_none())?;
            let Some(set_out) = leg.set_out_at else {
                return Some(Act::SetOut {
                    responder: leg.responder.clone(),
                });
            };
            // Driving is sped up: the estimate stays as in life, the arrival comes sooner.
            let way_ms = (leg.eta - set_out).max(0) / i64::from(drive_speed.max(1));
            let there = set_out + way_ms;
            (now_ms() >= there).then(|| Act::Arrive {
                responder: leg.responder.clone(),
            })
        }
        "on_site" => Some(resolve(card)),
        "held" => Some(Act::EndHold),
        _ => None,
    }
}

fn now_ms() -> i64 {
    eventlog::clock::now_micros() / 1000
}

/// Codes that fit what was done.
fn resolve(card: &Card) -> Act {
    let visited = card.responders.iter().any(|leg| leg.arrived_at.is_some());
    let (reason, outcome) = match (card.kind.as_str(), visited) {
        ("fall", true) => ("FALL", "LIFTED"),
        ("fall", false) => ("FALL-NOINJ", "SAFE"),
        ("smoke", _) => ("FIRE/SMOKE", "SAFE"),
        ("gas", _) => ("CO/GAS", "SAFE"),
        ("service", _) => ("HELP-SMALL", "SAFE"),
        (_, true) => ("UNWELL", "TREATED-HOME"),
        (_, false) => ("ACCIDENT", "FALSE"),
    };
    let actions = if visited {
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

async fn say(socket: &mut Socket, message: &FromPage) -> Result<(), String> {
    let text = serde_json::to_string(message).expect("a page's message is plain data");
    socket
        .send(Message::text(text))
        .await
        .map_err(|error| error.to_string())
}
