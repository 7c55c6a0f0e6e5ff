//! What of a group stands in the log.
//!
//! For: settings, checkpoints and parked events that survive whoever ran the group.
//! May not know: consumers.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{GroupError, GroupKey, LANE, Message, Settings, Source, unwritten};
use crate::error::AppendError;
use crate::event::{Direction, Expected, NewEvent, Recorded, StreamAppend};
use crate::limits::PARK_REASON_BYTES;
use crate::metadata::{LINK, METADATA, TRUNCATE_BEFORE};
use crate::name::{EventId, Revision, StreamName};
use crate::outside::{Outside, StreamPage, StreamRead};

/// One group, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) key: GroupKey,
    pub(super) settings: Settings,
    /// The place behind which it begins without a checkpoint; none: with the first.
    pub(super) begins_after: Option<u64>,
}

/// The event that keeps all groups.
#[derive(Serialize, Deserialize)]
struct All {
    version: u32,
    groups: Vec<Kept>,
}

const CONFIG: &str = "$persistentSubscriptionConfig";
const CONFIG_KIND: &str = "$PersistentConfig";
const CHECKPOINT_KIND: &str = "$SubscriptionCheckpoint";

/// What a group's own streams begin with.
pub(super) const PREFIX: &str = "$persistentsubscription-";

/// A group's own streams: of checkpoints, and of parked events.
pub(super) fn streams(key: &GroupKey) -> Result<(StreamName, StreamName), GroupError> {
    let named = |what: &str| {
        let name = StreamName::new(format!("{PREFIX}{key}-{what}"));
        name.map_err(|error| GroupError::Invalid(error.to_string()))
    };
    Ok((named("checkpoint")?, named("parked")?))
}

/// All groups, and the revision they were read at.
pub(super) async fn read(outside: &Outside) -> Result<(Vec<Kept>, Expected), GroupError> {
    let Some(last) = last(outside, &StreamName::stored(CONFIG)).await? else {
        return Ok((Vec::new(), Expected::NoStream));
    };
    let all: All = serde_json::from_slice(&last.body).map_err(|error| {
        GroupError::Unavailable(format!(
            "what is kept of the groups cannot be read: {error}"
        ))
    })?;
    Ok((all.groups, Expected::Exact(last.revision)))
}

pub(super) async fn write(
    outside: &Outside,
    groups: &[Kept],
    at: Expected,
) -> Result<(), AppendError> {
    let all = All {
        version: 1,
        groups: groups.to_vec(),
    };
    let body = serde_json::to_vec(&all);
    let body = body.map_err(|error| AppendError::InvalidRequest(error.to_string()))?;
    append(
        outside,
        StreamName::stored(CONFIG),
        at,
        CONFIG_KIND,
        body.into(),
    )
    .await
}

/// The last place there is; none when there is nothing.
pub(super) async fn end(outside: &Outside, source: &Source) -> Result<Option<u64>, GroupError> {
    match source {
        Source::All => Ok(Some(outside.log().head().0)),
        Source::Stream(stream) => {
            // Hidden ones count: what comes has a later number.
            if let Some(page) = last_page(outside, stream).await? {
                return Ok(Some(page.last.0));
            }
            let head = outside.log().stream_head(stream).await?;
            Ok(head.map(|head| head.0))
        }
    }
}

pub(super) async fn checkpoint(
    outside: &Outside,
    key: &GroupKey,
) -> Result<Option<u64>, GroupError> {
    let last = last(outside, &streams(key)?.0).await?;
    Ok(last.and_then(|last| serde_json::from_slice(&last.body).ok()))
}

pub(super) async fn write_checkpoint(
    outside: &Outside,
    key: &GroupKey,
    place: u64,
) -> Result<(), GroupError> {
    let body = Bytes::from(place.to_string());
    let (stream, _) = streams(key)?;
    let written = append(outside, stream, Expected::Any, CHECKPOINT_KIND, body);
    written.await.map_err(unwritten)
}

