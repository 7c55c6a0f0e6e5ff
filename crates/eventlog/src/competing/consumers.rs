//! Who is connected to a group, and who gets the next event.
//!
//! For: the four ways of sharing events out.
//! May not know: what is waiting, time.

use std::collections::BTreeMap;

use super::Strategy;

/// A connection to a group; never used again.
pub type ConsumerId = u64;

/// Streams or correlations are shared out by so many parts, as in EventStoreDB.
const BUCKETS: usize = 1_024;

#[derive(Debug)]
pub(super) struct Consumer {
    /// Most events it has at once.
    pub(super) buffer: usize,
    pub(super) in_flight: usize,
    pub(super) given: u64,
}

impl Consumer {
    fn has_room(&self) -> bool {
        self.in_flight < self.buffer
    }
}

/// Who is connected, and which parts are whose.
#[derive(Debug)]
pub(super) struct Consumers {
    strategy: Strategy,
    all: BTreeMap<ConsumerId, Consumer>,
    /// Who was last in turn.
    last: ConsumerId,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    owner: Option<ConsumerId>,
    in_flight: usize,
}

/// Who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Consumer(ConsumerId),
    /// Nobody now, but perhaps somebody another event.
    Waits,
    /// Nobody has room.
    Nobody,
}

impl Consumers {
    pub(super) fn new(strategy: Strategy) -> Self {
        let buckets = match strategy {
            Strategy::Pinned | Strategy::PinnedByCorrelation => BUCKETS,
            Strategy::RoundRobin | Strategy::DispatchToSingle => 0,
        };
        Self {
            strategy,
            all: BTreeMap::new(),
            last: 0,
            buckets: vec![Bucket::default(); buckets],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConsumerId, &Consumer)> {
        self.all.iter().map(|(id, consumer)| (*id, consumer))
    }

    /// Somebody new gets a share: what nobody is busy with is shared out afresh.
    pub(super) fn connect(&mut self, id: ConsumerId, buffer: usize) {
        let consumer = Consumer {
            buffer: buffer.max(1),
            in_flight: 0,
            given: 0,
        };
        self.all.insert(id, consumer);
        let idle = self
            .buckets
            .iter_mut()
            .filter(|bucket| bucket.in_flight == 0);
        idle.for_each(|bucket| bucket.owner = None);
    }

    pub(super) fn disconnect(&mut self, id: ConsumerId) {
        self.all.remove(&id);
        for bucket in &mut self.buckets {
            if bucket.owner == Some(id) {
                *bucket = Bucket::default();
            }
        }
    }

    /// The part an event belongs to; none where anybody may get any.
    pub(super) fn bucket(&self, key: &str) -> Option<usize> {
        let buckets = u64::try_from(self.buckets.len())
            .ok()
            .filter(|count| *count > 0)?;
        usize::try_from(fnv1a(key) % buckets).ok()
    }

    pub(super) fn choose(&mut self, bucket: Option<usize>) -> Choice {
        if !self.all.values().any(Consumer::has_room) {
            return Choice::Nobody;
        }
        let chosen = match (self.strategy, bucket) {
            (Strategy::RoundRobin, _) => self.next_in_turn(),
            (_, Some(bucket)) => self.owner(bucket),
            _ => self.first_with_room(),
        };
        chosen.map_or(Choice::Waits, Choice::Consumer)
    }

    pub(super) fn give(&mut self, id: ConsumerId, bucket: Option<usize>) {
        self.last = id;
        if let Some(consumer) = self.all.get_mut(&id) {
            consumer.in_flight += 1;
            consumer.given += 1;
        }
        if let Some(bucket) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            bucket.in_flight += 1;
        }
    }

    pub(super) fn take_back(&mut self, id: ConsumerId, bucket: Option<usize>) {
        if let Some(consumer) = self.all.get_mut(&id) {
            consumer.in_flight = consumer.in_flight.saturating_sub(1);
        }
        if let Some(bucket) = bucket.and_then(|bucket| self.buckets.get_mut(bucket)) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    fn next_in_turn(&self) -> Option<ConsumerId> {
        let after = self.all.range(self.last + 1..);
        let then = self.all.range(..=self.last);
        let mut turns = after
            .chain(then)
            .filter(|(_, consumer)| consumer.has_room());
        turns.next().map(|(id, _)| *id)
    }

    fn first_with_room(&self) -> Option<ConsumerId> {
        let mut all = self.all.iter();
        all.find(|(_, consumer)| consumer.has_room())
            .map(|(id, _)| *id)
    }

    /// Whose part it is, if that one has room; a part that is nobody's goes to whoever has the fewest.
    fn owner(&mut self, bucket: usize) -> Option<ConsumerId> {
        let owner = self.buckets.get(bucket)?.owner;
        let owner = match owner.filter(|owner| self.all.contains_key(owner)) {
            Some(owner) => owner,
            None => {
                let owner = self.least_burdened()?;
                self.buckets.get_mut(bucket)?.owner = Some(owner);
                owner
            }
        };
        self.all.get(&owner)?.has_room().then_some(owner)
    }

    fn least_burdened(&self) -> Option<ConsumerId> {
        let mut parts: BTreeMap<_, usize> = self.all.keys().map(|id| (*id, 0)).collect();
        for owner in self.buckets.iter().filter_map(|bucket| bucket.owner) {
            if let Some(count) = parts.get_mut(&owner) {
                *count += 1;
            }
        }
        let least = parts.into_iter().min_by_key(|(id, count)| (*count, *id));
        least.map(|(id, _)| id)
    }
}

/// The same on every machine and in every version (Fowler, Noll and Vo, 64 bit).
fn fnv1a(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
