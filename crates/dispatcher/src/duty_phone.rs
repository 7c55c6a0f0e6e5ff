//! The duty phone: follows `DutyPhoneRung` and asks the outside to ring, by signed webhook.
//!
//! For: reaching people who sit before no screen; keyholders, text gateways and work chats by the same sender.
//! May not know: when to ring (that is decided and logged before), who accepts; answers come back through the console.
//!
//! A crash repeats a request under the same idempotency key and never loses one that is still of use. Of several
//! dispatchers the one that has decided a ringing calls; the others call when it has not for [`OTHERS_WAIT`].

use crate::{
    ours::Ours,
    places::Places,
    webhook::{Sender, Webhook},
};
use casebook::{Case, Casebook, Followed, streams};
use domain::{
    Actor, IncidentId, Timestamp,
    incident::{Incident, IncidentEvent},
    party::Party,
    signal::SignalKind,
};
use eventlog::{EventId, Filter, Position, Recorded, Snapshot, SubscribeError};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Under this name the place in the log is kept.
pub const CURSOR: &str = "dispatcher-duty-phone";

/// Older than this nothing is rung any more. Ours: after an outage the rings due now ring, not those of an hour ago.
pub const RING_WITHIN: Duration = Duration::from_mins(2);

/// Requests under way at once. Ours: every site of the city rung at the same moment, with room.
pub const CALLS_AT_ONCE: usize = 256;

/// How long a ringing that another dispatcher has decided is left to that one. Ours: a call goes out within
/// milliseconds and is noted at once; beyond that the other has died, and a late call is better than none.
pub const OTHERS_WAIT: Duration = Duration::from_secs(3);

/// Calls noted at once. A later call takes an earlier one's place by chance; then that one may be made twice.
const MADE_NOTED: u128 = 1_024;

/// How often it is looked whether the other has called.
const OTHERS_LOOK: Duration = Duration::from_millis(250);

/// How often the place is saved. Ours: what a crash repeats is recognised by its key.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The pause after the log did not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// Where to send; what is not configured is not sent.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// Rings a duty phone and speaks.
    pub duty_phone: Option<Webhook>,
    /// Sends a text to the same number; a keyholder gets only this, where it is configured.
    pub sms: Option<Webhook>,
    /// Posts to a work chat.
    pub work_chat: Option<Webhook>,
    /// Where the exchange reports what the one who was rung has said, e.g. `https://…/v1/duty-phone`.
    pub callback: String,
}

impl Webhooks {
    /// Whether there is anywhere to send.
    pub fn any(&self) -> bool {
        self.duty_phone.is_some() || self.sms.is_some() || self.work_chat.is_some()
    }
}

/// What is posted, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The ringing's event id; the idempotency key.
    pub call: Uuid,
    /// About which incident.
    pub incident: IncidentId,
    /// Who is rung.
    pub party: Party,
    /// `duty_phone`, `sms` or `work_chat`.
    pub means: &'static str,
    /// The number; empty for a work chat.
    pub to: String,
    /// From 1.
    pub attempt: u32,
    /// A sentence to speak or show: what and in which district, nothing about the person.
    pub say: String,
    /// The same in English.
    pub say_en: String,
    /// Where to report the answer.
    pub callback: String,
}

/// The follower.
#[derive(Clone)]
pub(crate) struct Phones {
    pub(crate) casebook: Casebook,
    pub(crate) places: Arc<dyn Places>,
    pub(crate) webhooks: Webhooks,
    pub(crate) sender: Sender,
    /// What we have decided ourselves, where others decide too.
    pub(crate) others: Option<Ours>,
    pub(crate) stop: CancellationToken,
}

fn made_name(call: Uuid) -> String {
    format!("duty-phone/made/{}", call.as_u128() % MADE_NOTED)
}

/// One ringing that was decided.
struct Ringing {
    call: Uuid,
    incident: IncidentId,
    party: Party,
    attempt: u32,
    at: Timestamp,
}

