//! A group of competing consumers, as a machine: what happened goes in, what is to be done comes out.
//!
//! For: every rule of a group. Each event is given to one consumer at a time until somebody is done with it or it is
//! parked; nothing below the checkpoint is undone.
//! May not know: async, clocks, the log. Time comes in as time since anything fixed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::consumers::{Choice, ConsumerId, Consumers};
use super::message::{Effect, Figures, Message, Nack};
use super::{Settings, Strategy};
use crate::event::Recorded;
use crate::name::EventId;

#[derive(Debug)]
struct Waiting {
    message: Message,
    id: EventId,
    bucket: Option<usize>,
    retries: u32,
}

#[derive(Debug)]
struct Out {
    waiting: Waiting,
    to: ConsumerId,
    until: Option<Duration>,
}

/// Parked events that are given again.
#[derive(Debug, Default)]
struct Replay {
    open: BTreeSet<u64>,
    /// Up to here, exclusive, all were taken in; none while there are more to come.
    read_to: Option<u64>,
    begun_to: u64,
}

/// The machine.
#[derive(Debug)]
pub struct Group {
    settings: Settings,
    consumers: Consumers,
    /// In order of place.
    waiting: VecDeque<Waiting>,
    /// To be given again, before those waiting: the parked first, then in order of place.
    again: BTreeMap<(bool, u64), Waiting>,
    out: HashMap<EventId, Out>,
    parking: HashMap<EventId, Waiting>,
    /// Places of what is not done.
    open: BTreeSet<u64>,
    replay: Replay,
    seen: Option<u64>,
    checkpoint: Option<u64>,
    checkpoint_at: Duration,
    done_since: u32,
    done: u64,
    is_live: bool,
    effects: VecDeque<Effect>,
}

