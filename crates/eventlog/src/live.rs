//! The last committed batches, shared by every subscription.
//!
//! For: handing a commit to a thousand readers by one pointer each, within a fixed number of bytes.
//! May not know: filters, stores. A reader that is further behind than what is kept here reads from the store.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// A head that is not handed on yet, because something before it is missing.
    known: AtomicU64,
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
            known: AtomicU64::new(head.0),
            pulse: watch::Sender::new(pulse),
        }
    }

    /// The last committed position known here, handed on or not yet.
    pub(crate) fn head(&self) -> Position {
        let known = Position(self.known.load(Ordering::Relaxed));
        self.pulse.borrow().head.max(known)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Hands on what was committed. `head` may be later than the last event, when another process wrote too.
    pub(crate) fn publish(&self, events: Vec<Arc<Recorded>>, head: Position) {
        self.ring().push(events, head);
        self.tell(head);
    }

    /// Hands on what was committed to a log that others write to as well: what was handed on before is left out, and
    /// nothing is handed on when something between is missing. Then the answer is false, and the tail is to fill it in.
    pub(crate) fn hand_on(&self, mut events: Vec<Arc<Recorded>>, head: Position) -> bool {
        let mut ring = self.ring();
        let seen = events.partition_point(|event| event.position <= ring.head);
        events.drain(..seen);
        let follows = match events.first() {
            Some(first) => first.position == ring.head.next(),
            None => head <= ring.head,
        };
        if follows {
            let head = ring.head.max(head);
            ring.push(events, head);
            // Under the lock, so that heads are told in order.
            self.tell(head);
        } else {
            self.known.fetch_max(head.0, Ordering::Relaxed);
        }
        follows
    }

    /// Everything up to here was handed on.
    pub(crate) fn handed_on(&self) -> Position {
        self.ring().head
    }

    fn tell(&self, head: Position) {
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
    fn what_two_writers_committed_is_handed_on_in_order_and_once() {
        let live = Live::new(Position(10));
        assert!(live.hand_on(batch(11, 2, 0), Position(12)));
        // Somebody else wrote 13 and 14, which nobody here has seen yet.
        assert!(!live.hand_on(batch(15, 2, 0), Position(16)));
        assert_eq!(
            (live.handed_on(), live.head()),
            (Position(12), Position(16))
        );
        assert!(!live.hand_on(Vec::new(), Position(16)));
        // The tail reads on from 12, while another of our own comes in between.
        assert!(live.hand_on(batch(13, 4, 0), Position(16)));
        assert!(live.hand_on(batch(17, 1, 0), Position(17)));
        assert!(live.hand_on(batch(13, 6, 0), Position(18)));
        assert!(live.hand_on(Vec::new(), Position(18)));
        let mut seen = Vec::new();
        while let Next::Batch(batch) = live.after(Position(10 + seen.len() as u64)) {
            let after = 10 + seen.len() as u64;
            seen.extend(
                batch
                    .iter()
                    .map(|event| event.position.0)
                    .filter(|at| *at > after),
            );
        }
        assert_eq!(seen, (11..=18).collect::<Vec<_>>());
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
