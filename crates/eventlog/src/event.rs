//! What is appended, and what is recorded.
//!
//! For: the shapes that pass through the handle.
//! May not know: stores, queues, SQL.

use std::sync::Arc;

use bytes::Bytes;

use crate::name::{EventId, Position, Revision, StreamName};

/// What the appender believes about the stream it appends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything; events whose ids are already there are recognised.
    Any,
    /// Nothing was ever appended to it.
    NoStream,
    /// Something was appended to it.
    StreamExists,
    /// Its last event is this one.
    Exact(Revision),
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("any revision"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Exact(revision) => write!(f, "revision {revision}"),
        }
    }
}

/// An event to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its identity: repeated when the same append is sent again.
    pub id: EventId,
    /// Its stored type name, 1 to [`crate::EVENT_KIND_BYTES`] bytes.
    pub kind: String,
    /// What happened; opaque to the log.
    pub body: Bytes,
    /// About the event: correlation, actor, schema version; opaque to the log.
    pub meta: Bytes,
}

/// Events for one stream, to be appended together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamName,
    /// What must be true of the stream.
    pub expected: Expected,
    /// In order; empty only checks `expected`, which lets one stream guard an append to another.
    pub events: Vec<NewEvent>,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its identity.
    pub id: EventId,
    /// Its stored type name.
    pub kind: Arc<str>,
    /// When it was committed by the log's clock, in microseconds of UTC since 1970.
    pub recorded_at: i64,
    /// What happened.
    pub body: Bytes,
    /// About the event.
    pub meta: Bytes,
}

/// Which of the writer's queues an append waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Alarms, whose devices wait to hear that they were received: they go into the next commit, before what is urgent, and
    /// leave it half of that commit while it waits.
    Alarm,
    /// The dispatcher, operators: served before all that is bulk.
    Urgent,
    /// Imports and outside programs.
    Bulk,
}

/// Which way a read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// A durable append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The place of its last event; the log's head when nothing was to be appended.
    pub position: Position,
    /// Where the events stand, one per stream that was given events, in the order given.
    pub streams: Vec<StreamAppended>,
    /// The events stood in the log before; nothing was written this time.
    pub duplicate: bool,
    /// When they were committed (a duplicate: the first time), in microseconds of UTC since 1970.
    pub recorded_at: i64,
}

/// Where one stream's part of an append stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAppended {
    /// The stream.
    pub stream: StreamName,
    /// Revision of the first event.
    pub first: Revision,
    /// Revision of the last event, inclusive.
    pub last: Revision,
    /// Position of the first event.
    pub first_position: Position,
    /// Position of the last event, inclusive.
    pub last_position: Position,
}

impl Recorded {
    /// The bytes that count against [`crate::EVENT_BYTES`].
    pub fn size(&self) -> usize {
        self.body.len() + self.meta.len()
    }
}

impl NewEvent {
    /// The bytes that count against [`crate::EVENT_BYTES`].
    pub fn size(&self) -> usize {
        self.body.len() + self.meta.len()
    }
}
