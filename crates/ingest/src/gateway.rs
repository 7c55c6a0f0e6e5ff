//! A reading becomes a durable event, or the device hears that it did not.
//!
//! For: who is speaking, whether it said so before, sealing what is personal, and the append. Every door comes here.
//! May not know: HTTP and WebSocket, incidents, how bytes were read.

mod proof;

pub use proof::Proof;

use crate::{
    decode::Reading,
    limits::{CONFLICT_LIMIT, IngestOptions},
    metrics::{Counters, count},
    press::{self, Identity},
    sources::{Sources, Weight},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use casebook::{Binding, BookError, Casebook, Draft, Meta, VaultError, streams};
use directory::Directory;
use domain::{
    Actor, DeviceId, SubjectId, Timestamp,
    device::{DeviceEvent, Received},
    signal::{Problem, SignalClass},
};
use eventlog::{EventId, Lane, Recorded, StreamName};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Arc,
};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use wire::device::SignalOut;

/// Streams that are written one after the other in this process; two that share a lock only wait for each other.
const STRIPES: usize = 256;

/// How a signal came in.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Through which door: `http`, `websocket` …
    pub door: &'a str,
    /// From where, when it is known.
    pub address: Option<IpAddr>,
    /// The key it showed.
    pub key: Option<&'a str>,
}

/// A signal that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// 201 new, 200 sent again, 202 new or again but unverified.
    pub status: u16,
    /// The answer. `next_heartbeat_s` is the plain interval; the door adds the jitter.
    pub out: SignalOut,
    /// The device, when it proved who it is: it lives.
    pub device: Option<DeviceId>,
}

/// A signal that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Unavailable: the log did not take it. The device must try again.
    Unavailable,
    /// Too many at once from this unverified source: it is told in the event at this position.
    Coalesced {
        /// Where the flood is recorded.
        position: u64,
    },
    /// A heartbeat that came as a signal: the door treats it as one.
    Heartbeat,
}

/// The gateway.
pub struct Gateway {
    casebook: Casebook,
    directory: Directory,
    options: IngestOptions,
    sources: Sources,
    stripes: Vec<Mutex<()>>,
    striped: RandomState,
    room: Semaphore,
    counters: Arc<Counters>,
}

/// Where a signal is written, and under whose key.
struct Place {
    stream: StreamName,
    /// What the sender goes by in event ids.
    name: String,
    subject: SubjectId,
    source: Option<String>,
    device: Option<DeviceId>,
}

