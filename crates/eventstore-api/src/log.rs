//! What this door needs of the log.
//!
//! For: the log as programs from outside see it, with the queue outside appends wait in.
//! May not know: messages of the protocol.

use eventlog::{
    Appended, Expected, Lane, Log, Outside, Position, ReadError, Revision, StreamAppend,
    StreamName, StreamRead,
};

use crate::fault::Fault;

/// The log, as this door uses it.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) log: Log,
    pub(crate) outside: Outside,
    pub(crate) lane: Lane,
}

/// How a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamState {
    /// It never was, or is deleted softly: there is nothing to read.
    Missing,
    /// Ended for ever.
    Tombstoned,
    /// There; its last revision.
    Live(Revision),
}

impl Store {
    pub(crate) fn new(log: Log, lane: Lane) -> Self {
        Self {
            outside: log.outside(),
            log,
            lane,
        }
    }

    /// Appends to several streams, all or nothing.
    pub(crate) async fn append(&self, appends: Vec<StreamAppend>) -> Result<Appended, Fault> {
        Ok(self.outside.append(self.lane, appends).await?)
    }

    /// The same for events that lie between each other; `order` names for each the place of its stream.
    pub(crate) async fn append_in_order(
        &self,
        appends: Vec<StreamAppend>,
        order: Vec<usize>,
    ) -> Result<Appended, Fault> {
        let appended = self.outside.append_in_order(self.lane, appends, order);
        Ok(appended.await?)
    }

    /// Deletes a stream softly; where that is written.
    pub(crate) async fn delete(
        &self,
        stream: &StreamName,
        expected: Expected,
    ) -> Result<Position, Fault> {
        let deleted = self
            .outside
            .delete(self.lane, stream.clone(), expected)
            .await?;
        Ok(deleted.position)
    }

    /// Ends a stream for ever; where that is written.
    pub(crate) async fn tombstone(
        &self,
        stream: &StreamName,
        expected: Expected,
    ) -> Result<Position, Fault> {
        let ended = self
            .outside
            .tombstone(self.lane, stream.clone(), expected)
            .await?;
        Ok(ended.position)
    }

    /// How a stream stands.
    pub(crate) async fn state(&self, stream: &StreamName) -> Result<StreamState, ReadError> {
        let direction = eventlog::Direction::Backward;
        let read = self
            .outside
            .read_stream(stream, Revision::END, direction, 1, false);
        Ok(match read.await? {
            StreamRead::Missing => StreamState::Missing,
            StreamRead::Deleted => StreamState::Tombstoned,
            StreamRead::Page(page) => StreamState::Live(page.last),
        })
    }
}
