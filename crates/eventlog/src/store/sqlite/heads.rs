//! Where streams end, as the only writer of the file knows.
//!
//! For: answering "is there anything new in this stream?" without asking the file; whoever acts on a call asks it several
//! times, and nearly always there is nothing.
//! May not know: events. What is not remembered here is asked of the file.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Recorded;
use crate::limits::HEAD_CACHE;
use crate::name::{Revision, StreamName};
use crate::store::cache::Cache;

/// The last revisions of the streams written to lately.
pub(super) struct Heads(Mutex<Cache<StreamName, Revision>>);

impl Heads {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Cache::new(HEAD_CACHE)))
    }

    /// These events were committed, in order.
    pub(super) fn learn(&self, events: &[Arc<Recorded>]) {
        let mut heads = self.lock();
        for event in events {
            heads.insert(event.stream.clone(), event.revision);
        }
    }

    /// Nobody knows whether the last commit happened: everything is asked of the file again.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    /// Whether the stream surely ends before this revision; false also when it is not known.
    pub(super) fn end_before(&self, stream: &StreamName, revision: Revision) -> bool {
        self.lock().get(stream).is_some_and(|head| head < revision)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache<StreamName, Revision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{EventId, Position};

    fn event(stream: &str, revision: u64) -> Arc<Recorded> {
        Arc::new(Recorded {
            stream: StreamName::stored(stream),
            revision: Revision(revision),
            position: Position(revision + 1),
            id: EventId(uuid::Uuid::nil()),
            kind: "Kind".into(),
            recorded_at: 0,
            body: bytes::Bytes::new(),
            meta: bytes::Bytes::new(),
        })
    }

    #[test]
    fn a_stream_that_was_written_ends_where_it_was_written_last() {
        let heads = Heads::new();
        heads.learn(&[event("a-1", 0), event("b-1", 4), event("a-1", 1)]);
        let stream = StreamName::stored("a-1");
        assert!(!heads.end_before(&stream, Revision(1)));
        assert!(heads.end_before(&stream, Revision(2)));
    }

    #[test]
    fn what_is_not_known_is_never_said_to_have_ended() {
        let heads = Heads::new();
        let stream = StreamName::stored("a-1");
        assert!(!heads.end_before(&stream, Revision(9)));
        heads.learn(&[event("a-1", 0)]);
        heads.forget();
        assert!(!heads.end_before(&stream, Revision(9)));
    }
}