impl Gateway {
    pub(crate) fn new(
        casebook: Casebook,
        directory: Directory,
        options: IngestOptions,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            casebook,
            directory,
            sources: Sources::new(&options),
            room: Semaphore::new(options.signals_at_once),
            options,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            striped: RandomState::new(),
            counters,
        }
    }

    /// Now, by the log's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.casebook.now()
    }

    /// Room for one more signal to be looked at and stored.
    pub(crate) fn enter(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.room.try_acquire().map_err(|_| {
            count(&self.counters.turned_away);
            Refused::Unavailable
        })
    }

    /// Takes a signal. Durable once this returns `Ok`; the same press again gets its first place.
    pub async fn take(&self, caller: Caller<'_>, reading: Reading) -> Result<Taken, Refused> {
        let _room = self.enter()?;
        let proof = self.prove(reading.device.as_ref(), caller.key).await;
        self.take_proven(caller, proof, reading).await
    }

    /// Takes a signal whose sender was looked at before.
    pub(crate) async fn take_proven(
        &self,
        caller: Caller<'_>,
        proof: Proof,
        mut reading: Reading,
    ) -> Result<Taken, Refused> {
        if reading.kind.class() == SignalClass::Heartbeat {
            return Err(Refused::Heartbeat);
        }
        let place = self.place(&caller, &proof, &mut reading);
        let now = self.casebook.now();
        let flood = match &place.source {
            Some(source) => match self.sources.weigh(source, now) {
                Weight::Plain => false,
                Weight::Flood => true,
                Weight::Coalesced(position) => {
                    count(&self.counters.coalesced);
                    return Err(Refused::Coalesced { position });
                }
            },
            None => false,
        };
        if flood {
            reading.note(Problem::Flood);
        }
        match self.record(caller.door, &place, reading).await {
            Ok(taken) => {
                if let Some(source) = place.source.filter(|_| flood) {
                    self.sources.stored(&source, now, taken.out.position);
                }
                Ok(taken)
            }
            Err(error) => {
                count(&self.counters.unavailable);
                tracing::error!(%error, stream = %place.stream, "a signal was not stored; its device was told so");
                Err(Refused::Unavailable)
            }
        }
    }

    fn place(&self, caller: &Caller<'_>, proof: &Proof, reading: &mut Reading) -> Place {
        match proof {
            Proof::Proven {
                device,
                resident,
                retired,
            } => {
                if *retired {
                    reading.note(Problem::DeviceRetired);
                }
                let subject = match resident {
                    Some(resident) => SubjectId::resident(resident),
                    None => SubjectId::device(device),
                };
                Place {
                    stream: streams::device(device),
                    name: device.as_str().to_owned(),
                    subject,
                    source: None,
                    device: Some(device.clone()),
                }
            }
            Proof::Unproven(problem) => {
                reading.note(*problem);
                let source = self.source(caller.address);
                let claim = reading.device.as_ref().map_or("", DeviceId::as_str);
                let name = format!("{source}/{claim}");
                Place {
                    stream: streams::unverified(&name),
                    name,
                    subject: SubjectId::source(&source),
                    source: Some(source),
                    device: None,
                }
            }
        }
    }

    /// A short keyed hash of an address: tells sources apart and cannot be turned back. One household has a whole /64.
    pub(crate) fn source(&self, address: Option<IpAddr>) -> String {
        let text = match address.map(|address| address.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => format!("{:x}", u128::from(address) >> 64),
        };
        let mut hash = self.casebook.vault().hash_lookup("source", &text);
        hash.truncate(16);
        hash
    }

    async fn record(
        &self,
        door: &str,
        place: &Place,
        mut reading: Reading,
    ) -> Result<Taken, BookError> {
        let stripe = self.striped.hash_one(place.stream.as_str()) % STRIPES as u64;
        let _in_turn = self.stripes[stripe as usize].lock().await;
        for _ in 0..=CONFLICT_LIMIT {
            let now = self.casebook.now();
            let found =
                press::identify(&self.casebook, &place.stream, &place.name, &reading, now).await?;
            let (id, expected, reused) = match found {
                Identity::Again(recorded) => return Ok(self.again(place, &recorded)),
                Identity::New {
                    id,
                    expected,
                    reused,
                } => (id, expected, reused),
            };
            if reused {
                reading.note(Problem::PressNumberReused);
            }
            if reading
                .device_at
                .is_some_and(|at| press::clock_off(at, now))
            {
                reading.note(Problem::ClockOff);
            }
            let received = match self.seal(door, place, &place.subject, &reading, id).await {
                // The wearer was erased in this moment, and the device is nobody's: an alarm all the same.
                Err(VaultError::Erased(_)) => {
                    let device = place.device.as_ref();
                    let nobody = match (device, &place.source) {
                        (Some(device), _) => SubjectId::device(device),
                        (None, source) => SubjectId::source(source.as_deref().unwrap_or_default()),
                    };
                    self.seal(door, place, &nobody, &reading, id).await?
                }
                sealed => sealed?,
            };
            let lane = lane(&received);
            let draft = Draft::new(id, now, Actor::Gateway, event(received));
            let appended = self
                .casebook
                .append(
                    lane,
                    &place.stream,
                    expected,
                    vec![draft],
                    Meta::about(id.0),
                )
                .await;
            match appended {
                Ok(appended) => return Ok(self.taken(place, &reading, &appended)),
                Err(BookError::Conflict { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(error),
            }
        }
        let busy = "others wrote to the same stream every time";
        Err(BookError::Unavailable(busy.to_owned()))
    }

    /// The stored form, personal fields sealed for this event under the key of whom they are about.
    async fn seal(
        &self,
        door: &str,
        place: &Place,
        subject: &SubjectId,
        reading: &Reading,
        event: EventId,
    ) -> Result<Received, VaultError> {
        let vault = self.casebook.vault();
        let key = subject.as_str();
        let at = |field| Binding {
            stream: &place.stream,
            event,
            field,
        };
        let location = match &reading.location {
            Some(location) => Some(vault.seal_json(key, at("location"), location).await?),
            None => None,
        };
        let text = match &reading.text {
            Some(text) => Some(vault.seal(key, at("text"), text.as_bytes()).await?),
            None => None,
        };
        let raw = match &reading.raw {
            Some(raw) => {
                let raw = STANDARD.encode(raw);
                Some(vault.seal(key, at("raw"), raw.as_bytes()).await?)
            }
            None => None,
        };
        Ok(Received {
            device: reading.device.clone(),
            press: reading.press.clone(),
            kind: reading.kind,
            kind_word: reading.kind_word.clone(),
            device_at: reading.device_at,
            door: door.to_owned(),
            verified: place.device.is_some(),
            problems: reading.problems.clone(),
            source: place.source.clone(),
            location,
            battery_pct: reading.battery,
            text,
            raw,
        })
    }

    fn taken(&self, place: &Place, reading: &Reading, appended: &eventlog::Appended) -> Taken {
        let counters = &self.counters;
        match reading.kind.class() {
            SignalClass::Alarm | SignalClass::Cancel => count(&counters.alarms),
            _ => count(&counters.reports),
        }
        if place.device.is_none() {
            count(&counters.unverified);
        }
        if !reading.problems.is_empty() {
            count(&counters.with_problems);
            // Never the values: names of problems say enough to look the event up.
            tracing::info!(position = appended.position.0, problems = ?reading.problems, "a signal was taken with problems");
        }
        let revision = appended.streams.first().map_or(0, |at| at.last.0);
        self.answer(place, appended.position.0, revision, appended.duplicate)
    }

    fn again(&self, place: &Place, recorded: &Recorded) -> Taken {
        count(&self.counters.duplicates);
        self.answer(place, recorded.position.0, recorded.revision.0, true)
    }

    fn answer(&self, place: &Place, position: u64, revision: u64, duplicate: bool) -> Taken {
        let verified = place.device.is_some();
        Taken {
            status: match (verified, duplicate) {
                (false, _) => 202,
                (true, true) => 200,
                (true, false) => 201,
            },
            out: SignalOut {
                position,
                stream: place.stream.as_str().to_owned(),
                revision,
                duplicate,
                verified,
                next_heartbeat_s: self.options.heartbeat_s,
                retry: self.options.retry,
            },
            device: place.device.clone(),
        }
    }
}

/// Alarms go first. What is only reported, and what a flood brings, may wait behind them.
fn lane(received: &Received) -> Lane {
    let alarm = matches!(
        received.kind.class(),
        SignalClass::Alarm | SignalClass::Cancel
    );
    if alarm && !received.problems.contains(&Problem::Flood) {
        Lane::Alarm
    } else {
        Lane::Bulk
    }
}

fn event(received: Received) -> DeviceEvent {
    match received.kind.class() {
        SignalClass::Test | SignalClass::Heartbeat => DeviceEvent::TestReceived(received),
        SignalClass::Trouble => DeviceEvent::TroubleReported(received),
        SignalClass::Alarm | SignalClass::Cancel => DeviceEvent::AlarmReceived(received),
    }
}