impl Phones {
    /// Where to go on from: the saved place; at the very first start the end of the log, which is saved at once, so
    /// that nothing decided from now on is missed.
    pub(crate) async fn start_position(&self) -> Position {
        let cursors = self.casebook.log().cursors();
        while !self.stop.is_cancelled() {
            match cursors.get(CURSOR).await {
                Ok(Some(position)) => return position,
                Ok(None) => {
                    let head = self.casebook.log().head();
                    if cursors.set(CURSOR, head).await.is_ok() {
                        return head;
                    }
                }
                Err(error) => tracing::warn!(%error, "no cursor of the duty phones"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.casebook.log().head()
    }

    /// Follows until stopped.
    pub(crate) async fn run(&self, after: Position) {
        let this = Arc::new(self.clone());
        let category = Filter::Category(streams::INCIDENT.to_owned());
        let mut follower = this.casebook.follow(category, after);
        let mut calls: JoinSet<Position> = JoinSet::new();
        let mut under_way: BTreeSet<Position> = BTreeSet::new();
        let mut saved = after;
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = this.stop.cancelled() => break,
                followed = follower.next(), if calls.len() < CALLS_AT_ONCE => match followed {
                    Ok(Followed::Event(recorded, case)) => {
                        if let Some(ringing) = this.worth_ringing(&recorded, &case) {
                            let (place, this) = (recorded.position, Arc::clone(&this));
                            under_way.insert(place);
                            calls.spawn(async move {
                                if this.is_ours_to_call(&ringing).await {
                                    let call = ringing.call;
                                    this.ring(ringing).await;
                                    this.note_made(call).await;
                                }
                                place
                            });
                        }
                    }
                    Ok(Followed::CaughtUp(_)) => {}
                    Err(SubscribeError::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
                    Err(_) => break,
                },
                Some(called) = calls.join_next() => match called {
                    Ok(place) => drop(under_way.remove(&place)),
                    Err(error) => tracing::error!(%error, "a bug stopped one call"),
                },
                _ = save.tick() => {
                    saved = this.save(saved, follower.position(), &under_way).await;
                }
            }
        }
        this.save(saved, follower.position(), &under_way).await;
    }

    /// Saves the place before the first request still under way; gives back what is saved.
    async fn save(
        &self,
        saved: Position,
        reached: Position,
        under_way: &BTreeSet<Position>,
    ) -> Position {
        let first = under_way.first();
        let place = first.map_or(reached, |first| Position(first.0.saturating_sub(1)));
        if place <= saved {
            return saved;
        }
        let cursors = self.casebook.log().cursors();
        // Another dispatcher may have come further; the place never goes back.
        if self.others.is_some() && self.reached().await >= Some(place) {
            return place;
        }
        match cursors.set(CURSOR, place).await {
            Ok(()) => place,
            Err(error) => {
                tracing::warn!(%error, "the duty phones' place was not saved");
                saved
            }
        }
    }

    fn worth_ringing(&self, recorded: &Recorded, case: &Case) -> Option<Ringing> {
        let Case::Incident(happened) = case else {
            return None;
        };
        let IncidentEvent::DutyPhoneRung { party, attempt, .. } = &happened.event else {
            return None;
        };
        let age = self.casebook.now().since(happened.at);
        (age < RING_WITHIN).then_some(())?;
        Some(Ringing {
            call: recorded.id.0,
            incident: streams::incident_of(&recorded.stream)?,
            party: party.clone(),
            attempt: *attempt,
            at: happened.at,
        })
    }

    /// Where the last place saved is, by whichever dispatcher.
    async fn reached(&self) -> Option<Position> {
        let saved = self.casebook.log().cursors().get(CURSOR).await;
        saved.ok().flatten()
    }

    /// Whether the call is to be made from here: at once when we have decided it; when another has, only after that one
    /// has not called for a while.
    async fn is_ours_to_call(&self, ringing: &Ringing) -> bool {
        let Some(ours) = &self.others else {
            return true;
        };
        let until = Instant::now() + OTHERS_WAIT;
        loop {
            // What we have decided is noted just after the log has it.
            if ours.has(EventId(ringing.call)) || Instant::now() >= until {
                return true;
            }
            if self.was_made(ringing.call).await {
                return false;
            }
            tokio::time::sleep(OTHERS_LOOK).await;
        }
    }

    /// Notes for the other dispatchers that a call was made. When the note is lost they make it again, under its key.
    async fn note_made(&self, call: Uuid) {
        if self.others.is_none() {
            return;
        }
        let note = Snapshot {
            position: Position::START,
            code_version: 1,
            bytes: call.as_bytes().to_vec(),
        };
        let noted = self.casebook.log().snapshots();
        if let Err(error) = noted.put(&made_name(call), note).await {
            tracing::warn!(%call, %error, "that a call was made could not be noted");
        }
    }

    async fn was_made(&self, call: Uuid) -> bool {
        let note = self.casebook.log().snapshots().get(&made_name(call)).await;
        note.is_ok_and(|note| note.is_some_and(|note| note.bytes == call.as_bytes()))
    }

    async fn ring(&self, ringing: Ringing) {
        let incident = match self.casebook.fold_incident(ringing.incident).await {
            Ok(Some(incident)) => incident,
            Ok(None) => return,
            Err(error) => {
                // Better a ring that says little than none.
                tracing::warn!(%error, "ringing without knowing the incident");
                return self.call(&ringing, None).await;
            }
        };
        if incident.rung_now().any(|rung| rung.party == ringing.party) {
            self.call(&ringing, Some(&incident)).await;
        }
    }

    async fn call(&self, ringing: &Ringing, incident: Option<&Incident>) {
        let resident = incident.and_then(|incident| incident.resident.as_ref());
        let number = self.places.number(&ringing.party, resident).await;
        let number = number
            .inspect_err(|error| tracing::error!(call = %ringing.call, %error, "no number"))
            .ok()
            .flatten()
            .filter(|number| !number.is_empty());
        let hooks = &self.webhooks;
        // A keyholder is asked by a text, where texts are sent; nobody speaks to them of an emergency call unprepared.
        let texted = ringing.party == Party::Keyholder && hooks.sms.is_some();
        let voice = hooks.duty_phone.as_ref().filter(|_| !texted);
        let chat = (ringing.party != Party::Keyholder).then_some(hooks.work_chat.as_ref());
        tokio::join!(
            self.post(voice, "duty_phone", ringing, incident, number.clone()),
            self.post(hooks.sms.as_ref(), "sms", ringing, incident, number),
            self.post(
                chat.flatten(),
                "work_chat",
                ringing,
                incident,
                Some(String::new())
            ),
        );
    }

    async fn post(
        &self,
        hook: Option<&Webhook>,
        means: &'static str,
        ringing: &Ringing,
        incident: Option<&Incident>,
        to: Option<String>,
    ) {
        let (Some(hook), Some(to)) = (hook, to) else {
            return;
        };
        let district = incident.and_then(|incident| incident.district.as_ref());
        let district = district.and_then(|district| self.places.district_name(district));
        let call = Call {
            call: ringing.call,
            incident: ringing.incident,
            party: ringing.party.clone(),
            means,
            to,
            attempt: ringing.attempt,
            say: say(incident, district.as_deref(), &ringing.party),
            say_en: say_in_english(incident, district.as_deref(), &ringing.party),
            callback: self.webhooks.callback.clone(),
        };
        let Ok(body) = serde_json::to_vec(&call) else {
            return tracing::error!(call = %ringing.call, "a call does not encode");
        };
        let key = match means {
            "duty_phone" => ringing.call.to_string(),
            other => format!("{}-{other}", ringing.call),
        };
        let now = || self.casebook.now();
        tracing::info!(call = %ringing.call, means, waited_ms = now().since(ringing.at).as_millis(), "ringing");
        self.sender.send(hook, &key, &body, now).await;
    }
}

/// What is spoken: the kind of call and the district.
fn say(incident: Option<&Incident>, district: Option<&str>, party: &Party) -> String {
    let kind = incident.and_then(Incident::worst);
    let what = match kind.map(|alarm| alarm.kind) {
        Some(SignalKind::Sos) => "有老人按下紧急呼叫",
        Some(SignalKind::Fall) => "有老人跌倒报警",
        Some(SignalKind::Smoke) => "有老人家中烟雾报警",
        Some(SignalKind::Gas) => "有老人家中燃气报警",
        Some(SignalKind::Inactivity) => "有老人长时间没有活动",
        Some(SignalKind::Wandering) => "有老人可能走失",
        Some(SignalKind::Service) => "有老人请求服务",
        _ => "有老人发出求助信号",
    };
    let place = district.unwrap_or("本市");
    match wants_support(incident, party) {
        Some(Actor::Dispatcher) => {
            return format!("安铃紧急呼叫:{place}{what},负责人超时没有回应,请接听并跟进。");
        }
        Some(Actor::Responder(_)) => {
            return format!("安铃紧急呼叫:{place}{what},上门人员请求支援,请接听并派人。");
        }
        Some(_) => return format!("安铃紧急呼叫:{place}{what},值班员请求支援,请接听并派人。"),
        None => {}
    }
    match party {
        Party::Keyholder => {
            format!("安铃提醒您:{place}{what},您登记为持钥匙联系人,请尽快与服务站联系。")
        }
        _ => format!("安铃紧急呼叫:{place}{what},请接单处理。"),
    }
}

/// Who wants the support it rings for; `None`: it rings to be taken.
fn wants_support<'a>(incident: Option<&'a Incident>, party: &Party) -> Option<&'a Actor> {
    let support = incident.and_then(Incident::support_wanted)?;
    let rung = support.parties.iter().any(|r| &r.party == party);
    let offered = incident.and_then(Incident::ringing);
    let only = rung && offered.is_none_or(|offer| offer.rung(party).is_none());
    only.then_some(&support.by)
}

