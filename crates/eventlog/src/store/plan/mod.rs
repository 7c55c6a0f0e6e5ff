//! What fits: deciding, for each append of a batch, whether it is written, was written before, or is refused.
//!
//! For: the meaning of expected revisions and repeated event ids, once, for every store.
//! May not know: SQL, queues, async. A store says beforehand what stands in it (`Known`).
//!
//! The rules are EventStoreDB's, made durable. *Any* and *stream exists* recognise an append whose event ids all stand
//! in the stream. *Exact* and *no stream*, when the stream has moved on, recognise it when exactly its ids stand right
//! after the expected revision. An *exact* that fits is appended without looking for ids.
//!
//! What outside programs ask for goes by further rules: `outside`.

mod outside;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Write;
use crate::error::AppendError;
use crate::event::{Appended, Expected, NewEvent, Recorded, StreamAppend, StreamAppended};
use crate::name::{EventId, Position, Revision, StreamName};

pub(crate) use outside::{Life, lives_wanted};

/// Where a stored event stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) revision: Revision,
    pub(crate) position: Position,
    pub(crate) recorded_at: i64,
}

/// What stands in the store, as far as a batch needs it; grows with what the batch itself writes.
#[derive(Debug, Default)]
pub(crate) struct Known {
    heads: HashMap<StreamName, Revision>,
    /// The last event with an id, per stream.
    ids: HashMap<(StreamName, EventId), Standing>,
    places: HashMap<(StreamName, Revision), (EventId, Standing)>,
    /// How streams stand with outside programs, as far as these write or something is said about them.
    lives: HashMap<StreamName, Life>,
    /// The last metadata of streams that are deleted softly.
    described: HashMap<StreamName, Bytes>,
}

impl Known {
    pub(crate) fn set_head(&mut self, stream: &StreamName, head: Revision) {
        self.heads.insert(stream.clone(), head);
    }

    pub(crate) fn add_event(&mut self, stream: &StreamName, id: EventId, at: Standing) {
        let last = self.ids.entry((stream.clone(), id)).or_insert(at);
        if at.revision > last.revision {
            *last = at;
        }
        self.places.insert((stream.clone(), at.revision), (id, at));
    }

    pub(crate) fn set_life(&mut self, stream: &StreamName, life: Life) {
        self.lives.insert(stream.clone(), life);
    }

    /// The last metadata of a stream.
    pub(crate) fn set_described(&mut self, stream: &StreamName, body: Bytes) {
        self.described.insert(stream.clone(), body);
    }

    pub(crate) fn head(&self, stream: &StreamName) -> Option<Revision> {
        self.heads.get(stream).copied()
    }

    /// The ids to look up first: one per append that goes by ids. Heads must be set.
    pub(crate) fn first_ids<'a>(&self, batch: &'a [Write]) -> Vec<(&'a StreamName, EventId)> {
        self.by_ids(batch)
            .filter_map(|member| Some((&member.stream, member.events.first()?.id)))
            .collect()
    }

    /// The ids to look up then: the rest of each append whose first id is there.
    pub(crate) fn further_ids<'a>(&self, batch: &'a [Write]) -> Vec<(&'a StreamName, EventId)> {
        let begun = |member: &&StreamAppend| {
            member
                .events
                .first()
                .is_some_and(|first| self.last_with(&member.stream, first.id).is_some())
        };
        self.by_ids(batch)
            .filter(begun)
            .flat_map(|member| {
                member.events[1..]
                    .iter()
                    .map(|event| (&member.stream, event.id))
            })
            .collect()
    }

    /// The revisions to look up: those right after an expected revision that the stream has passed. Heads must be set.
    pub(crate) fn wanted_places<'a>(
        &self,
        batch: &'a [Write],
    ) -> Vec<(&'a StreamName, Revision, usize)> {
        members(batch)
            .filter_map(|member| {
                let head = self.head(&member.stream)?;
                let from = after(member.expected)?;
                (head >= from).then_some((&member.stream, from, member.events.len()))
            })
            .collect()
    }

    /// Appends on existing streams that recognise repeats by id.
    fn by_ids<'a>(&self, batch: &'a [Write]) -> impl Iterator<Item = &'a StreamAppend> {
        members(batch).filter(|member| goes_by_ids(member) && self.head(&member.stream).is_some())
    }

    fn last_with(&self, stream: &StreamName, id: EventId) -> Option<Standing> {
        self.ids.get(&(stream.clone(), id)).copied()
    }
}

