//! The log as programs from outside see it: an event store as EventStoreDB's clients know one.
//!
//! For: everything that honours what is said about a stream: what it hides, its deletion, links, numbered categories.
//! May not know: gRPC, users, prefixes. Whoever is inside uses [`Log`] itself, from which nothing is hidden.
//!
//! No record is ever removed or changed here: deleting, truncating and ending are events like others, and what they hide
//! still stands in the order of all.
//!
//! - `about`: what is known of a stream, remembered and kept right.
//! - `read`: streams, and everything through a filter.
//! - `links`: events that stand for others.
//! - `numbered`: `$ce-` and `$et-`, streams that nobody writes.
//! - `follow`: reading on, live.
//! - `checks`: what is refused before it takes room in a queue.

mod about;
mod checks;
mod follow;
mod links;
mod numbered;
mod read;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use follow::{FollowError, Following, Seen, Start};
pub use links::Resolved;
pub use read::{AllPage, StreamPage, StreamRead};

use crate::check::check;
use crate::error::{AppendError, ReadError};
use crate::event::{Appended, Expected, Lane, NewEvent, StreamAppend};
use crate::limits::OUTSIDE_SUBSCRIPTIONS;
use crate::log::Log;
use crate::metadata::{METADATA, Metadata, STREAM_DELETED};
use crate::name::{EventId, StreamName};
use crate::store::{OutsideWrite, StoreError, What};
use about::Memory;
use numbered::Numbers;

/// The log as programs from outside see it; clones are the same.
#[derive(Clone, Debug)]
pub struct Outside {
    log: Log,
}

/// What every [`Outside`] of a log has in common.
#[derive(Debug)]
pub(crate) struct Common {
    about: Mutex<Memory>,
    numbers: Mutex<Numbers>,
    /// Places for subscriptions.
    followers: Arc<Semaphore>,
}

impl Common {
    pub(crate) fn new() -> Self {
        Self {
            about: Mutex::new(Memory::new()),
            numbers: Mutex::new(Numbers::new()),
            followers: Arc::new(Semaphore::new(OUTSIDE_SUBSCRIPTIONS)),
        }
    }
}

impl Log {
    /// The log as programs from outside see it.
    pub fn outside(&self) -> Outside {
        Outside { log: self.clone() }
    }
}

/// Writing.
impl Outside {
    /// Appends to one or several streams, all or nothing; durable once this returns.
    ///
    /// A stream that was deleted softly begins again behind its last revision, one that has only metadata exists, and
    /// one that was deleted for good takes nothing ([`AppendError::StreamDeleted`]). What describes a stream must be a
    /// JSON object.
    pub async fn append(
        &self,
        lane: Lane,
        appends: Vec<StreamAppend>,
    ) -> Result<Appended, AppendError> {
        self.append_in_order(lane, appends, Vec::new()).await
    }

    /// The same for events that lie between each other: `order` names, by place among the appends, whose next event comes
    /// next, and each event once. Empty: one stream after the other.
    pub async fn append_in_order(
        &self,
        lane: Lane,
        appends: Vec<StreamAppend>,
        order: Vec<usize>,
    ) -> Result<Appended, AppendError> {
        check(&appends)?;
        checks::check(&appends)?;
        checks::ordered(&appends, &order)?;
        let write = OutsideWrite {
            what: What::Append,
            members: appends,
            order,
        };
        self.log.outside_write(lane, write).await
    }

    /// Deletes a stream softly: it reads as missing until something is appended to it. A stream that has neither events
    /// nor metadata is refused as a wrong revision, whatever was expected.
    pub async fn delete(
        &self,
        lane: Lane,
        stream: StreamName,
        expected: Expected,
    ) -> Result<Appended, AppendError> {
        checks::deletable(&stream)?;
        let deletion = StreamAppend {
            stream: stream.metadata(),
            expected: Expected::Any,
            events: vec![own(METADATA, Metadata::deletion().into())],
        };
        let stream = StreamAppend {
            stream,
            expected,
            events: Vec::new(),
        };
        self.write(lane, What::Delete, vec![stream, deletion]).await
    }

    /// Ends a stream for good; also one that never was, where *any* or *no stream* is expected. Afterwards it takes
    /// nothing and reads as deleted. Its last record is the one of type [`STREAM_DELETED`].
    pub async fn tombstone(
        &self,
        lane: Lane,
        stream: StreamName,
        expected: Expected,
    ) -> Result<Appended, AppendError> {
        checks::deletable(&stream)?;
        let end = StreamAppend {
            stream,
            expected,
            events: vec![own(STREAM_DELETED, Bytes::new())],
        };
        self.write(lane, What::Tombstone, vec![end]).await
    }

    async fn write(
        &self,
        lane: Lane,
        what: What,
        members: Vec<StreamAppend>,
    ) -> Result<Appended, AppendError> {
        let write = OutsideWrite {
            what,
            members,
            order: Vec::new(),
        };
        self.log.outside_write(lane, write).await
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    fn common(&self) -> &Common {
        self.log.common()
    }
}

/// An event of ours.
fn own(kind: &str, body: Bytes) -> NewEvent {
    NewEvent {
        id: EventId(Uuid::new_v4()),
        kind: kind.to_owned(),
        body,
        meta: Bytes::new(),
    }
}

fn unread(error: StoreError) -> ReadError {
    ReadError::Unavailable(error.0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
