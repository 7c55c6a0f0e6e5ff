//! The memory store: the log as ordered lists in this process.
//!
//! For: tests, models and simulation; deterministic, and able to fail on demand.
//! May not know: files, queues, subscriptions.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::memory_doors::MemoryDoors;
use super::plan::{Known, Life, Planner, Standing, lives_wanted, members};
use super::{Answer, Committed, Group, Scan, Store, StoreError, StoreSize, Uncommitted, Write};
use crate::doors::{DoorAnswer, DoorRead};
use crate::error::AppendError;
use crate::event::{Appended, Direction, Recorded};
use crate::faults::{Fate, MemoryFaults};
use crate::name::{EventId, Position, Revision, StreamName};

/// Everything committed. An event's position is its index in `all`, plus one.
#[derive(Clone, Debug, Default)]
struct State {
    all: Vec<Arc<Recorded>>,
    streams: HashMap<StreamName, Vec<Arc<Recorded>>>,
    categories: HashMap<String, Vec<Arc<Recorded>>>,
    kinds: HashMap<Arc<str>, Vec<Arc<Recorded>>>,
    doors: MemoryDoors,
}

/// The log in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: RwLock<State>,
    faults: MemoryFaults,
}

impl MemoryStore {
    pub(crate) fn faults(&self) -> MemoryFaults {
        self.faults.clone()
    }

    /// What a restart would find: the committed data, with no faults set. This store answers nothing any more.
    pub(crate) fn fork_after_crash(&self) -> Self {
        self.faults.crash();
        Self {
            state: RwLock::new(self.state().clone()),
            faults: MemoryFaults::default(),
        }
    }

    pub(crate) fn committed_head(&self) -> Position {
        self.state().head()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn readable(&self) -> Result<RwLockReadGuard<'_, State>, StoreError> {
        if self.faults.read_fails() {
            return Err(StoreError("a read was made to fail".to_owned()));
        }
        Ok(self.state())
    }

    fn append(&self, plan: impl FnOnce() -> Result<Appended, AppendError>) -> Answer {
        let lost = || AppendError::Unavailable("an append was made to fail".to_owned());
        Answer::Append(match self.faults.append() {
            Fate::Taken => plan(),
            Fate::Failed => Err(lost()),
            Fate::AnswerLost => plan().and_then(|_| Err(lost())),
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, batch: &[Write], now: i64) -> Result<Committed, Uncommitted> {
        if let Some(delay) = self.faults.commit_delay() {
            tokio::time::sleep(delay).await;
        }
        let mut state = self.state_mut();
        let mut planner = Planner::new(state.known(batch), state.head(), now);
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.push(match write {
                Write::Append(streams) => self.append(|| planner.append(streams)),
                Write::Outside(write) => self.append(|| planner.outside(write)),
                Write::Door(_) if !self.faults.change() => write.unavailable("the log crashed"),
                Write::Door(door) => Answer::Door(state.doors.write(door)),
            });
        }
        let head = planner.head();
        let (events, _) = planner.into_parts();
        for event in &events {
            state.add(event);
        }
        Ok(Committed {
            answers,
            events,
            head,
        })
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.readable()?.head())
    }

    async fn read(&self, scan: Scan<'_>, limit: usize) -> Result<Vec<Arc<Recorded>>, StoreError> {
        Ok(self.readable()?.scan(scan, limit))
    }

    async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, StoreError> {
        let state = self.readable()?;
        let found = state
            .stream(stream)
            .iter()
            .rev()
            .find(|event| event.id == id);
        Ok(found.cloned())
    }

    async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, StoreError> {
        Ok(self.readable()?.stream_head(stream))
    }

    async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, StoreError> {
        let state = self.readable()?;
        let events = state.group(group);
        let from = first_after(events, after).saturating_add(place(skip));
        Ok(events.get(from).map(|event| event.position))
    }

    async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError> {
        let state = self.readable()?;
        let events = state.group(group);
        Ok((events.len() - first_after(events, after)) as u64)
    }

    async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
        Ok(self.readable()?.doors.read(read))
    }

    async fn size(&self) -> Result<StoreSize, StoreError> {
        Ok(StoreSize {
            streams: self.readable()?.streams.len() as u64,
            ..StoreSize::default()
        })
    }

    async fn close(&self) {}
}

impl State {
    fn head(&self) -> Position {
        Position(self.all.len() as u64)
    }

    fn stream(&self, stream: &StreamName) -> &[Arc<Recorded>] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    fn group(&self, group: Group<'_>) -> &[Arc<Recorded>] {
        let events = match group {
            Group::Category(category) => self.categories.get(category),
            Group::Kind(kind) => self.kinds.get(kind),
        };
        events.map_or(&[], Vec::as_slice)
    }

