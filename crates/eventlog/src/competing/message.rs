//! What goes into a group's machine and what comes out.
//!
//! For: one page of shapes.
//! May not know: the rules.

use super::consumers::ConsumerId;
#[cfg(doc)]
use super::group::Group;
use crate::name::EventId;
use crate::outside::Resolved;

/// An event on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is given.
    pub event: Resolved,
    /// Where it stands in what the group reads: a revision, or for everything a position.
    pub place: u64,
    /// Where it stands among the parked, when it comes from there.
    pub parked_at: Option<u64>,
}

impl Message {
    /// What it is acknowledged by: the link's identity, if there is a link.
    pub fn id(&self) -> Option<EventId> {
        self.event.original().map(|event| event.id)
    }
}

/// What a consumer wants done with an event it did not handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nack {
    /// Give it again, to anybody.
    Retry,
    /// Put it aside.
    Park,
    /// Count it as handled.
    Skip,
    /// As EventStoreDB does: nothing; it comes back when its time is up.
    Stop,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Give it to this consumer; it was given so often before.
    Deliver(ConsumerId, Message, u32),
    /// Write it down among the parked, durably, then say so: [`Group::parked`].
    Park(Message, String),
    /// Everything up to this place is done: write it down.
    Checkpoint(u64),
    /// Everything parked before this revision was given again and is done: hide it.
    TruncateParked(u64),
}

/// How a group gets on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Whether the end of what it reads was reached.
    pub is_live: bool,
    /// Events held ready.
    pub waiting: usize,
    /// Events to be given again.
    pub again: usize,
    /// Events at consumers.
    pub in_flight: usize,
    /// Events given to consumers that are still connected, all together, and done.
    pub done: u64,
    /// The last place taken in.
    pub seen: Option<u64>,
    /// Everything up to this place is done.
    pub checkpoint: Option<u64>,
    /// Per consumer: what it has, what it may still get, what it got.
    pub consumers: Vec<(ConsumerId, usize, usize, u64)>,
}
