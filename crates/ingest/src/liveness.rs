//! Who is silent.
//!
//! For: heartbeats, kept in memory; only a device that falls silent or returns is an event.
//! May not know: sockets, keys; who is told about silence.
//!
//! Where several processes hear devices, each supervises those it has heard itself, and leaves to another the one that
//! other hears now: the last to hear a device is the one to miss it. What the log says already is not said again.

use crate::{
    heard::{Exchange, Others},
    limits::{BEATING_LIMIT, IngestOptions, LIVENESS_QUEUE, SILENT_PER_MINUTE},
    metrics::{Counters, count},
};
use casebook::{BookError, Case, Casebook, Draft, Meta, streams};
use domain::{Actor, DeviceId, NodeId, Timestamp, device::DeviceEvent};
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

/// How often processes tell each other which devices they hear: twice in an interval of heartbeats, within these.
const EXCHANGE_EVERY: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(5)..=Duration::from_secs(60);

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
    /// What other processes hear, where there are others.
    others: Option<Others>,
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
            others: options.node.is_some().then(Others::default),
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

    fn exchange_every(&self) -> Duration {
        let half = Duration::from_secs(u64::from(self.0.heartbeat_s)) / 2;
        half.clamp(*EXCHANGE_EVERY.start(), *EXCHANGE_EVERY.end())
    }

    /// Tells the other processes which devices we hear, and reads which they do, until stopped.
    pub(crate) async fn exchange(self, node: NodeId, stopping: CancellationToken) {
        let Some(others) = &self.0.others else {
            return;
        };
        let mut exchange = Exchange::new(self.0.casebook.log().clone(), node);
        let mut ticks = tokio::time::interval(self.exchange_every());
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            let lasts = self.0.silent_after;
            exchange.round(|| self.heard_now(), others, lasts).await;
        }
    }

    /// The devices that are not silent.
    fn heard_now(&self) -> Vec<DeviceId> {
        let now = self.0.casebook.now();
        self.with(|beats| {
            // By its own measure: a panel polls far less often than a pendant beats.
            let live = |beat: &Beat| !beat.silent && beat.last + beat.silent_after > now;
            let devices = beats.devices.iter().filter(|(_, beat)| live(beat));
            devices.map(|(device, _)| device.clone()).collect()
        })
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
        if let Some(others) = &self.0.others
            && others.hear(device) != Some(false)
        {
            return Some(now + self.exchange_every());
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
            Change::Returned { device, at } | Change::First { device, at } => {
                (device, *at, "returned")
            }
        };
        let silences = word == "silent";
        // Another process may have said so, or may be saying so now.
        let (is_silent, expected) = self.as_said(device).await?;
        if is_silent == silences {
            return Ok(());
        }
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
        let (stream, meta) = (streams::device(device), Meta::default());
        let appended = self
            .casebook
            .append(Lane::Bulk, &stream, expected, vec![draft], meta)
            .await;
        appended.map(drop)
    }

    /// Whether the last the log says about a device's life is that it fell silent, and what to expect of its stream for
    /// that to hold.
    async fn as_said(&self, device: &DeviceId) -> Result<(bool, Expected), BookError> {
        let stream = streams::device(device);
        let log = self.casebook.log();
        let page = log
            .read_stream(&stream, Revision::END, Direction::Backward, LOOK_BACK)
            .await?;
        let head = page.first().map(|newest| newest.revision);
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
        let expected = head.map_or(Expected::NoStream, Expected::Exact);
        Ok((said.unwrap_or(false), expected))
    }
}

#[cfg(test)]
#[path = "liveness_tests.rs"]
mod tests;
