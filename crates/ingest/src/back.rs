//! The way back: how far help is, for every device.
//!
//! For: a bounded table device → press → incident, followed from the log, and pushing what changes to open channels.
//! May not know: how signals come in; it is a reader of incidents like any other, in every process with doors.

mod table;

use crate::{
    limits::{BACK_INCIDENTS, BACK_WITHIN, CHANNELS_PER_DEVICE, HISTORY},
    metrics::{Counters, count},
    press,
    words::{self, Told},
};
use casebook::{BookError, Case, Casebook, Followed, streams};
use directory::Directory;
use domain::{
    AlarmId, DeviceId, Happened, IncidentId, SubjectId, Timestamp,
    incident::{Incident, IncidentEvent},
    signal::SignalClass,
};
use eventlog::{Direction, Filter, Position, Recorded, Revision};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use table::Table;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wire::device::{ChannelOut, StageOut};

/// How often the table looks at the time: *seeking* is due to the second.
const TICK: Duration = Duration::from_secs(1);

/// How long to wait before the log is asked again after it did not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// The table; clones are the same.
#[derive(Clone)]
pub struct Back(Arc<Inner>);

struct Inner {
    casebook: Casebook,
    directory: Directory,
    shared: Mutex<Shared>,
    /// The log was read to its end once: what is told is the present.
    present: AtomicBool,
    became_present: Notify,
    counters: Arc<Counters>,
}

struct Shared {
    table: Table,
    channels: HashMap<DeviceId, Vec<Channel>>,
    channel_number: u64,
}

struct Channel {
    number: u64,
    out: mpsc::Sender<ChannelOut>,
    /// Told to the connection that it was too slow.
    drop: CancellationToken,
}

/// An open channel's place in the table; leaves it when dropped.
pub(crate) struct Joined {
    back: Back,
    device: DeviceId,
    number: u64,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.back.with(|shared| {
            if let Some(channels) = shared.channels.get_mut(&self.device) {
                channels.retain(|channel| channel.number != self.number);
                if channels.is_empty() {
                    shared.channels.remove(&self.device);
                }
            }
        });
    }
}