    fn stream_head(&self, stream: &StreamName) -> Option<Revision> {
        self.stream(stream).last().map(|event| event.revision)
    }

    fn add(&mut self, event: &Arc<Recorded>) {
        let category = event.stream.category().to_owned();
        self.all.push(Arc::clone(event));
        let stream = self.streams.entry(event.stream.clone()).or_default();
        stream.push(Arc::clone(event));
        let category = self.categories.entry(category).or_default();
        category.push(Arc::clone(event));
        let kind = self.kinds.entry(Arc::clone(&event.kind)).or_default();
        kind.push(Arc::clone(event));
    }

    /// Gathers what the planner asks for, as a database would.
    fn known(&self, batch: &[Write]) -> Known {
        let mut known = Known::default();
        for member in members(batch) {
            if let Some(head) = self.stream_head(&member.stream) {
                known.set_head(&member.stream, head);
            }
        }
        for stream in lives_wanted(batch) {
            self.add_life(&mut known, &stream);
        }
        self.add_ids(&mut known, |known| known.first_ids(batch));
        self.add_ids(&mut known, |known| known.further_ids(batch));
        for (stream, from, count) in known.wanted_places(batch) {
            let events = self.stream(stream);
            let from = place(from.0).min(events.len());
            for event in events[from..].iter().take(count) {
                known.add_event(stream, event.id, standing(event));
            }
        }
        known
    }

    fn add_life(&self, known: &mut Known, stream: &StreamName) {
        let metadata = stream.metadata();
        for stream in [stream, &metadata] {
            if let Some(head) = self.stream_head(stream) {
                known.set_head(stream, head);
            }
        }
        let last = self.stream(stream).last();
        let said = self.stream(&metadata).last();
        let kind = last.map(|event| &*event.kind);
        known.set_life(stream, Life::of(kind, said.map(|event| &*event.body)));
        if let Some(said) = said {
            known.set_described(stream, said.body.clone());
        }
    }

    fn add_ids<'a>(
        &self,
        known: &mut Known,
        wanted: impl FnOnce(&Known) -> Vec<(&'a StreamName, EventId)>,
    ) {
        for (stream, id) in wanted(known) {
            let mut events = self.stream(stream).iter().rev();
            if let Some(event) = events.find(|event| event.id == id) {
                known.add_event(stream, id, standing(event));
            }
        }
    }

    fn scan(&self, scan: Scan<'_>, limit: usize) -> Vec<Arc<Recorded>> {
        match scan {
            Scan::Stream {
                stream,
                from,
                direction,
            } => {
                let events = self.stream(stream);
                match direction {
                    Direction::Forward => upward(events, place(from.0), limit),
                    Direction::Backward => downward(events, place(from.next().0), limit),
                }
            }
            Scan::StreamAfter { stream, after } => {
                let events = self.stream(stream);
                upward(events, first_after(events, after), limit)
            }
            Scan::All { from, direction } => by_position(&self.all, from, direction, limit),
            Scan::Filed { after } => by_position(&self.all, after, Direction::Forward, limit),
            Scan::Category {
                category,
                from,
                direction,
            } => by_position(
                self.group(Group::Category(category)),
                from,
                direction,
                limit,
            ),
            Scan::Kind {
                kind,
                from,
                direction,
            } => by_position(self.group(Group::Kind(kind)), from, direction, limit),
        }
    }
}

fn by_position(
    events: &[Arc<Recorded>],
    from: Position,
    direction: Direction,
    limit: usize,
) -> Vec<Arc<Recorded>> {
    let after = first_after(events, from);
    match direction {
        Direction::Forward => upward(events, after, limit),
        Direction::Backward => downward(events, after, limit),
    }
}

fn first_after(events: &[Arc<Recorded>], position: Position) -> usize {
    events.partition_point(|event| event.position <= position)
}

/// From `start`, inclusive, upwards.
fn upward(events: &[Arc<Recorded>], start: usize, limit: usize) -> Vec<Arc<Recorded>> {
    let start = start.min(events.len());
    events[start..].iter().take(limit).cloned().collect()
}

/// From `end`, exclusive, downwards.
fn downward(events: &[Arc<Recorded>], end: usize, limit: usize) -> Vec<Arc<Recorded>> {
    let end = end.min(events.len());
    events[..end].iter().rev().take(limit).cloned().collect()
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn standing(event: &Recorded) -> Standing {
    Standing {
        revision: event.revision,
        position: event.position,
        recorded_at: event.recorded_at,
    }
}