/// Writes a link to an event among the parked.
pub(super) async fn park(
    outside: &Outside,
    key: &GroupKey,
    message: &Message,
    reason: &str,
) -> Result<(), GroupError> {
    let event = message.event.event.as_ref().or(message.event.link.as_ref());
    let Some(event) = event else { return Ok(()) };
    // A link that could not be followed is parked as it is.
    let body = if *event.kind == *LINK {
        event.body.clone()
    } else {
        Bytes::from(format!("{}@{}", event.revision, event.stream))
    };
    let meta = serde_json::json!({
        "added": outside.log().now_micros(),
        "reason": &reason[..reason.floor_char_boundary(PARK_REASON_BYTES)],
        "subscriptionEventNumber": message.place,
    });
    let link = NewEvent {
        id: EventId(Uuid::new_v4()),
        kind: LINK.to_owned(),
        body,
        meta: Bytes::from(meta.to_string()),
    };
    let append = StreamAppend {
        stream: streams(key)?.1,
        expected: Expected::Any,
        events: vec![link],
    };
    let appended = outside.append(LANE, vec![append]).await;
    appended.map(drop).map_err(unwritten)
}

/// How many events are parked.
pub(super) async fn parked(outside: &Outside, key: &GroupKey) -> Result<u64, GroupError> {
    let page = last_page(outside, &streams(key)?.1).await?;
    Ok(page.map_or(0, |page| (page.last.0 + 1).saturating_sub(page.first.0)))
}

/// A page of what is parked, links followed.
pub(super) async fn read_parked(
    outside: &Outside,
    key: &GroupKey,
    from: u64,
    limit: usize,
) -> Result<Option<StreamPage>, GroupError> {
    let stream = streams(key)?.1;
    let read = outside.read_stream(&stream, Revision(from), Direction::Forward, limit, true);
    match read.await? {
        StreamRead::Page(page) => Ok(Some(page)),
        StreamRead::Missing | StreamRead::Deleted => Ok(None),
    }
}

/// Hides what was parked before a revision.
pub(super) async fn truncate_parked(
    outside: &Outside,
    key: &GroupKey,
    before: u64,
) -> Result<(), GroupError> {
    let body = serde_json::json!({ TRUNCATE_BEFORE: before }).to_string();
    let stream = streams(key)?.1.metadata();
    let written = append(outside, stream, Expected::Any, METADATA, body.into());
    written.await.map_err(unwritten)
}

/// Deletes a group's own streams; they may not be there.
pub(super) async fn forget(outside: &Outside, key: &GroupKey) -> Result<(), GroupError> {
    let (checkpoints, parked) = streams(key)?;
    for stream in [checkpoints, parked] {
        match outside.delete(LANE, stream, Expected::Any).await {
            Ok(_) | Err(AppendError::WrongRevision { .. } | AppendError::StreamDeleted { .. }) => {}
            Err(error) => return Err(unwritten(error)),
        }
    }
    Ok(())
}

async fn append(
    outside: &Outside,
    stream: StreamName,
    expected: Expected,
    kind: &str,
    body: Bytes,
) -> Result<(), AppendError> {
    let event = NewEvent {
        id: EventId(Uuid::new_v4()),
        kind: kind.to_owned(),
        body,
        meta: Bytes::new(),
    };
    let append = StreamAppend {
        stream,
        expected,
        events: vec![event],
    };
    outside.append(LANE, vec![append]).await.map(drop)
}

async fn last(outside: &Outside, stream: &StreamName) -> Result<Option<Arc<Recorded>>, GroupError> {
    let page = last_page(outside, stream).await?;
    let last = page.and_then(|page| page.events.into_iter().next());
    Ok(last.and_then(|last| last.event))
}

async fn last_page(
    outside: &Outside,
    stream: &StreamName,
) -> Result<Option<StreamPage>, GroupError> {
    let read = outside.read_stream(stream, Revision::END, Direction::Backward, 1, false);
    match read.await? {
        StreamRead::Page(page) => Ok(Some(page)),
        StreamRead::Missing | StreamRead::Deleted => Ok(None),
    }
}
