//! Who is silent.
//!
//! For: heartbeats, kept in memory; only a device that falls silent or returns is an event.
//! May not know: sockets, keys; who is told about silence.

use crate::{
    limits::{BEATING_LIMIT, IngestOptions, LIVENESS_QUEUE, SILENT_PER_MINUTE},
    metrics::{Counters, count},
};
use casebook::{BookError, Case, Casebook, Draft, Meta, streams};
use domain::{Actor, DeviceId, Timestamp, device::DeviceEvent};
use eventlog::{Direction, EventId, Expected, Lane, Revision};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often silence is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Over how long silences are counted for [`SILENT_PER_MINUTE`].
const MINUTE: Duration = Duration::from_secs(60);

/// Share of the interval by which a device's next beat is moved at most either way, so that devices that start together
/// do not beat together.
const JITTER: f64 = 0.1;

/// Pause before a change that the log did not take is recorded again.
const PAUSE: Duration = Duration::from_secs(1);

/// Events looked back for how a device stood before this process began.
const LOOK_BACK: usize = 64;

/// Supervises devices that have beaten; clones are the same.
#[derive(Clone)]
pub struct Liveness(Arc<Inner>);

struct Inner {
    casebook: Casebook,
    heartbeat_s: u32,
    silent_after: Duration,
    panel_silent_after: Duration,
    beats: Mutex<Beats>,
    changes: mpsc::Sender<Change>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Beats {
    devices: HashMap<DeviceId, Beat>,
    /// One entry for each device that is not silent: when to look at it next.
    due: BinaryHeap<Reverse<(Timestamp, DeviceId)>>,
    /// Silences recorded in the minute that began then.
    minute: Option<(Timestamp, usize)>,
}

struct Beat {
    last: Timestamp,
    silent_after: Duration,
    silent: bool,
    /// How it stood in the log before we heard it first is known, or being looked up.
    known: bool,
}

/// Something to be recorded.
#[derive(Debug)]
enum Change {
    Silent {
        device: DeviceId,
        last: Timestamp,
    },
    Returned {
        device: DeviceId,
        at: Timestamp,
    },
    /// Heard for the first time: it has returned if the log says it was silent.
    First {
        device: DeviceId,
        at: Timestamp,
    },
}

impl Liveness {
    pub(crate) fn new(
        casebook: Casebook,
        options: &IngestOptions,
        counters: Arc<Counters>,
    ) -> (Self, Recorder) {
        let (changes, queue) = mpsc::channel(LIVENESS_QUEUE);
        let missed = |every_s: u32| {
            let every = Duration::from_secs(u64::from(every_s.max(1)));
            every.mul_f64(1.0 + JITTER) * options.missed_beats.max(1)
        };
        let liveness = Self(Arc::new(Inner {
            casebook: casebook.clone(),
            heartbeat_s: options.heartbeat_s.max(1),
            silent_after: missed(options.heartbeat_s),
            panel_silent_after: missed(options.panel_poll_s),
            beats: Mutex::default(),
            changes,
            counters,
        }));
        let queue = Recorder { casebook, queue };
        (liveness, queue)
    }

    /// Seconds until the next heartbeat, with jitter.
    pub fn next_heartbeat_s(&self) -> u32 {
        let plain = f64::from(self.0.heartbeat_s);
        let moved = plain * (1.0 + rand::random_range(-JITTER..=JITTER));
        moved.round().max(1.0) as u32
    }

    /// A heartbeat: from now on the device is supervised.
    pub fn beat(&self, device: &DeviceId) {
        count(&self.0.counters.heartbeats);
        self.hear(device, Some(self.0.silent_after));
    }

    /// A panel's poll: from now on it is supervised, at the interval panels are set to.
    pub fn poll(&self, device: &DeviceId) {
        count(&self.0.counters.heartbeats);
        self.hear(device, Some(self.0.panel_silent_after));
    }

    /// How long a panel may be without a poll before it is called silent.
    pub fn panel_silent_after(&self) -> Duration {
        self.0.panel_silent_after
    }

    /// Any other sign of life; a device that never beat is not supervised for it.
    pub fn heard(&self, device: &DeviceId) {
        self.hear(device, None);
    }

    /// Devices supervised.
    pub fn len(&self) -> usize {
        self.with(|beats| beats.devices.len())
    }

