//! One append, its events one message each.
//!
//! For: the call `Append`, and what an append answers.
//! May not know: appends many to a line (`batch`), appends to several streams (version 2).

use eventlog::{Appended, Expected, Position, Revision, StreamAppend, StreamName};
use tonic::{Status, Streaming};

use crate::access::Caller;
use crate::door::Door;
use crate::fault::Fault;
use crate::gather::Gathered;
use crate::ids::{event_id, stream_name};
use crate::limits::APPEND_IDLE;
use crate::log::{Store, StreamState};
use crate::proto::client::streams::append_req::options::ExpectedStreamRevision;
use crate::proto::client::streams::append_req::{Content, Options, ProposedMessage};
use crate::proto::client::streams::append_resp::{
    Position as At, Result as Outcome, Success, WrongExpectedVersion, success,
    wrong_expected_version as wrong,
};
use crate::proto::client::streams::{AppendReq, AppendResp};
use crate::record::new_event;

/// Gathers the messages, appends at half-close.
pub(crate) async fn append(
    door: &Door,
    caller: Caller,
    mut messages: Streaming<AppendReq>,
) -> Result<AppendResp, Status> {
    let Some(Content::Options(options)) = next(&mut messages).await?.and_then(|it| it.content)
    else {
        return Err(Fault::invalid("an append begins with its options").into());
    };
    let (stream, expected) = aim(options)?;
    door.may_write(caller, &stream)?;
    let mut gathered = Gathered::default();
    while let Some(message) = next(&mut messages).await? {
        let Some(Content::ProposedMessage(message)) = message.content else {
            return Err(Fault::invalid("after its options an append has events only").into());
        };
        gathered.add(door, proposed(message)?)?;
    }
    let appended = one(&door.store, &stream, expected, gathered.events).await;
    Ok(AppendResp {
        result: Some(outcome(appended)?),
    })
}

async fn next(messages: &mut Streaming<AppendReq>) -> Result<Option<AppendReq>, Status> {
    let message = tokio::time::timeout(APPEND_IDLE, messages.message()).await;
    message.map_err(|_| Fault::TimedOut)?
}

fn aim(options: Options) -> Result<(StreamName, Expected), Fault> {
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => Expected::Exact(Revision(revision)),
        Some(ExpectedStreamRevision::NoStream(_)) => Expected::NoStream,
        Some(ExpectedStreamRevision::StreamExists(_)) => Expected::StreamExists,
        Some(ExpectedStreamRevision::Any(_)) => Expected::Any,
        None => return Err(Fault::invalid("an append needs an expected revision")),
    };
    Ok((stream_name(options.stream_identifier)?, expected))
}

fn proposed(mut message: ProposedMessage) -> Result<eventlog::NewEvent, Fault> {
    let id = event_id(message.id.as_ref())?;
    new_event(
        id,
        &mut message.metadata,
        message.custom_metadata,
        message.data,
    )
}

/// What an append to one stream came to.
pub(crate) struct Written {
    /// The stream's last event of this append; without events its last one, if any.
    pub(crate) revision: Option<Revision>,
    /// Where the last event stands; without events nowhere.
    pub(crate) position: Option<Position>,
}

/// Appends to one stream.
pub(crate) async fn one(
    store: &Store,
    stream: &StreamName,
    expected: Expected,
    events: Vec<eventlog::NewEvent>,
) -> Result<Written, Fault> {
    let append = StreamAppend {
        stream: stream.clone(),
        expected,
        events,
    };
    let appended = store.append(vec![append]).await?;
    if let Some(written) = written(&appended) {
        return Ok(written);
    }
    let revision = match store.state(stream).await? {
        StreamState::Live(last) => Some(last),
        StreamState::Missing | StreamState::Tombstoned => None,
    };
    Ok(Written {
        revision,
        position: None,
    })
}

fn written(appended: &Appended) -> Option<Written> {
    let stretch = appended.streams.first()?;
    Some(Written {
        revision: Some(stretch.last),
        position: Some(stretch.last_position),
    })
}

/// A conflict is an answer, not an error; both generations of its fields are filled.
fn outcome(written: Result<Written, Fault>) -> Result<Outcome, Fault> {
    match written {
        Ok(written) => Ok(Outcome::Success(success_of(&written))),
        Err(Fault::WrongExpected {
            expected, actual, ..
        }) => Ok(Outcome::WrongExpectedVersion(conflict(expected, actual))),
        Err(fault) => Err(fault),
    }
}

fn success_of(written: &Written) -> Success {
    use success::{CurrentRevisionOption as Current, PositionOption};
    Success {
        current_revision_option: Some(match written.revision {
            Some(revision) => Current::CurrentRevision(revision.0),
            None => Current::NoStream(EMPTY),
        }),
        position_option: Some(match written.position {
            Some(position) => PositionOption::Position(At {
                commit_position: position.0,
                prepare_position: position.0,
            }),
            None => PositionOption::NoPosition(EMPTY),
        }),
    }
}

fn conflict(expected: Expected, actual: Option<Revision>) -> WrongExpectedVersion {
    use wrong::{
        CurrentRevisionOption as Current, CurrentRevisionOption2060 as OldCurrent,
        ExpectedRevisionOption as Wanted, ExpectedRevisionOption2060 as OldWanted,
    };
    let (current, old_current) = match actual {
        Some(revision) => (
            Current::CurrentRevision(revision.0),
            OldCurrent::CurrentRevision2060(revision.0),
        ),
        None => (
            Current::CurrentNoStream(EMPTY),
            OldCurrent::NoStream2060(EMPTY),
        ),
    };
    let (wanted, old_wanted) = match expected {
        Expected::Exact(revision) => (
            Wanted::ExpectedRevision(revision.0),
            OldWanted::ExpectedRevision2060(revision.0),
        ),
        Expected::Any => (Wanted::ExpectedAny(EMPTY), OldWanted::Any2060(EMPTY)),
        Expected::StreamExists => (
            Wanted::ExpectedStreamExists(EMPTY),
            OldWanted::StreamExists2060(EMPTY),
        ),
        // The older fields have no word for it.
        Expected::NoStream => (
            Wanted::ExpectedNoStream(EMPTY),
            OldWanted::ExpectedRevision2060(u64::MAX),
        ),
    };
    WrongExpectedVersion {
        current_revision_option_20_6_0: Some(old_current),
        expected_revision_option_20_6_0: Some(old_wanted),
        current_revision_option: Some(current),
        expected_revision_option: Some(wanted),
    }
}

const EMPTY: crate::proto::client::Empty = crate::proto::client::Empty {};