/// Every stream append of a batch.
pub(crate) fn members(batch: &[Write]) -> impl Iterator<Item = &StreamAppend> {
    batch.iter().flat_map(|write| match write {
        Write::Append(streams) => streams.as_slice(),
        Write::Outside(write) => write.members.as_slice(),
        Write::Door(_) => &[],
    })
}

/// Whether an append recognises repeats by their ids, wherever they stand in the stream.
pub(crate) fn goes_by_ids(member: &StreamAppend) -> bool {
    after(member.expected).is_none()
}

/// The first revision an append would take by its expectation; none when any will do.
fn after(expected: Expected) -> Option<Revision> {
    match expected {
        Expected::Any | Expected::StreamExists => None,
        Expected::NoStream => Some(Revision::FIRST),
        Expected::Exact(revision) => Some(revision.next()),
    }
}

/// How one stream's part relates to what stands there.
enum Verdict {
    Fits,
    /// First and last of the events that stand there already.
    Repeats(Standing, Standing),
    Misfits,
}

/// Plans one batch, append by append.
#[derive(Debug)]
pub(crate) struct Planner {
    known: Known,
    head: Position,
    now: i64,
    events: Vec<Arc<Recorded>>,
}

impl Planner {
    /// `head` is the log's last position before the batch.
    pub(crate) fn new(known: Known, head: Position, now: i64) -> Self {
        Self {
            known,
            head,
            now,
            events: Vec::new(),
        }
    }

    /// The log's last position with what was planned so far.
    pub(crate) fn head(&self) -> Position {
        self.head
    }

    /// What is to be written, in order of position, and how the streams then stand with outside programs, as far as
    /// that was asked or has changed.
    pub(crate) fn into_parts(self) -> (Vec<Arc<Recorded>>, HashMap<StreamName, Life>) {
        (self.events, self.known.lives)
    }

    /// Plans one append over all its streams, or refuses it and leaves everything as it was.
    pub(crate) fn append(&mut self, members: &[StreamAppend]) -> Result<Appended, AppendError> {
        self.append_by(members, &[], Self::verdict)
    }

    fn append_by(
        &mut self,
        members: &[StreamAppend],
        order: &[usize],
        verdict: impl Fn(&Self, &StreamAppend) -> Verdict,
    ) -> Result<Appended, AppendError> {
        let mut repeats = Vec::new();
        let mut misfit = None;
        for member in members {
            match verdict(self, member) {
                Verdict::Fits => {}
                Verdict::Repeats(first, last) => repeats.push((member, first, last)),
                Verdict::Misfits => misfit = misfit.or(Some(member)),
            }
        }
        // An append that stands there whole was made before; what its guards say now no longer matters.
        let with_events = members.iter().filter(|member| !member.events.is_empty());
        if !repeats.is_empty() && repeats.len() == with_events.count() {
            return Ok(repeated(&repeats));
        }
        // One that stands there in part is a different append with the same ids.
        match misfit.or(repeats.first().map(|(member, ..)| *member)) {
            Some(member) => Err(self.wrong_revision(member)),
            None => Ok(self.write(members, order)),
        }
    }

    fn verdict(&self, member: &StreamAppend) -> Verdict {
        let head = self.known.head(&member.stream);
        match (member.expected, head) {
            (Expected::StreamExists, None) => Verdict::Misfits,
            (Expected::Any | Expected::StreamExists, _) => self.verdict_by_ids(member),
            (Expected::NoStream, None) => Verdict::Fits,
            (Expected::Exact(expected), Some(head)) if expected == head => Verdict::Fits,
            (Expected::Exact(_) | Expected::NoStream, _) => self.verdict_by_places(member),
        }
    }