    /// Nobody is supervised.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `silent_after` begins or goes on with supervision.
    fn hear(&self, device: &DeviceId, silent_after: Option<Duration>) {
        let now = self.0.casebook.now();
        self.with(|beats| {
            if !beats.devices.contains_key(device) {
                let Some(silent_after) =
                    silent_after.filter(|_| beats.devices.len() < BEATING_LIMIT)
                else {
                    return;
                };
                let new = Beat {
                    last: now,
                    silent_after,
                    silent: false,
                    known: false,
                };
                beats.devices.insert(device.clone(), new);
                beats
                    .due
                    .push(Reverse((now + silent_after, device.clone())));
            }
            let Some(beat) = beats.devices.get_mut(device) else {
                return;
            };
            beat.last = now;
            beat.silent_after = silent_after.unwrap_or(beat.silent_after);
            let due = now + beat.silent_after;
            let device = device.clone();
            // When the queue is full the next sign of life tries again.
            if beat.silent {
                let change = Change::Returned {
                    device: device.clone(),
                    at: now,
                };
                beat.silent = self.0.changes.try_send(change).is_err();
                if !beat.silent {
                    beats.due.push(Reverse((due, device)));
                }
            } else if !beat.known {
                let change = Change::First { device, at: now };
                beat.known = self.0.changes.try_send(change).is_ok();
            }
        });
    }

    /// Looks for silence until stopped.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.sweep(self.0.casebook.now()),
                () = stopping.cancelled() => return,
            }
        }
    }

    fn sweep(&self, now: Timestamp) {
        self.with(|beats| {
            while let Some(Reverse((due, _))) = beats.due.peek()
                && *due <= now
            {
                let Some(Reverse((_, device))) = beats.due.pop() else {
                    return;
                };
                if let Some(again) = self.look_at(beats, &device, now) {
                    beats.due.push(Reverse((again, device)));
                }
            }
        });
    }

    /// When to look at a device again; `None` when it is silent and recorded as such.
    fn look_at(&self, beats: &mut Beats, device: &DeviceId, now: Timestamp) -> Option<Timestamp> {
        let beat = beats.devices.get_mut(device)?;
        let silent_at = beat.last + beat.silent_after;
        if silent_at > now {
            return Some(silent_at);
        }
        let (since, so_far) = match beats.minute {
            Some((since, so_far)) if now.since(since) < MINUTE => (since, so_far),
            _ => (now, 0),
        };
        let change = Change::Silent {
            device: device.clone(),
            last: beat.last,
        };
        if so_far >= SILENT_PER_MINUTE || self.0.changes.try_send(change).is_err() {
            count(&self.0.counters.silences_deferred);
            return Some((since + MINUTE).max(now + SWEEP_EVERY));
        }
        beats.minute = Some((since, so_far + 1));
        beat.silent = true;
        None
    }

    fn with<T>(&self, act: impl FnOnce(&mut Beats) -> T) -> T {
        act(&mut self.0.beats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes changes down, one after the other and behind everything urgent.
pub(crate) struct Recorder {
    casebook: Casebook,
    queue: mpsc::Receiver<Change>,
}

impl Recorder {
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let work = async {
            while let Some(change) = self.queue.recv().await {
                while let Err(error) = self.record(&change).await {
                    tracing::warn!(%error, "a change of liveness was not recorded; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stopping.cancelled() => {}
        }
    }

    async fn record(&self, change: &Change) -> Result<(), BookError> {
        let (device, moment, word) = match change {
            Change::Silent { device, last } => (device, *last, "silent"),
            Change::Returned { device, at } => (device, *at, "returned"),
            Change::First { device, at } => {
                if !self.was_silent(device).await? {
                    return Ok(());
                }
                (device, *at, "returned")
            }
        };
        let event = match change {
            Change::Silent { device, last } => DeviceEvent::DeviceFellSilent {
                device: device.clone(),
                last_heard: Some(*last),
            },
            _ => DeviceEvent::DeviceReturned {
                device: device.clone(),
            },
        };
        // The same change written twice after a lost answer is one event.
        let name = format!("{device}/{word}/{}", moment.0);
        let id = EventId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
        let draft = Draft::new(id, self.casebook.now(), Actor::Gateway, event);
        let stream = streams::device(device);
        self.casebook
            .append(
                Lane::Bulk,
                &stream,
                Expected::Any,
                vec![draft],
                Meta::default(),
            )
            .await?;
        Ok(())
    }

    /// Whether the last the log says about a device's life is that it fell silent.
    async fn was_silent(&self, device: &DeviceId) -> Result<bool, BookError> {
        let stream = streams::device(device);
        let log = self.casebook.log();
        let page = log
            .read_stream(&stream, Revision::END, Direction::Backward, LOOK_BACK)
            .await?;
        let said = page
            .iter()
            .find_map(|recorded| match casebook::read(recorded) {
                Ok(Case::Device(happened)) => match happened.event {
                    DeviceEvent::DeviceFellSilent { .. } => Some(true),
                    DeviceEvent::DeviceReturned { .. } => Some(false),
                    _ => None,
                },
                _ => None,
            });
        Ok(said.unwrap_or(false))
    }
}

#[cfg(test)]
#[path = "liveness_tests.rs"]
mod tests;
