//! Holding an append against the limits, before it takes room in a queue.
//!
//! For: refusing at the door what no store could take.
//! May not know: what stands in the log.

use crate::error::AppendError;
use crate::event::StreamAppend;
use crate::limits::{APPEND_BYTES, APPEND_EVENTS, APPEND_STREAMS, EVENT_BYTES, EVENT_KIND_BYTES};

/// Holds an append against the limits.
pub(crate) fn check(appends: &[StreamAppend]) -> Result<(), AppendError> {
    if appends.is_empty() {
        return Err(AppendError::InvalidRequest("no stream is named".to_owned()));
    }
    within(
        "the number of streams in an append",
        appends.len(),
        APPEND_STREAMS,
    )?;
    let mut names: Vec<_> = appends.iter().map(|append| &append.stream).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let text = format!("stream {} is named twice", twice[0]);
        return Err(AppendError::InvalidRequest(text));
    }
    let events = appends.iter().map(|append| append.events.len()).sum();
    within("the number of events in an append", events, APPEND_EVENTS)?;
    let mut bytes = 0;
    for event in appends.iter().flat_map(|append| &append.events) {
        if event.kind.is_empty() {
            let text = format!("event {} has no type name", event.id);
            return Err(AppendError::InvalidRequest(text));
        }
        within(
            "an event's type name in bytes",
            event.kind.len(),
            EVENT_KIND_BYTES,
        )?;
        within("an event's size in bytes", event.size(), EVENT_BYTES)?;
        bytes += event.size();
    }
    within("an append's size in bytes", bytes, APPEND_BYTES)
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), AppendError> {
    if size > limit {
        return Err(AppendError::TooLarge { what, size, limit });
    }
    Ok(())
}