/// Why the stage of a press is not told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// No such press was received from this device.
    #[error("no such press was received")]
    NotFound,
    /// Unavailable: try again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<BookError> for StageError {
    fn from(error: BookError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Back {
    pub(crate) fn new(casebook: Casebook, directory: Directory, counters: Arc<Counters>) -> Self {
        Self(Arc::new(Inner {
            casebook,
            directory,
            shared: Mutex::new(Shared {
                table: Table::new(BACK_INCIDENTS),
                channels: HashMap::new(),
                channel_number: 0,
            }),
            present: AtomicBool::new(false),
            became_present: Notify::new(),
            counters,
        }))
    }

    /// Waits until everything that stood in the log at the start was read.
    pub async fn ready(&self) {
        let mut waiting = std::pin::pin!(self.0.became_present.notified());
        waiting.as_mut().enable();
        if !self.0.present.load(Relaxed) {
            waiting.await;
        }
    }

    /// How far help is for a press of a device that proved who it is; looked up in the log when the table has forgotten
    /// it, or has not heard of it yet.
    pub async fn stage(&self, device: &DeviceId, press: &str) -> Result<StageOut, StageError> {
        let city = self.0.directory.city();
        let now = self.0.casebook.now();
        let known = self.with(|shared| {
            let incident = shared.table.of_press(device, press)?;
            Some(words::tell(incident, &city, now).out)
        });
        let out = match known {
            Some(out) => out,
            None => self.stage_from_log(device, press, now).await?,
        };
        Ok(StageOut {
            press: Some(press.to_owned()),
            ..out
        })
    }

    async fn stage_from_log(
        &self,
        device: &DeviceId,
        press: &str,
        now: Timestamp,
    ) -> Result<StageOut, StageError> {
        let (recorded, at, kind) = self.find_press(device, press).await?;
        if !matches!(kind.class(), SignalClass::Alarm | SignalClass::Cancel) {
            return Ok(words::noted());
        }
        let alarm = AlarmId(recorded.id.0);
        for subject in self.subjects(device).await {
            let casebook = &self.0.casebook;
            let Some(id) = casebook.alarm_handled(&subject, alarm).await? else {
                continue;
            };
            if let Some(incident) = casebook.fold_incident(id).await? {
                return Ok(words::tell(&incident, &self.0.directory.city(), now).out);
            }
        }
        if kind.class() == SignalClass::Cancel {
            return Ok(words::noted());
        }
        Ok(words::waiting(at, now))
    }

    /// Whom a device's alarms may have been about.
    async fn subjects(&self, device: &DeviceId) -> Vec<SubjectId> {
        let row = self.0.directory.device(device).await.ok().flatten();
        let resident = row.and_then(|row| row.resident.clone());
        let resident = resident.map(|resident| SubjectId::resident(&resident));
        resident
            .into_iter()
            .chain([SubjectId::device(device)])
            .collect()
    }

    /// The newest signal of this number.
    async fn find_press(
        &self,
        device: &DeviceId,
        press: &str,
    ) -> Result<(Arc<Recorded>, Timestamp, domain::signal::SignalKind), StageError> {
        let stream = streams::device(device);
        let page = self
            .0
            .casebook
            .log()
            .read_stream(&stream, Revision::END, Direction::Backward, *HISTORY.end())
            .await;
        let page = page.map_err(BookError::from)?;
        let found = page.into_iter().find_map(|recorded| {
            let (at, received) = press::received(&recorded)?;
            (received.press == press).then_some((recorded, at, received.kind))
        });
        found.ok_or(StageError::NotFound)
    }

    /// Open channels, in connections.
    pub(crate) fn channels(&self) -> usize {
        self.with(|shared| shared.channels.values().map(Vec::len).sum())
    }

    /// A channel was opened: it hears what stands now, and then what changes. The device's oldest channel gives way when
    /// there are too many.
    pub(crate) fn join(
        &self,
        device: &DeviceId,
        out: mpsc::Sender<ChannelOut>,
        drop: CancellationToken,
    ) -> Joined {
        let city = self.0.directory.city();
        let now = self.0.casebook.now();
        let present = self.0.present.load(Relaxed);
        let number = self.with(|shared| {
            shared.channel_number += 1;
            let number = shared.channel_number;
            if present {
                for stage in shared.table.standing(device, &city, now) {
                    // The queue is fresh and longer than what stands.
                    let _ = out.try_send(ChannelOut::Stage(stage));
                }
            }
            let channels = shared.channels.entry(device.clone()).or_default();
            if channels.len() >= CHANNELS_PER_DEVICE {
                channels.remove(0).drop.cancel();
            }
            channels.push(Channel { number, out, drop });
            number
        });
        Joined {
            back: self.clone(),
            device: device.clone(),
            number,
        }
    }

    /// Follows incidents until stopped.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let work = async {
            let after = self.beginning().await;
            let mut follower = self
                .0
                .casebook
                .follow(Filter::Category(streams::INCIDENT.to_owned()), after);
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    followed = follower.next() => match followed {
                        Ok(Followed::Event(recorded, Case::Incident(happened))) => self.happened(&recorded, &happened).await,
                        Ok(Followed::Event(..)) => {}
                        Ok(Followed::CaughtUp(_)) => self.caught_up(),
                        Err(eventlog::SubscribeError::Closed) => return,
                        Err(error) => {
                            tracing::warn!(%error, "the way back could not read; trying again");
                            tokio::time::sleep(PAUSE).await;
                        }
                    },
                    _ = ticks.tick() => self.tick(),
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stopping.cancelled() => {}
        }
    }

    /// The place in the log where the last day begins, found by halving: positions and times rise together.
    async fn beginning(&self) -> Position {
        let log = self.0.casebook.log();
        let since = (self.0.casebook.now() - BACK_WITHIN)
            .0
            .saturating_mul(1_000);
        let (mut low, mut high) = (0, log.head().0);
        while low < high {
            let middle = low + (high - low) / 2;
            let page = log.read_all(Position(middle), Direction::Forward, 1).await;
            match page.as_ref().map(|page| page.first()) {
                Ok(Some(event)) if event.recorded_at < since => low = middle + 1,
                Ok(_) => high = middle,
                Err(error) => {
                    tracing::warn!(%error, "the way back could not read; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        Position(low)
    }

    async fn happened(&self, recorded: &Recorded, happened: &Happened<IncidentEvent>) {
        let Some(id) = streams::incident_of(&recorded.stream) else {
            return;
        };
        let revision = recorded.revision.0;
        let folded = self.with(|shared| shared.table.fold(id, revision, happened));
        if !folded && let Some(incident) = self.fold_from_log(id).await {
            self.with(|shared| shared.table.put(incident));
        }
        self.tell(&[id]);
    }

    /// An incident that began before what the table has read.
    async fn fold_from_log(&self, id: IncidentId) -> Option<Incident> {
        loop {
            match self.0.casebook.fold_incident(id).await {
                Ok(incident) => return incident,
                Err(BookError::Unavailable(error)) => {
                    tracing::warn!(%error, "the way back could not read; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(%error, incident = %id, "the way back cannot follow an incident");
                    return None;
                }
            }
        }
    }

    fn caught_up(&self) {
        if self.0.present.swap(true, Relaxed) {
            return;
        }
        let waiting = self.with(|shared| shared.table.everything());
        self.tell(&waiting);
        self.0.became_present.notify_waiters();
    }

    fn tick(&self) {
        let now = self.0.casebook.now();
        let due = self.with(|shared| {
            shared.table.forget_before(now - BACK_WITHIN);
            shared.table.unanswered()
        });
        self.tell(&due);
    }

    /// Pushes to the channels of these incidents what they have not been told.
    fn tell(&self, incidents: &[IncidentId]) {
        if !self.0.present.load(Relaxed) || incidents.is_empty() {
            return;
        }
        let city = self.0.directory.city();
        let now = self.0.casebook.now();
        self.with(|shared| {
            for id in incidents {
                let Some((told, presses)) = shared.table.news(*id, &city, now) else {
                    continue;
                };
                for (device, press) in presses {
                    if let Some(channels) = shared.channels.get_mut(&device) {
                        self.push(channels, &told, &press);
                    }
                }
            }
        });
    }

    fn push(&self, channels: &mut Vec<Channel>, told: &Told, press: &str) {
        let stage = StageOut {
            press: Some(press.to_owned()),
            ..told.out.clone()
        };
        channels.retain(|channel| {
            let sent = channel
                .out
                .try_send(ChannelOut::Stage(stage.clone()))
                .is_ok();
            if sent {
                count(&self.0.counters.stages_pushed);
            } else {
                count(&self.0.counters.channels_dropped);
                channel.drop.cancel();
            }
            sent
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.0.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