fn say_in_english(incident: Option<&Incident>, district: Option<&str>, party: &Party) -> String {
    let kind = incident.and_then(Incident::worst);
    let what = match kind.map(|alarm| alarm.kind) {
        Some(SignalKind::Sos) => "somebody has pressed the emergency button",
        Some(SignalKind::Fall) => "a fall is reported",
        Some(SignalKind::Smoke) => "smoke is reported in a home",
        Some(SignalKind::Gas) => "gas is reported in a home",
        Some(SignalKind::Inactivity) => "somebody has not moved for long",
        Some(SignalKind::Wandering) => "somebody may be lost",
        Some(SignalKind::Service) => "somebody asks for a service",
        _ => "somebody asks for help",
    };
    let place = district.map(directory::english::place);
    let place = place.filter(|place| !place.is_empty());
    let place = place.as_deref().unwrap_or("this city");
    match wants_support(incident, party) {
        Some(Actor::Dispatcher) => {
            return format!(
                "Anling emergency call, {place}: {what}. Whoever has it does not answer. Please look after it."
            );
        }
        Some(_) => {
            return format!(
                "Anling emergency call, {place}: {what}. Support is asked for. Please answer for it."
            );
        }
        None => {}
    }
    match party {
        Party::Keyholder => format!(
            "Anling, {place}: {what}. You hold a key: please ring the station as soon as you can."
        ),
        _ => format!("Anling emergency call, {place}: {what}. Please take it."),
    }
}
