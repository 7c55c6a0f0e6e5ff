//! What an outside program may not write, whatever stands in the log.
//!
//! For: refusing at the door what would mean something it must not.
//! May not know: who asks.

use serde_json::Value;

use super::numbered::Numbered;
use crate::error::AppendError;
use crate::event::StreamAppend;
use crate::metadata::STREAM_DELETED;
use crate::name::StreamName;

/// Holds appends against what only the log itself may write, and what describes streams against what it must be.
pub(super) fn check(appends: &[StreamAppend]) -> Result<(), AppendError> {
    for append in appends {
        let stream = &append.stream;
        if Numbered::of(stream).is_some() {
            return invalid(format!(
                "stream {stream} is made of others; nobody writes to it"
            ));
        }
        let describes = stream.described().is_some();
        for event in &append.events {
            if event.kind == STREAM_DELETED {
                return invalid(format!(
                    "a stream is not ended by appending {STREAM_DELETED}"
                ));
            }
            if describes && let Err(why) = describes_well(&event.body) {
                return invalid(format!("the metadata in {stream} {why}"));
            }
        }
    }
    Ok(())
}

/// Whether an order names each event of the appends once; none is an order too.
pub(super) fn ordered(appends: &[StreamAppend], order: &[usize]) -> Result<(), AppendError> {
    if order.is_empty() {
        return Ok(());
    }
    let mut left: Vec<_> = appends.iter().map(|append| append.events.len()).collect();
    for place in order {
        let left = left.get_mut(*place).filter(|left| **left > 0);
        match left {
            Some(left) => *left -= 1,
            None => return invalid("the order names an event that is not there".to_owned()),
        }
    }
    match left.iter().all(|left| *left == 0) {
        true => Ok(()),
        false => invalid("the order leaves an event out".to_owned()),
    }
}

/// Whether a stream may be deleted at all.
pub(super) fn deletable(stream: &StreamName) -> Result<(), AppendError> {
    if stream.described().is_some() || Numbered::of(stream).is_some() {
        return invalid(format!("stream {stream} cannot be deleted"));
    }
    Ok(())
}

fn describes_well(body: &[u8]) -> Result<(), String> {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err("are not a JSON object".to_owned());
    };
    for (key, least) in [
        ("$maxCount", 1),
        ("$maxAge", 1),
        ("$cacheControl", 1),
        ("$tb", 0),
    ] {
        let fits = |value: &Value| value.as_i64().is_some_and(|value| value >= least);
        match object.get(key) {
            // What clients write for "not set".
            None | Some(Value::Null) => {}
            Some(value) if fits(value) => {}
            Some(value) => return Err(format!("have {value} for {key}")),
        }
    }
    match object.get("$acl") {
        None | Some(Value::Null | Value::Object(_)) => Ok(()),
        Some(_) => Err("have an $acl that is no object".to_owned()),
    }
}

fn invalid(text: String) -> Result<(), AppendError> {
    Err(AppendError::InvalidRequest(text))
}
