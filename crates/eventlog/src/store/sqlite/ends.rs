//! The ends of the streams written to lately, as the only writer of the file knows them.
//!
//! For: answering "is there anything new in this stream?" without asking the file; whoever acts on a call asks it several
//! times, and nearly always there is nothing, or what was written a moment ago.
//! May not know: how events are stored. What is not remembered here is asked of the file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Direction, Recorded};
use crate::limits::{HEAD_CACHE, TAIL_EVENTS, TAIL_STREAMS};
use crate::name::{EventId, Revision, StreamName};
use crate::store::cache::Cache;

/// A stream's last events, oldest first, none missing.
type Tail = Arc<[Arc<Recorded>]>;

/// The last revisions of the streams written to lately, and of fewer of them the last events.
pub(super) struct Ends(Mutex<Known>);

struct Known {
    heads: Cache<StreamName, Revision>,
    tails: Cache<StreamName, Tail>,
}

impl Ends {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            heads: Cache::new(HEAD_CACHE),
            tails: Cache::new(TAIL_STREAMS),
        }))
    }

    /// These events were committed, in order.
    pub(super) fn learn(&self, events: &[Arc<Recorded>]) {
        let mut known = self.lock();
        for event in events {
            known.heads.insert(event.stream.clone(), event.revision);
            let before = known.tails.get(&event.stream);
            let tail = after(before.as_deref().unwrap_or_default(), event);
            known.tails.insert(event.stream.clone(), tail);
        }
    }

    /// Nobody knows whether the last commit happened: everything is asked of the file again.
    pub(super) fn forget(&self) {
        let mut known = self.lock();
        known.heads.clear();
        known.tails.clear();
    }

    /// A stream's events from a revision on, at most `limit`; `None` when that is not known here.
    pub(super) fn read(
        &self,
        stream: &StreamName,
        from: Revision,
        direction: Direction,
        limit: usize,
    ) -> Option<Vec<Arc<Recorded>>> {
        let mut known = self.lock();
        if direction == Direction::Forward && known.heads.get(stream)? < from {
            return Some(Vec::new());
        }
        let tail = known.tails.get(stream)?;
        drop(known);
        let first = tail.first()?.revision;
        match direction {
            Direction::Forward => {
                let asked = tail.iter().filter(|event| event.revision >= from);
                (first <= from).then(|| asked.take(limit).cloned().collect())
            }
            Direction::Backward => {
                let asked = tail.iter().rev().filter(|event| event.revision <= from);
                let found: Vec<_> = asked.take(limit).cloned().collect();
                (found.len() >= limit || first == Revision::FIRST).then_some(found)
            }
        }
    }

    /// The last event of this id in a stream; `None` also when that is not known here.
    pub(super) fn find(&self, stream: &StreamName, id: EventId) -> Option<Arc<Recorded>> {
        let tail = self.lock().tails.get(stream)?;
        tail.iter().rev().find(|event| event.id == id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tail with one more event; begun anew when something is missing between them.
fn after(tail: &[Arc<Recorded>], event: &Arc<Recorded>) -> Tail {
    let joins = tail
        .last()
        .is_some_and(|last| last.revision.next() == event.revision);
    let kept = if joins { tail } else { &[] };
    let kept = &kept[kept.len().saturating_sub(TAIL_EVENTS - 1)..];
    kept.iter().chain([event]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Position;

    fn event(stream: &str, revision: u64) -> Arc<Recorded> {
        Arc::new(Recorded {
            stream: StreamName::stored(stream),
            revision: Revision(revision),
            position: Position(revision + 1),
            id: EventId(uuid::Uuid::from_u128(u128::from(revision))),
            kind: "Kind".into(),
            recorded_at: 0,
            body: bytes::Bytes::new(),
            meta: bytes::Bytes::new(),
        })
    }

    fn learnt(revisions: impl IntoIterator<Item = u64>) -> (Ends, StreamName) {
        let ends = Ends::new();
        for revision in revisions {
            ends.learn(&[event("a-1", revision), event("b-1", revision)]);
        }
        (ends, StreamName::stored("a-1"))
    }

    fn read(ends: &Ends, from: u64, direction: Direction, limit: usize) -> Option<Vec<u64>> {
        let stream = StreamName::stored("a-1");
        let read = ends.read(&stream, Revision(from), direction, limit);
        read.map(|events| events.iter().map(|event| event.revision.0).collect())
    }

    #[test]
    fn a_stream_ends_where_it_was_written_last() {
        let (ends, _) = learnt([4, 5]);
        assert_eq!(read(&ends, 6, Direction::Forward, 9), Some(vec![]));
        assert_eq!(read(&ends, 5, Direction::Forward, 9), Some(vec![5]));
        assert_eq!(read(&ends, 4, Direction::Forward, 1), Some(vec![4]));
    }

    #[test]
    fn what_was_written_earlier_is_asked_of_the_file() {
        let (ends, _) = learnt([4, 5]);
        assert_eq!(read(&ends, 3, Direction::Forward, 9), None);
        assert_eq!(read(&ends, u64::MAX, Direction::Backward, 3), None);
        assert_eq!(read(&ends, 3, Direction::Backward, 1), None);
        assert_eq!(
            read(&ends, u64::MAX, Direction::Backward, 2),
            Some(vec![5, 4])
        );
        assert_eq!(read(&ends, 4, Direction::Backward, 1), Some(vec![4]));
        assert_eq!(
            Ends::new().read(
                &StreamName::stored("a-1"),
                Revision(9),
                Direction::Forward,
                9
            ),
            None
        );
    }

    #[test]
    fn a_stream_known_from_its_first_event_is_known_whole() {
        let (ends, _) = learnt([0, 1]);
        assert_eq!(
            read(&ends, u64::MAX, Direction::Backward, 9),
            Some(vec![1, 0])
        );
        assert_eq!(read(&ends, 0, Direction::Backward, 9), Some(vec![0]));
    }

    #[test]
    fn a_tail_is_bounded_and_has_no_holes() {
        let last = TAIL_EVENTS as u64 + 4;
        let (ends, stream) = learnt(0..=last);
        let all = read(&ends, 5, Direction::Forward, usize::MAX);
        assert_eq!(all, Some((5..=last).collect()));
        assert_eq!(read(&ends, 4, Direction::Forward, usize::MAX), None);
        ends.learn(&[event("a-1", last + 2)]);
        assert_eq!(read(&ends, last, Direction::Forward, usize::MAX), None);
        assert!(
            ends.find(&stream, EventId(uuid::Uuid::from_u128(5)))
                .is_none()
        );
    }

    #[test]
    fn an_event_is_found_by_its_id_until_all_is_forgotten() {
        let (ends, stream) = learnt([4, 5]);
        let id = EventId(uuid::Uuid::from_u128(4));
        assert_eq!(
            ends.find(&stream, id).map(|event| event.revision),
            Some(Revision(4))
        );
        ends.forget();
        assert!(ends.find(&stream, id).is_none());
        assert_eq!(read(&ends, 9, Direction::Forward, 9), None);
    }
}
