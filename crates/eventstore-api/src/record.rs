//! Events between the log's shape and the protocol's.
//!
//! For: type, content type and user metadata, both ways.
//! May not know: what is in an event.
//!
//! The log keeps a type, a body and metadata. Whether a body claims to be JSON is kept with the metadata: JSON needs no mark,
//! as all our own events are JSON; a body that is not JSON has [`BINARY`] before its metadata, and metadata that itself begins
//! with one of the two marks has [`JSON`] before it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use eventlog::{EventId, LINK, NewEvent, Position, Recorded, Resolved};
use uuid::Uuid;

use crate::fault::Fault;
use crate::ids::{IdForm, stream_identifier};
use crate::proto::client::{persistent_subscriptions as groups, streams};

const BINARY: u8 = 0x01;
const JSON: u8 = 0x02;

const JSON_TYPE: &str = "application/json";
const BINARY_TYPE: &str = "application/octet-stream";

/// An event to append, from the parts every version sends.
pub(crate) fn new_event(
    id: Uuid,
    metadata: &mut HashMap<String, String>,
    custom: Bytes,
    data: Bytes,
) -> Result<NewEvent, Fault> {
    let kind = metadata.remove("type");
    let kind = kind.ok_or(Fault::MissingMetadata("type"))?;
    let content = metadata.get("content-type");
    let content = content.ok_or(Fault::MissingMetadata("content-type"))?;
    Ok(NewEvent {
        id: EventId(id),
        kind,
        body: data,
        meta: marked(content == JSON_TYPE, custom),
    })
}

/// User metadata as the log keeps it.
pub(crate) fn marked(json: bool, custom: Bytes) -> Bytes {
    let mark = match (json, custom.first()) {
        (true, Some(&(BINARY | JSON))) => JSON,
        (true, _) => return custom,
        (false, _) => BINARY,
    };
    let mut meta = BytesMut::with_capacity(custom.len() + 1);
    meta.put_u8(mark);
    meta.put(custom);
    meta.freeze()
}

/// User metadata as it was given, and whether the body claims to be JSON.
pub(crate) fn unmarked(event: &Recorded) -> (bool, Bytes) {
    match event.meta.first() {
        Some(&BINARY) => (false, event.meta.slice(1..)),
        Some(&JSON) => (true, event.meta.slice(1..)),
        _ => (*event.kind != *LINK, event.meta.clone()),
    }
}

/// The place that was read: the link's if there is one.
fn place(found: &Resolved) -> Position {
    found
        .original()
        .map_or(Position::START, |event| event.position)
}

fn described(event: &Recorded, json: bool) -> HashMap<String, String> {
    let ticks = i128::from(event.recorded_at) * 10;
    let content = if json { JSON_TYPE } else { BINARY_TYPE };
    HashMap::from([
        ("type".to_owned(), event.kind.to_string()),
        ("created".to_owned(), ticks.to_string()),
        ("content-type".to_owned(), content.to_owned()),
    ])
}

/// As a read or a subscription shows it.
pub(crate) fn read_event(found: &Resolved, ids: IdForm) -> streams::read_resp::ReadEvent {
    use streams::read_resp::{ReadEvent, read_event::Position as At};
    let shown = |event: &Arc<Recorded>| stream_event(event, ids);
    ReadEvent {
        event: found.event.as_ref().map(shown),
        link: found.link.as_ref().map(shown),
        position: Some(At::CommitPosition(place(found).0)),
    }
}

fn stream_event(event: &Recorded, ids: IdForm) -> streams::read_resp::read_event::RecordedEvent {
    let (json, custom_metadata) = unmarked(event);
    streams::read_resp::read_event::RecordedEvent {
        id: Some(ids.write(event.id.0)),
        stream_identifier: Some(stream_identifier(&event.stream)),
        stream_revision: event.revision.0,
        prepare_position: event.position.0,
        commit_position: event.position.0,
        metadata: described(event, json),
        custom_metadata,
        data: event.body.clone(),
    }
}

/// As a group's consumer gets it.
pub(crate) fn group_event(
    found: &Resolved,
    retry_count: u32,
    ids: IdForm,
) -> groups::read_resp::ReadEvent {
    use groups::read_resp::{ReadEvent, read_event};
    let shown = |event: &Arc<Recorded>| {
        let event = stream_event(event, ids);
        read_event::RecordedEvent {
            id: event.id,
            stream_identifier: event.stream_identifier,
            stream_revision: event.stream_revision,
            prepare_position: event.prepare_position,
            commit_position: event.commit_position,
            metadata: event.metadata,
            custom_metadata: event.custom_metadata,
            data: event.data,
        }
    };
    ReadEvent {
        event: found.event.as_ref().map(shown),
        link: found.link.as_ref().map(shown),
        position: Some(read_event::Position::CommitPosition(place(found).0)),
        count: Some(read_event::Count::RetryCount(
            i32::try_from(retry_count).unwrap_or(i32::MAX),
        )),
    }
}

#[cfg(test)]
mod tests {
    use eventlog::{Revision, StreamName};
    use proptest::prelude::*;

    use super::*;

    fn recorded(kind: &str, meta: Bytes) -> Recorded {
        Recorded {
            position: Position(1),
            stream: StreamName::new("a").unwrap(),
            revision: Revision(0),
            id: EventId(Uuid::nil()),
            kind: kind.into(),
            recorded_at: 1_700_000_000_123_456,
            body: Bytes::new(),
            meta,
        }
    }

    proptest! {
        #[test]
        fn metadata_and_content_type_come_back_as_they_were_given(json: bool, custom: Vec<u8>) {
            let custom = Bytes::from(custom);
            let event = recorded("Kind", marked(json, custom.clone()));
            prop_assert_eq!(unmarked(&event), (json, custom));
        }
    }

    #[test]
    fn events_of_our_own_are_json_and_links_are_not() {
        assert!(unmarked(&recorded("AlarmReceived", Bytes::from_static(b"{}"))).0);
        assert!(!unmarked(&recorded(LINK, Bytes::new())).0);
    }

    #[test]
    fn the_time_is_told_in_ticks_of_100_ns() {
        let shown = described(&recorded("Kind", Bytes::new()), true);
        assert_eq!(shown["created"], "17000000001234560");
    }
}
