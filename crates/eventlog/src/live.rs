//! The last committed batches, shared by every subscription.
//!
//! For: handing a commit to a thousand readers by one pointer each, within a fixed number of bytes.
//! May not know: filters, stores. A reader that is further behind than what is kept here reads from the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::Recorded;
use crate::limits::{LIVE_BATCHES, LIVE_BYTES};
use crate::name::Position;

/// Events of one commit, in order of position; never empty.
pub(crate) type Batch = Arc<[Arc<Recorded>]>;

/// What a reader sees when it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pulse {
    pub(crate) head: Position,
    pub(crate) closed: bool,
}

/// What comes after a position.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing yet.
    AtHead,
    /// This batch holds the next event.
    Batch(Batch),
    /// No longer kept here.
    Behind,
}

#[derive(Debug)]
pub(crate) struct Live {
    ring: Mutex<Ring>,
    pulse: watch::Sender<Pulse>,
}

/// Batches without a gap between them; `head` may be past the last one when others write too.
#[derive(Debug, Default)]
struct Ring {
    head: Position,
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl Live {
    pub(crate) fn new(head: Position) -> Self {
        let ring = Ring {
            head,
            ..Ring::default()
        };
        let pulse = Pulse {
            head,
            closed: false,
        };
        Self {
            ring: Mutex::new(ring),
            pulse: watch::Sender::new(pulse),
        }
    }

    pub(crate) fn head(&self) -> Position {
        self.pulse.borrow().head
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Hands on what was committed. `head` may be later than the last event, when another process wrote too.
    pub(crate) fn publish(&self, events: Vec<Arc<Recorded>>, head: Position) {
        self.ring().push(events, head);
        self.pulse.send_if_modified(|pulse| {
            let news = head > pulse.head;
            pulse.head = pulse.head.max(head);
            news
        });
    }

    /// Tells every reader that nothing more will come.
    pub(crate) fn close(&self) {
        self.pulse.send_modify(|pulse| pulse.closed = true);
    }

    pub(crate) fn after(&self, position: Position) -> Next {
        self.ring().after(position)
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, events: Vec<Arc<Recorded>>, head: Position) {
        self.head = self.head.max(head);
        let (Some(first), last) = (events.first(), self.last()) else {
            return;
        };
        if last.is_some_and(|last| last.next() != first.position) {
            self.clear();
        }
        self.bytes += bytes(&events);
        self.batches.push_back(events.into());
        while self.bytes > LIVE_BYTES || self.batches.len() > LIVE_BATCHES {
            let Some(oldest) = self.batches.pop_front() else {
                break;
            };
            self.bytes -= bytes(&oldest);
        }
    }

    fn clear(&mut self) {
        self.batches.clear();
        self.bytes = 0;
    }

    fn last(&self) -> Option<Position> {
        let batch = self.batches.back()?;
        batch.last().map(|event| event.position)
    }

    fn after(&self, position: Position) -> Next {
        if position >= self.head {
            return Next::AtHead;
        }
        let holds = |batch: &Batch| batch.last().is_some_and(|last| last.position > position);
        let index = self.batches.partition_point(|batch| !holds(batch));
        match self.batches.get(index) {
            // Without a gap between batches only the very first kept one can begin too late.
            Some(batch) if index > 0 || begins_by(batch, position.next()) => {
                Next::Batch(Arc::clone(batch))
            }
            _ => Next::Behind,
        }
    }
}

fn begins_by(batch: &Batch, position: Position) -> bool {
    batch
        .first()
        .is_some_and(|first| first.position <= position)
}

/// The memory a batch holds, near enough: what the events carry and a little for each.
fn bytes(events: &[Arc<Recorded>]) -> usize {
    const EACH: usize = 256;
    events
        .iter()
        .map(|event| EACH + event.body.len() + event.meta.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{EventId, Revision, StreamName};

    fn batch(from: u64, count: u64, body: usize) -> Vec<Arc<Recorded>> {
        let event = |position| {
            Arc::new(Recorded {
                position: Position(position),
                stream: StreamName::new("s").unwrap(),
                revision: Revision(position),
                id: EventId(uuid::Uuid::from_u128(u128::from(position))),
                kind: "K".into(),
                recorded_at: 0,
                body: vec![0; body].into(),
                meta: bytes::Bytes::new(),
            })
        };
        (from..from + count).map(event).collect()
    }

    fn kind(next: &Next) -> &'static str {
        match next {
            Next::AtHead => "at head",
            Next::Batch(_) => "batch",
            Next::Behind => "behind",
        }
    }

    #[test]
    fn the_batch_with_the_next_event_is_found() {
        let live = Live::new(Position(10));
        live.publish(batch(11, 3, 0), Position(13));
        live.publish(batch(14, 2, 0), Position(15));
        assert_eq!(kind(&live.after(Position(9))), "behind");
        assert_eq!(kind(&live.after(Position(15))), "at head");
        for (after, first) in [(10, 11), (12, 11), (13, 14), (14, 14)] {
            match live.after(Position(after)) {
                Next::Batch(batch) => assert_eq!(batch[0].position, Position(first)),
                other => panic!("after {after}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_others_wrote_is_left_to_the_store() {
        let live = Live::new(Position(0));
        live.publish(batch(1, 2, 0), Position(2));
        live.publish(Vec::new(), Position(9));
        assert_eq!(kind(&live.after(Position(2))), "behind");
        live.publish(batch(12, 1, 0), Position(12));
        assert_eq!(kind(&live.after(Position(0))), "behind");
        assert_eq!(kind(&live.after(Position(11))), "batch");
    }

    #[test]
    fn kept_batches_are_bounded_by_number_and_bytes() {
        let live = Live::new(Position(0));
        for position in 1..=LIVE_BATCHES as u64 + 5 {
            live.publish(batch(position, 1, 0), Position(position));
        }
        assert_eq!(live.ring().batches.len(), LIVE_BATCHES);
        let next = LIVE_BATCHES as u64 + 6;
        live.publish(batch(next, 1, LIVE_BYTES), Position(next));
        assert_eq!(live.ring().bytes, 0);
        assert_eq!(kind(&live.after(Position(next - 1))), "behind");
    }
}
