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
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use tokio_util::sync::CancellationToken;
use wire::{
    card::Card,
    console::{Act, Change, CommandIn, FromPage, Session, ToPage},
};

/// Before a lost connection is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often an operator looks at what is to be done next.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// Read from the console at a time, in bytes, kept by each operator; the library's 128 KiB would be 20 MiB for all of them.
const READ_BYTES: usize = 16 * 1024;
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

/// What of a card a cast operator goes by. Whole cards would be the most of a demo's memory: hundreds of operators hold
/// every call of theirs, and a card is some 10 KB.
struct Held {
    revision: u64,
    mine: bool,
    rings_me: bool,
    /// It is open, and they could accept it.
    acceptable: bool,
    /// They could answer for support.
    support: bool,
    closed: bool,
    asked: bool,
    phase: String,
    kind: String,
    device: Option<String>,
    /// Who would be sent.
    sendable: Option<String>,
    /// Who was sent and is not there yet: when they set out, and the time that was announced.
    underway: Option<(String, Option<i64>, i64)>,
    /// Somebody was there.
    visited: bool,
}

impl Held {
    fn of(card: &Card) -> Self {
        let free = card.can_send.iter().find(|option| !option.busy);
        let sendable = free.or(card.can_send.first());
        let mut legs = card.responders.iter();
        let underway = legs.find(|leg| leg.arrived_at.is_none());
        Self {
            revision: card.revision,
            mine: card.mine,
            rings_me: card.rings_me,
            acceptable: card.accept_as.is_some(),
            support: card.support_as.is_some(),
            closed: card.closing.is_some(),
            asked: card.asked.is_some(),
            phase: card.phase.clone(),
            kind: card.kind.clone(),
            device: card.device.as_ref().map(|device| device.id.clone()),
            sendable: sendable.map(|option| option.responder.clone()),
            underway: underway.map(|leg| (leg.responder.clone(), leg.set_out_at, leg.eta)),
            visited: card.responders.iter().any(|leg| leg.arrived_at.is_some()),
        }
    }
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
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let connected = connect_async_with_config(request, Some(config), false).await;
        let (mut socket, _) = connected.map_err(|e| text(&e))?;
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
            let sends = self.rng.random_ratio(2, 5) && card.sendable.is_some();
            let plan = plans.entry(id.clone()).or_insert(Plan {
                next: now + pause,
                sends,
                talked: false,
            });
            if plan.next > now {
                continue;
            }
            if let Some(act) = act(card, plan, self.drive_speed) {
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

/// Updates the cards; returns a "shown" for each that rings.
fn take_in(cards: &mut HashMap<String, Held>, message: ToPage) -> Vec<FromPage> {
    let mut rings = Vec::new();
    let mut put = |cards: &mut HashMap<String, Held>, card: Card| {
        let before = cards.get(&card.id).is_some_and(|old| old.rings_me);
        if card.rings_me && !before {
            rings.push(FromPage::Shown {
                incident: card.id.clone(),
                revision: card.revision,
                sounded: true,
            });
        }
        let held = Held::of(&card);
        cards.insert(card.id, held);
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
fn act(card: &Held, plan: &mut Plan, drive_speed: u32) -> Option<Act> {
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
            let (responder, set_out_at, eta) = card.underway.clone()?;
            let Some(set_out) = set_out_at else {
                return Some(Act::SetOut { responder });
            };
            // Driving is sped up: the estimate stays as in life, the arrival comes sooner.
            let way_ms = (eta - set_out).max(0) / i64::from(drive_speed.max(1));
            (now_ms() >= set_out + way_ms).then_some(Act::Arrive { responder })
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

async fn say(socket: &mut Socket, message: &FromPage) -> Result<(), String> {
    let text = serde_json::to_string(message).expect("a page's message is plain data");
    socket
        .send(Message::text(text))
        .await
        .map_err(|error| error.to_string())
}
