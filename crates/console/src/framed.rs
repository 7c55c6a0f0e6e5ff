//! Frames of cards as they go over the wire.
//!
//! For: `wire::ToPage`'s `snapshot` and `changes` with each card as text from the moment it is made: as a value it takes several
//! times the memory, and a frame may hold thousands.
//! May not know: which cards a frame holds.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use wire::console::Counts;

/// One of the two, every card and change in it already written.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum Framed {
    Snapshot {
        position: u64,
        now: i64,
        cards: Vec<Box<RawValue>>,
        counts: Counts,
    },
    Changes {
        position: u64,
        now: i64,
        changes: Vec<Box<RawValue>>,
        counts: Counts,
    },
}

/// A part of a frame, written.
pub(crate) fn written<T: Serialize>(part: &T) -> Option<Box<RawValue>> {
    let text = to_raw_value(part);
    // Nothing in a card or change can fail to become JSON; one that did would be worth more than the rest of the frame.
    text.inspect_err(|error| tracing::error!(%error, "a part of a frame does not become JSON"))
        .ok()
}
