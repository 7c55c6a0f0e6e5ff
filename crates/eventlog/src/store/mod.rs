//! The contract below the handle: what a store must do.
//!
//! For: letting SQLite, PostgreSQL and memory stand under the same writer, subscriptions and doors.
//! May not know: queues, subscriptions, who asked.
//!
//! A store only gathers what stands in it about a batch, lets [`plan`] decide what fits, and keeps the result.

pub(crate) mod cache;
pub(crate) mod memory;
mod memory_doors;
pub(crate) mod plan;
pub(crate) mod postgres;
mod restore;
pub(crate) mod shelves;
pub(crate) mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;

use crate::doors::{DoorAnswer, DoorRead, DoorWrite};
use crate::error::{AppendError, Degraded, DoorError};
use crate::event::{Appended, Direction, Recorded, StreamAppend};
use crate::name::{EventId, Position, Revision, StreamName};

/// One command for the writer; already within every limit.
#[derive(Debug)]
pub(crate) enum Write {
    Append(Vec<StreamAppend>),
    Outside(OutsideWrite),
    Door(DoorWrite),
}

/// What an outside program asks for; it goes by what is said about the streams.
#[derive(Debug)]
pub(crate) struct OutsideWrite {
    pub(crate) what: What,
    /// To append: the appends. To delete: the stream, without events, and the deletion in the stream that describes it.
    /// To end for good: the stream, with the event that does.
    pub(crate) members: Vec<StreamAppend>,
    /// To append: whose next event stands next, by place among the members; empty: one member after the other.
    pub(crate) order: Vec<usize>,
}

/// See [`OutsideWrite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Append,
    Delete,
    Tombstone,
}

/// What one command gets back.
#[derive(Debug)]
pub(crate) enum Answer {
    Append(Result<Appended, AppendError>),
    Door(Result<DoorAnswer, DoorError>),
}

impl Write {
    /// The answer when the store cannot be used.
    pub(crate) fn unavailable(&self, why: &str) -> Answer {
        match self {
            Self::Append(_) | Self::Outside(_) => {
                Answer::Append(Err(AppendError::Unavailable(why.to_owned())))
            }
            Self::Door(_) => Answer::Door(Err(DoorError::Unavailable(why.to_owned()))),
        }
    }
}

/// A batch that is durable.
#[derive(Debug)]
pub(crate) struct Committed {
    /// One per command, in order.
    pub(crate) answers: Vec<Answer>,
    /// What was written, in order of position.
    pub(crate) events: Vec<Arc<Recorded>>,
    /// The log's last position now.
    pub(crate) head: Position,
}

/// The store did not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(pub(crate) String);

/// Why a batch was not made durable.
#[derive(Debug)]
pub(crate) enum Uncommitted {
    /// Nothing of it is there; its members may be tried one by one.
    Aborted(StoreError),
    /// The store is not there. Nothing of the batch is, or all of it, which the event ids tell when it is sent again.
    Lost(StoreError),
}

impl From<StoreError> for Uncommitted {
    fn from(error: StoreError) -> Self {
        Self::Aborted(error)
    }
}

/// What to read; see the handle's methods for the meaning of the bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scan<'a> {
    Stream {
        stream: &'a StreamName,
        from: Revision,
        direction: Direction,
    },
    /// A stream's events at later positions, oldest first.
    StreamAfter {
        stream: &'a StreamName,
        after: Position,
    },
    All {
        from: Position,
        direction: Direction,
    },
    Category {
        category: &'a str,
        from: Position,
        direction: Direction,
    },
    /// The events of one type.
    Kind {
        kind: &'a str,
        from: Position,
        direction: Direction,
    },
    /// All events at later positions whose stream and category are what their rows say, oldest first.
    Filed { after: Position },
}

/// Events that are numbered among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group<'a> {
    Category(&'a str),
    Kind(&'a str),
}

/// Sizes of a store's files, in bytes; zero where there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoreSize {
    pub(crate) streams: u64,
    pub(crate) file_bytes: u64,
    pub(crate) wal_bytes: u64,
}

/// Keeps the log.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Makes a batch durable, refusing misfits one by one. Called by one writer at a time.
    async fn commit(&self, batch: &[Write], now: i64) -> Result<Committed, Uncommitted>;

    /// The last committed position.
    async fn head(&self) -> Result<Position, StoreError>;

    /// At most `limit` events in the scan's order.
    async fn read(&self, scan: Scan<'_>, limit: usize) -> Result<Vec<Arc<Recorded>>, StoreError>;

    /// The last event with this id in a stream.
    async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, StoreError>;

    /// A stream's last revision.
    async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, StoreError>;

    /// The position of a group's next event after `after`, so many skipped. Found in an index alone.
    async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, StoreError>;

    /// How many of a group's events come after `after`. Found in an index alone.
    async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError>;

    /// Looks behind a door.
    async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError>;

    /// How much there is.
    async fn size(&self) -> Result<StoreSize, StoreError>;

    /// Whether others write to it too, so that what was handed on here may not be all there is.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the store answers, as far as is known.
    fn reachable(&self) -> bool {
        self.refused().is_none()
    }

    /// Why the last commit failed, when none has succeeded since.
    fn refused(&self) -> Option<String> {
        None
    }

    /// Why what it keeps is less safe than it could be.
    fn degraded(&self) -> Option<Degraded> {
        None
    }

    /// How far the log's clock may be off the store's own; `None` where they are the same, or it was never measured.
    fn clock_uncertainty(&self) -> Option<std::time::Duration> {
        None
    }

    /// Somebody else wrote between our batches: what is missing is to be read and handed on. Only asked of a store that
    /// others write to.
    fn wake_tail(&self) {}

    /// Puts records of another log at exactly the places they had there, right after the last one here; all or nothing.
    /// Nobody else may write meanwhile.
    async fn restore(&self, _records: &[Arc<Recorded>]) -> Result<Position, StoreError> {
        Err(StoreError("this store restores nothing".to_owned()))
    }

    /// Puts everything in order before the process ends.
    async fn close(&self);
}