    fn verdict_by_ids(&self, member: &StreamAppend) -> Verdict {
        let standing = |event: &NewEvent| self.known.last_with(&member.stream, event.id);
        let Some(first) = member.events.first().and_then(standing) else {
            return Verdict::Fits;
        };
        let mut last = first;
        for event in &member.events {
            match standing(event) {
                Some(at) if at.revision >= last.revision => last = at,
                _ => return Verdict::Misfits,
            }
        }
        Verdict::Repeats(first, last)
    }

    fn verdict_by_places(&self, member: &StreamAppend) -> Verdict {
        let mut place = after(member.expected).unwrap_or(Revision::FIRST);
        let mut span: Option<(Standing, Standing)> = None;
        for event in &member.events {
            match self.known.places.get(&(member.stream.clone(), place)) {
                Some((id, at)) if *id == event.id => {
                    span = Some((span.map_or(*at, |(first, _)| first), *at));
                }
                _ => return Verdict::Misfits,
            }
            place = place.next();
        }
        span.map_or(Verdict::Misfits, |(first, last)| {
            Verdict::Repeats(first, last)
        })
    }

    /// One member after the other, or in an order that names each of their events once.
    fn write(&mut self, members: &[StreamAppend], order: &[usize]) -> Appended {
        let mut written: Vec<Option<(Standing, Standing)>> = vec![None; members.len()];
        let mut left: Vec<_> = members.iter().map(|member| member.events.iter()).collect();
        let one_by_one = members.iter().enumerate();
        let one_by_one = one_by_one.flat_map(|(place, it)| it.events.iter().map(move |_| place));
        let mut put = |place: usize| {
            let event = left.get_mut(place).and_then(Iterator::next);
            if let (Some(member), Some(event)) = (members.get(place), event) {
                let at = self.write_event(&member.stream, event);
                written[place] = Some((written[place].map_or(at, |(first, _)| first), at));
            }
        };
        match order {
            [] => one_by_one.for_each(&mut put),
            order => order.iter().copied().for_each(&mut put),
        }
        let streams = members.iter().zip(written);
        let streams = streams.filter_map(|(member, span)| {
            span.map(|(first, last)| stretch(&member.stream, first, last))
        });
        Appended {
            position: self.head,
            streams: streams.collect(),
            duplicate: false,
            recorded_at: self.now,
        }
    }

    fn write_event(&mut self, stream: &StreamName, event: &NewEvent) -> Standing {
        let at = Standing {
            revision: self
                .known
                .head(stream)
                .map_or(Revision::FIRST, Revision::next),
            position: self.head.next(),
            recorded_at: self.now,
        };
        self.events.push(Arc::new(Recorded {
            position: at.position,
            stream: stream.clone(),
            revision: at.revision,
            id: event.id,
            kind: event.kind.as_str().into(),
            recorded_at: at.recorded_at,
            body: event.body.clone(),
            meta: event.meta.clone(),
        }));
        self.head = at.position;
        self.known.set_head(stream, at.revision);
        self.known.add_event(stream, event.id, at);
        self.notice(stream, event);
        at
    }

    fn wrong_revision(&self, member: &StreamAppend) -> AppendError {
        AppendError::WrongRevision {
            stream: member.stream.clone(),
            expected: member.expected,
            actual: self.known.head(&member.stream),
        }
    }
}

fn repeated(repeats: &[(&StreamAppend, Standing, Standing)]) -> Appended {
    let latest = repeats
        .iter()
        .map(|(.., last)| *last)
        .max_by_key(|last| last.position);
    Appended {
        position: latest.map_or(Position::START, |last| last.position),
        streams: repeats
            .iter()
            .map(|(member, first, last)| stretch(&member.stream, *first, *last))
            .collect(),
        duplicate: true,
        recorded_at: latest.map_or(0, |last| last.recorded_at),
    }
}

fn stretch(stream: &StreamName, first: Standing, last: Standing) -> StreamAppended {
    StreamAppended {
        stream: stream.clone(),
        first: first.revision,
        last: last.revision,
        first_position: first.position,
        last_position: last.position,
    }
}
