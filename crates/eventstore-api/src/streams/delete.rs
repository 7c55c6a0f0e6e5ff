//! Ending a stream: softly, to be begun again, or for ever.
//!
//! For: the calls `Delete` and `Tombstone`.
//! May not know: how the log keeps what is hidden.

use eventlog::{Expected, Position, Revision};
use tonic::Status;

use crate::access::Caller;
use crate::door::Door;
use crate::fault::Fault;
use crate::ids::stream_name;
use crate::proto::client::streams::delete_req::options::ExpectedStreamRevision as ToDelete;
use crate::proto::client::streams::delete_resp::{self, PositionOption as Deleted};
use crate::proto::client::streams::tombstone_req::options::ExpectedStreamRevision as ToEnd;
use crate::proto::client::streams::tombstone_resp::{self, PositionOption as Ended};
use crate::proto::client::streams::{DeleteReq, DeleteResp, TombstoneReq, TombstoneResp};

/// Hides a stream's events; the next append begins it again.
pub(crate) async fn delete(
    door: &Door,
    caller: Caller,
    request: DeleteReq,
) -> Result<DeleteResp, Status> {
    let options = request.options;
    let options = options.ok_or_else(|| Fault::invalid("a delete needs options"))?;
    let stream = stream_name(options.stream_identifier)?;
    door.may_write(caller, &stream)?;
    let expected = match options.expected_stream_revision {
        Some(ToDelete::Revision(revision)) => Expected::Exact(Revision(revision)),
        Some(ToDelete::NoStream(_)) => Expected::NoStream,
        Some(ToDelete::StreamExists(_)) => Expected::StreamExists,
        Some(ToDelete::Any(_)) => Expected::Any,
        None => return Err(Fault::invalid("a delete needs an expected revision").into()),
    };
    let Position(at) = door.store.delete(&stream, expected).await?;
    Ok(DeleteResp {
        position_option: Some(Deleted::Position(delete_resp::Position {
            commit_position: at,
            prepare_position: at,
        })),
    })
}

/// Ends a stream for ever.
pub(crate) async fn tombstone(
    door: &Door,
    caller: Caller,
    request: TombstoneReq,
) -> Result<TombstoneResp, Status> {
    let options = request.options;
    let options = options.ok_or_else(|| Fault::invalid("a tombstone needs options"))?;
    let stream = stream_name(options.stream_identifier)?;
    door.may_write(caller, &stream)?;
    let expected = match options.expected_stream_revision {
        Some(ToEnd::Revision(revision)) => Expected::Exact(Revision(revision)),
        Some(ToEnd::NoStream(_)) => Expected::NoStream,
        Some(ToEnd::StreamExists(_)) => Expected::StreamExists,
        Some(ToEnd::Any(_)) => Expected::Any,
        None => return Err(Fault::invalid("a tombstone needs an expected revision").into()),
    };
    let Position(at) = door.store.tombstone(&stream, expected).await?;
    Ok(TombstoneResp {
        position_option: Some(Ended::Position(tombstone_resp::Position {
            commit_position: at,
            prepare_position: at,
        })),
    })
}
