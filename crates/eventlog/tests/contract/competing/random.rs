//! Random lives of a group: nothing is lost, nothing is at two consumers at once, what is pinned stays in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventlog::competing::{Effect, Group, Nack, Settings, Strategy as Sharing};
use proptest::prelude::*;

use super::machine::{id, message};
use crate::model::cases;

#[derive(Clone, Debug)]
enum Step {
    Connect(usize),
    Disconnect(usize),
    Offer(u8, u8),
    /// The consumer's so-manieth event.
    Ack(usize, usize),
    Nack(usize, usize, Nack),
    Parked(bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let nack = prop_oneof![
        Just(Nack::Retry),
        Just(Nack::Park),
        Just(Nack::Skip),
        Just(Nack::Stop)
    ];
    prop_oneof![
        2 => (1..4_usize).prop_map(Step::Connect),
        1 => (0..4_usize).prop_map(Step::Disconnect),
        6 => (0..5_u8, 1..6_u8).prop_map(|(stream, count)| Step::Offer(stream, count)),
        8 => (0..4_usize, 0..4_usize).prop_map(|(who, which)| Step::Ack(who, which)),
        3 => (0..4_usize, 0..4_usize, nack).prop_map(|(who, which, how)| Step::Nack(who, which, how)),
        2 => any::<bool>().prop_map(Step::Parked),
        1 => (1..40_u64).prop_map(Step::Wait),
    ]
}

/// What the outer world knows of the group.
struct World {
    group: Group,
    now: Duration,
    next_consumer: u64,
    next_place: u64,
    streams: BTreeMap<u64, u8>,
    /// Per consumer: places it has, in the order they were given.
    has: BTreeMap<u64, Vec<u64>>,
    parking: Vec<u64>,
    done: BTreeSet<u64>,
    /// Per stream: the last place that was given for the first time.
    first_given: BTreeMap<u8, u64>,
    checkpoint: Option<u64>,
}

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            group: Group::new(settings, None, Duration::ZERO),
            now: Duration::ZERO,
            next_consumer: 1,
            next_place: 0,
            streams: BTreeMap::new(),
            has: BTreeMap::new(),
            parking: Vec::new(),
            done: BTreeSet::new(),
            first_given: BTreeMap::new(),
            checkpoint: None,
        }
    }

    fn one_of(&self, who: usize, which: usize) -> Option<(u64, u64)> {
        let (consumer, has) = self.has.iter().nth(who % self.has.len().max(1))?;
        let place = has.get(which % has.len().max(1))?;
        Some((*consumer, *place))
    }

    fn lose(&mut self, consumer: u64, place: u64) {
        if let Some(has) = self.has.get_mut(&consumer) {
            has.retain(|other| *other != place);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(buffer) => {
                let consumer = self.next_consumer;
                if self.group.connect(consumer, buffer, self.now) {
                    self.next_consumer += 1;
                    self.has.insert(consumer, Vec::new());
                }
            }
            Step::Disconnect(who) => {
                if let Some(consumer) = self.has.keys().nth(who).copied() {
                    self.has.remove(&consumer);
                    self.group.disconnect(consumer, self.now);
                }
            }
            Step::Offer(stream, count) => {
                for _ in 0..usize::from(count).min(self.group.room()) {
                    let place = self.next_place;
                    self.next_place += 1;
                    self.streams.insert(place, stream);
                    let event = message(&format!("s-{stream}"), place, "");
                    self.group.offer(event, self.now);
                }
            }
            Step::Ack(who, which) => {
                if let Some((consumer, place)) = self.one_of(who, which) {
                    self.lose(consumer, place);
                    assert!(self.done.insert(place));
                    self.group.ack(consumer, id(place), self.now);
                }
            }
            Step::Nack(who, which, action) => {
                if let Some((consumer, place)) = self.one_of(who, which) {
                    if action != Nack::Stop {
                        self.lose(consumer, place);
                    }
                    if action == Nack::Skip {
                        assert!(self.done.insert(place));
                    }
                    self.group.nack(consumer, id(place), action, "", self.now);
                }
            }
            Step::Parked(well) => {
                if let Some(place) = self.parking.pop() {
                    if well {
                        assert!(self.done.insert(place));
                        self.group.parked(id(place), self.now);
                    } else {
                        self.group.not_parked(id(place), self.now);
                    }
                }
            }
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                if seconds >= 30 {
                    // Everybody's time is up.
                    self.has.values_mut().for_each(Vec::clear);
                }
                let late = self.group.wakes_at().is_some_and(|at| at <= self.now);
                if late && seconds < 30 {
                    self.has.values_mut().for_each(Vec::clear);
                    self.now += Duration::from_secs(30);
                }
                self.group.tick(self.now);
            }
        }
        self.look();
    }

    /// Holds what comes out against the promises.
    fn look(&mut self) {
        while let Some(effect) = self.group.effect() {
            match effect {
                Effect::Deliver(to, message, _) => {
                    let place = message.place;
                    assert!(!self.done.contains(&place), "{place} was done");
                    let elsewhere = self.has.values().flatten().any(|other| *other == place);
                    assert!(
                        !elsewhere && !self.parking.contains(&place),
                        "{place} is at two"
                    );
                    self.has.get_mut(&to).expect("connected").push(place);
                    self.in_order(place);
                }
                Effect::Park(message, _) => self.parking.push(message.place),
                Effect::Checkpoint(place) => {
                    assert!(self.checkpoint < Some(place), "backwards");
                    assert!(
                        (0..=place).all(|place| self.done.contains(&place)),
                        "not all done"
                    );
                    self.checkpoint = Some(place);
                }
                Effect::TruncateParked(_) => panic!("nothing was replayed"),
            }
        }
    }

    /// The first time, a stream's events are given in their order.
    fn in_order(&mut self, place: u64) {
        let stream = self.streams[&place];
        let last = self.first_given.get(&stream).copied();
        let before = self
            .streams
            .iter()
            .filter(|(at, of)| **of == stream && **at < place);
        let skipped = before
            .filter(|(at, _)| last.is_none_or(|last| **at > last))
            .count();
        assert!(last >= Some(place) || skipped == 0, "{place} overtook");
        self.first_given
            .insert(stream, last.unwrap_or(place).max(place));
    }

    /// Somebody who handles everything gets all that is left.
    fn end(mut self) {
        self.step(Step::Wait(60));
        self.step(Step::Connect(3));
        for _ in 0..10_000 {
            if let Some((consumer, place)) = self.one_of(0, 0) {
                self.lose(consumer, place);
                self.done.insert(place);
                self.group.ack(consumer, id(place), self.now);
            } else if self.parking.is_empty() {
                let who = (0..self.has.len()).find(|who| self.one_of(*who, 0).is_some());
                let Some((consumer, place)) = who.and_then(|who| self.one_of(who, 0)) else {
                    break;
                };
                self.lose(consumer, place);
                self.done.insert(place);
                self.group.ack(consumer, id(place), self.now);
            } else {
                self.step(Step::Parked(true));
            }
            self.look();
        }
        assert_eq!(
            self.done.len() as u64,
            self.next_place,
            "something was lost"
        );
        self.group.close();
        self.look();
        assert_eq!(self.checkpoint, self.next_place.checked_sub(1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(400),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_and_nothing_is_at_two_at_once(
        which in 0..4_usize,
        retries in 0..3_u32,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let strategies = [
            Sharing::RoundRobin,
            Sharing::DispatchToSingle,
            Sharing::Pinned,
            Sharing::PinnedByCorrelation,
        ];
        let mut world = World::new(Settings {
            strategy: strategies[which],
            max_retry_count: retries,
            max_subscriber_count: 4,
            min_checkpoint_count: 1,
            max_checkpoint_count: 5,
            history_buffer_size: 30,
            ..Settings::default()
        });
        for step in steps {
            world.step(step);
        }
        world.end();
    }
}