impl Group {
    /// A group that goes on behind its checkpoint, if there is one.
    pub fn new(settings: Settings, checkpoint: Option<u64>, now: Duration) -> Self {
        Self {
            consumers: Consumers::new(settings.strategy),
            settings,
            waiting: VecDeque::new(),
            again: BTreeMap::new(),
            out: HashMap::new(),
            parking: HashMap::new(),
            open: BTreeSet::new(),
            replay: Replay::default(),
            seen: checkpoint,
            checkpoint,
            checkpoint_at: now,
            done_since: 0,
            done: 0,
            is_live: false,
            effects: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// How many more events may be taken in.
    pub fn room(&self) -> usize {
        let bound = if self.is_live {
            self.settings.live_buffer_size
        } else {
            self.settings.history_buffer_size
        };
        bound.saturating_sub(self.waiting.len() + self.again.len() + self.parking.len())
    }

    /// Somebody connects; false when there are as many as the group takes.
    pub fn connect(&mut self, id: ConsumerId, buffer: usize, now: Duration) -> bool {
        let most = usize::try_from(self.settings.max_subscriber_count).unwrap_or(usize::MAX);
        if most > 0 && self.consumers.len() >= most {
            return false;
        }
        self.consumers.connect(id, buffer);
        self.share_out(now);
        true
    }

    /// Somebody is gone; what it had goes to others.
    pub fn disconnect(&mut self, id: ConsumerId, now: Duration) {
        let had = self.out.iter().filter(|(_, out)| out.to == id);
        let had: Vec<_> = had.map(|(event, _)| *event).collect();
        for event in had {
            if let Some(waiting) = self.take_back(event) {
                self.put_again(waiting);
            }
        }
        self.consumers.disconnect(id);
        self.share_out(now);
    }

    /// The next event of what the group reads, in order of place.
    pub fn offer(&mut self, message: Message, now: Duration) {
        self.seen = self.seen.max(Some(message.place));
        if let Some(waiting) = self.waiting(message) {
            self.open.insert(waiting.message.place);
            self.waiting.push_back(waiting);
        }
        self.share_out(now);
    }

    /// Everything up to this place was looked at, and nothing of it is meant that was not offered.
    pub fn pass(&mut self, place: u64, now: Duration) {
        if self.seen < Some(place) {
            self.seen = Some(place);
            self.done_since = self.done_since.saturating_add(1);
            self.write_checkpoint(now);
        }
    }

    /// Whether the end of what the group reads was reached.
    pub fn set_live(&mut self, is_live: bool) {
        self.is_live = is_live;
    }

    /// A parked event that is to be given again.
    pub fn offer_parked(&mut self, message: Message, now: Duration) {
        self.replay.read_to = None;
        if let Some(at) = message.parked_at
            && let Some(waiting) = self.waiting(message)
        {
            self.replay.open.insert(at);
            self.put_again(waiting);
        }
        self.share_out(now);
    }

    /// Parked events before this revision are given again already, or done.
    pub fn parked_read_to(&self) -> u64 {
        self.replay.begun_to
    }

    /// All parked events before this revision were offered.
    pub fn parked_read(&mut self, to: u64) {
        self.replay.read_to = Some(to);
        self.replay.begun_to = self.replay.begun_to.max(to);
        self.end_replay();
    }

    /// A consumer is done with an event. An event it does not have is none of its business.
    pub fn ack(&mut self, consumer: ConsumerId, event: EventId, now: Duration) {
        if let Some(waiting) = self.take_from(consumer, event) {
            self.finish(&waiting, now);
            self.share_out(now);
        }
    }

    /// A consumer did not handle an event.
    pub fn nack(
        &mut self,
        consumer: ConsumerId,
        event: EventId,
        action: Nack,
        reason: &str,
        now: Duration,
    ) {
        if action == Nack::Stop {
            return;
        }
        let Some(waiting) = self.take_from(consumer, event) else {
            return;
        };
        match action {
            Nack::Retry => self.retry(waiting),
            Nack::Park => self.park(waiting, format!("client explicitly nacked: {reason}")),
            Nack::Skip | Nack::Stop => self.finish(&waiting, now),
        }
        self.share_out(now);
    }

    /// It stands among the parked now.
    pub fn parked(&mut self, event: EventId, now: Duration) {
        if let Some(waiting) = self.parking.remove(&event) {
            self.finish(&waiting, now);
            self.share_out(now);
        }
    }

    /// It could not be written among the parked: it is given again.
    pub fn not_parked(&mut self, event: EventId, now: Duration) {
        if let Some(waiting) = self.parking.remove(&event) {
            self.put_again(waiting);
            self.share_out(now);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) {
        let late = self
            .out
            .iter()
            .filter(|(_, out)| out.until.is_some_and(|until| until <= now));
        let mut late: Vec<_> = late
            .map(|(event, out)| (out.waiting.order(), *event))
            .collect();
        late.sort_unstable();
        for (_, event) in late {
            if let Some(waiting) = self.take_back(event) {
                self.retry(waiting);
            }
        }
        self.write_checkpoint(now);
        self.share_out(now);
    }

    /// When [`Group::tick`] has something to do, at the latest.
    pub fn wakes_at(&self) -> Option<Duration> {
        let out = self.out.values().filter_map(|out| out.until).min();
        let least = self.settings.min_checkpoint_count.max(1);
        let checkpoint = (self.done_since >= least && self.reached() > self.checkpoint)
            .then(|| self.checkpoint_at + self.settings.checkpoint_after);
        out.into_iter().chain(checkpoint).min()
    }

    /// Writes down what is done, whatever the settings say: the group is about to end.
    pub fn close(&mut self) {
        let reached = self.reached();
        if let Some(place) = reached.filter(|_| reached > self.checkpoint) {
            self.checkpoint = reached;
            self.effects.push_back(Effect::Checkpoint(place));
        }
    }

    /// How it gets on.
    pub fn figures(&self) -> Figures {
        let consumers = self.consumers.iter().map(|(id, consumer)| {
            let free = consumer.buffer.saturating_sub(consumer.in_flight);
            (id, consumer.in_flight, free, consumer.given)
        });
        Figures {
            is_live: self.is_live,
            waiting: self.waiting.len(),
            again: self.again.len(),
            in_flight: self.out.len(),
            done: self.done,
            seen: self.seen,
            checkpoint: self.checkpoint,
            consumers: consumers.collect(),
        }
    }

    fn waiting(&self, message: Message) -> Option<Waiting> {
        let id = message.id()?;
        let event = message
            .event
            .event
            .as_ref()
            .or(message.event.link.as_ref())?;
        let bucket = match self.settings.strategy {
            Strategy::PinnedByCorrelation => match correlation(event) {
                Some(correlation) => self.consumers.bucket(&correlation),
                None => self.consumers.bucket(event.stream.as_str()),
            },
            _ => self.consumers.bucket(event.stream.as_str()),
        };
        Some(Waiting {
            id,
            bucket,
            retries: 0,
            message,
        })
    }

    /// Gives what can be given: what comes again first, then in order. A part whose consumer is full waits whole.
    fn share_out(&mut self, now: Duration) {
        let mut held = HashSet::new();
        // Few: bounded with everything that waits.
        let again: Vec<_> = self.again.keys().copied().collect();
        for key in again {
            let Some(waiting) = self.again.get(&key) else {
                continue;
            };
            let (id, bucket) = (waiting.id, waiting.bucket);
            match self.choose(id, bucket, &mut held) {
                Choice::Nobody => return,
                Choice::Waits => {}
                Choice::Consumer(to) => {
                    if let Some(waiting) = self.again.remove(&key) {
                        self.give(waiting, to, now);
                    }
                }
            }
        }
        let mut index = 0;
        while let Some(waiting) = self.waiting.get(index) {
            let (id, bucket) = (waiting.id, waiting.bucket);
            match self.choose(id, bucket, &mut held) {
                Choice::Nobody => return,
                Choice::Waits => index += 1,
                Choice::Consumer(to) => {
                    if let Some(waiting) = self.waiting.remove(index) {
                        self.give(waiting, to, now);
                    }
                }
            }
        }
    }

    fn choose(&mut self, id: EventId, bucket: Option<usize>, held: &mut HashSet<usize>) -> Choice {
        if bucket.is_some_and(|bucket| held.contains(&bucket)) {
            return Choice::Waits;
        }
        // Two events with one identity are given one after the other, or nobody could say which is done.
        let is_busy = self.out.contains_key(&id) || self.parking.contains_key(&id);
        let choice = if is_busy {
            Choice::Waits
        } else {
            self.consumers.choose(bucket)
        };
        if choice == Choice::Waits {
            held.extend(bucket);
        }
        choice
    }

    fn give(&mut self, waiting: Waiting, to: ConsumerId, now: Duration) {
        self.consumers.give(to, waiting.bucket);
        let message = waiting.message.clone();
        let deliver = Effect::Deliver(to, message, waiting.retries);
        self.effects.push_back(deliver);
        let timeout = self.settings.message_timeout;
        let until = (!timeout.is_zero()).then(|| now + timeout);
        self.out.insert(waiting.id, Out { waiting, to, until });
    }

    fn take_from(&mut self, consumer: ConsumerId, event: EventId) -> Option<Waiting> {
        let is_its = self.out.get(&event)?.to == consumer;
        if is_its { self.take_back(event) } else { None }
    }

    fn take_back(&mut self, event: EventId) -> Option<Waiting> {
        let out = self.out.remove(&event)?;
        self.consumers.take_back(out.to, out.waiting.bucket);
        Some(out.waiting)
    }

    fn retry(&mut self, mut waiting: Waiting) {
        if waiting.retries >= self.settings.max_retry_count {
            let reason = format!("reached retry count of {}", self.settings.max_retry_count);
            return self.park(waiting, reason);
        }
        waiting.retries += 1;
        self.put_again(waiting);
    }

    fn put_again(&mut self, waiting: Waiting) {
        self.again.insert(waiting.order(), waiting);
    }

    fn park(&mut self, waiting: Waiting, reason: String) {
        let effect = Effect::Park(waiting.message.clone(), reason);
        self.effects.push_back(effect);
        self.parking.insert(waiting.id, waiting);
    }

    fn finish(&mut self, waiting: &Waiting, now: Duration) {
        self.done += 1;
        match waiting.message.parked_at {
            Some(at) => {
                self.replay.open.remove(&at);
                self.end_replay();
            }
            None => {
                self.open.remove(&waiting.message.place);
                self.done_since = self.done_since.saturating_add(1);
                self.write_checkpoint(now);
            }
        }
    }

    fn end_replay(&mut self) {
        if self.replay.open.is_empty()
            && let Some(to) = self.replay.read_to.take()
        {
            self.effects.push_back(Effect::TruncateParked(to));
        }
    }

    /// Everything up to here is done.
    fn reached(&self) -> Option<u64> {
        match self.open.first() {
            Some(lowest) => lowest.checked_sub(1),
            None => self.seen,
        }
    }

    fn write_checkpoint(&mut self, now: Duration) {
        let settings = &self.settings;
        let most = settings.max_checkpoint_count;
        let is_much = most > 0 && self.done_since >= most;
        let is_time = self.done_since >= settings.min_checkpoint_count.max(1)
            && now.saturating_sub(self.checkpoint_at) >= settings.checkpoint_after;
        let reached = self.reached();
        if let Some(place) = reached
            && (is_much || is_time)
            && reached > self.checkpoint
        {
            self.checkpoint = reached;
            self.checkpoint_at = now;
            self.done_since = 0;
            self.effects.push_back(Effect::Checkpoint(place));
        }
    }
}

impl Waiting {
    fn order(&self) -> (bool, u64) {
        match self.message.parked_at {
            Some(at) => (false, at),
            None => (true, self.message.place),
        }
    }
}

/// What an event's metadata say it belongs to. A door may have put a mark of one byte before them.
fn correlation(event: &Arc<Recorded>) -> Option<String> {
    let metadata = match event.meta.split_first()? {
        (b'{', _) => &event.meta,
        (_, marked) => marked,
    };
    let metadata: serde_json::Value = serde_json::from_slice(metadata).ok()?;
    let correlation = metadata.get("$correlationId")?;
    correlation.as_str().map(str::to_owned)
}
